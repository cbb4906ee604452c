import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client, subjectOf, WidgetError } from "../../../widget/web/src/api";
import { readableOn } from "../../../widget/web/src/style";
import { textsFor } from "../../../widget/web/src/texts";

const stored = new Map<string, string>();

beforeEach(() => {
  stored.clear();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  });
});
afterEach(() => vi.unstubAllGlobals());

const jwt = (sub: string) => `e30.${btoa(JSON.stringify({ sub }))}.x`;

const stream = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } });

test("text on any accent color has the contrast that WCAG asks for", () => {
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const share = parseInt(color.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  for (let color = 0; color <= 0xffffff; color += 4099) {
    const accent = `#${color.toString(16).padStart(6, "0")}`;
    const [light = 0, dark = 0] = [luminance(accent), readableOn(accent) === "#fff" ? 1 : 0].sort((one, other) => other - one);
    expect((light + 0.05) / (dark + 0.05), accent).toBeGreaterThanOrEqual(4.5);
  }
});

test("the language is that of the chatbot, else of the page, else of the browser", () => {
  expect(textsFor(["de-AT", "fr", "en"]).texts.send).toBe("Senden");
  expect(textsFor([null, "ar", "en"])).toMatchObject({ language: "ar", dir: "rtl" });
  expect(textsFor([undefined, "", "xx"])).toMatchObject({ language: "en", dir: "ltr" });
});

test("visitors who are signed in have conversations of their own", () => {
  expect(subjectOf(jwt("ada"))).toBe("ada");
  expect(subjectOf("no token")).toBe("");
});

test("an ended session is replaced by a new one, once", async () => {
  stored.set("parlance.widget.bot", "old");
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: URL, init: RequestInit) => {
    asked.push(url.pathname);
    if (url.pathname.endsWith("/session")) return Response.json({ sessionId: "new" }, { status: 201 });
    const { sessionId } = JSON.parse(String(init.body)) as { sessionId: string };
    if (sessionId === "old") return Response.json({ code: "session_expired", detail: "ended" }, { status: 401 });
    return stream('data: {"content":"Hi"}\n\ndata: {"content":"","messageId":"m","sources":[]}\n\ndata: [DONE]\n\n');
  });
  const client = new Client("https://example.com/live/", "bot", null);
  const done = await client.ask("Hello", () => undefined, new AbortController().signal);
  expect(done.messageId).toBe("m");
  expect(asked).toEqual(["message", "session", "message"].map((operation) => `/live/api/chat/widget/bot/${operation}`));
  expect(stored.get("parlance.widget.bot")).toBe("new");
});

test("an answer that fails or is cut is a failure, and says what the API says", async () => {
  stored.set("parlance.widget.bot", "session");
  const client = new Client("https://example.com/", "bot", null);
  const ask = () => client.ask("Hello", () => undefined, new AbortController().signal);
  vi.stubGlobal("fetch", async () => stream('data: {"content":"Hi"}\n\nevent: error\ndata: {"status":502,"code":"provider","detail":"The model failed."}\n\n'));
  await expect(ask()).rejects.toThrow("The model failed.");
  vi.stubGlobal("fetch", async () => stream('data: {"content":"Hi"}\n\n'));
  await expect(ask()).rejects.toMatchObject({ code: "interrupted" });
  vi.stubGlobal("fetch", async () => Response.json({ code: "rate_limited", detail: "Try again in 30 seconds." }, { status: 429 }));
  await expect(ask()).rejects.toThrow("Try again in 30 seconds.");
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
  await expect(ask()).rejects.toBeInstanceOf(WidgetError);
});
