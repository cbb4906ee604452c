import { Link, useLocation, useSearch } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { number, relative, t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Form, TextField } from "../../ui/form";
import { Badge, Empty, PagedList, PageHead, Table, type Column } from "../../ui/page";

type Chatbot = Api<"ChatbotView">;

export function PublishedBadge({ chatbot }: { chatbot: Chatbot }) {
  if (chatbot.published_at === null) return <Badge>{t("chatbots.draft")}</Badge>;
  return chatbot.has_draft ? <Badge tone="warn">{t("chatbots.changed")}</Badge> : <Badge tone="good">{t("chatbots.published")}</Badge>;
}

export function Chatbots() {
  const [, navigate] = useLocation();
  const own = new URLSearchParams(useSearch()).get("scope") === "own";
  const chatbots = usePages(
    (cursor) => page(api.GET("/api/v1/chatbots", { params: { query: { cursor, scope: own ? "own" : "org" } } })), [own],
  );
  const create = () => openNewChatbot((chatbot) => navigate(`/chatbots/${chatbot.id}/documents`));
  const columns: Column<Chatbot>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <>
      <Link href={`/chatbots/${row.id}`}>{row.name}</Link>
      {row.description && <p class="small soft">{row.description}</p>}
    </> },
    { head: t("common.status"), cell: (row) => <PublishedBadge chatbot={row} /> },
    { head: t("nav.documents"), kind: "num", cell: (row) => number(row.document_count) },
    { head: t("chatbots.model"), kind: "optional", cell: (row) => row.settings.model },
    { head: t("common.updated"), kind: "optional", cell: (row) => relative(row.updated_at) },
  ];
  return (
    <>
      <PageHead title={t("chatbots.title")} text={t("chatbots.text")}
        actions={<Button kind="primary" icon="plus" onClick={create}>{t("chatbots.new")}</Button>} />
      <select class="input" aria-label={t("documents.filter_scope")}
        onChange={(event) => navigate(event.currentTarget.value ? "/chatbots?scope=own" : "/chatbots", { replace: true })}>
        <option value="">{t("scope.org")}</option>
        <option value="own" selected={own}>{t("scope.own")}</option>
      </select>
      <PagedList of={chatbots} empty={
        <Empty icon="bot" title={t("chatbots.empty")} text={t("chatbots.empty_text")}>
          <Button kind="primary" icon="plus" onClick={create}>{t("chatbots.new")}</Button>
        </Empty>
      }>
        {(items) => <Table label={t("chatbots.title")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </>
  );
}

export function openNewChatbot(done: (chatbot: Chatbot) => void): void {
  openDialog((close) => (
    <Dialog title={t("chatbots.new")} onClose={close}>
      <Form submit={t("common.create")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const chatbot = await ok(api.POST("/api/v1/chatbots", { body: { name: values.text("name"), description: values.optional("description") } }));
        close();
        done(chatbot);
      }}>
        <TextField name="name" label={t("common.name")} required maxLength={100} autoFocus />
        <TextField name="description" label={t("common.description")} />
      </Form>
    </Dialog>
  ));
}
