import { useState } from "preact/hooks";
import { api, ok } from "../../api/client";
import { useLoad } from "../../api/load";
import { number, relative, t } from "../../i18n";
import { Async, Card, PageHead, Tile } from "../../ui/page";
import { PeriodSelect } from "../usage/period";
import { Daily, Groups, Totals } from "../usage/usage";

/** What the whole platform uses. */
export function AdminUsage() {
  const [days, setDays] = useState(30);
  const usage = useLoad(async () => {
    const query = { days };
    const [daily, models, performance] = await Promise.all([
      ok(api.GET("/api/v1/analytics/system/usage", { params: { query: { ...query, group_by: "day" } } })),
      ok(api.GET("/api/v1/analytics/system/usage", { params: { query: { ...query, group_by: "model" } } })),
      ok(api.GET("/api/v1/analytics/system/performance", { params: { query } })),
    ]);
    return { daily, models, performance };
  }, [days]);
  return (
    <>
      <PageHead title={t("nav.admin_usage")} text={usage.data?.daily.as_of && t("admin.as_of", { when: relative(usage.data.daily.as_of) })}
        actions={<PeriodSelect days={days} onChange={setDays} />} />
      <Async of={usage}>
        {({ daily, models, performance }) => (
          <>
            <Totals report={daily} />
            <div class="tiles">
              <Tile name={t("admin.latency")} value={performance.totals.latency.p50_ms === null ? "–" : `${number(performance.totals.latency.p50_ms)} ms`} />
              <Tile name={t("admin.latency_95")} value={performance.totals.latency.p95_ms === null ? "–" : `${number(performance.totals.latency.p95_ms)} ms`} />
              <Tile name={t("admin.first_token")} value={performance.totals.time_to_first_token.p50_ms === null ? "–" : `${number(performance.totals.time_to_first_token.p50_ms)} ms`} />
            </div>
            <Card title={t("usage.by_day")}><Daily report={daily} /></Card>
            <Card title={t("usage.by_model")}><Groups groups={models.groups} group="model" /></Card>
          </>
        )}
      </Async>
    </>
  );
}
