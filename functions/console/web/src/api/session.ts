import { ROOT_URL } from "./root";

/**
 * The session of the browser: an access token of 15 minutes and the refresh token that replaces both. Tabs share them,
 * and one tab refreshes at a time: a refresh token that is used twice ends the session.
 */

const KEY = "parlance.session";

export interface Session {
  access: string;
  refresh: string;
  /** Milliseconds since 1970 at which the access token ends. */
  expires: number;
}

interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

const listeners = new Set<() => void>();

export function readSession(): Session | null {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null") as Session | null;
    return found?.access && found.refresh ? found : null;
  } catch {
    return null;
  }
}

export function startSession(tokens: Tokens): Session {
  const session = {
    access: tokens.access_token,
    refresh: tokens.refresh_token,
    expires: Date.now() + tokens.expires_in * 1000,
  };
  localStorage.setItem(KEY, JSON.stringify(session));
  listeners.forEach((listener) => listener());
  return session;
}

export function endSession(): void {
  localStorage.removeItem(KEY);
  listeners.forEach((listener) => listener());
}

/** Calls back when a session begins, changes or ends, in this tab or another one. */
export function onSession(listener: () => void): () => void {
  const other = (event: StorageEvent) => {
    if (event.key === KEY || event.key === null) listener();
  };
  listeners.add(listener);
  addEventListener("storage", other);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", other);
  };
}

let running: Promise<Session | null> | null = null;

/** One refresh at a time in all tabs; browsers without locks (insecure origins) have one in each tab. */
function exclusively(work: () => Promise<Session | null>): Promise<Session | null> {
  if (running) return running;
  const locks = (navigator as { locks?: LockManager }).locks;
  const result = locks ? locks.request("parlance.refresh", work) : work();
  running = (result as Promise<Session | null>).finally(() => (running = null));
  return running;
}

/**
 * Returns a session whose access token is another one than `stale`; `null` if the session has ended.
 *
 * Throws what `fetch` throws if the API cannot be reached: the session then continues.
 */
export function refreshSession(stale: string): Promise<Session | null> {
  return exclusively(async () => {
    const current = readSession();
    if (!current || current.access !== stale) return current;
    const response = await fetch(`${ROOT_URL}/api/v1/auth/refresh`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refresh_token: current.refresh }),
    });
    if (response.ok) return startSession((await response.json()) as Tokens);
    if (response.status === 401 || response.status === 403) {
      endSession();
      return null;
    }
    throw new TypeError(`refresh failed with ${response.status}`);
  });
}

/** Seconds before the end of an access token at which it is replaced. */
const EARLY_MS = 20_000;

/** Returns a session with an access token that is not about to end; `null` without a session. */
export async function currentSession(): Promise<Session | null> {
  const session = readSession();
  if (session && session.expires - Date.now() < EARLY_MS) return refreshSession(session.access);
  return session;
}
