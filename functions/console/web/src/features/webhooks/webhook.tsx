import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { useLoad, usePages, usePolling } from "../../api/load";
import { dateTime, number, relative, t, type Key } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { confirmStep, Dialog, openDialog } from "../../ui/dialog";
import { sentence } from "../../ui/errors";
import { Checkbox, Form, TextField } from "../../ui/form";
import { Async, Badge, Card, Empty, PagedList, PageHead, Table, type Column, type Tone } from "../../ui/page";
import { notify } from "../../ui/toast";
import { openSecret, openWebhookForm, WebhookBadge } from "./webhooks";

type Delivery = Api<"DeliveryView">;
type Status = Api<"DeliveryStatus">;

const TONES: Record<Status, Tone> = { pending: "info", succeeded: "good", failed: "bad", canceled: "" };
const STATUSES: Status[] = ["pending", "succeeded", "failed", "canceled"];

export function WebhookPage({ id }: { id: string }) {
  const params = { path: { webhook_id: id } };
  const [, navigate] = useLocation();
  const webhook = useLoad(() => ok(api.GET("/api/v1/webhooks/{webhook_id}", { params })), [id]);
  const [sent, setSent] = useState(0);
  const attempt = async (work: Promise<unknown>, text: string) => {
    await work.then(() => notify(text), (error: unknown) => notify(sentence(error)));
    setSent((count) => count + 1);
  };
  const setStatus = async (status: Api<"WebhookStatus">) => webhook.set(await ok(api.PATCH("/api/v1/webhooks/{webhook_id}", { params, body: { status } })));
  return (
    <Async of={webhook}>
      {(it) => (
        <>
          <PageHead title={it.url} text={<span class="row"><WebhookBadge webhook={it} />{it.description}</span>} back={{ href: "/webhooks", label: t("webhooks.title") }} actions={<>
            <Button icon="send" onClick={() => attempt(ok(api.POST("/api/v1/webhooks/{webhook_id}/test", { params })), t("webhooks.test_sent"))}>{t("webhooks.test")}</Button>
            <Button icon="edit" onClick={() => openWebhookForm(it, webhook.reload)}>{t("common.edit")}</Button>
            <Button onClick={() => setStatus(it.status === "enabled" ? "disabled" : "enabled")}>{t(it.status === "enabled" ? "webhooks.disable" : "webhooks.enable")}</Button>
          </>} />
          <Card title={t("webhooks.deliveries")} actions={<Button compact icon="retry" onClick={() => openReplay(id, () => setSent((count) => count + 1))}>{t("webhooks.replay")}</Button>}>
            <Deliveries id={id} key={sent} replay={(row) => attempt(
              ok(api.POST("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", { params: { path: { ...params.path, delivery_id: row.id } } })), t("webhooks.replayed"))} />
          </Card>
          <Card title={t("webhooks.danger")}>
            <div class="row">
              <Button onClick={() => confirmStep({
                title: t("webhooks.rotate"), text: t("webhooks.rotate_text"), action: t("webhooks.rotate"), danger: false,
                run: async () => {
                  const rotated = await ok(api.POST("/api/v1/webhooks/{webhook_id}/rotate-secret", { params }));
                  setTimeout(() => openSecret(rotated));
                },
              })}>{t("webhooks.rotate")}</Button>
              <Button kind="danger" icon="trash" onClick={() => confirmStep({
                title: t("webhooks.delete"), text: t("webhooks.delete_text"), action: t("common.delete"), name: it.url,
                run: async () => {
                  await ok(api.DELETE("/api/v1/webhooks/{webhook_id}", { params }));
                  navigate("/webhooks");
                },
              })}>{t("webhooks.delete")}</Button>
            </div>
          </Card>
        </>
      )}
    </Async>
  );
}

function Deliveries({ id, replay }: { id: string; replay: (row: Delivery) => Promise<void> }) {
  const [status, setStatus] = useState<Status | undefined>();
  const deliveries = usePages(
    (cursor) => page(api.GET("/api/v1/webhooks/{webhook_id}/deliveries", { params: { path: { webhook_id: id }, query: { cursor, status } } })), [id, status],
  );
  usePolling(deliveries.data?.some((row) => row.status === "pending") ?? false, 3, deliveries.reload);
  const columns: Column<Delivery>[] = [
    { head: t("webhooks.event"), kind: "main", cell: (row) => <span class="mono">{row.event_type}</span> },
    { head: t("common.status"), cell: (row) => <Badge tone={TONES[row.status]}>{t(`webhooks.status_${row.status}` as Key)}</Badge> },
    { head: t("webhooks.response"), kind: "optional", cell: (row) => row.last_attempt?.status_code ?? row.last_attempt?.error ?? "–" },
    { head: t("webhooks.attempts"), kind: "optional num", cell: (row) => number(row.attempt_count) },
    { head: t("common.created"), kind: "optional", cell: (row) => <span title={dateTime(row.created_at)}>{relative(row.created_at)}</span> },
    { head: t("common.actions"), kind: "actions", cell: (row) => (
      <span class="row nowrap">
        <Button compact onClick={() => openDialog((close) => <DeliveryDialog webhook={id} delivery={row.id} close={close} />)}>{t("common.details")}</Button>
        <Button compact onClick={() => replay(row)}>{t("webhooks.again")}</Button>
      </span>
    ) },
  ];
  return (
    <>
      <select class="input" aria-label={t("documents.filter_status")} onChange={(event) => setStatus(STATUSES.find((each) => each === event.currentTarget.value))}>
        <option value="">{t("webhooks.all")}</option>
        {STATUSES.map((each) => <option value={each}>{t(`webhooks.status_${each}` as Key)}</option>)}
      </select>
      <PagedList of={deliveries} empty={<Empty title={t("webhooks.no_deliveries")} text={t("webhooks.no_deliveries_text")} />}>
        {(items) => <Table label={t("webhooks.deliveries")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </>
  );
}

function DeliveryDialog({ webhook, delivery, close }: { webhook: string; delivery: string; close: () => void }) {
  const details = useLoad(() => ok(api.GET("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", { params: { path: { webhook_id: webhook, delivery_id: delivery } } })));
  return (
    <Dialog title={t("webhooks.delivery")} onClose={close}>
      <Async of={details}>
        {(it) => (
          <>
            <p class="mono small">{it.event_id}</p>
            {it.next_attempt_at && <p>{t("webhooks.next", { when: relative(it.next_attempt_at) })}</p>}
            <ul class="list">
              {it.attempts.map((attempt) => (
                <li class={attempt.status_code !== null && attempt.status_code < 300 ? "note good" : "note bad"}>
                  <span>{dateTime(attempt.at)} · {attempt.status_code ?? attempt.error} · {number(attempt.duration_ms)} ms</span>
                  {attempt.response && <span class="mono small">{attempt.response}</span>}
                </li>
              ))}
            </ul>
            <h3>{t("webhooks.payload")}</h3>
            <CodeBlock text={JSON.stringify(it.payload, null, 2)} />
          </>
        )}
      </Async>
    </Dialog>
  );
}

function openReplay(id: string, done: () => void): void {
  openDialog((close) => (
    <Dialog title={t("webhooks.replay")} onClose={close}>
      <p class="soft">{t("webhooks.replay_text")}</p>
      <Form submit={t("webhooks.replay")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        await ok(api.POST("/api/v1/webhooks/{webhook_id}/replay", {
          params: { path: { webhook_id: id } },
          body: { since: new Date(values.text("since")).toISOString(), only_failed: values.checked("only_failed") },
        }));
        close();
        notify(t("webhooks.replayed"));
        done();
      }}>
        <TextField name="since" type="datetime-local" label={t("webhooks.since")} required />
        <Checkbox name="only_failed" label={t("webhooks.only_failed")} checked />
      </Form>
    </Dialog>
  ));
}
