import { useState } from "preact/hooks";
import { api, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { dateTime, t, type Key } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { SearchForm } from "../../ui/form";
import { Empty, PagedList, PageHead, Table, type Column } from "../../ui/page";
import { useAccount } from "../account/context";

type Entry = Api<"AuditLogView">;

/** Who changed what, and when. Entries are never changed or removed. */
export function Audit() {
  const { can } = useAccount();
  const [action, setAction] = useState("");
  const entries = usePages(
    (cursor) => page(api.GET("/api/v1/audit_logs", { params: { query: { cursor, action: action || undefined } } })), [action],
  );
  const columns: Column<Entry>[] = [
    { head: t("audit.time"), cell: (row) => <span class="nowrap">{dateTime(row.timestamp)}</span> },
    { head: t("audit.action"), kind: "main", cell: (row) => <span class="mono">{row.action}</span> },
    { head: t("audit.actor"), kind: "optional", cell: (row) => <>{t(`audit.actor_${row.actor.kind}` as Key)} <span class="small soft mono">{row.actor.id ?? row.user_id}</span></> },
    { head: t("audit.subject"), kind: "optional", cell: (row) => <>{row.subject_kind} <span class="small soft mono">{row.subject_id}</span></> },
    { head: t("common.actions"), kind: "actions", cell: (row) => <Button compact onClick={() => openEntry(row)}>{t("common.details")}</Button> },
  ];
  return (
    <>
      <PageHead title={t("audit.title")} text={t(can("audit:org") ? "audit.text" : "audit.text_own")} />
      <SearchForm label={t("audit.filter")} value={action} onSearch={setAction} />
      <PagedList of={entries} empty={<Empty icon="list" title={t("audit.empty")} text={t("audit.empty_text")} />}>
        {(items) => <Table label={t("audit.title")} columns={columns} rows={items} id={(row) => row.log_id} />}
      </PagedList>
    </>
  );
}

function openEntry(entry: Entry): void {
  openDialog((close) => (
    <Dialog title={entry.action} onClose={close}><CodeBlock text={JSON.stringify(entry, null, 2)} wrap /></Dialog>
  ));
}
