import { Link } from "wouter-preact";
import { ok, api, raw, type Api } from "../../api/client";
import type { Pages } from "../../api/load";
import { bytes, number, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Checkbox, Form, TextField } from "../../ui/form";
import { Badge, Card, PagedList, Table, type Column, type Tone } from "../../ui/page";
import { useAccount } from "../account/context";

type Source = Api<"DataSource">;

const TONES: Record<Api<"DataSourceStatus">, Tone> = { pending: "info", ready: "good", failed: "bad" };

export const isImporting = (source: Source) => source.status === "pending";

export function SourceBadge({ status }: { status: Api<"DataSourceStatus"> }) {
  return <Badge tone={TONES[status]}>{t(`data.status_${status}` as Key)}</Badge>;
}

/** The databases that can be asked. */
export function Sources({ sources }: { sources: Pages<Source> }) {
  const { can } = useAccount();
  const columns: Column<Source>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <>
      <Link href={`/data/sources/${row.id}`}>{row.name}</Link> {row.default && <Badge tone="info">{t("data.is_default")}</Badge>}
      {row.error && <p class="small bad">{row.error}</p>}
    </> },
    { head: t("common.status"), cell: (row) => <SourceBadge status={row.status} /> },
    { head: t("data.tables"), kind: "num", cell: (row) => (row.tables === null ? "–" : number(row.tables)) },
    { head: t("data.row_count"), kind: "optional num", cell: (row) => (row.rows === null ? "–" : number(row.rows)) },
    { head: t("documents.size"), kind: "optional num", cell: (row) => (row.size === null ? "–" : bytes(row.size)) },
    { head: t("common.actions"), kind: "actions", cell: (row) => can("data_sources:write") && !row.default && row.status === "ready" && row.type !== "sample" && (
      <Button compact onClick={async () => {
        await ok(api.PATCH("/api/v1/data_sources/{data_source_id}", { params: { path: { data_source_id: row.id } }, body: { default: true } }));
        await sources.reload();
      }}>{t("data.make_default")}</Button>
    ) },
  ];
  return (
    <Card title={t("data.sources")} actions={can("data_sources:write") && <Button icon="plus" onClick={() => openNewSource(sources.reload)}>{t("data.new")}</Button>}>
      <PagedList of={sources} empty={<p class="soft">{t("data.no_sources")}</p>}>
        {(items) => <Table label={t("data.sources")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </Card>
  );
}

function openNewSource(done: () => Promise<void>): void {
  openDialog((close) => (
    <Dialog title={t("data.new")} onClose={close}>
      <p class="soft">{t("data.new_text")}</p>
      <Form submit={t("common.create")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const form = new FormData();
        for (const file of values.data.getAll("file")) form.append("file", file);
        const name = values.optional("name");
        if (name) form.append("name", name);
        if (values.checked("default")) form.append("default", "true");
        await raw("POST", "/api/v1/data_sources", { body: form });
        close();
        await done();
      }}>
        <div class="field">
          <label for="data-files">{t("data.files")}</label>
          <input id="data-files" class="input" type="file" name="file" multiple required accept=".csv,.tsv,.sqlite,.sqlite3,.db" />
        </div>
        <TextField name="name" label={t("common.name")} />
        <Checkbox name="default" label={t("data.as_default")} checked />
      </Form>
    </Dialog>
  ));
}
