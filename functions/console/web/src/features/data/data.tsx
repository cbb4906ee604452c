import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { useLoad, usePages, usePolling } from "../../api/load";
import { relative, t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { ErrorNote } from "../../ui/errors";
import { Form, Select, TextArea } from "../../ui/form";
import { Async, Card, Loading, PagedList, PageHead } from "../../ui/page";
import { QueryAnswer } from "./answer";
import { Sources, isImporting } from "./sources";

type Result = Api<"QueryResult">;

/** Questions that the sample store answers without a model. */
const EXAMPLES = ["How many orders are there by status?", "How many orders were there per month?", "How many customers are there by country?"];

/** Asks a database. With `query`, an earlier question is shown and can be asked again. */
export function Data({ query }: { query?: string }) {
  const [, navigate] = useLocation();
  const sources = usePages((cursor) => page(api.GET("/api/v1/data_sources", { params: { query: { cursor } } })));
  usePolling(sources.data?.some(isImporting) ?? false, 1.5, sources.reload);
  const [result, setResult] = useState<Result | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  // A failure belongs to the question that was asked, not to an earlier one that is opened next.
  useEffect(() => setError(null), [query]);
  const [count, setCount] = useState(0);
  const run = async (request: Promise<Result>) => {
    setBusy(true);
    setError(null);
    setResult(null);
    try {
      const answer = await request;
      setResult(answer);
      navigate(`/data/queries/${answer.query_id}`, { replace: true });
    } catch (failure) {
      setError(failure);
    }
    setCount((old) => old + 1);
    setBusy(false);
  };
  const ask = (question: string, source: string | null) =>
    run(ok(api.POST("/api/v1/query", { body: { question, ...(source ? { data_source_id: source } : {}) } })));
  return (
    <>
      <PageHead title={t("data.title")} text={t("data.text")} />
      <div class="split">
        <Card title={t("data.ask")}>
          <Async of={sources}>
            {(items) => <Ask sources={items} ask={ask} busy={busy} />}
          </Async>
        </Card>
        <History key={count} current={query ?? null} open={(id) => navigate(id ? `/data/queries/${id}` : "/data")} />
      </div>
      {busy && <Loading />}
      {error !== null && <ErrorNote error={error} />}
      {result && result.query_id === query ? <QueryAnswer result={result} /> : query && !busy && error === null && (
        <Earlier key={query} id={query} again={() => run(ok(api.POST("/api/v1/query/history/{query_id}/rerun", { params: { path: { query_id: query } } })))} />
      )}
      <Sources sources={sources} />
    </>
  );
}

function Ask({ sources, ask, busy }: { sources: Api<"DataSource">[]; ask: (question: string, source: string | null) => Promise<void>; busy: boolean }) {
  const ready = sources.filter((source) => source.status === "ready");
  const [source, setSource] = useState("");
  const chosen = ready.find((each) => (source ? each.id === source : each.default));
  return (
    <div class="stack tight">
      <Form submit={t("data.ask_button")} wide onSubmit={(values) => ask(values.text("question"), values.optional("data_source_id"))}>
        <Select name="data_source_id" label={t("data.source")} onChange={setSource} value={source || chosen?.id}
          choices={ready.map((each) => ({ value: each.id, label: each.default ? t("data.default", { name: each.name }) : each.name }))} />
        <TextArea name="question" label={t("data.question")} rows={2} required />
      </Form>
      {chosen?.type === "sample" && (
        <div class="suggestions">
          {EXAMPLES.map((text) => <Button compact disabled={busy} onClick={() => ask(text, chosen.id)}>{text}</Button>)}
        </div>
      )}
    </div>
  );
}

/** A question that was asked before: what it was, and asking it again for its rows. */
function Earlier({ id, again }: { id: string; again: () => Promise<void> }) {
  const entry = useLoad(() => ok(api.GET("/api/v1/query/history/{query_id}", { params: { path: { query_id: id } } })), [id]);
  return (
    <Async of={entry}>
      {(it) => (
        <Card title={it.question ?? t("data.sql")}>
          {it.error && <p class="note bad">{it.error.detail}</p>}
          {it.explanation && <p>{it.explanation}</p>}
          {it.sql && <div class="code"><pre class="wrap"><code>{it.sql}</code></pre></div>}
          <div><Button kind="primary" icon="retry" onClick={again}>{t("data.again")}</Button></div>
        </Card>
      )}
    </Async>
  );
}

function History({ current, open }: { current: string | null; open: (id: string | null) => void }) {
  const history = usePages((cursor) => page(api.GET("/api/v1/query/history", { params: { query: { cursor, limit: 8 } } })));
  const remove = (id: string) => confirmStep({
    title: t("data.forget"), text: t("data.forget_text"), action: t("common.delete"),
    run: async () => {
      await ok(api.DELETE("/api/v1/query/history/{query_id}", { params: { path: { query_id: id } } }));
      await history.reload();
      if (id === current) open(null);
    },
  });
  return (
    <Card title={t("data.history")}>
      <PagedList of={history} empty={<p class="soft">{t("data.no_history")}</p>}>
        {(items) => (
          <ul class="list">
            {items.map((entry) => (
              <li class="row between nowrap" key={entry.query_id}>
                <Link class="truncate" href={`/data/queries/${entry.query_id}`}>{entry.question ?? entry.sql ?? entry.query_id}</Link>
                <span class="row nowrap">
                  <span class="small soft nowrap">{entry.status === "failed" ? t("data.failed") : relative(entry.created_at)}</span>
                  <Button compact kind="plain" icon="trash" label={t("data.forget")} onClick={() => remove(entry.query_id)} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </PagedList>
    </Card>
  );
}
