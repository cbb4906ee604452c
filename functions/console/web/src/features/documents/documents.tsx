import { useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { usePages, usePolling } from "../../api/load";
import { bytes, relative, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep, Dialog, openDialog } from "../../ui/dialog";
import { Checkbox, Form, TextField } from "../../ui/form";
import { Badge, Empty, PagedList, PageHead, Table, type Column } from "../../ui/page";
import { notify } from "../../ui/toast";
import { Crawls } from "./crawls";
import { DropZone } from "./drop_zone";
import { DocumentBadge, isIndexing } from "./status";

type Document = Api<"DocumentView">;
type Status = Api<"DocumentStatus">;

const STATUSES: Status[] = ["ready", "processing", "pending", "failed"];

export function Documents() {
  const search = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const status = STATUSES.find((each) => each === search.get("status"));
  const tag = search.get("tag") ?? undefined;
  const crawl = search.get("crawl") ?? undefined;
  const own = search.get("scope") === "own";
  const documents = usePages(
    (cursor) => page(api.GET("/api/v1/documents", { params: { query: { cursor, status, tag, crawl, scope: own ? "own" : "org" } } })),
    [status, tag, crawl, own],
  );
  const filter = (name: string, value: string) => {
    if (value) search.set(name, value);
    else search.delete(name);
    navigate(`/documents${search.size ? `?${search}` : ""}`, { replace: true });
  };
  usePolling(documents.data?.some(isIndexing) ?? false, 1.5, documents.reload);
  const [known, setKnown] = useState(0);
  const filtered = status !== undefined || tag !== undefined || crawl !== undefined || own;
  const columns: Column<Document>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <NameCell document={row} /> },
    { head: t("common.status"), cell: (row) => <DocumentBadge status={row.status} progress={row.progress} /> },
    { head: t("documents.pages"), kind: "optional num", cell: (row) => row.pages ?? "–" },
    { head: t("documents.size"), kind: "optional num", cell: (row) => bytes(row.size_bytes) },
    { head: t("common.updated"), kind: "optional", cell: (row) => <span class="nowrap">{relative(row.updated_at)}</span> },
    { head: t("common.actions"), kind: "actions", cell: (row) => (
      <Button compact kind="plain" icon="trash" label={t("documents.delete_one", { name: row.name })}
        onClick={() => confirmDelete(row, documents.reload)} />
    ) },
  ];
  return (
    <>
      <PageHead title={t("documents.title")} text={t("documents.text")}
        actions={<Button icon="plus" onClick={() => openWebPage(async () => { setKnown((count) => count + 1); await documents.reload(); })}>{t("documents.web")}</Button>} />
      <DropZone onUploaded={() => void documents.reload()} />
      <div class="row">
        <select class="input" aria-label={t("documents.filter_status")} onChange={(event) => filter("status", event.currentTarget.value)}>
          <option value="">{t("documents.all")}</option>
          {STATUSES.map((each) => <option value={each} selected={each === status}>{t(`documents.status_${each}` as Key)}</option>)}
        </select>
        <select class="input" aria-label={t("documents.filter_scope")} onChange={(event) => filter("scope", event.currentTarget.value)}>
          <option value="">{t("scope.org")}</option>
          <option value="own" selected={own}>{t("scope.own")}</option>
        </select>
        {tag && <Button compact icon="close" onClick={() => filter("tag", "")}>{t("documents.tag", { tag })}</Button>}
        {crawl && <Button compact icon="close" onClick={() => filter("crawl", "")}>{t("crawls.only")}</Button>}
      </div>
      <PagedList of={documents} empty={filtered
        ? <Empty icon="search" title={t("documents.none_found")} text={t("documents.none_found_text")}>
            <Button onClick={() => navigate("/documents")}>{t("documents.all")}</Button>
          </Empty>
        : <Empty icon="document" title={t("documents.empty")} text={t("documents.empty_text")} />}>
        {(items) => <Table label={t("documents.title")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
      <Crawls known={known} changed={documents.reload} />
    </>
  );
}

function NameCell({ document }: { document: Document }) {
  return (
    <div class="stack tight">
      <span>
        <Link href={`/documents/${document.id}`}>{document.name}</Link>{" "}
        {document.tags.map((tag) => <><Link href={`/documents?tag=${encodeURIComponent(tag)}`}><Badge>{tag}</Badge></Link>{" "}</>)}
      </span>
      {document.error && <span class="small bad">{document.error}</span>}
      {document.duplicate_of && <span class="small soft">{t("documents.duplicate")}</span>}
    </div>
  );
}

export function confirmDelete(document: { id: string; name: string }, done: () => unknown): void {
  confirmStep({
    title: t("documents.delete_title"), text: t("documents.delete_text"), action: t("common.delete"), name: document.name,
    run: async () => {
      await ok(api.DELETE("/api/v1/documents/{document_id}", { params: { path: { document_id: document.id } } }));
      notify(t("documents.deleted", { name: document.name }));
      await done();
    },
  });
}

function openWebPage(done: () => Promise<void>): void {
  openDialog((close) => (
    <Dialog title={t("documents.web")} onClose={close}>
      <p class="soft">{t("web.text")}</p>
      <Form submit={t("web.submit")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const every = values.checked("refresh") ? { refresh: { every: "week" as const } } : {};
        const crawl = values.checked("crawl") ? { crawl: { max_pages: values.number("max_pages") ?? 50 } } : {};
        await ok(api.POST("/api/v1/documents/url", { body: { url: values.text("url"), ...every, ...crawl } }));
        close();
        notify(t("web.done"));
        await done();
      }}>
        <TextField name="url" type="url" label={t("web.url")} placeholder="https://www.example.com/help" required autoFocus />
        <Checkbox name="crawl" label={t("web.crawl")} hint={t("web.crawl_hint")} />
        <TextField name="max_pages" type="number" label={t("web.max_pages")} min={1} max={2000} value={50} pointer="/crawl/max_pages" />
        <Checkbox name="refresh" label={t("web.refresh")} />
      </Form>
    </Dialog>
  ));
}
