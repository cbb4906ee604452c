import createClient from "openapi-fetch";
import { ProblemError, problemOf, toProblem, type Problem } from "./problem";
import { ROOT_URL } from "./root";
import type { components, paths } from "./schema";
import { currentSession, refreshSession } from "./session";

/** A type of the API by its name. */
export type Api<Name extends keyof components["schemas"]> = components["schemas"][Name];

const ORG = "parlance.org";
let org = localStorage.getItem(ORG);

/** The organization that requests are about; `null` for the personal one. */
export function currentOrg(): string | null {
  return org;
}

export function setCurrentOrg(id: string | null): void {
  org = id;
  if (id) localStorage.setItem(ORG, id);
  else localStorage.removeItem(ORG);
}

async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ProblemError(0, "offline", "");
  }
}

/** Sends a request with the session and the organization, and once more if the access token has ended meanwhile. */
export async function authorizedFetch(request: Request): Promise<Response> {
  const session = await currentSession().catch(() => {
    throw new ProblemError(0, "offline", "");
  });
  if (org && !request.headers.has("x-current-org")) request.headers.set("x-current-org", org);
  if (!session) return send(request);
  const again = request.clone();
  request.headers.set("authorization", `Bearer ${session.access}`);
  const response = await send(request);
  if (response.status !== 401) return response;
  const next = await refreshSession(session.access).catch(() => null);
  if (!next) return response;
  again.headers.set("authorization", `Bearer ${next.access}`);
  return send(again);
}

export const api = createClient<paths>({ baseUrl: ROOT_URL, fetch: authorizedFetch });

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Returns the body of a success. Throws a [`ProblemError`] otherwise. */
export async function ok<T>(request: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await request;
  if (response.ok) return data as T;
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  const body = error && typeof error === "object" ? (error as Partial<Problem>) : {};
  throw toProblem(response.status, body, Number.isFinite(wait) ? wait : null);
}

/** A page of a list. */
export interface Page<T> {
  items: T[];
  /** Cursor of the next page; `null` at the end. */
  next: string | null;
}

/** Returns a page of a list, with the cursor of `Link: rel="next"`. */
export async function page<T>(request: Promise<Outcome<T[]>>): Promise<Page<T>> {
  const outcome = await request;
  const items = await ok(Promise.resolve(outcome));
  const link = /<([^>]*)>\s*;\s*rel="?next"?/.exec(outcome.response.headers.get("link") ?? "");
  const next = link?.[1] ? new URL(link[1], location.href).searchParams.get("cursor") : null;
  return { items, next };
}

/** Sends a request that the typed client does not describe: forms with files, streams, downloads. `path` begins with `/api`. */
export async function raw(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const response = await authorizedFetch(new Request(ROOT_URL + path, { ...init, method }));
  if (response.ok) return response;
  throw await problemOf(response);
}
