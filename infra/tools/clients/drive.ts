// Has the client that openapi-typescript and openapi-fetch make do what a front end does. usage: drive.js API
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const PASSWORD = "correct horse battery";
const SECONDS_TO_INDEX = 60;

type Schemas = components["schemas"];

function check(fact: unknown, what: string): asserts fact {
  if (!fact) throw new Error(`not so: ${what}`);
}

function holds(what: string): void {
  console.log(`  ok  typescript: ${what}`);
}

/** The data of an answer; fails with the problem of a refusal. */
function got<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

async function main(api: string): Promise<void> {
  const anyone = createClient<paths>({ baseUrl: api });
  const account: Schemas["NewAccount"] = { email: "alan@example.com", password: PASSWORD, name: "Alan Turing" };
  const made = got(await anyone.POST("/api/v1/auth/register", { body: account }));
  check(made.name === "Alan Turing" && made.access_token.length > 0, "a new account");
  const taken = await anyone.POST("/api/v1/auth/register", { body: account });
  check(taken.error?.code === "email_taken" && taken.response.status === 409, "a taken address");
  holds("register, and 409 for a taken address");

  const credentials: Schemas["Credentials"] = { email: account.email, password: PASSWORD };
  const tokens = got(await anyone.POST("/api/v1/auth/login", { body: credentials }));
  const client = createClient<paths>({ baseUrl: api, headers: { Authorization: `Bearer ${tokens.access_token}` } });
  const me = got(await client.GET("/api/v1/auth/me"));
  check(me.email === account.email && me.user_id === made.user_id, "the account");
  holds("login and get me");

  const form = new FormData();
  form.append("file", new Blob(["The warranty of a grinder is two years."], { type: "text/plain" }), "terms.txt");
  form.append("name", "Terms");
  const body = form as unknown as { file: string };
  const uploaded = got(await client.POST("/api/v1/documents/upload", { body, bodySerializer: () => form }));
  const path = { document_id: uploaded.id };
  for (let tries = 0; ; tries += 1) {
    const document = got(await client.GET("/api/v1/documents/{document_id}", { params: { path } }));
    if (document.status === "ready") break;
    check(document.status !== "failed" && tries < SECONDS_TO_INDEX * 5, document.status);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  holds("upload a document, and get it indexed");

  const session = got(await client.POST("/api/v1/chat/sessions", { body: { title: "Grinder" } }));
  const at = { path: { session_id: session.id } };
  const messages = "/api/v1/chat/sessions/{session_id}/messages" as const;
  const content = "How long is the warranty?";
  const turn = await client.POST(messages, { params: at, body: { content, generate: true } });
  check(turn.response.status === 201, `a message: ${JSON.stringify(turn.error)}`);
  const answered = turn.data as Schemas["MessageWithAnswer"];
  check(answered.answer?.content && answered.content === content, "an answer");
  holds("create a session and send a message");

  const stream = await client.POST(messages, {
    params: at, body: { content, generate: true, stream: true }, parseAs: "stream",
  });
  let text = "";
  for await (const part of got(stream)!.pipeThrough(new TextDecoderStream())) text += part;
  const frames = text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
  check(frames.pop() === "[DONE]", text);
  const events = frames.map((frame) => JSON.parse(frame) as Schemas["AnswerFrame"]);
  check(events.at(-1)?.message_id && events.some((event) => event.content), text);
  holds("stream an answer");

  const listed = got(await client.GET(messages, { params: at }));
  check(listed.map((message) => message.role).join() === "user,assistant,user,assistant", "messages");
  const whole = await client.GET("/api/v1/chat/sessions/{session_id}/export", {
    params: { ...at, query: { format: "json" } },
  });
  const exported = got(whole);
  check(typeof exported !== "string" && exported.turns.length === 2, "an export as JSON has its type");
  holds("list messages and export a session");

  const limits = { models: ["local"], token_budget: 5000, requests_per_minute: 30 };
  const key = got(await client.POST("/api/v1/apikeys", { body: { name: "Shop", scopes: ["chats:read"], ...limits } }));
  const of = { path: { key_id: key.id } };
  // All other fields may be left out: a client that had to send them would remove the limits.
  const rename: Schemas["KeyPatch"] = { name: "Web shop" };
  got(await client.PATCH("/api/v1/apikeys/{key_id}", { params: of, body: rename }));
  const kept = got(await client.GET("/api/v1/apikeys/{key_id}", { params: of }));
  check(kept.name === "Web shop" && kept.token_budget === 5000 && kept.requests_per_minute === 30, "limits");
  check(kept.models?.join() === "local", "models");
  got(await client.PATCH("/api/v1/apikeys/{key_id}", { params: of, body: { token_budget: null } }));
  check(got(await client.GET("/api/v1/apikeys/{key_id}", { params: of })).token_budget === null, "no limit");
  holds("rename a key: its limits stay, and null removes one");

  for (const title of ["Second", "Third"]) got(await client.POST("/api/v1/chat/sessions", { body: { title } }));
  const first = await client.GET("/api/v1/chat/sessions", { params: { query: { limit: 2 } } });
  check(got(first).map((each) => each.title).join() === "Third,Second", "the first page");
  const cursor = /cursor=([^>&]+)/.exec(first.response.headers.get("link") ?? "")?.[1];
  check(cursor, "a link to the next page");
  const rest = got(await client.GET("/api/v1/chat/sessions", { params: { query: { limit: 2, cursor } } }));
  check(rest.map((each) => each.title).join() === "Grinder", "the last page");
  holds("list with paging");

  const removed = await client.DELETE("/api/v1/chat/sessions/{session_id}", { params: at });
  check(removed.response.status === 204, "a deletion");
  const gone = await client.GET("/api/v1/chat/sessions/{session_id}", { params: at });
  check(gone.response.status === 404 && gone.error?.code === "not_found", "404");
  got(await client.PUT("/api/v1/settings", { body: { theme: "dark" } }));
  const settings = got(await client.GET("/api/settings"));
  check(settings.theme === "dark" && settings.usage.dailyLimit > 0, "the same in camelCase");
  const forged = createClient<paths>({ baseUrl: api, headers: { Authorization: "Bearer forged" } });
  check((await forged.GET("/api/v1/auth/me")).response.status === 401, "401");
  holds("delete, 404, camelCase and 401");
}

main(process.argv[2]!).catch((failure: unknown) => {
  console.error(failure);
  process.exit(1);
});
