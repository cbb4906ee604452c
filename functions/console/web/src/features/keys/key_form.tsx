import { api, ok, type Api } from "../../api/client";
import { ROOT_URL } from "../../api/root";
import { t } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Checkbox, Form, Select, TextField, type Values } from "../../ui/form";
import { useAccount } from "../account/context";

type ApiKey = Api<"KeyView">;

const SCOPES: Api<"Permission">[] = [
  "chats:read", "chats:write", "documents:read", "documents:write", "chatbots:read", "chatbots:write", "data_sources:read",
  "data_sources:query", "data_sources:write", "prompts:read", "prompts:write", "integrations:read", "integrations:write",
  "members:read", "members:write", "keys:read", "keys:write", "org:read", "org:write", "usage:org", "webhooks:read", "webhooks:write",
  "audit:read", "audit:org", "billing:write", "account:read",
];
const USUAL = new Set<string>(["chats:read", "chats:write", "documents:read", "documents:write", "chatbots:read"]);
const DAYS = ["30", "90", "365"];

/** Creates a key, or changes what it may do. */
export function openKeyForm(key: ApiKey | null, changed: () => Promise<void>): void {
  openDialog((close) => <KeyForm apiKey={key} changed={changed} close={close} />);
}

function KeyForm({ apiKey, changed, close }: { apiKey: ApiKey | null; changed: () => Promise<void>; close: () => void }) {
  const { user } = useAccount();
  const save = async (values: Values) => {
    const common = {
      name: values.text("name"), scopes: values.all("scopes") as Api<"Permission">[],
      token_budget: values.number("token_budget"), requests_per_minute: values.number("requests_per_minute"),
    };
    if (apiKey) {
      await ok(api.PATCH("/api/v1/apikeys/{key_id}", {
        params: { path: { key_id: apiKey.id } }, body: { ...common, enabled: values.checked("enabled") },
      }));
      close();
    } else {
      const created = await ok(api.POST("/api/v1/apikeys", { body: { ...common, expires_in_days: values.number("expires_in_days") } }));
      openSecret(created);
    }
    await changed();
  };
  return (
    <Dialog title={apiKey ? t("keys.change") : t("keys.new")} onClose={close}>
      <Form submit={apiKey ? t("common.save") : t("common.create")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={save}>
        <TextField name="name" label={t("common.name")} value={apiKey?.name} required maxLength={100} autoFocus />
        <fieldset>
          <legend>{t("keys.scopes")}</legend>
          {!user.email_verified && <p class="small soft">{t("keys.unverified")}</p>}
          <div class="choices">
            {SCOPES.map((scope) => (
              <Checkbox name="scopes" value={scope} label={<span class="mono">{scope}</span>} checked={apiKey ? apiKey.scopes.includes(scope) : USUAL.has(scope)} />
            ))}
          </div>
        </fieldset>
        <div class="pair">
          {!apiKey && <Select name="expires_in_days" label={t("keys.expires")} value="90" choices={[
            { value: "", label: t("keys.no_end") }, ...DAYS.map((days) => ({ value: days, label: t("keys.days", { days }) })),
          ]} />}
          <TextField name="token_budget" type="number" min={1} label={t("keys.budget")} value={apiKey?.token_budget} hint={t("keys.budget_hint")} />
          <TextField name="requests_per_minute" type="number" min={1} label={t("keys.per_minute")} value={apiKey?.requests_per_minute} />
        </div>
        {apiKey && <Checkbox name="enabled" label={t("keys.enabled")} checked={apiKey.enabled} />}
      </Form>
    </Dialog>
  );
}

/** Shows the secret of a key, which is never shown again, and a first request with it. */
export function openSecret(key: Api<"NewKeyView">): void {
  const request = `curl ${ROOT_URL}/v1/chat/completions \\
  -H "Authorization: Bearer ${key.key}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "local", "messages": [{"role": "user", "content": "Hello"}]}'`;
  openDialog((close) => (
    <Dialog title={t("keys.created")} onClose={close}>
      <p class="note warn">{t("keys.once")}</p>
      <CodeBlock text={key.key} wrap label={t("keys.copy")} />
      <h3>{t("keys.first_request")}</h3>
      <CodeBlock text={request} />
      <p class="small soft">{t("keys.base_url", { url: `${ROOT_URL}/v1` })}</p>
      <div class="dialog-actions"><Button kind="primary" onClick={close}>{t("keys.stored")}</Button></div>
    </Dialog>
  ));
}
