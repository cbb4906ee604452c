import { expect, test } from "vitest";
import { eventReader, type ServerEvent } from "../../../widget/web/src/sse";

const STREAM = ': heartbeat\n\nid: 1\ndata: {"content":"Grüße 👋"}\n\nid: 2\r\ndata: a\r\ndata: b\r\n\r\nevent: error\ndata: {"status":502}\n\ndata:no space\n\ndata: [DONE]\n\n';

const EVENTS: ServerEvent[] = [
  { type: "message", data: '{"content":"Grüße 👋"}', id: "1" },
  { type: "message", data: "a\nb", id: "2" },
  { type: "error", data: '{"status":502}', id: "2" },
  { type: "message", data: "no space", id: "2" },
  { type: "message", data: "[DONE]", id: "2" },
];

function read(...chunks: Uint8Array[]): ServerEvent[] {
  const events: ServerEvent[] = [];
  const feed = eventReader((event) => events.push(event));
  for (const chunk of chunks) feed(chunk);
  return events;
}

const bytes = new TextEncoder().encode(STREAM);

test("a stream that is cut at any byte has the same events", () => {
  for (let at = 0; at <= bytes.length; at += 1) expect(read(bytes.slice(0, at), bytes.slice(at))).toEqual(EVENTS);
});

test("a stream that comes byte by byte has the same events", () => {
  expect(read(...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
});

test("an event that is not complete is not delivered", () => {
  expect(read(new TextEncoder().encode("data: half"))).toEqual([]);
});
