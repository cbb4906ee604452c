import { readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig, transformWithOxc, type Plugin } from "vite";

const widget = fileURLToPath(new URL("../../widget/", import.meta.url));

/** Writes `widget.js`, which loads the widget by its hashed name. */
function loader(): Plugin {
  return {
    name: "widget-loader",
    async writeBundle() {
      const [name] = (await readdir(`${widget}assets/widget`)).filter((file) => file.endsWith(".js"));
      const source = (await readFile(`${widget}web/src/loader.ts`, "utf8"))
        .replace("declare const __WIDGET__: string;", "").replace("${__WIDGET__}", `${name}`).replace("export {};", "");
      const { code } = await transformWithOxc(source, "loader.ts");
      await writeFile(`${widget}assets/widget.js`, `(() => {\n${code}})();\n`);
    },
  };
}

export default defineConfig({
  root: `${widget}web`,
  plugins: [loader()],
  publicDir: false,
  build: {
    outDir: "../assets",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    rollupOptions: {
      input: `${widget}web/src/widget.ts`,
      output: { format: "iife", entryFileNames: "widget/widget-[hash].js" },
    },
  },
});
