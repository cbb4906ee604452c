import { readEvents } from "./sse";

export interface Source {
  number: number;
  name: string;
  page?: number | null;
  heading?: string | null;
  excerpt?: string | null;
  url?: string | null;
}

export interface Config {
  chatbotId: string;
  name: string;
  welcomeMessage?: string | null;
  suggestedQuestions?: string[];
  appearance?: { title?: string | null; color?: string | null; position?: string | null; theme?: string | null; language?: string | null };
  features?: { feedback?: boolean; leadForm?: boolean; handover?: boolean; identityRequired?: boolean };
  poweredBy?: boolean | string | null;
}

export interface StoredMessage {
  id: string;
  role: "user" | "assistant";
  content: string;
  sources?: Source[] | null;
  rating?: "up" | "down" | null;
}

export interface Done {
  messageId: string | null;
  sources: Source[];
}

/** A response that is no success. The sentence is the API's own, and empty without a response. */
export class WidgetError extends Error {
  constructor(readonly status: number, readonly code: string, sentence: string) {
    super(sentence);
  }
}

interface Problem {
  status?: number;
  code?: string;
  detail?: string;
}

const failure = (status: number, problem: Problem) => new WidgetError(problem.status ?? status, problem.code ?? "", problem.detail ?? "");

/** The operations of the widget. A session is kept in the browser until it ends. */
export class Client {
  #session: string | null;

  constructor(readonly base: string, readonly chatbot: string, readonly identity: string | null) {
    this.#session = read(this.#key);
  }

  /** Visitors who sign in or out on the site do not see each other's conversations. */
  get #key(): string {
    return `parlance.widget.${this.chatbot}${this.identity ? `.${subjectOf(this.identity)}` : ""}`;
  }

  config(): Promise<Config> {
    return this.#send("GET", `chatbots/widget-config/${encodeURIComponent(this.chatbot)}`).then((response) => response.json() as Promise<Config>);
  }

  /** The conversation so far; `null` if it has ended or never began. */
  async messages(): Promise<StoredMessage[] | null> {
    if (!this.#session) return null;
    try {
      const response = await this.#send("GET", this.#path("messages"), undefined, { authorization: `Bearer ${this.#session}` });
      return ((await response.json()) as { messages: StoredMessage[] }).messages;
    } catch (error) {
      if (!(error instanceof WidgetError) || error.status !== 401) throw error;
      this.forget();
      return null;
    }
  }

  /** Sends a message; `onText` gets the answer piece by piece. */
  async ask(message: string, onText: (text: string) => void, signal: AbortSignal): Promise<Done> {
    const send = (sessionId: string) =>
      this.#send("POST", this.#path("message"), { sessionId, message, stream: true }, { accept: "text/event-stream" }, signal);
    const response = await this.#inSession(send);
    const done: Done = { messageId: null, sources: [] };
    let failed: WidgetError | null = null;
    let complete = false;
    await readEvents(response, ({ type, data }) => {
      if (data === "[DONE]") complete = true;
      else {
        const frame = JSON.parse(data) as { content?: string; messageId?: string; sources?: Source[]; error?: Problem } & Problem;
        if (type === "error" || frame.error) failed = failure(502, frame.error ?? frame);
        if (frame.content) onText(frame.content);
        if (frame.messageId) done.messageId = frame.messageId;
        if (frame.sources) done.sources = frame.sources;
      }
    });
    if (failed) throw failed;
    if (!complete) throw new WidgetError(0, "interrupted", "");
    return done;
  }

  rate(messageId: string, rating: "up" | "down"): Promise<unknown> {
    return this.#inSession((sessionId) => this.#send("POST", this.#path("feedback"), { sessionId, messageId, rating }));
  }

  lead(lead: { name: string; email: string; message?: string }): Promise<unknown> {
    return this.#inSession((sessionId) => this.#send("POST", this.#path("lead"), { sessionId, ...lead }));
  }

  handover(request: { email?: string; message?: string }): Promise<unknown> {
    return this.#inSession((sessionId) => this.#send("POST", this.#path("handover"), { sessionId, ...request }));
  }

  /** Ends the conversation in this browser. */
  forget(): void {
    this.#session = null;
    write(this.#key, null);
  }

  #path(operation: string): string {
    return `chat/widget/${encodeURIComponent(this.chatbot)}/${operation}`;
  }

  /** Works in the session of the browser, or in a new one if it has ended. */
  async #inSession<T>(work: (session: string) => Promise<T>): Promise<T> {
    const known = this.#session;
    try {
      return await work(known ?? (await this.#begin()));
    } catch (error) {
      if (!known || !(error instanceof WidgetError) || error.status !== 401) throw error;
      this.forget();
      return work(await this.#begin());
    }
  }

  async #begin(): Promise<string> {
    const response = await this.#send("POST", this.#path("session"), this.identity ? { identity: this.identity } : {});
    const { sessionId } = (await response.json()) as { sessionId: string };
    this.#session = sessionId;
    write(this.#key, sessionId);
    return sessionId;
  }

  async #send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(new URL(`api/${path}`, this.base), {
        method, credentials: "omit", ...(signal ? { signal } : {}),
        headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new WidgetError(0, "offline", "");
    }
    if (response.ok) return response;
    throw failure(response.status, (await response.json().catch(() => ({}))) as Problem);
  }
}

/** Who a JWT says the visitor is. The API verifies it; here it only tells visitors of one browser apart. */
export function subjectOf(jwt: string): string {
  try {
    const payload = (jwt.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    return String((JSON.parse(atob(payload)) as { sub?: unknown }).sub ?? "");
  } catch {
    return "";
  }
}

/** Pages may forbid storage; the conversation then lasts as long as the page. */
export function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}
