import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, ok, page, type Api } from "../../api/client";
import { streamAnswer, type AnswerFrame } from "../../api/stream";

export type Message = Api<"MessageView">;

/** An answer while it is written, below the question it belongs to. */
export interface Draft {
  /** The question, if it is not among the messages yet. */
  question: string | null;
  /** Messages from this one on are hidden: the answer replaces them. */
  replaces: string | null;
  text: string;
  thinking: string;
}

export interface Conversation {
  messages: Message[] | null;
  hasEarlier: boolean;
  earlier: () => Promise<void>;
  draft: Draft | null;
  error: unknown;
  send: (text: string) => Promise<void>;
  edit: (message: Message, text: string) => Promise<void>;
  regenerate: (message: Message) => Promise<void>;
  resume: (message: Message) => Promise<void>;
  select: (messageId: string) => Promise<void>;
  stop: () => Promise<void>;
  rate: (message: Message, rating: "up" | "down" | null) => Promise<void>;
  reload: () => Promise<void>;
}

const NO_DRAFT: Draft = { question: null, replaces: null, text: "", thinking: "" };

/** The messages of a chat session, and the answer that is being written. */
export function useConversation(session: string): Conversation {
  const [messages, setMessages] = useState<Message[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [error, setError] = useState<unknown>(null);
  const alive = useRef(true);
  const abort = useRef(new AbortController());
  const path = { session_id: session };
  const base = `/api/v1/chat/sessions/${session}/messages`;

  const load = async (cursor?: string) =>
    page(api.GET("/api/v1/chat/sessions/{session_id}/messages", { params: { path, query: { limit: 50, cursor } } }));

  const reload = useCallback(async () => {
    try {
      const found = await load();
      if (!alive.current) return;
      setMessages(found.items);
      setNext(found.next);
    } catch (failure) {
      if (alive.current) setError(failure);
    }
  }, [session]);

  const stream = async (start: Partial<Draft>, address: string, body: unknown) => {
    setError(null);
    setDraft({ ...NO_DRAFT, ...start });
    const onFrame = (frame: AnswerFrame) => {
      if (!alive.current) return;
      setDraft((old) => old && { ...old, text: old.text + frame.content, thinking: old.thinking + (frame.thinking ?? "") });
    };
    let failed: unknown = null;
    try {
      await streamAnswer(address, body, onFrame, abort.current.signal);
    } catch (failure) {
      failed = failure;
    }
    if (!alive.current) return;
    // What is stored is what counts: sources, state and cost come with it.
    await reload();
    setDraft(null);
    setError(failed);
  };
  const options = { stream: true, include_thinking: true };

  useEffect(() => {
    alive.current = true;
    abort.current = new AbortController();
    void reload();
    return () => {
      alive.current = false;
      abort.current.abort();
    };
  }, [session]);

  return {
    messages, draft, error, reload,
    hasEarlier: next !== null,
    earlier: async () => {
      if (!next) return;
      const found = await load(next);
      setMessages((old) => [...found.items, ...(old ?? [])]);
      setNext(found.next);
    },
    send: (text) => stream({ question: text }, base, { content: text, generate: true, ...options }),
    edit: (message, text) => stream({ question: text, replaces: message.id }, `${base}/${message.id}/edit`, { content: text, ...options }),
    regenerate: (message) => stream({ replaces: message.id }, `${base}/${message.id}/regenerate`, options),
    resume: (message) => stream({ replaces: message.id }, `${base}/${message.id}/stream?include_thinking=true`, null),
    select: async (messageId) => {
      await ok(api.POST("/api/v1/chat/sessions/{session_id}/messages/{message_id}/select", { params: { path: { ...path, message_id: messageId } } }));
      await reload();
    },
    stop: async () => {
      const found = await load();
      const running = found.items.findLast((each) => each.status === "generating");
      if (!running) return;
      await ok(api.POST("/api/v1/chat/sessions/{session_id}/messages/{message_id}/stop", { params: { path: { ...path, message_id: running.id } } }));
    },
    rate: async (message, rating) => {
      const params = { path: { ...path, message_id: message.id } };
      const address = "/api/v1/chat/sessions/{session_id}/messages/{message_id}/feedback" as const;
      if (rating === null) {
        await ok(api.DELETE(address, { params }));
        setMessages((old) => old && old.map((each) => (each.id === message.id ? { ...each, feedback: null } : each)));
      } else {
        const rated = await ok(api.PUT(address, { params, body: { rating } }));
        setMessages((old) => old && old.map((each) => (each.id === message.id ? { ...each, feedback: rated.feedback } : each)));
      }
    },
  };
}
