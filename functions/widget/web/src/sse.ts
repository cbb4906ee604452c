/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), however they are cut. */

export interface ServerEvent {
  /** `message` unless the server names another type. */
  type: string;
  data: string;
  id: string | null;
}

/** Returns a function that takes the next bytes, and calls `onEvent` for each complete event. */
export function eventReader(onEvent: (event: ServerEvent) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = "";
  let type = "";
  let id: string | null = null;
  let data: string[] = [];
  const take = (line: string) => {
    if (line === "") {
      if (data.length) onEvent({ type: type || "message", data: data.join("\n"), id });
      type = "";
      data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") type = value;
    else if (field === "id") id = value;
  };
  return (bytes) => {
    rest += decoder.decode(bytes, { stream: true });
    for (let end; (end = /\r\n|\n|\r(?=[\s\S])/.exec(rest)); ) {
      take(rest.slice(0, end.index));
      rest = rest.slice(end.index + end[0].length);
    }
  };
}

/** Reads a response of server-sent events to its end. */
export async function readEvents(response: Response, onEvent: (event: ServerEvent) => void): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const feed = eventReader(onEvent);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    feed(value);
  }
}
