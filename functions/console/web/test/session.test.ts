import { beforeEach, expect, test, vi } from "vitest";
import type * as SessionModule from "../src/api/session";

/** What the tabs of a browser share: storage and locks. */
function browser() {
  const stored = new Map<string, string>();
  let queue: Promise<unknown> = Promise.resolve();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  });
  vi.stubGlobal("document", { baseURI: "https://example.com/live/" });
  vi.stubGlobal("navigator", {
    locks: { request: (_: string, work: () => Promise<unknown>) => (queue = queue.then(work, work)) },
  });
}

/** A tab is a module of its own. */
async function tab(): Promise<typeof SessionModule> {
  vi.resetModules();
  return import("../src/api/session");
}

/** An API that ends the session when a refresh token is used twice. */
function api() {
  const used: string[] = [];
  let count = 0;
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    const { refresh_token } = JSON.parse(String(init.body)) as { refresh_token: string };
    await Promise.resolve();
    if (used.includes(refresh_token)) return new Response("{}", { status: 401 });
    used.push(refresh_token);
    count += 1;
    return Response.json({ access_token: `access-${count}`, refresh_token: `refresh-${count}`, expires_in: 900 });
  });
  return used;
}

beforeEach(browser);

test("ten requests in each of three tabs refresh once", async () => {
  const used = api();
  const tabs = [await tab(), await tab(), await tab()];
  tabs[0]?.startSession({ access_token: "access-0", refresh_token: "refresh-0", expires_in: 1 });
  const sessions = await Promise.all(tabs.flatMap((each) => Array.from({ length: 10 }, () => each.currentSession())));
  expect(used).toEqual(["refresh-0"]);
  expect(new Set(sessions.map((session) => session?.access))).toEqual(new Set(["access-1"]));
});

test("a tab whose request was refused takes the tokens that another one got", async () => {
  const used = api();
  const [one, other] = [await tab(), await tab()];
  one.startSession({ access_token: "access-0", refresh_token: "refresh-0", expires_in: 900 });
  await one.refreshSession("access-0");
  expect((await other.refreshSession("access-0"))?.access).toBe("access-1");
  expect(used).toEqual(["refresh-0"]);
});

test("a session that the API has ended is forgotten", async () => {
  vi.stubGlobal("fetch", async () => new Response("{}", { status: 401 }));
  const one = await tab();
  const seen = vi.fn();
  vi.stubGlobal("addEventListener", () => undefined);
  one.startSession({ access_token: "a", refresh_token: "r", expires_in: 1 });
  one.onSession(seen);
  expect(await one.currentSession()).toBeNull();
  expect(one.readSession()).toBeNull();
  expect(seen).toHaveBeenCalledOnce();
});

test("a session survives that the API cannot be reached", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
  const one = await tab();
  one.startSession({ access_token: "a", refresh_token: "r", expires_in: 1 });
  await expect(one.currentSession()).rejects.toThrow();
  expect(one.readSession()?.refresh).toBe("r");
});

test("a server that is out of order does not end the session either", async () => {
  vi.stubGlobal("fetch", async () => new Response("{}", { status: 503 }));
  const one = await tab();
  one.startSession({ access_token: "a", refresh_token: "r", expires_in: 1 });
  await expect(one.currentSession()).rejects.toThrow();
  expect(one.readSession()?.refresh).toBe("r");
});

test("the API is asked below the root that the page names", async () => {
  const fetched = vi.fn(async () => Response.json({ access_token: "b", refresh_token: "s", expires_in: 900 }));
  vi.stubGlobal("fetch", fetched);
  const one = await tab();
  one.startSession({ access_token: "a", refresh_token: "r", expires_in: 1 });
  await one.currentSession();
  expect(fetched).toHaveBeenCalledWith("https://example.com/live/api/v1/auth/refresh", expect.anything());
});
