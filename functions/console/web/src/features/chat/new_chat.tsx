import { useState } from "preact/hooks";
import { api, page } from "../../api/client";
import { usePages } from "../../api/load";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { ErrorNote } from "../../ui/errors";
import { Async } from "../../ui/page";
import { Composer } from "./composer";

/** Chooses who answers, and takes the first message. */
export function NewChat({ chosen, open }: { chosen: string | null; open: (chatbot: string | null, text: string) => Promise<void> }) {
  const chatbots = usePages((cursor) => page(api.GET("/api/v1/chatbots", { params: { query: { cursor, scope: "org", limit: 100 } } })));
  const [chatbot, setChatbot] = useState(chosen ?? "");
  const [error, setError] = useState<unknown>(null);
  const start = (text: string) => open(chatbot || null, text).catch(setError);
  return (
    <Async of={chatbots}>
      {(items) => {
        const bot = items.find((each) => each.id === chatbot);
        return (
          <div class="stack">
            <div class="field">
              <label for="chat-with">{t("chat.with")}</label>
              <div class="row nowrap">
                <select id="chat-with" class="input" onChange={(event) => setChatbot(event.currentTarget.value)}>
                  <option value="">{t("chat.model_only")}</option>
                  {items.map((each) => <option value={each.id} selected={each.id === chatbot}>{each.name}</option>)}
                </select>
                {chatbots.hasMore && <Button onClick={chatbots.more}>{t("common.more")}</Button>}
              </div>
            </div>
            {bot?.settings.welcome_message && <p class="note">{bot.settings.welcome_message}</p>}
            {bot && bot.settings.suggested_questions.length > 0 && (
              <div class="suggestions">
                {bot.settings.suggested_questions.map((text) => <Button compact onClick={() => start(text)}>{text}</Button>)}
              </div>
            )}
            {error !== null && <ErrorNote error={error} />}
            <Composer running={false} send={(text) => void start(text)} autoFocus />
          </div>
        );
      }}
    </Async>
  );
}
