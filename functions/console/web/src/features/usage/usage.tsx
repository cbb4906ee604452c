import { useMemo } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { api, ok, raw, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { Bars } from "../../charts/bars";
import { Plot } from "../../charts/plot";
import { compact, cost, number, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { Async, Card, Empty, PageHead, Table, Tile, type Column } from "../../ui/page";
import { AnswerQuality } from "./answers";
import { byDay, PeriodSelect } from "./period";

type Report = Api<"UsageReport">;
type Group = Api<"UsageGroup">;

const GROUPS = ["model", "category", "user", "chatbot", "key"] as const;
type GroupBy = (typeof GROUPS)[number];

/** Tokens and costs: by day, and by what used them. */
export function Usage() {
  const search = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const days = Number(search.get("days")) || 30;
  const group = GROUPS.find((each) => each === search.get("by")) ?? "model";
  const go = (change: Record<string, string>) => {
    for (const [name, value] of Object.entries(change)) search.set(name, value);
    navigate(`/usage?${search}`, { replace: true });
  };
  const query = (group_by: GroupBy | "day") => ok(api.GET("/api/v1/ai/usage", { params: { query: { days, group_by } } }));
  const daily = useLoad(() => query("day"), [days]);
  const grouped = useLoad(() => query(group), [days, group]);
  const save = async () => {
    const response = await raw("GET", `/api/v1/analytics/export?days=${days}&format=csv`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = "usage.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <>
      <PageHead title={t("usage.title")} text={daily.data && t(daily.data.covers === "organization" ? "usage.covers_org" : "usage.covers_own")}
        actions={<><PeriodSelect days={days} onChange={(each) => go({ days: String(each) })} /><Button icon="download" onClick={save}>CSV</Button></>} />
      <Async of={daily}>
        {(report) => (
          <>
            <Totals report={report} />
            {report.totals.requests === 0
              ? <Empty icon="chart" title={t("usage.empty")} text={t("usage.empty_text")} />
              : <Card title={t("usage.by_day")}><Daily report={report} /></Card>}
          </>
        )}
      </Async>
      <Card title={t("usage.by")} actions={
        <select class="input" aria-label={t("usage.by")} onChange={(event) => go({ by: event.currentTarget.value })}>
          {GROUPS.map((each) => <option value={each} selected={each === group}>{t(`usage.by_${each}` as Key)}</option>)}
        </select>
      }>
        <Async of={grouped}>{(report) => <Groups groups={report.groups} group={group} />}</Async>
      </Card>
      <AnswerQuality days={days} />
    </>
  );
}

export function Totals({ report }: { report: Pick<Report, "totals" | "unpriced_models"> }) {
  const { totals } = report;
  return (
    <div class="tiles">
      <Tile name={t("usage.tokens")} value={compact(totals.total_tokens)}
        hint={t("usage.in_out", { input: compact(totals.prompt_tokens), output: compact(totals.completion_tokens) })} />
      <Tile name={t("usage.requests")} value={number(totals.requests)} />
      <Tile name={t("usage.errors")} value={number(totals.errors)} />
      <Tile name={t("usage.cost")} value={totals.cost_micro_usd === null ? `≥ ${cost(totals.priced_cost_micro_usd)}` : cost(totals.cost_micro_usd)}
        hint={report.unpriced_models.length > 0 ? t("usage.unpriced", { models: report.unpriced_models.join(", ") }) : t("usage.list_prices")} />
    </div>
  );
}

export function Daily({ report }: { report: Pick<Report, "groups" | "from" | "to"> }) {
  const { x, series } = useMemo(() => {
    const values = new Map(report.groups.map((group) => [group.name ?? "", group.total_tokens]));
    const { x, y } = byDay(report.from, report.to, values);
    return { x, series: [{ name: t("usage.tokens"), values: y }] };
  }, [report]);
  return <Plot label={t("usage.by_day")} x={x} series={series} kind="bars" />;
}

export function Groups({ groups, group }: { groups: Group[]; group: string }) {
  if (groups.length === 0) return <p class="soft">{t("usage.empty")}</p>;
  const name = (row: Group) => row.name ?? t("usage.rest");
  const columns: Column<Group>[] = [
    { head: t(`usage.by_${group}` as Key), kind: "main", cell: name },
    { head: t("usage.requests"), kind: "num", cell: (row) => number(row.requests) },
    { head: t("usage.tokens"), kind: "num", cell: (row) => number(row.total_tokens) },
    { head: t("usage.cost"), kind: "num", cell: (row) => (row.cost_micro_usd === null ? `≥ ${cost(row.priced_cost_micro_usd)}` : cost(row.cost_micro_usd)) },
  ];
  return (
    <>
      <Bars label={t("usage.by")} bars={groups.slice(0, 12).map((row) => ({ label: name(row), values: [row.total_tokens] }))} />
      <Table label={t("usage.by")} columns={columns} rows={groups} id={(row) => row.name ?? ""} />
    </>
  );
}
