import { Link } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { useLoad, usePolling } from "../../api/load";
import { compact, cost, number, relative, t } from "../../i18n";
import { Async, Card, Meter, PageHead, Tile } from "../../ui/page";
import { useAccount } from "../account/context";
import { isIndexing } from "../documents/status";
import { FirstSteps } from "./first_steps";

export interface Overview {
  documents: Api<"DocumentView">[];
  chatbots: Api<"ChatbotView">[];
  sessions: Api<"FoundSession">[];
  dashboard: Api<"TokenDashboard">;
}

async function load(): Promise<Overview> {
  const query = { limit: 5 };
  const [documents, chatbots, sessions, dashboard] = await Promise.all([
    page(api.GET("/api/v1/documents", { params: { query: { ...query, scope: "org" } } })),
    page(api.GET("/api/v1/chatbots", { params: { query: { ...query, scope: "org" } } })),
    page(api.GET("/api/v1/chat/sessions", { params: { query } })),
    ok(api.GET("/api/v1/tokens/dashboard")),
  ]);
  return { documents: documents.items, chatbots: chatbots.items, sessions: sessions.items, dashboard };
}

/** The first steps of a new organization, then what happens in it. */
export function Home() {
  const { org, user } = useAccount();
  const overview = useLoad(load);
  usePolling(overview.data?.documents.some(isIndexing) ?? false, 1.5, overview.reload);
  return (
    <>
      <PageHead title={t("home.title", { name: user.name })} text={org.personal ? undefined : org.name} />
      <Async of={overview}>
        {(it) => (
          <>
            {(it.documents.length === 0 || it.chatbots.length === 0 || it.sessions.length === 0) && (
              <FirstSteps overview={it} reload={overview.reload} />
            )}
            <Figures dashboard={it.dashboard} />
            <Recent overview={it} />
          </>
        )}
      </Async>
    </>
  );
}

function Figures({ dashboard }: { dashboard: Api<"TokenDashboard"> }) {
  const { today, last_7_days, limits } = dashboard;
  const limit = limits.find((each) => each.scope === "org") ?? limits[0];
  return (
    <div class="tiles">
      <Tile name={t("home.tokens_today")} value={compact(today.total_tokens)}
        hint={limit && <><Meter label={t("home.tokens_today")} used={limit.used} limit={limit.limit} />{t("home.of", { limit: compact(limit.limit) })}</>} />
      <Tile name={t("home.requests_today")} value={number(today.requests)} />
      <Tile name={t("home.tokens_week")} value={compact(last_7_days.total_tokens)} hint={<Link href="/usage">{t("nav.usage")}</Link>} />
      <Tile name={t("home.cost_week")} value={cost(last_7_days.cost_micro_usd)} />
    </div>
  );
}

function Recent({ overview }: { overview: Overview }) {
  const lists = [
    { title: t("nav.chats"), href: "/chats", items: overview.sessions.map((it) => ({ href: `/chats/${it.id}`, name: it.title ?? t("chat.untitled"), at: it.updated_at })) },
    { title: t("nav.documents"), href: "/documents", items: overview.documents.map((it) => ({ href: `/documents/${it.id}`, name: it.name, at: it.updated_at })) },
    { title: t("nav.chatbots"), href: "/chatbots", items: overview.chatbots.map((it) => ({ href: `/chatbots/${it.id}`, name: it.name, at: it.updated_at })) },
  ].filter((list) => list.items.length > 0);
  return (
    <div class="columns">
      {lists.map((list) => (
        <Card title={list.title} actions={<Link href={list.href}>{t("home.all")}</Link>}>
          <ul class="list">
            {list.items.map((item) => (
              <li class="row between nowrap"><Link class="truncate" href={item.href}>{item.name}</Link><span class="small soft nowrap">{relative(item.at)}</span></li>
            ))}
          </ul>
        </Card>
      ))}
    </div>
  );
}
