import { Link, useLocation, useSearch } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { relative, t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Checkbox, Form, TextArea, TextField } from "../../ui/form";
import { Badge, Empty, PagedList, PageHead, Table, type Column } from "../../ui/page";

type Prompt = Api<"UserPromptView">;

export const promptTitle = (prompt: { name: string | null; prompt_text: string }) => prompt.name ?? prompt.prompt_text.slice(0, 60);

export function Prompts() {
  const [, navigate] = useLocation();
  const own = new URLSearchParams(useSearch()).get("scope") !== "org";
  const prompts = usePages((cursor) => page(api.GET("/api/v1/user_prompts", { params: { query: { cursor, scope: own ? "own" : "org" } } })), [own]);
  const platform = usePages((cursor) => page(api.GET("/api/v1/system_prompts", { params: { query: { cursor } } })));
  const create = () => openNewPrompt((prompt) => navigate(`/prompts/${prompt.prompt_id}`));
  const columns: Column<Prompt>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <><Link href={`/prompts/${row.prompt_id}`}>{promptTitle(row)}</Link> {row.shared && <Badge tone="info">{t("prompts.shared")}</Badge>}</> },
    { head: t("documents.version"), kind: "num", cell: (row) => row.version },
    { head: t("prompts.labels"), kind: "optional", cell: (row) => Object.entries(row.labels).map(([label, version]) => <><Badge>{label} {version}</Badge>{" "}</>) },
    { head: t("prompts.variables"), kind: "optional", cell: (row) => <span class="small mono">{row.variables.join(", ")}</span> },
    { head: t("common.updated"), kind: "optional", cell: (row) => relative(row.updated_at) },
  ];
  return (
    <>
      <PageHead title={t("prompts.title")} text={t("prompts.text")} actions={<Button kind="primary" icon="plus" onClick={create}>{t("prompts.new")}</Button>} />
      <select class="input" aria-label={t("documents.filter_scope")} onChange={(event) => navigate(event.currentTarget.value === "org" ? "/prompts?scope=org" : "/prompts", { replace: true })}>
        <option value="own">{t("prompts.scope_own")}</option>
        <option value="org" selected={!own}>{t("prompts.scope_org")}</option>
      </select>
      <PagedList of={prompts} empty={
        <Empty icon="text" title={t("prompts.empty")} text={t("prompts.empty_text")}><Button kind="primary" icon="plus" onClick={create}>{t("prompts.new")}</Button></Empty>
      }>
        {(items) => <Table label={t("prompts.title")} columns={columns} rows={items} id={(row) => row.prompt_id} />}
      </PagedList>
      {platform.data !== null && platform.data.length > 0 && (
        <section class="stack">
          <h2>{t("prompts.platform")}</h2>
          <PagedList of={platform} empty={null}>
            {(items) => items.map((prompt) => (
              <details class="card"><summary>{promptTitle(prompt)}</summary><p dir="auto">{prompt.prompt_text}</p></details>
            ))}
          </PagedList>
        </section>
      )}
    </>
  );
}

function openNewPrompt(done: (prompt: Prompt) => void): void {
  openDialog((close) => (
    <Dialog title={t("prompts.new")} onClose={close}>
      <Form submit={t("common.create")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const prompt = await ok(api.POST("/api/v1/user_prompts", {
          body: { prompt_text: values.text("prompt_text"), name: values.optional("name"), shared: values.checked("shared") },
        }));
        close();
        done(prompt);
      }}>
        <TextField name="name" label={t("common.name")} autoFocus />
        <TextArea name="prompt_text" label={t("prompts.body")} rows={6} required hint={t("prompts.hint", { example: "{{customer}}" })} />
        <Checkbox name="shared" label={t("prompts.share")} />
      </Form>
    </Dialog>
  ));
}
