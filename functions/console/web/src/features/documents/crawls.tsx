import { Link } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { usePages, usePolling } from "../../api/load";
import { number, relative, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Checkbox } from "../../ui/form";
import { Badge, Card, PagedList, Table, type Column, type Tone } from "../../ui/page";

type Crawl = Api<"Crawl">;

const TONES: Record<Api<"CrawlStatus">, Tone> = { queued: "info", running: "info", finished: "good", failed: "bad", cancelled: "" };

const isActive = (crawl: Crawl) => crawl.status === "queued" || crawl.status === "running";

/** Sites whose pages are read as documents; nothing until there is one. `known` changes when one was added. */
export function Crawls({ known, changed }: { known: number; changed: () => Promise<void> }) {
  const crawls = usePages((cursor) => page(api.GET("/api/v1/documents/crawls", { params: { query: { cursor, limit: 10 } } })), [known]);
  usePolling(crawls.data?.some(isActive) ?? false, 3, async () => { await Promise.all([crawls.reload(), changed()]); });
  const columns: Column<Crawl>[] = [
    { head: t("web.url"), kind: "main", cell: (row) => <>
      <Link href={`/documents?crawl=${row.id}`}>{row.url}</Link>
      {row.error && <p class="small bad">{row.error}</p>}
      {row.pages.refused > 0 && <Refusals crawl={row} />}
    </> },
    { head: t("common.status"), cell: (row) => <Badge tone={TONES[row.status]}>{t(`crawls.status_${row.status}` as Key)}</Badge> },
    { head: t("crawls.stored"), kind: "num", cell: (row) => number(row.pages.stored) },
    { head: t("crawls.found"), kind: "optional num", cell: (row) => number(row.pages.found) },
    { head: t("common.updated"), kind: "optional", cell: (row) => relative(row.updated_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => <Actions crawl={row} changed={async () => { await Promise.all([crawls.reload(), changed()]); }} /> },
  ];
  if (crawls.data?.length === 0) return null;
  return (
    <Card title={t("crawls.title")}>
      <PagedList of={crawls} empty={null}>{(items) => <Table label={t("crawls.title")} columns={columns} rows={items} id={(row) => row.id} />}</PagedList>
    </Card>
  );
}

function Refusals({ crawl }: { crawl: Crawl }) {
  return (
    <details class="small">
      <summary>{t("crawls.refused", { count: crawl.pages.refused })}</summary>
      <ul>{crawl.refusals.map((refused) => <li>{refused.url}: <span class="mono">{refused.code}</span></li>)}</ul>
    </details>
  );
}

function Actions({ crawl, changed }: { crawl: Crawl; changed: () => Promise<void> }) {
  const params = { path: { crawl_id: crawl.id } };
  let withDocuments = false;
  return (
    <span class="row nowrap">
      {isActive(crawl) && <Button compact onClick={async () => {
        await ok(api.PATCH("/api/v1/documents/crawls/{crawl_id}", { params, body: { status: "cancelled" } }));
        await changed();
      }}>{t("crawls.cancel")}</Button>}
      <Button compact kind="plain" icon="trash" label={t("crawls.delete")} onClick={() => confirmStep({
        title: t("crawls.delete"), text: t("crawls.delete_text"), action: t("common.delete"), name: crawl.url,
        extra: <Checkbox name="with_documents" label={t("crawls.with_documents")} onChange={(checked) => { withDocuments = checked; }} />,
        run: async () => {
          await ok(api.DELETE("/api/v1/documents/crawls/{crawl_id}", { params: { ...params, query: { with_documents: withDocuments } } }));
          await changed();
        },
      })} />
    </span>
  );
}
