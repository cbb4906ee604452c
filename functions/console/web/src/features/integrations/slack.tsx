import { useEffect, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, ok, type Api } from "../../api/client";
import { t } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { ErrorNote } from "../../ui/errors";
import { Form, TextField } from "../../ui/form";
import { Card, Loading, PageHead } from "../../ui/page";
import { notify } from "../../ui/toast";

type Integration = Api<"IntegrationView">;

/** Which integration the browser left for Slack's page of approval. */
const INSTALLING = "parlance.slack";

/** How a workspace is connected: by the platform's app, or by an app of one's own. */
export function SlackSetup({ integration, changed }: { integration: Integration; changed: (integration: Integration) => void }) {
  const [error, setError] = useState<unknown>(null);
  const params = { path: { integration_id: integration.id } };
  const install = async () => {
    try {
      const { url } = await ok(api.POST("/api/v1/integrations/slack/{integration_id}/install", { params }));
      sessionStorage.setItem(INSTALLING, integration.id);
      location.assign(url);
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <>
      <Card title={t("slack.title")}>
        {integration.workspace
          ? <p class="note good">{t("slack.connected", { team: integration.workspace.team_name })}</p>
          : <p class="soft">{t("slack.text")}</p>}
        <div><Button icon="out" onClick={install}>{t("slack.install")}</Button></div>
        {error !== null && <ErrorNote error={error} />}
      </Card>
      <Card title={t("slack.own")}>
        <p class="soft">{t("slack.own_text")}</p>
        {integration.slack_urls && <CodeBlock text={Object.values(integration.slack_urls).join("\n")} wrap />}
        <Form submit={t("slack.connect")} onSubmit={async (values) => {
          changed(await ok(api.POST("/api/v1/integrations/slack/{integration_id}/credentials", {
            params, body: { bot_token: values.optional("bot_token"), signing_secret: values.optional("signing_secret") },
          })));
          notify(t("common.saved"));
        }}>
          <TextField name="bot_token" type="password" label="Bot User OAuth Token" autoComplete="off" hint="xoxb-…" />
          <TextField name="signing_secret" type="password" label="Signing Secret" autoComplete="off" hint={integration.has_signing_secret ? t("slack.secret_stored") : undefined} />
        </Form>
      </Card>
    </>
  );
}

/** Where Slack leads back to after its page of approval. */
export function SlackCallback() {
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const query = new URLSearchParams(location.search);
  const refused = query.get("error");
  const id = sessionStorage.getItem(INSTALLING);
  useEffect(() => {
    const [code, state] = [query.get("code"), query.get("state")];
    history.replaceState(history.state, "", location.pathname);
    if (!code || !state || !id) return;
    ok(api.POST("/api/v1/integrations/slack/{integration_id}/install/complete", {
      params: { path: { integration_id: id } }, body: { code, state },
    })).then(
      () => {
        sessionStorage.removeItem(INSTALLING);
        navigate(`/integrations/${id}`, { replace: true });
      },
      (failure: unknown) => setError(failure),
    );
  }, []);
  return (
    <>
      <PageHead title={t("slack.title")} back={{ href: id ? `/integrations/${id}` : "/integrations", label: t("integrations.title") }} />
      {refused || !id ? <p class="note warn">{t("slack.refused")}</p> : error !== null ? <ErrorNote error={error} /> : <Loading />}
    </>
  );
}
