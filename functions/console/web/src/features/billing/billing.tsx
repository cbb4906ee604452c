import { useEffect, useState } from "preact/hooks";
import { Link, useSearch } from "wouter-preact";
import { api, ok, type Api } from "../../api/client";
import { useLoad, usePolling } from "../../api/load";
import { ROOT_URL } from "../../api/root";
import { date, money, number, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { ErrorNote } from "../../ui/errors";
import { Form, TextField } from "../../ui/form";
import { Async, Badge, Card, PageHead, Table, type Column, type Tone } from "../../ui/page";
import { notify } from "../../ui/toast";
import { useAccount } from "../account/context";
import { Plans } from "./plans";

type Subscription = Api<"OrgSubscription">;

const TONES: Partial<Record<Api<"SubscriptionStatus">, Tone>> = { active: "good", trialing: "info", past_due: "bad", unpaid: "bad", incomplete: "warn" };

export function Billing() {
  const { can, reload } = useAccount();
  const returned = new URLSearchParams(useSearch()).get("paid") === "1";
  const subscription = useLoad(() => ok(api.GET("/api/v1/billing/subscription")));
  const plans = useLoad(() => ok(api.GET("/api/v1/billing/plans")));
  const waiting = returned && subscription.data?.plan_type === "FREE";
  // The payment is an event that takes a moment to arrive.
  usePolling(waiting, 1, subscription.reload);
  useEffect(() => {
    if (returned && subscription.data && subscription.data.plan_type !== "FREE") void reload();
  }, [subscription.data?.plan_type]);
  return (
    <>
      <PageHead title={t("billing.title")} text={t("billing.text")} />
      {waiting && <p class="note info" role="status">{t("billing.waiting")}</p>}
      {returned && subscription.data && !waiting && <p class="note good" role="status">{t("billing.paid", { plan: subscription.data.plan_type })}</p>}
      <Async of={subscription}>
        {(it) => (
          <>
            <Current subscription={it} changed={subscription.set} />
            <Async of={plans}>{(offers) => <Plans offers={offers} subscription={it} changed={subscription.set} />}</Async>
          </>
        )}
      </Async>
      {can("billing:write") && <Overage />}
      {can("billing:write") && <Invoices />}
    </>
  );
}

function Current({ subscription, changed }: { subscription: Subscription; changed: (subscription: Subscription) => void }) {
  const { can } = useAccount();
  const [error, setError] = useState<unknown>(null);
  const portal = async () => {
    try {
      const { url } = await ok(api.POST("/api/v1/billing/portal", { body: { return_url: `${ROOT_URL}/billing` } }));
      location.assign(url);
    } catch (failure) {
      setError(failure);
    }
  };
  const cancel = () => confirmStep({
    title: t("billing.cancel"), text: t("billing.cancel_text"), action: t("billing.cancel"), name: subscription.plan_type,
    run: async () => changed(await ok(api.POST("/api/v1/billing/subscription/cancel"))),
  });
  const rows: [string, string | null][] = [
    [t("billing.seats"), `${number(subscription.seats.used)} / ${number(subscription.seats.limit)}`],
    [t(subscription.cancel_at_period_end ? "billing.ends" : "billing.renews"), subscription.current_period_end && date(subscription.current_period_end)],
    [t("billing.trial"), subscription.trial_end && date(subscription.trial_end)],
    [t("billing.grace"), subscription.grace_ends_at && date(subscription.grace_ends_at)],
  ];
  return (
    <Card title={t("billing.current", { plan: subscription.plan_type })} actions={subscription.status && (
      <Badge tone={TONES[subscription.status] ?? ""}>{t(`billing.status_${subscription.status}` as Key)}</Badge>
    )}>
      <dl class="facts">{rows.filter(([, value]) => value).map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}</dl>
      {subscription.exceeded_limits.length > 0 && <p class="note warn"><Link href="/limits">{t("billing.exceeded")}</Link></p>}
      {error !== null && <ErrorNote error={error} />}
      {can("billing:write") && subscription.stripe_customer_id && (
        <div class="row">
          <Button icon="out" onClick={portal}>{t("billing.portal")}</Button>
          {subscription.status && !subscription.cancel_at_period_end && subscription.plan_type !== "FREE" && <Button kind="danger" onClick={cancel}>{t("billing.cancel")}</Button>}
          {subscription.cancel_at_period_end && (
            <Button kind="primary" onClick={async () => changed(await ok(api.POST("/api/v1/billing/subscription/resume")))}>{t("billing.resume")}</Button>
          )}
        </div>
      )}
    </Card>
  );
}

function Overage() {
  const { org } = useAccount();
  const overage = useLoad(() => ok(api.GET("/api/v1/billing/overage")));
  if (org.personal || overage.data?.pack === null) return null;
  return (
    <Card title={t("overage.title")}>
      <Async of={overage}>
        {(it) => (
          <>
            <p class="soft">{it.pack && t("overage.text", { tokens: number(it.pack.tokens), price: money(it.pack.amount_cents / 100, it.pack.currency) })}</p>
            <p>{t("overage.month", { packs: it.packs, amount: money(it.amount_cents / 100, it.pack?.currency ?? "usd") })}</p>
            <Form key={it.spending_cap_cents} submit={t("common.save")} onSubmit={async (values) => {
              const cap = values.number("spending_cap_cents");
              overage.set(await ok(api.PUT("/api/v1/billing/overage", { body: { spending_cap_cents: cap === null ? null : Math.round(cap * 100) } })));
              notify(t("common.saved"));
            }}>
              <TextField name="spending_cap_cents" type="number" min={0} step={0.01} label={t("overage.cap")} hint={t("overage.cap_hint")}
                value={it.spending_cap_cents === null ? null : it.spending_cap_cents / 100} />
            </Form>
          </>
        )}
      </Async>
    </Card>
  );
}

function Invoices() {
  const invoices = useLoad(() => ok(api.GET("/api/v1/billing/invoices")));
  const columns: Column<Api<"Invoice">>[] = [
    { head: t("invoices.number"), kind: "main", cell: (row) => (row.url ? <a href={row.url} target="_blank" rel="noopener noreferrer">{row.number ?? row.id}</a> : (row.number ?? row.id)) },
    { head: t("common.created"), cell: (row) => date(row.created_at) },
    { head: t("common.status"), kind: "optional", cell: (row) => row.status },
    { head: t("invoices.total"), kind: "num", cell: (row) => money(row.total_cents / 100, row.currency) },
  ];
  return (
    <Card title={t("invoices.title")}>
      <Async of={invoices}>
        {(items) => items.length === 0 ? <p class="soft">{t("invoices.empty")}</p>
          : <Table label={t("invoices.title")} columns={columns} rows={items} id={(row) => row.id} />}
      </Async>
    </Card>
  );
}
