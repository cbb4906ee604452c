import { useLocation } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { useLoad, usePages } from "../../api/load";
import { number, t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep, Dialog, openDialog } from "../../ui/dialog";
import { Form, TextArea, TextField } from "../../ui/form";
import { Async, Badge, PagedList, PageHead, Table, type Column } from "../../ui/page";
import { useAccount } from "../account/context";
import { SourceBadge } from "./sources";

type TableView = Api<"DatabaseTable">;

/** The tables of a data source, and what is said of them to those who ask. */
export function DataSourcePage({ id }: { id: string }) {
  const { can } = useAccount();
  const [, navigate] = useLocation();
  const params = { path: { data_source_id: id } };
  const source = useLoad(() => ok(api.GET("/api/v1/data_sources/{data_source_id}", { params })), [id]);
  const tables = usePages((cursor) => page(api.GET("/api/v1/schema/tables", { params: { query: { cursor, data_source_id: id } } })), [id]);
  return (
    <Async of={source}>
      {(it) => (
        <>
          <PageHead title={it.name} text={<span class="row"><SourceBadge status={it.status} />{it.description}</span>} back={{ href: "/data", label: t("data.title") }}
            actions={can("data_sources:write") && it.type !== "sample" && (
              <Button kind="danger" icon="trash" onClick={() => confirmStep({
                title: t("data.delete"), text: t("data.delete_text"), action: t("common.delete"), name: it.name,
                run: async () => {
                  await ok(api.DELETE("/api/v1/data_sources/{data_source_id}", { params }));
                  navigate("/data");
                },
              })}>{t("common.delete")}</Button>
            )} />
          {it.error && <p class="note bad" role="alert">{it.error}</p>}
          {it.status === "ready" && (
            <PagedList of={tables} empty={<p class="soft">{t("data.no_tables")}</p>}>
              {(items) => items.map((table) => <TableCard table={table} source={id} editable={can("data_sources:write") && it.type !== "sample"} changed={tables.reload} />)}
            </PagedList>
          )}
        </>
      )}
    </Async>
  );
}

function TableCard({ table, source, editable, changed }: { table: TableView; source: string; editable: boolean; changed: () => Promise<void> }) {
  const columns: Column<Api<"DatabaseColumn">>[] = [
    { head: t("data.column"), kind: "main", cell: (row) => <><span class="mono">{row.name}</span> {table.primary_key.includes(row.name) && <Badge>{t("data.key")}</Badge>} {row.sensitive && <Badge tone="warn">{t("data.sensitive")}</Badge>}</> },
    { head: t("data.type"), cell: (row) => row.type },
    { head: t("common.description"), kind: "optional", cell: (row) => row.description ?? "" },
    { head: t("data.examples"), kind: "optional", cell: (row) => <span class="small">{row.sample_values.slice(0, 3).map(String).join(", ")}</span> },
  ];
  return (
    <details class="card">
      <summary><strong class="mono">{table.name}</strong> {table.row_count !== null && <span class="soft">{t("data.table_rows", { rows: number(table.row_count) })}</span>}</summary>
      {table.description && <p>{table.description}</p>}
      {editable && <div><Button compact icon="edit" onClick={() => openDescribe(table, source, changed)}>{t("data.describe")}</Button></div>}
      <Table label={table.name} columns={columns} rows={table.columns} id={(row) => row.name} />
    </details>
  );
}

function openDescribe(table: TableView, source: string, changed: () => Promise<void>): void {
  openDialog((close) => (
    <Dialog title={t("data.describe_title", { table: table.name })} onClose={close}>
      <p class="soft">{t("data.describe_text")}</p>
      <Form submit={t("common.save")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        await ok(api.PUT("/api/v1/schema/tables/{table_name}", {
          params: { path: { table_name: table.name }, query: { data_source_id: source } },
          body: { description: values.optional("description"), synonyms: values.text("synonyms").split(",").map((word) => word.trim()).filter(Boolean) },
        }));
        close();
        await changed();
      }}>
        <TextArea name="description" label={t("common.description")} value={table.description} />
        <TextField name="synonyms" label={t("data.synonyms")} value={table.synonyms.join(", ")} hint={t("documents.tags_hint")} />
      </Form>
    </Dialog>
  ));
}
