import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** A response that is no success: an RFC 9457 problem of the API, or what stands for one. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    /** A stable word, such as `limit_reached`; `offline` if there was no response. */
    readonly code: string,
    detail: string,
    readonly problem: Partial<Problem> = {},
    /** Seconds to wait, if the response named them. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }

  /** The sentence about a field of the request, by its JSON pointer (RFC 6901); `null` if it has none. */
  field(pointer: string): string | null {
    const found = this.problem.errors?.find((error) => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`));
    return found ? found.detail : null;
  }
}

/** Reads the problem of a response. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  const body = (await response.json().catch(() => ({}))) as Partial<Problem>;
  return toProblem(response.status, body, Number.isFinite(wait) ? wait : null);
}

export function toProblem(status: number, body: Partial<Problem>, retryAfter: number | null = null): ProblemError {
  return new ProblemError(status, body.code ?? `http_${status}`, body.detail ?? body.title ?? "", body, retryAfter);
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof ProblemError && error.code === code;
}
