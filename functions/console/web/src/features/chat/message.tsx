import { useState } from "preact/hooks";
import { cost, number, t, type Key } from "../../i18n";
import { Button, CopyButton } from "../../ui/button";
import { Form, TextArea } from "../../ui/form";
import { AnswerText, Sources } from "./answer";
import type { Conversation, Message } from "./conversation";

/** A stored message with what can be done with it. */
export function MessageEntry({ message, conversation }: { message: Message; conversation: Conversation }) {
  return message.role === "user"
    ? <Question message={message} conversation={conversation} />
    : <Answer message={message} conversation={conversation} />;
}

function Question({ message, conversation }: { message: Message; conversation: Conversation }) {
  const [editing, setEditing] = useState(false);
  if (editing) {
    return (
      <div class="message">
        <Form submit={t("chat.send")} wide aside={<Button onClick={() => setEditing(false)}>{t("common.cancel")}</Button>}
          onSubmit={async (values) => {
            setEditing(false);
            void conversation.edit(message, values.text("content"));
          }}>
          <TextArea name="content" label={t("chat.edit")} value={message.content} required />
        </Form>
      </div>
    );
  }
  return (
    <div class="message user">
      <div class="bubble" dir="auto">{message.content}</div>
      <div class="tools">
        <Variants message={message} conversation={conversation} />
        <Button compact kind="plain" icon="edit" label={t("chat.edit")} disabled={conversation.draft !== null} onClick={() => setEditing(true)} />
      </div>
    </div>
  );
}

function Answer({ message, conversation }: { message: Message; conversation: Conversation }) {
  const rating = message.feedback?.rating ?? null;
  const idle = conversation.draft === null;
  return (
    <article class="message" aria-label={t("chat.answer")}>
      {message.content && <AnswerText text={message.content} sources={message.sources} />}
      <Sources sources={message.sources} />
      {message.status === "failed" && <p class="note bad">{message.failure ?? t("chat.failed")}</p>}
      {message.status === "stopped" && <p class="small soft">{t("chat.stopped")}</p>}
      {message.notice && <p class="note warn">{message.notice}</p>}
      <div class="tools">
        <CopyButton text={message.content} />
        <Button compact kind="plain" icon="up" label={t("chat.good")} pressed={rating === "up"} onClick={() => conversation.rate(message, rating === "up" ? null : "up")} />
        <Button compact kind="plain" icon="down" label={t("chat.poor")} pressed={rating === "down"} onClick={() => conversation.rate(message, rating === "down" ? null : "down")} />
        <Button compact kind="plain" icon="retry" label={t("chat.again")} disabled={!idle} onClick={() => void conversation.regenerate(message)} />
        <Variants message={message} conversation={conversation} />
        <span class="small soft">{factsOf(message)}</span>
      </div>
    </article>
  );
}

function factsOf(message: Message): string {
  return [
    message.model,
    message.fallback && message.requested_model ? t("chat.instead", { model: message.requested_model }) : null,
    message.usage && t("chat.tokens", { count: number(message.usage.total_tokens) }),
    message.cost_micro_usd ? cost(message.cost_micro_usd) : null,
  ].filter(Boolean).join(" · ");
}

/** Other versions of a message. */
function Variants({ message, conversation }: { message: Message; conversation: Conversation }) {
  const { variants } = message;
  if (variants.length < 2) return null;
  const at = variants.indexOf(message.id);
  const step = (by: number, key: Key) => {
    const target = variants[at + by];
    return (
      <Button compact kind="plain" label={t(key)} disabled={target === undefined || conversation.draft !== null}
        onClick={() => target && conversation.select(target)}>{by < 0 ? "‹" : "›"}</Button>
    );
  };
  return <span class="row nowrap small">{step(-1, "chat.previous")}{at + 1} / {variants.length}{step(1, "chat.next")}</span>;
}
