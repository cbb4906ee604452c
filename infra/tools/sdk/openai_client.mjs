// The official Node client of OpenAI's API, called as its users call it. Prints one line for each thing that holds.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const modules = createRequire(pathToFileURL(`${process.env.SDK_NODE_MODULES}/`));
const { default: OpenAI } = await import(pathToFileURL(modules.resolve("openai")));
const { API, KEY, POOR_KEY, CHATBOT } = process.env;
const client = new OpenAI({ baseURL: `${API}/v1`, apiKey: KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Hello?" }];
const holds = (what) => console.log(`  ok  node: ${what}`);

const completion = await client.chat.completions.create({ model: "gpt-4o-mini", messages });
assert.equal(completion.choices[0].message.content, "w0 w1 w2 ");
assert.equal(completion.usage.completion_tokens, 3);
assert.ok(completion._request_id);
holds("chat.completions.create");

let text = "";
let usage = null;
const stream = await client.chat.completions.create({
  model: "gpt-4o-mini", messages, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.equal(text, "w0 w1 w2 ");
assert.equal(usage.completion_tokens, 3);
holds("a stream with its usage");

const whole = await client.chat.completions.stream({ model: "gpt-4o-mini", messages }).finalChatCompletion();
assert.equal(whole.choices[0].message.content, "w0 w1 w2 ");
assert.equal(whole.choices[0].finish_reason, "stop");
holds("the stream helper puts a completion together");

const left = await client.chat.completions.create({ model: "gpt-4o-mini", messages, stream: true });
for await (const chunk of left) {
  if (chunk.choices[0]?.delta?.content) break;
}
holds("a stream that is left");

const question = [{ role: "user", content: "How long is the warranty of a grinder?" }];
const cited = await client.chat.completions.create({ model: CHATBOT, messages: question });
const [citation] = cited.choices[0].message.annotations;
const { start_index: start, end_index: end, title } = citation.url_citation;
assert.equal([...cited.choices[0].message.content].slice(start, end).join(""), "[1]");
assert.match(title, /^terms\.txt/);
holds("a chatbot with url_citation annotations");

const ids = [];
for await (const model of client.models.list()) ids.push(model.id);
assert.ok(ids.includes("gpt-4o-mini") && ids.includes(CHATBOT), `${ids}`);
assert.equal((await client.models.retrieve(CHATBOT)).id, CHATBOT);
holds("models.list and models.retrieve, a chatbot's name with its slash included");

const vectors = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
const floats = await client.embeddings.create({
  model: "text-embedding-3-small", input: ["one", "two"], encoding_format: "float",
});
assert.equal(vectors.data.length, 2);
// The one is a 32-bit number made longer, the other its shortest decimal.
const rounded = (list) => list.data.map((each) => [...each.embedding].map(Math.fround));
assert.deepEqual(rounded(vectors), rounded(floats));
holds("embeddings.create, packed and as numbers");

const refused = async (kind, status, call) => {
  const error = await call().then(() => null, (thrown) => thrown);
  assert.ok(error instanceof kind, `${error} is no ${kind.name}`);
  assert.equal(error.status, status);
  assert.ok(error.requestID && error.code && error.message, `${JSON.stringify(error)}`);
  return error;
};
const ask = (body, options) => () => client.chat.completions.create({ model: "gpt-4o-mini", messages, ...body }, options);
const stranger = new OpenAI({ baseURL: `${API}/v1`, apiKey: "pk_test_nobody", maxRetries: 0 });
await refused(OpenAI.AuthenticationError, 401, () => stranger.models.list());
const poor = new OpenAI({ baseURL: `${API}/v1`, apiKey: POOR_KEY, maxRetries: 0 });
const short = await refused(OpenAI.RateLimitError, 429, () => poor.chat.completions.create({ model: "gpt-4o-mini", messages }));
assert.equal(short.type, "tokens");
await refused(OpenAI.PermissionDeniedError, 403, () => poor.chat.completions.create({ model: "gpt-4o", messages }));
await refused(OpenAI.NotFoundError, 404, ask({ model: "chatbot/nobody" }));
const wrong = await refused(OpenAI.BadRequestError, 400, ask({ temperature: 3 }));
assert.equal(wrong.param, "temperature");
await refused(OpenAI.InternalServerError, 503, () => client.embeddings.create({ model: "gemini-embedding-001", input: "a" }));
const broken = await client.chat.completions.create({ model: "compatible/broken", messages, stream: true });
let begun = "";
const failure = await (async () => {
  for await (const chunk of broken) begun += chunk.choices[0].delta.content ?? "";
})().then(() => null, (thrown) => thrown);
assert.ok(failure instanceof OpenAI.APIError, `${failure}`);
assert.equal(begun, "Half");
holds("errors have their exception types");
