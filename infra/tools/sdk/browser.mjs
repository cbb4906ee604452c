// OpenAI's client in a page of another origin, in Chromium: what a browser asks before it sends must be allowed.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";

const { API, KEY, CHROMIUM, SDK_NODE_MODULES } = process.env;
const modules = createRequire(pathToFileURL(`${SDK_NODE_MODULES}/`));
const { chromium } = modules("playwright-core");
const client = join(SDK_NODE_MODULES, "openai");
const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://x").pathname);
  if (path === "/") return response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Page</title>");
  const type = [".mjs", ".js"].includes(extname(path)) ? "text/javascript" : "text/plain";
  const file = await readFile(join(client, path)).catch(() => null);
  response.writeHead(file ? 200 : 404, { "Content-Type": type }).end(file);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const quiet = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const browser = await chromium.launch({ executablePath: CHROMIUM, args: quiet });
try {
  const page = await browser.newPage();
  await page.goto(origin);
  const seen = await page.evaluate(async ({ api, key }) => {
    const { default: OpenAI } = await import("/index.mjs");
    const client = new OpenAI({ baseURL: `${api}/v1`, apiKey: key, maxRetries: 0, dangerouslyAllowBrowser: true });
    const asked = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello?" }] };
    const whole = await client.chat.completions.create(asked);
    let streamed = "";
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
      streamed += chunk.choices[0]?.delta?.content ?? "";
    }
    const refused = await client.chat.completions.create({ ...asked, model: "compatible/refusing" }).catch((error) => error);
    // What tracing adds to the requests of a page.
    const traced = await fetch(`${api}/v1/models`, {
      headers: {
        Authorization: `Bearer ${key}`, traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "sentry-trace": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", baggage: "a=b",
        "X-Requested-With": "XMLHttpRequest", "Cache-Control": "no-cache",
      },
    });
    return {
      whole: whole.choices[0].message.content, streamed, code: refused.code, status: refused.status,
      traced: traced.status, requestId: traced.headers.get("x-request-id"),
    };
  }, { api: API, key: KEY });
  assert.ok(seen.requestId, "the page may read X-Request-Id");
  delete seen.requestId;
  assert.deepEqual(seen, {
    whole: "w0 w1 w2 ", streamed: "w0 w1 w2 ", code: "context_length_exceeded", status: 400, traced: 200,
  });
} finally {
  await browser.close();
  server.close();
}
console.log("  ok  chromium: OpenAI's client in a page of another origin, whole, streamed, refused, traced");
