import { api, ok, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { isCode } from "../../api/problem";
import { number, percent, t } from "../../i18n";
import { Async, Card, Table, Tile, type Column } from "../../ui/page";

type Group = Api<"AnalyticsGroup">;

/** How good answers are, by chatbot: ratings, and questions that were refused. Part of the plans PRO and TEAM. */
export function AnswerQuality({ days }: { days: number }) {
  const analytics = useLoad(() => ok(api.GET("/api/v1/premium/analytics", { params: { query: { days } } })), [days]);
  if (isCode(analytics.error, "plan_required")) return <Card title={t("quality.title")}><p class="soft">{t("quality.plan")}</p></Card>;
  const columns: Column<Group>[] = [
    { head: t("usage.by_chatbot"), kind: "main", cell: (row) => row.name ?? t("usage.rest") },
    { head: t("usage.requests"), kind: "num", cell: (row) => number(row.requests) },
    { head: t("quality.satisfaction"), kind: "num", cell: (row) => share(row.answers) },
    { head: t("quality.unanswered"), kind: "num", cell: (row) => number(row.answers?.unanswered ?? 0) },
  ];
  return (
    <Card title={t("quality.title")}>
      <Async of={analytics}>
        {(it) => (
          <>
            <div class="tiles">
              <Tile name={t("quality.satisfaction")} value={share(it.answers)} />
              <Tile name={t("quality.up")} value={number(it.answers.rated_up)} />
              <Tile name={t("quality.down")} value={number(it.answers.rated_down)} />
              <Tile name={t("quality.unanswered")} value={number(it.answers.unanswered)} />
            </div>
            {it.by_chatbot.length > 0 && <Table label={t("quality.title")} columns={columns} rows={it.by_chatbot} id={(row) => row.name ?? ""} />}
          </>
        )}
      </Async>
    </Card>
  );
}

function share(answers: Api<"AnswerFigures"> | null): string {
  if (!answers || answers.rated_up + answers.rated_down === 0) return "–";
  return percent(answers.rated_up / (answers.rated_up + answers.rated_down));
}
