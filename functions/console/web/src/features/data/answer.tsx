import { raw, type Api } from "../../api/client";
import { AnswerChart, readSpec } from "../../charts/answer_chart";
import { number, plural, t } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { sentence } from "../../ui/errors";
import { Card } from "../../ui/page";
import { notify } from "../../ui/toast";

type Result = Api<"QueryResult">;

const NUMBERS = new Set<Api<"ColumnType">>(["integer", "real"]);

/** Rows of a table that are shown at once; the file has all of them. */
const MAX_ROWS = 200;

/** What a question to a database was answered with: sentence, chart, rows, and the SQL behind them. */
export function QueryAnswer({ result }: { result: Result }) {
  const chart = result.chart as unknown;
  const title = result.question ?? t("data.sql");
  return (
    <section class="stack" aria-label={t("data.result")} aria-live="polite">
      <Card title={title} actions={<Button compact icon="download" onClick={() => download(result.query_id)}>CSV</Button>}>
        {result.answer && <p dir="auto"><strong>{result.answer}</strong></p>}
        {result.explanation && <p class="soft">{result.explanation}</p>}
        {readSpec(chart) && <AnswerChart chart={chart} label={t("data.chart", { title })} />}
        <Rows result={result} />
        <p class="small soft">
          {plural("data.rows", result.row_count)}{result.truncated && ` · ${t("data.truncated")}`} · {number(result.duration_ms)} ms
          {result.model && ` · ${result.model}`}
        </p>
        {result.sql && <details><summary>{t("data.sql")}</summary><CodeBlock text={result.sql} wrap /></details>}
      </Card>
    </section>
  );
}

function Rows({ result }: { result: Result }) {
  if (result.rows.length === 0) return <p class="soft">{t("data.no_rows")}</p>;
  const kinds = result.columns.map((column) => (NUMBERS.has(column.type) ? "num" : undefined));
  return (
    <div class="table-box" role="region" aria-label={t("data.result")} tabIndex={0}>
      <table class="table">
        <thead><tr>{result.columns.map((column, index) => <th scope="col" class={kinds[index]}>{column.name}</th>)}</tr></thead>
        <tbody>
          {result.rows.slice(0, MAX_ROWS).map((row) => (
            <tr>{row.map((value: unknown, index) => <td class={kinds[index]} dir="auto">{cell(value)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? number(value, { maximumFractionDigits: 6, useGrouping: false }) : String(value);
}

async function download(id: string): Promise<void> {
  try {
    const response = await raw("GET", `/api/v1/query/history/${id}/csv`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = "query.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) {
    notify(sentence(error));
  }
}
