import { useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { relative, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { SearchForm } from "../../ui/form";
import { PagedList, PageHead } from "../../ui/page";
import { NewChat } from "./new_chat";
import { Thread } from "./thread";

type Channel = "own" | "slack" | "website" | "all";
const CHANNELS: Channel[] = ["own", "slack", "website"];

/** Conversations on one side, the open or a new one on the other. */
export function Chats({ id }: { id: string | null }) {
  const [, navigate] = useLocation();
  const search = new URLSearchParams(useSearch());
  const [query, setQuery] = useState("");
  const [channel, setChannel] = useState<Channel>("own");
  const sessions = usePages(
    (cursor) => page(api.GET("/api/v1/chat/sessions", { params: { query: { cursor, limit: 30, channel, q: query || undefined } } })),
    [query, channel],
  );
  // What was typed on the way to a new conversation is its first message.
  const [first, setFirst] = useState<{ session: string; text: string } | null>(null);
  const open = async (chatbot: string | null, text: string) => {
    const session = await ok(api.POST("/api/v1/chat/sessions", { body: chatbot ? { chatbot_id: chatbot } : {} }));
    setFirst({ session: session.id, text });
    navigate(`/chats/${session.id}`);
    void sessions.reload();
  };
  return (
    <div class={id ? "chat open" : "chat"}>
      <section class="chat-list" aria-label={t("chat.list")}>
        <Button icon="plus" onClick={() => navigate("/chats")}>{t("chat.new")}</Button>
        <SearchForm label={t("chat.search")} value={query} onSearch={setQuery} />
        <select class="input" aria-label={t("chat.channel")} onChange={(event) => setChannel(event.currentTarget.value as Channel)}>
          {CHANNELS.map((each) => <option value={each} selected={each === channel}>{t(`chat.channel_${each}` as Key)}</option>)}
        </select>
        <PagedList of={sessions} empty={<p class="soft small">{t(query ? "chat.none_found" : "chat.none")}</p>}>
          {(items) => (
            <ul class="entries">
              {items.map((session) => (
                <li key={session.id}>
                  <Link href={`/chats/${session.id}`} aria-current={session.id === id ? "page" : undefined}>
                    <div class="truncate">{session.pinned && "★ "}{session.title ?? t("chat.untitled")}</div>
                    <div class="small soft truncate">{session.excerpt ?? relative(session.updated_at)}</div>
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </PagedList>
      </section>
      {id ? (
        <Thread key={id} id={id} first={first?.session === id ? first.text : null} onSent={() => setFirst(null)} changed={sessions.reload} />
      ) : (
        <div class="stack">
          <PageHead quiet title={t("chat.new")} text={t("chat.text")} />
          <NewChat chosen={search.get("chatbot")} open={open} />
        </div>
      )}
    </div>
  );
}

export type Session = Api<"SessionView">;
