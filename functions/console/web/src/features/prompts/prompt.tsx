import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { useLoad, usePages } from "../../api/load";
import { dateTime, t } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Checkbox, Form, Select, TextArea, TextField } from "../../ui/form";
import { Async, Badge, Card, PagedList, PageHead, Table, type Column } from "../../ui/page";
import { notify } from "../../ui/toast";
import { useAccount } from "../account/context";
import { promptTitle } from "./prompts";

type Prompt = Api<"UserPromptView">;

export function PromptPage({ id }: { id: string }) {
  const [, navigate] = useLocation();
  const { user } = useAccount();
  const params = { path: { prompt_id: id } };
  const prompt = useLoad(() => ok(api.GET("/api/v1/user_prompts/{prompt_id}", { params })), [id]);
  return (
    <Async of={prompt}>
      {(it) => (
        <>
          <PageHead title={promptTitle(it)} back={{ href: "/prompts", label: t("prompts.title") }} actions={it.user_id === user.id && (
            <Button kind="danger" icon="trash" onClick={() => confirmStep({
              title: t("prompts.delete"), text: t("prompts.delete_text"), action: t("common.delete"), name: promptTitle(it),
              run: async () => {
                await ok(api.DELETE("/api/v1/user_prompts/{prompt_id}", { params }));
                navigate("/prompts");
              },
            })}>{t("common.delete")}</Button>
          )} />
          <div class="split">
            <Card title={t("prompts.body")} actions={<Badge>{t("prompts.version", { version: it.version })}</Badge>}>
              {it.user_id === user.id ? (
                <Form key={it.updated_at} submit={t("prompts.save")} wide onSubmit={async (values) => {
                  prompt.set(await ok(api.PUT("/api/v1/user_prompts/{prompt_id}", {
                    params, body: { prompt_text: values.text("prompt_text"), name: values.optional("name"), shared: values.checked("shared") },
                  })));
                  notify(t("common.saved"));
                }}>
                  <TextField name="name" label={t("common.name")} value={it.name} />
                  <TextArea name="prompt_text" label={t("prompts.body")} value={it.prompt_text} rows={10} required hint={t("prompts.hint", { example: "{{customer}}" })} />
                  <Checkbox name="shared" label={t("prompts.share")} checked={it.shared} />
                </Form>
              ) : <CodeBlock text={it.prompt_text} wrap />}
            </Card>
            <div class="stack">
              <Render prompt={it} />
              <PromptVersions prompt={it} changed={prompt.set} />
            </div>
          </div>
        </>
      )}
    </Async>
  );
}

/** Fills in the variables. */
function Render({ prompt }: { prompt: Prompt }) {
  const [text, setText] = useState<string | null>(null);
  return (
    <Card title={t("prompts.render")}>
      <Form submit={t("prompts.render")} wide onSubmit={async (values) => {
        const variables = Object.fromEntries(prompt.variables.map((name) => [name, values.exact(name)]));
        const version = values.optional("_version");
        const rendered = await ok(api.POST("/api/v1/user_prompts/{prompt_id}/render", {
          params: { path: { prompt_id: prompt.prompt_id } }, body: { variables, ...(version ? { version } : {}) },
        }));
        setText(rendered.text);
      }}>
        {Object.keys(prompt.labels).length > 0 && (
          <Select name="_version" label={t("documents.version")} choices={[
            { value: "", label: t("prompts.latest") }, ...Object.keys(prompt.labels).map((label) => ({ value: label, label })),
          ]} />
        )}
        {prompt.variables.length === 0 && <p class="soft">{t("prompts.no_variables")}</p>}
        {prompt.variables.map((name) => <TextField name={name} label={name} pointer={`/variables/${name}`} />)}
      </Form>
      {text !== null && <div role="status"><CodeBlock text={text} wrap /></div>}
    </Card>
  );
}

function PromptVersions({ prompt, changed }: { prompt: Prompt; changed: (prompt: Prompt) => void }) {
  const path = { prompt_id: prompt.prompt_id };
  const versions = usePages((cursor) => page(api.GET("/api/v1/user_prompts/{prompt_id}/versions", { params: { path, query: { cursor, limit: 20 } } })), [prompt.updated_at]);
  const label = async (version: number) => {
    changed(await ok(api.PUT("/api/v1/user_prompts/{prompt_id}/labels/{label}", { params: { path: { ...path, label: "production" } }, body: { version } })));
    notify(t("prompts.labelled", { version }));
  };
  const columns: Column<Api<"VersionView">>[] = [
    { head: t("documents.version"), cell: (row) => <>{row.version} {Object.entries(prompt.labels).filter(([, at]) => at === row.version).map(([name]) => <Badge tone="info">{name}</Badge>)}</> },
    { head: t("prompts.body"), kind: "main", cell: (row) => <span class="small">{row.prompt_text.slice(0, 120)}</span> },
    { head: t("common.created"), kind: "optional", cell: (row) => dateTime(row.created_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => prompt.labels["production"] !== row.version && (
      <Button compact onClick={() => label(row.version)}>{t("prompts.promote")}</Button>
    ) },
  ];
  return (
    <Card title={t("documents.versions")}>
      <PagedList of={versions} empty={null}>{(items) => <Table label={t("documents.versions")} columns={columns} rows={items} id={(row) => String(row.version)} />}</PagedList>
    </Card>
  );
}
