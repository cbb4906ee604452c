import { api, ok, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { bytes, dateTime, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Async, Badge, Table, type Column, type Tone } from "../../ui/page";

const TONES: Record<Api<"DocumentVersionState">, Tone> = { current: "good", pending: "info", failed: "bad", kept: "" };

/** The versions of a document, newest first; an earlier one can be restored. */
export function Versions({ id, current, updated, changed }: { id: string; current: number; updated: string; changed: () => Promise<void> }) {
  const params = { path: { document_id: id } };
  const versions = useLoad(() => ok(api.GET("/api/v1/documents/{document_id}/versions", { params })), [id, current, updated]);
  const restore = (version: number) => confirmStep({
    title: t("documents.restore_title", { version }), text: t("documents.restore_text"), action: t("documents.restore"), danger: false,
    run: async () => {
      await ok(api.POST("/api/v1/documents/{document_id}/versions/{version_number}/restore", {
        params: { path: { document_id: id, version_number: version } },
      }));
      await changed();
    },
  });
  const columns: Column<Api<"DocumentVersion">>[] = [
    { head: t("documents.version"), cell: (row) => String(row.version) },
    { head: t("documents.file"), kind: "main", cell: (row) => <>{row.file_name}{row.error && <p class="small bad">{row.error}</p>}</> },
    { head: t("common.status"), cell: (row) => <Badge tone={TONES[row.state]}>{t(`documents.version_${row.state}` as Key)}</Badge> },
    { head: t("documents.size"), kind: "optional num", cell: (row) => bytes(row.size_bytes) },
    { head: t("common.created"), kind: "optional", cell: (row) => dateTime(row.created_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => row.state === "kept" && (
      <Button compact onClick={() => restore(row.version)}>{t("documents.restore")}</Button>
    ) },
  ];
  return (
    <Async of={versions}>
      {(rows) => <Table label={t("documents.versions")} columns={columns} rows={rows} id={(row) => String(row.version)} />}
    </Async>
  );
}
