import { useRef } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, ok, raw, type Api } from "../../api/client";
import { useLoad, usePolling } from "../../api/load";
import { bytes, dateTime, number, percent, t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { sentence } from "../../ui/errors";
import { Form, TextArea, TextField } from "../../ui/form";
import { Async, Card, PageHead } from "../../ui/page";
import { notify } from "../../ui/toast";
import { confirmDelete } from "./documents";
import { Passages } from "./passages";
import { DocumentBadge, isIndexing } from "./status";
import { uploadFile } from "./upload";
import { Versions } from "./versions";

type Document = Api<"DocumentView">;

export function DocumentPage({ id }: { id: string }) {
  const params = { path: { document_id: id } };
  const [, navigate] = useLocation();
  const document = useLoad(() => ok(api.GET("/api/v1/documents/{document_id}", { params })), [id]);
  usePolling(document.data !== null && (isIndexing(document.data) || document.data.pending_version !== null), 1.5, document.reload);
  return (
    <Async of={document}>
      {(it) => (
        <>
          <PageHead title={it.name} text={it.description} back={{ href: "/documents", label: t("documents.title") }} actions={<>
            <Button icon="download" onClick={() => download(id)}>{t("common.download")}</Button>
            <Button icon="edit" onClick={() => openEdit(it, document.set)}>{t("common.edit")}</Button>
            <Button kind="danger" icon="trash" onClick={() => confirmDelete(it, () => navigate("/documents"))}>{t("common.delete")}</Button>
          </>} />
          {it.error && (
            <div class="note bad" role="alert">
              <p>{it.error}</p>
              <Button compact icon="retry" onClick={async () => {
                document.set(await ok(api.POST("/api/v1/documents/{document_id}/reindex", { params })));
              }}>{t("documents.reindex")}</Button>
            </div>
          )}
          <Card title={t("documents.facts")} actions={<DocumentBadge status={it.status} progress={it.progress} />}>
            <Facts document={it} />
          </Card>
          {it.status === "ready" && <Passages id={id} version={it.version} />}
          <Card title={t("documents.versions")} actions={it.source_url === null && <NewVersion id={id} done={document.reload} />}>
            <Versions id={id} current={it.version} updated={it.updated_at} changed={document.reload} />
          </Card>
        </>
      )}
    </Async>
  );
}

function Facts({ document }: { document: Document }) {
  const rows: [string, unknown][] = [
    [t("documents.file"), document.file_name],
    [t("documents.size"), bytes(document.size_bytes)],
    [t("documents.pages"), document.pages],
    [t("documents.chunks"), document.chunks === null ? null : number(document.chunks)],
    [t("documents.vectors"), document.vectors && document.vectors.total > 0 ? percent(document.vectors.done / document.vectors.total) : null],
    [t("documents.transcribed"), document.transcribed_pages || null],
    [t("documents.source"), document.source_url],
    [t("documents.tags"), document.tags.join(", ") || null],
    [t("common.created"), dateTime(document.created_at)],
    [t("common.updated"), dateTime(document.updated_at)],
  ];
  return (
    <dl class="facts">
      {rows.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => <><dt>{name}</dt><dd>{String(value)}</dd></>)}
    </dl>
  );
}

/** Opens the file; a browser cannot follow the redirect with the session, so it asks for the link. */
async function download(id: string): Promise<void> {
  try {
    const response = await raw("GET", `/api/v1/documents/${id}/content`, { headers: { accept: "application/json" } });
    const { download_url } = (await response.json()) as Api<"DocumentDownload">;
    location.assign(download_url);
  } catch (error) {
    notify(sentence(error));
  }
}

function openEdit(document: Document, done: (document: Document) => void): void {
  openDialog((close) => (
    <Dialog title={t("documents.edit")} onClose={close}>
      <Form submit={t("common.save")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        done(await ok(api.PATCH("/api/v1/documents/{document_id}", {
          params: { path: { document_id: document.id } },
          body: {
            name: values.text("name"), description: values.text("description"),
            tags: values.text("tags").split(",").map((tag) => tag.trim()).filter(Boolean),
          },
        })));
        close();
      }}>
        <TextField name="name" label={t("common.name")} value={document.name} required />
        <TextArea name="description" label={t("common.description")} value={document.description} />
        <TextField name="tags" label={t("documents.tags")} value={document.tags.join(", ")} hint={t("documents.tags_hint")} />
      </Form>
    </Dialog>
  ));
}

function NewVersion({ id, done }: { id: string; done: () => Promise<void> }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button compact icon="upload" onClick={() => input.current?.click()}>{t("documents.new_version")}</Button>
      <input ref={input} type="file" hidden aria-label={t("documents.new_version")} onChange={async (event) => {
        const file = event.currentTarget.files?.[0];
        event.currentTarget.value = "";
        if (!file) return;
        await uploadFile(file, () => undefined, id).then(() => done(), (error: unknown) => notify(sentence(error)));
      }} />
    </>
  );
}
