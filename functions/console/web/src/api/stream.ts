import { readEvents } from "../../../../widget/web/src/sse";
import type { Api } from "./client";
import { raw } from "./client";
import { toProblem, type Problem } from "./problem";

export type AnswerFrame = Api<"AnswerFrame">;

/**
 * Sends a request whose answer is streamed, and calls back with each frame. Throws a `ProblemError` if the answer
 * fails, also after its first words.
 */
export async function streamAnswer(
  path: string, body: unknown, onFrame: (frame: AnswerFrame) => void, signal?: AbortSignal,
): Promise<void> {
  const response = await raw(body === null ? "GET" : "POST", path, {
    ...(body === null ? {} : { body: JSON.stringify(body) }),
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    ...(signal ? { signal } : {}),
  });
  let failure: Error | null = null;
  let complete = false;
  await readEvents(response, ({ type, data }) => {
    if (type === "error") {
      const problem = JSON.parse(data) as Partial<Problem>;
      failure = toProblem(problem.status ?? 502, problem);
    } else if (data === "[DONE]") complete = true;
    else onFrame(JSON.parse(data) as AnswerFrame);
  });
  if (failure) throw failure;
  if (!complete) throw toProblem(0, { code: "interrupted" });
}
