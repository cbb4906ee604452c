import { useEffect, useRef } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, ok, raw, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { isCode } from "../../api/problem";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep, Dialog, openDialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/errors";
import { Form, TextField } from "../../ui/form";
import { Async, Loading, PageHead } from "../../ui/page";
import { AnswerText, Thinking } from "./answer";
import { Composer } from "./composer";
import { useConversation, type Conversation } from "./conversation";
import { MessageEntry } from "./message";

interface ThreadProps {
  id: string;
  /** A message that is sent when the thread opens. */
  first: string | null;
  onSent: () => void;
  /** The list of conversations shows something of this one. */
  changed: () => Promise<void>;
}

/** One conversation. */
export function Thread({ id, first, onSent, changed }: ThreadProps) {
  const params = { path: { session_id: id } };
  const session = useLoad(() => ok(api.GET("/api/v1/chat/sessions/{session_id}", { params })), [id]);
  const conversation = useConversation(id);
  const sent = useRef(false);
  const send = async (text: string) => {
    await conversation.send(text);
    await Promise.all([session.reload(), changed()]);
  };
  useEffect(() => {
    if (first === null || sent.current) return;
    sent.current = true;
    onSent();
    void send(first);
  }, [first]);
  const last = conversation.messages?.at(-1);
  useEffect(() => {
    // An answer that another tab began, or that went on after a lost connection.
    if (last?.status === "generating" && !conversation.draft) void conversation.resume(last);
  }, [last?.id, last?.status]);
  useFollow(conversation);
  return (
    <div class="thread">
      <Async of={session}>{(it) => <ThreadHead session={it} changed={async () => { await Promise.all([session.reload(), changed()]); }} />}</Async>
      <Messages conversation={conversation} />
      <Composer running={conversation.draft !== null} send={(text) => void send(text)} stop={conversation.stop} autoFocus />
    </div>
  );
}

/** Keeps the end in sight while an answer is written, unless the reader has scrolled up. */
function useFollow(conversation: Conversation): void {
  const { draft, messages } = conversation;
  const count = messages?.length ?? 0;
  const opened = useRef(false);
  useEffect(() => {
    const page = document.documentElement;
    const isNearEnd = page.scrollHeight - page.scrollTop - page.clientHeight < 160;
    if (count === 0 && !draft) return;
    if (isNearEnd || !opened.current) scrollTo({ top: page.scrollHeight });
    opened.current = true;
  }, [draft?.text.length, draft?.question, count]);
}

function Messages({ conversation }: { conversation: Conversation }) {
  const { messages, draft, error } = conversation;
  if (messages === null) return error !== null ? <ErrorNote error={error} retry={conversation.reload} /> : <Loading />;
  const cut = draft?.replaces ? messages.findIndex((each) => each.id === draft.replaces) : -1;
  const shown = cut < 0 ? messages : messages.slice(0, cut);
  // The question is stored before its answer: it is not shown twice.
  const isStored = draft?.question != null && shown.at(-1)?.content === draft.question && shown.at(-1)?.role === "user";
  return (
    <div class="messages" role="log" aria-live="polite" aria-busy={draft !== null} aria-label={t("chat.title")}>
      {conversation.hasEarlier && <Button onClick={conversation.earlier}>{t("chat.earlier")}</Button>}
      {shown.map((message) => message.status === "generating" && draft ? null : <MessageEntry key={message.id} message={message} conversation={conversation} />)}
      {draft?.question != null && !isStored && <div class="message user"><div class="bubble" dir="auto">{draft.question}</div></div>}
      {draft && (
        <div class="message">
          <Thinking text={draft.thinking} running={draft.text === ""} />
          {draft.text ? <AnswerText text={draft.text} sources={[]} />
            : !draft.thinking && <span class="row soft"><span class="spinner" aria-hidden="true" />{t("chat.waiting")}</span>}
        </div>
      )}
      {error !== null && (
        <div class="stack tight">
          <ErrorNote error={error} />
          {(isCode(error, "token_limit") || isCode(error, "rate_limited")) && <Link href="/limits">{t("chat.see_limits")}</Link>}
        </div>
      )}
    </div>
  );
}

function ThreadHead({ session, changed }: { session: Api<"SessionView">; changed: () => Promise<void> }) {
  const [, navigate] = useLocation();
  const params = { path: { session_id: session.id } };
  const title = session.title ?? t("chat.untitled");
  const patch = async (body: Api<"SessionPatch">) => {
    await ok(api.PATCH("/api/v1/chat/sessions/{session_id}", { params, body }));
    await changed();
  };
  const rename = () => openDialog((close) => (
    <Dialog title={t("chat.rename")} onClose={close}>
      <Form submit={t("common.save")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        await patch({ title: values.text("title") });
        close();
      }}>
        <TextField name="title" label={t("chat.name")} value={session.title} required autoFocus />
      </Form>
    </Dialog>
  ));
  const save = async () => {
    const response = await raw("GET", `/api/v1/chat/sessions/${session.id}/export?format=markdown`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = `${title}.md`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const remove = () => confirmStep({
    title: t("chat.delete"), text: t("chat.delete_text", { title }), action: t("common.delete"),
    run: async () => {
      await ok(api.DELETE("/api/v1/chat/sessions/{session_id}", { params }));
      navigate("/chats");
      await changed();
    },
  });
  return (
    <PageHead quiet title={title} back={{ href: "/chats", label: t("chat.title") }} actions={<>
      <Button compact pressed={session.pinned} onClick={() => patch({ pinned: !session.pinned })}>{t(session.pinned ? "chat.unpin" : "chat.pin")}</Button>
      <Button compact icon="edit" label={t("chat.rename")} onClick={rename} />
      <Button compact icon="download" label={t("chat.export")} onClick={save} />
      <Button compact kind="danger" icon="trash" label={t("chat.delete")} onClick={remove} />
    </>} />
  );
}
