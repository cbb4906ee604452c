import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { usePages, usePolling } from "../../api/load";
import { relative, t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/errors";
import { Card, Empty, PagedList, Table, type Column } from "../../ui/page";
import { DropZone } from "../documents/drop_zone";
import { DocumentBadge, isIndexing } from "../documents/status";

type Chatbot = Api<"ChatbotView">;

/** The documents from which a chatbot answers. */
export function ChatbotDocuments({ chatbot, changed }: { chatbot: Chatbot; changed: (chatbot: Chatbot) => void }) {
  const params = { path: { chatbot_id: chatbot.id } };
  const [error, setError] = useState<unknown>(null);
  const documents = usePages((cursor) => page(api.GET("/api/v1/chatbots/{chatbot_id}/documents", { params: { ...params, query: { cursor } } })), [chatbot.id]);
  usePolling(documents.data?.some(isIndexing) ?? false, 1.5, documents.reload);
  const assign = async (ids: string[]) => {
    changed(await ok(api.POST("/api/v1/chatbots/{chatbot_id}/documents", { params, body: { document_ids: ids } })));
    await documents.reload();
  };
  const remove = async (id: string) => {
    try {
      changed(await ok(api.DELETE("/api/v1/chatbots/{chatbot_id}/documents/{document_id}", { params: { path: { ...params.path, document_id: id } } })));
      await documents.reload();
    } catch (failure) {
      setError(failure);
    }
  };
  const columns: Column<Api<"ChatbotDocument">>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <Link href={`/documents/${row.id}`}>{row.name}</Link> },
    { head: t("common.status"), cell: (row) => <DocumentBadge status={row.status} /> },
    { head: t("common.created"), kind: "optional", cell: (row) => relative(row.created_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => (
      <Button compact kind="plain" icon="close" label={t("chatbots.remove_document", { name: row.name })} onClick={() => remove(row.id)} />
    ) },
  ];
  return (
    <Card title={t("chatbots.documents")} actions={
      <Button icon="plus" onClick={() => openPicker(new Set((documents.data ?? []).map((each) => each.id)), assign)}>{t("chatbots.pick")}</Button>
    }>
      {error !== null && <ErrorNote error={error} />}
      <DropZone onUploaded={(document) => void assign([document.id]).catch(setError)} />
      <PagedList of={documents} empty={<Empty icon="document" title={t("chatbots.no_documents")} text={t("chatbots.no_documents_text")} />}>
        {(items) => <Table label={t("chatbots.documents")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </Card>
  );
}

function openPicker(assigned: Set<string>, assign: (ids: string[]) => Promise<void>): void {
  openDialog((close) => <Picker assigned={assigned} assign={assign} close={close} />);
}

/** Chooses among the documents of the organization. */
function Picker({ assigned, assign, close }: { assigned: Set<string>; assign: (ids: string[]) => Promise<void>; close: () => void }) {
  const documents = usePages((cursor) => page(api.GET("/api/v1/documents", { params: { query: { cursor, scope: "org" } } })));
  const [chosen, setChosen] = useState<string[]>([]);
  const [error, setError] = useState<unknown>(null);
  const toggle = (id: string) => setChosen((old) => (old.includes(id) ? old.filter((each) => each !== id) : [...old, id]));
  return (
    <Dialog title={t("chatbots.pick")} onClose={close}>
      <PagedList of={documents} empty={<p class="soft">{t("documents.empty_text")}</p>}>
        {(items) => (
          <ul class="list">
            {items.map((document) => (
              <li>
                <label class="check">
                  <input type="checkbox" disabled={assigned.has(document.id)} checked={assigned.has(document.id) || chosen.includes(document.id)}
                    onChange={() => toggle(document.id)} />
                  <span>{document.name} <DocumentBadge status={document.status} /></span>
                </label>
              </li>
            ))}
          </ul>
        )}
      </PagedList>
      {error !== null && <ErrorNote error={error} />}
      <div class="dialog-actions">
        <Button onClick={close}>{t("common.cancel")}</Button>
        <Button kind="primary" disabled={chosen.length === 0} onClick={() => assign(chosen).then(close, setError)}>{t("chatbots.add_chosen")}</Button>
      </div>
    </Dialog>
  );
}
