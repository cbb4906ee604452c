// A model provider for the tests of conversations: it thinks aloud, and answers `slow` questions word by word.
import { createServer } from "node:http";

const ANSWER = "Here is a **comparison**:\n\n| Lamp | Height |\n|---|---|\n| Meridian | 40 cm |\n\n1. First\n2. Second\n";
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Listens on a port, as OpenAI-compatible servers do. */
export function startModel(port) {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { model, messages } = JSON.parse(text || "{}");
    const chunk = (delta, finish_reason = null) => `data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
    const isSlow = JSON.stringify(messages?.at(-1) ?? "").includes("slow");
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const word of ["I ", "compare ", "both ", "first. "]) {
      response.write(chunk({ reasoning_content: word }));
      await pause(100);
    }
    const words = isSlow ? Array.from({ length: 300 }, () => "word ") : ANSWER.match(/[\s\S]{1,6}/g);
    for (const word of words) {
      if (response.destroyed) return;
      response.write(chunk({ content: word }));
      await pause(isSlow ? 60 : 5);
    }
    response.write(chunk({}, "stop"));
    response.end(`data: ${JSON.stringify({ id: "1", choices: [], usage: { prompt_tokens: 10, completion_tokens: 50, total_tokens: 60 } })}\n\ndata: [DONE]\n\n`);
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}
