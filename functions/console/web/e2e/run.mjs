// Runs the end-to-end tests: node e2e/run.mjs --url URL [--api URL] [--chromium FILE] [--only PART]
//   [--shots FOLDER] [--model-port PORT]
import { parseArgs } from "node:util";
import { startModel } from "./model.mjs";
import { launch, Person } from "./support.mjs";

const { values } = parseArgs({
  options: {
    url: { type: "string", default: "http://localhost:8000" },
    api: { type: "string" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
    only: { type: "string", default: "" },
    shots: { type: "string" },
    "model-port": { type: "string" },
  },
});
const url = values.url;
// Without a server every test would wait for its views.
const health = await fetch(`${values.api ?? url}/health`);
if (!health.ok) throw new Error(`${url} is not healthy`);
const model = values["model-port"] ? await startModel(Number(values["model-port"])) : null;
const parts = ["journey", ...(model ? ["conversation"] : []), "injection", "accessibility", "widget"];
const browser = await launch(values.chromium);
let failures = 0;
try {
  for (const part of parts.filter((name) => name.includes(values.only))) {
    const { tests } = await import(`./${part}.mjs`);
    const context = { browser, url, api: values.api ?? url, shots: values.shots, ada: await Person.create(browser, url) };
    for (const [name, test] of Object.entries(tests)) {
      const began = performance.now();
      try {
        const note = await test(context);
        console.log(`ok   ${part}: ${name} (${Math.round(performance.now() - began)} ms)${note ? `: ${note}` : ""}`);
      } catch (error) {
        failures += 1;
        console.log(`FAIL ${part}: ${name}\n     ${String(error.stack ?? error).split("\n").slice(0, 14).join("\n     ")}`);
        if (values.shots) await context.ada.page.screenshot({ path: `${values.shots}/failed-${part}-${failures}.png` }).catch(() => undefined);
      }
    }
    await context.ada.context.close();
  }
} finally {
  await browser.close();
  model?.close();
}
console.log(failures ? `${failures} failed` : "all passed");
process.exitCode = failures ? 1 : 0;
