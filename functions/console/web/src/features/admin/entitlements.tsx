import { api, ok, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { bytes, date, number, t, type Key } from "../../i18n";
import { Checkbox, Form, TextField, type Values } from "../../ui/form";
import { Async, Badge, Card, PageHead } from "../../ui/page";
import { notify } from "../../ui/toast";

type Entitlements = Api<"OrgEntitlements">;
type Limit = keyof Api<"Limits">;

const FEATURES: Api<"Feature">[] = ["analytics", "white_label"];

/** What an organization may use beside its plan. */
export function Entitlements({ id }: { id: string }) {
  const params = { path: { org_id: id } };
  const entitlements = useLoad(() => ok(api.GET("/api/v1/admin/orgs/{org_id}/entitlements", { params })), [id]);
  const save = async (it: Entitlements, values: Values) => {
    const names = Object.keys(it.limits) as Limit[];
    const limits = Object.fromEntries(names.map((name) => [name, values.number(name)]).filter(([, value]) => value !== null));
    const features = Object.fromEntries(FEATURES.filter((feature) => values.checked(feature)).map((feature) => [feature, true]));
    const until = values.text("expires_at");
    entitlements.set(await ok(api.PUT("/api/v1/admin/orgs/{org_id}/entitlements", {
      params, body: { limits, features, reason: values.text("reason"), ...(until ? { expires_at: new Date(until).toISOString() } : {}) },
    })));
    notify(t("common.saved"));
  };
  return (
    <>
      <PageHead title={t("admin.entitlements")} text={id} back={{ href: "/admin/users", label: t("nav.admin_users") }} />
      <Async of={entitlements}>
        {(it) => (
          <Card title={t("limits.plan_title", { plan: it.plan_type })} actions={it.overrides && <Badge tone="info">{t("admin.overridden", { reason: it.overrides.reason })}</Badge>}>
            <p class="soft">{t("admin.entitlements_text")}</p>
            {it.overrides?.expires_at && <p>{t("admin.until", { date: date(it.overrides.expires_at) })}</p>}
            <Form key={it.overrides?.set_at ?? ""} submit={t("common.save")} wide onSubmit={(values) => save(it, values)}>
              <div class="pair">
                {(Object.entries(it.limits) as [Limit, number][]).map(([name, value]) => (
                  <TextField name={name} type="number" min={0} label={t(`plan.limit_${name}` as Key)} pointer={`/limits/${name}`} value={it.overrides?.limits[name]}
                    hint={t("admin.applies", { value: name.endsWith("bytes") ? bytes(value) : number(value) })} />
                ))}
              </div>
              <fieldset>
                <legend>{t("admin.features")}</legend>
                {FEATURES.map((feature) => <Checkbox name={feature} label={t(`plan.feature_${feature}` as Key)} checked={it.overrides?.features[feature] ?? false} />)}
              </fieldset>
              <TextField name="expires_at" type="date" label={t("admin.expires")} />
              <TextField name="reason" label={t("admin.reason")} required />
            </Form>
          </Card>
        )}
      </Async>
    </>
  );
}
