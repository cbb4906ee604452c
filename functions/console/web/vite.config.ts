import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

const api = process.env.PARLANCE_URL ?? "http://127.0.0.1:8000";

// What the API serves beside the console, for `npm run dev`.
const proxied = ["/api", "/v1", "/openapi", "/docs", "/redoc", "/_local/pay", "/_local/payments", "/_local/page", "/_local/outbox", "/widget.js", "/widget/"];

export default defineConfig({
  // References are relative to `<base>`, which the server writes into the page.
  base: "./",
  plugins: [
    preact({ prefreshEnabled: false, devToolsEnabled: false }),
    { name: "base", apply: "serve", transformIndexHtml: (html) => html.replace("<head>", '<head><base href="/">') },
  ],
  build: {
    outDir: "../assets",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // An inlined file would need `data:` in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(proxied.map((path) => [path, { target: api, changeOrigin: true }])),
  },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
