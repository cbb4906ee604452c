import { Link } from "wouter-preact";
import { api, ok, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { bytes, dateTime, number, relative, t, type Key } from "../../i18n";
import { Form, TextField } from "../../ui/form";
import { Async, Badge, Card, Meter, PageHead, Table, type Column } from "../../ui/page";
import { notify } from "../../ui/toast";

const load = async () => {
  const [tokens, rate, alerts, subscription, quota] = await Promise.all([
    ok(api.GET("/api/v1/tokens/limits")),
    ok(api.GET("/api/v1/tokens/rate-limit-check")),
    ok(api.GET("/api/v1/tokens/alerts")),
    ok(api.GET("/api/v1/billing/subscription")),
    ok(api.GET("/api/v1/users/me/quota")),
  ]);
  return { tokens, rate, alerts, subscription, quota };
};

/** What is limited, how much of it is used, and when it resets. */
export function Limits() {
  const limits = useLoad(load);
  return (
    <>
      <PageHead title={t("limits.title")} text={t("limits.text")} />
      <Async of={limits}>
        {(it) => (
          <>
            <Card title={t("limits.tokens")} actions={<Badge>{it.tokens.plan}</Badge>}>
              {it.tokens.limits.map((limit) => <TokenLimit limit={limit} />)}
              <p class="soft small">{t("limits.reserved_text")}</p>
            </Card>
            <Card title={t("limits.requests")}>
              {it.rate.policies.map((policy) => (
                <div class="stack tight">
                  <div class="row between"><span>{t(scopeKey(policy.scope))}</span><span>{t("limits.left", { left: number(policy.remaining), limit: number(policy.limit) })}</span></div>
                  <Meter label={t("limits.requests")} used={policy.limit - policy.remaining} limit={policy.limit} />
                  {policy.retry_after > 0 && <p class="small">{t("limits.wait", { seconds: policy.retry_after })}</p>}
                </div>
              ))}
              {it.rate.policies.length === 0 && <p>{t("limits.left", { left: number(it.rate.remaining), limit: number(it.rate.limit) })}</p>}
            </Card>
            <PlanLimits subscription={it.subscription} />
            <Card title={t("limits.own")}>
              <p class="soft">{t("limits.own_text")}</p>
              <Form key={it.quota.daily_limit} submit={t("common.save")} onSubmit={async (values) => {
                await ok(api.PUT("/api/v1/users/me/quota", { body: { daily_limit: values.number("daily_limit") } }));
                notify(t("common.saved"));
                await limits.reload();
              }}>
                <TextField name="daily_limit" type="number" min={0} label={t("limits.own_limit")} value={it.quota.daily_limit} required />
              </Form>
            </Card>
            <Alerts alerts={it.alerts} />
          </>
        )}
      </Async>
    </>
  );
}

const scopeKey = (scope: string): Key => {
  const key = `limits.scope_${scope}`;
  return (["user", "org", "key", "chatbot"].includes(scope) ? key : "limits.scope_other") as Key;
};

function TokenLimit({ limit }: { limit: Api<"TokenLimit"> }) {
  return (
    <div class="stack tight">
      <div class="row between">
        <span>{t(scopeKey(limit.scope))}</span>
        <span>{t("limits.used", { used: number(limit.used), limit: number(limit.limit) })}</span>
      </div>
      <Meter label={t(scopeKey(limit.scope))} used={limit.used + limit.reserved} limit={limit.limit} />
      <p class="small soft">
        {limit.reserved > 0 && `${t("limits.reserved", { reserved: number(limit.reserved) })} `}
        {limit.resets_at ? t("limits.resets", { when: relative(limit.resets_at), time: dateTime(limit.resets_at) }) : t("limits.no_reset")}
      </p>
    </div>
  );
}

const SIZES = new Set(["file_bytes", "storage_bytes"]);

function PlanLimits({ subscription }: { subscription: Api<"OrgSubscription"> }) {
  const rows = Object.entries(subscription.limits) as [keyof Api<"Limits">, number][];
  const columns: Column<(typeof rows)[number]>[] = [
    { head: t("limits.what"), kind: "main", cell: ([name]) => t(`plan.limit_${name}` as Key) },
    { head: t("limits.limit"), kind: "num", cell: ([name, value]) => (SIZES.has(name) ? bytes(value) : number(value)) },
    { head: t("limits.source"), kind: "optional", cell: ([name]) => t(subscription.limit_sources[name] === "override" ? "limits.override" : "limits.plan") },
  ];
  return (
    <Card title={t("limits.plan_title", { plan: subscription.plan_type })} actions={<Link href="/billing">{t("limits.upgrade")}</Link>}>
      {subscription.exceeded_limits.length > 0 && (
        <div class="note warn">
          {subscription.exceeded_limits.map((it) => <p>{t("limits.exceeded", { what: it.resource, used: number(it.used), limit: number(it.limit) })}</p>)}
        </div>
      )}
      <Table label={t("limits.title")} columns={columns} rows={rows} id={([name]) => name} />
    </Card>
  );
}

function Alerts({ alerts }: { alerts: Api<"TokenAlert">[] }) {
  const columns: Column<Api<"TokenAlert">>[] = [
    { head: t("limits.what"), kind: "main", cell: (row) => t(scopeKey(row.scope)) },
    { head: t("limits.reached"), kind: "num", cell: (row) => `${row.percent} %` },
    { head: t("limits.limit"), kind: "optional num", cell: (row) => number(row.limit) },
    { head: t("common.created"), cell: (row) => dateTime(row.created_at) },
  ];
  return (
    <Card title={t("limits.alerts")}>
      {alerts.length === 0 ? <p class="soft">{t("limits.no_alerts")}</p> : <Table label={t("limits.alerts")} columns={columns} rows={alerts} id={(_, index) => String(index)} />}
    </Card>
  );
}
