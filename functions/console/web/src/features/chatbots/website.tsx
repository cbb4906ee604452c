import { Link, useLocation } from "wouter-preact";
import { api, page, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Async, Card, Empty } from "../../ui/page";
import { EmbedCode } from "../integrations/embed";
import { openNewIntegration } from "../integrations/new_integration";

async function websitesOf(chatbot: string): Promise<Api<"IntegrationView">[]> {
  const found: Api<"IntegrationView">[] = [];
  for (let cursor: string | undefined; ; ) {
    const next = await page(api.GET("/api/v1/integrations", { params: { query: { scope: "org", limit: 100, cursor } } }));
    found.push(...next.items.filter((each) => each.type === "website" && each.chatbot_id === chatbot));
    if (!next.next) return found;
    cursor = next.next;
  }
}

/** How a chatbot gets onto a web site. */
export function Website({ chatbot }: { chatbot: Api<"ChatbotView"> }) {
  const [, navigate] = useLocation();
  const websites = useLoad(() => websitesOf(chatbot.id), [chatbot.id]);
  const create = () => openNewIntegration("website", (it) => navigate(`/integrations/${it.id}`), chatbot.id);
  return (
    <Async of={websites}>
      {(items) => items.length === 0 ? (
        <Empty icon="plug" title={t("website.none")} text={t("website.none_text")}>
          <Button kind="primary" icon="plus" onClick={create}>{t("website.add")}</Button>
        </Empty>
      ) : (
        <div class="stack">
          {chatbot.published_at === null && <p class="note warn">{t("website.not_published")}</p>}
          <Card title={t("website.embed")}><EmbedCode chatbot={chatbot.id} /></Card>
          <Card title={t("website.sites")} actions={<Button icon="plus" onClick={create}>{t("website.add")}</Button>}>
            <ul class="list">
              {items.map((it) => (
                <li class="row between">
                  <Link href={`/integrations/${it.id}`}>{it.name}</Link>
                  <span class="soft">{it.config.allowed_origins.join(", ") || t("website.no_origins")}</span>
                </li>
              ))}
            </ul>
          </Card>
        </div>
      )}
    </Async>
  );
}
