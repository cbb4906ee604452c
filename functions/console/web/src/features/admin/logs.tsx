import { useState } from "preact/hooks";
import { api, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { dateTime, t } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Badge, Empty, PagedList, PageHead, Table, type Column } from "../../ui/page";

type Entry = Api<"LogView">;

/** Audit entries and errors of the whole platform. */
export function AdminLogs() {
  const [source, setSource] = useState<Api<"Source"> | undefined>();
  const logs = usePages((cursor) => page(api.GET("/api/v1/admin/logs", { params: { query: { cursor, source } } })), [source]);
  const columns: Column<Entry>[] = [
    { head: t("audit.time"), cell: (row) => <span class="nowrap">{dateTime(row.timestamp)}</span> },
    { head: t("admin.message"), kind: "main", cell: (row) => <><Badge tone={row.source === "error" ? "bad" : ""}>{row.source}</Badge> {row.message}</> },
    { head: t("admin.route"), kind: "optional", cell: (row) => <span class="small mono">{row.route ?? row.subject_kind}</span> },
    { head: t("common.actions"), kind: "actions", cell: (row) => (
      <Button compact onClick={() => openDialog((close) => <Dialog title={row.message} onClose={close}><CodeBlock text={JSON.stringify(row, null, 2)} wrap /></Dialog>)}>{t("common.details")}</Button>
    ) },
  ];
  return (
    <>
      <PageHead title={t("nav.admin_logs")} text={t("admin.logs_text")} />
      <select class="input" aria-label={t("admin.source")} onChange={(event) => setSource((event.currentTarget.value || undefined) as Api<"Source"> | undefined)}>
        <option value="">{t("admin.source_all")}</option>
        <option value="audit">{t("admin.source_audit")}</option>
        <option value="error">{t("admin.source_error")}</option>
      </select>
      <PagedList of={logs} empty={<Empty icon="list" title={t("audit.empty")} text={t("audit.empty_text")} />}>
        {(items) => <Table label={t("nav.admin_logs")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </>
  );
}
