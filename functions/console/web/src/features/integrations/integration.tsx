import { Link, useLocation } from "wouter-preact";
import { api, ok, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Checkbox, Form, Select, TextField, type Values } from "../../ui/form";
import { Async, Card, PageHead } from "../../ui/page";
import { notify } from "../../ui/toast";
import { EmbedCode } from "./embed";
import { IntegrationBadge } from "./integrations";
import { useChatbots } from "./new_integration";
import { SlackSetup } from "./slack";
import { VisitorIdentity, WebsiteFields, websiteConfig } from "./website_settings";

type Integration = Api<"IntegrationView">;

export function IntegrationPage({ id }: { id: string }) {
  const [, navigate] = useLocation();
  const params = { path: { integration_id: id } };
  const integration = useLoad(() => ok(api.GET("/api/v1/integrations/{integration_id}", { params })), [id]);
  const update = async (body: Api<"IntegrationPatch">) => {
    integration.set(await ok(api.PUT("/api/v1/integrations/{integration_id}", { params, body })));
    notify(t("common.saved"));
  };
  const remove = (it: Integration) => confirmStep({
    title: t("integrations.delete"), text: t("integrations.delete_text"), action: t("common.delete"), name: it.name,
    run: async () => {
      await ok(api.DELETE("/api/v1/integrations/{integration_id}", { params }));
      navigate("/integrations");
    },
  });
  return (
    <Async of={integration}>
      {(it) => (
        <>
          <PageHead title={it.name} text={<IntegrationBadge status={it.status} />} back={{ href: "/integrations", label: t("integrations.title") }} actions={<>
            {it.status === "active" && <Button onClick={() => update({ status: "paused" })}>{t("integrations.pause")}</Button>}
            {it.status === "paused" && <Button kind="primary" onClick={() => update({ status: "active" })}>{t("integrations.resume")}</Button>}
            <Button kind="danger" icon="trash" onClick={() => remove(it)}>{t("common.delete")}</Button>
          </>} />
          {it.problem && <p class="note bad" role="alert">{it.problem.detail}</p>}
          {it.type === "website" && (
            <Card title={t("website.embed")}>
              {it.chatbot_id ? <EmbedCode chatbot={it.chatbot_id} /> : <p class="note warn">{t("website.no_chatbot")}</p>}
              {it.chatbot_id && <p><Link href={`/chatbots/${it.chatbot_id}`}>{t("website.open_chatbot")}</Link></p>}
            </Card>
          )}
          {it.type === "slack" && <SlackSetup integration={it} changed={integration.set} />}
          <Card title={t("integrations.settings")}>
            <Settings key={it.updated_at} integration={it} update={update} />
          </Card>
          {it.type === "website" && <VisitorIdentity integration={it} />}
        </>
      )}
    </Async>
  );
}

function Settings({ integration, update }: { integration: Integration; update: (body: Api<"IntegrationPatch">) => Promise<void> }) {
  const chatbots = useChatbots();
  const { config } = integration;
  const configOf = (values: Values): Api<"IntegrationSettings"> => integration.type === "website" ? websiteConfig(values) : {
    channels: config.channels, read_files: values.checked("read_files"), daily_questions: values.number("daily_questions"),
  };
  return (
    <Form submit={t("common.save")} onSubmit={(values) => update({
      name: values.text("name"), config: configOf(values),
      ...(chatbots.length > 0 ? { chatbot_id: values.optional("chatbot_id") } : {}),
    })}>
      <TextField name="name" label={t("common.name")} value={integration.name} required maxLength={100} />
      {chatbots.length > 0 && (
        <Select name="chatbot_id" label={t("integrations.chatbot")} value={integration.chatbot_id} choices={[{ value: "", label: t("integrations.no_chatbot") }, ...chatbots]} />
      )}
      {integration.type === "website" ? <WebsiteFields integration={integration} /> : <>
        <TextField name="daily_questions" type="number" label={t("integrations.daily_questions")} value={config.daily_questions} min={1} hint={t("integrations.daily_questions_hint")} pointer="/config/daily_questions" />
        <Checkbox name="read_files" label={t("integrations.read_files")} hint={t("integrations.read_files_hint")} checked={config.read_files} />
      </>}
    </Form>
  );
}
