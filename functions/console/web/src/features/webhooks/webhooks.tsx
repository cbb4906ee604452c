import { Link } from "wouter-preact";
import { api, ok, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { relative, t, type Key } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Checkbox, Form, TextField } from "../../ui/form";
import { Async, Badge, Empty, PageHead, Table, type Column } from "../../ui/page";

type Webhook = Api<"WebhookView">;

export function WebhookBadge({ webhook }: { webhook: Webhook }) {
  if (webhook.status === "disabled") {
    return <Badge tone="bad">{webhook.disabled_reason ? t(`webhooks.disabled_${webhook.disabled_reason}` as Key) : t("webhooks.disabled")}</Badge>;
  }
  return webhook.failing_since ? <Badge tone="warn">{t("webhooks.failing")}</Badge> : <Badge tone="good">{t("webhooks.enabled")}</Badge>;
}

export function Webhooks() {
  const webhooks = useLoad(() => ok(api.GET("/api/v1/webhooks")));
  const create = () => openWebhookForm(null, webhooks.reload);
  const columns: Column<Webhook>[] = [
    { head: t("webhooks.url"), kind: "main", cell: (row) => <><Link href={`/webhooks/${row.id}`}>{row.url}</Link>{row.description && <p class="small soft">{row.description}</p>}</> },
    { head: t("common.status"), cell: (row) => <WebhookBadge webhook={row} /> },
    { head: t("webhooks.events"), kind: "optional", cell: (row) => (row.events ? row.events.length : t("webhooks.all_events")) },
    { head: t("common.updated"), kind: "optional", cell: (row) => relative(row.updated_at) },
  ];
  return (
    <>
      <PageHead title={t("webhooks.title")} text={t("webhooks.text")} actions={<Button kind="primary" icon="plus" onClick={create}>{t("webhooks.new")}</Button>} />
      <Async of={webhooks}>
        {(items) => items.length === 0 ? (
          <Empty icon="hook" title={t("webhooks.empty")} text={t("webhooks.empty_text")}><Button kind="primary" icon="plus" onClick={create}>{t("webhooks.new")}</Button></Empty>
        ) : <Table label={t("webhooks.title")} columns={columns} rows={items} id={(row) => row.id} />}
      </Async>
    </>
  );
}

/** Creates a webhook, or changes one. */
export function openWebhookForm(webhook: Webhook | null, done: () => Promise<unknown>): void {
  openDialog((close) => <WebhookForm webhook={webhook} done={done} close={close} />);
}

function WebhookForm({ webhook, done, close }: { webhook: Webhook | null; done: () => Promise<unknown>; close: () => void }) {
  const types = useLoad(() => ok(api.GET("/api/v1/webhooks/events")));
  const subscribable = (types.data ?? []).filter((type) => type.subscribable);
  return (
    <Dialog title={t(webhook ? "webhooks.change" : "webhooks.new")} onClose={close}>
      <Form submit={t(webhook ? "common.save" : "common.create")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const events = values.all("events") as Api<"EventType">[];
        const body = {
          url: values.text("url"), description: values.optional("description"), include_content: values.checked("include_content"),
          events: events.length === 0 || events.length === subscribable.length ? null : events,
        };
        if (webhook) await ok(api.PATCH("/api/v1/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook.id } }, body }));
        else openSecret(await ok(api.POST("/api/v1/webhooks", { body })));
        if (webhook) close();
        await done();
      }}>
        <TextField name="url" type="url" label={t("webhooks.url")} value={webhook?.url} placeholder="https://api.example.com/webhooks" required autoFocus />
        <TextField name="description" label={t("common.description")} value={webhook?.description} />
        <fieldset>
          <legend>{t("webhooks.events")}</legend>
          <p class="small soft">{t("webhooks.events_hint")}</p>
          <Async of={types}>
            {() => (
              <div class="choices">
                {subscribable.map((type) => (
                  <Checkbox name="events" value={type.type} label={<span class="mono" title={type.description}>{type.type}</span>} checked={webhook?.events?.includes(type.type) ?? false} />
                ))}
              </div>
            )}
          </Async>
        </fieldset>
        <Checkbox name="include_content" label={t("webhooks.content")} hint={t("webhooks.content_hint")} checked={webhook?.include_content} />
      </Form>
    </Dialog>
  );
}

export function openSecret(webhook: Api<"NewWebhookView">): void {
  openDialog((close) => (
    <Dialog title={t("webhooks.secret")} onClose={close}>
      <p class="note warn">{t("webhooks.secret_once")}</p>
      <CodeBlock text={webhook.secret} wrap />
      <p class="small soft">{t("webhooks.verify")}</p>
      <div class="dialog-actions"><Button kind="primary" onClick={close}>{t("keys.stored")}</Button></div>
    </Dialog>
  ));
}
