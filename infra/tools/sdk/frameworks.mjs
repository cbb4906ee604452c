// Frameworks for JavaScript that call OpenAI's API through clients of their own.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const modules = createRequire(pathToFileURL(`${process.env.SDK_NODE_MODULES}/`));
const load = (name) => import(pathToFileURL(modules.resolve(name)));
const { ChatOpenAI } = await load("@langchain/openai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { generateText, streamText } = await load("ai");
const { createParser } = await load("eventsource-parser");
const { API, KEY } = process.env;
const holds = (what) => console.log(`  ok  node: ${what}`);
const said = "w0 w1 w2 ";

const langchain = (model) =>
  new ChatOpenAI({ model, apiKey: KEY, maxRetries: 0, maxTokens: 50, configuration: { baseURL: `${API}/v1` } });
assert.equal((await langchain("gpt-4o-mini").invoke("Hello?")).content, said);
let text = "";
for await (const chunk of await langchain("gpt-4o-mini").stream("Hello?")) text += chunk.content;
assert.equal(text, said);
holds("langchain, whole and streamed");
const objection = (error) => [error, error.cause].some((each) => each?.code === "context_length_exceeded");
await assert.rejects(langchain("compatible/refusing").invoke("Hello?"), objection);
holds("langchain is told what the provider objects to");

const provider = createOpenAICompatible({ name: "parlance", baseURL: `${API}/v1`, apiKey: KEY });
const asked = (model) => ({ model: provider(model), prompt: "Hello?", maxRetries: 0, maxOutputTokens: 50 });
assert.equal((await generateText(asked("gpt-4o-mini"))).text, said);
const thought = await generateText(asked("compatible/thinking"));
assert.equal(thought.text, "Two.");
assert.equal(thought.reasoningText, "Hm. So.");
holds("AI SDK, whole and thinking");

const slowly = async (ask) => assert.equal(await ask(), "One two.");
const parsed = async () => {
  const response = await fetch(`${API}/api/v1/ai/chat`, {
    method: "POST",
    headers: { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "compatible/slow", message: "Hello?", stream: true, max_tokens: 50 }),
  });
  let words = "";
  const parser = createParser({
    onEvent: (event) => {
      assert.ok(event.data, "an event without data");
      if (event.data !== "[DONE]") words += JSON.parse(event.data).content;
    },
  });
  const decoder = new TextDecoder();
  for await (const bytes of response.body) parser.feed(decoder.decode(bytes, { stream: true }));
  return words;
};
await Promise.all([
  slowly(async () => {
    let words = "";
    for await (const chunk of await langchain("compatible/slow").stream("Hello?")) words += chunk.content;
    return words;
  }),
  slowly(async () => {
    let words = "";
    for await (const part of streamText(asked("compatible/slow")).textStream) words += part;
    return words;
  }),
  slowly(parsed),
]);
holds("langchain, AI SDK and eventsource-parser with a pause of 16 seconds");
