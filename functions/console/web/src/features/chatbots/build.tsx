import { useRef } from "preact/hooks";
import { api, ok, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Checkbox, Form, Select, TextArea, TextField, Values } from "../../ui/form";
import { Card } from "../../ui/page";
import { notify } from "../../ui/toast";
import { TestPane } from "./test_pane";

type Chatbot = Api<"ChatbotView">;
type SettingsPatch = Api<"ChatbotSettingsPatch">;

interface BuildProps {
  chatbot: Chatbot;
  changed: (chatbot: Chatbot) => void;
  deleted: () => void;
  copied: (chatbot: Chatbot) => void;
}

/** The settings of a chatbot, beside a test of what they would answer before they are saved. */
export function Build({ chatbot, changed, deleted, copied }: BuildProps) {
  const container = useRef<HTMLDivElement>(null);
  const params = { path: { chatbot_id: chatbot.id } };
  const unsaved = (): SettingsPatch => {
    const form = container.current?.querySelector("form");
    return form ? settingsOf(new Values(new FormData(form))) : {};
  };
  return (
    <div class="split">
      <div class="stack" ref={container}>
        <Card title={t("chatbots.settings")}>
          <SettingsForm chatbot={chatbot} key={chatbot.updated_at} onSave={async (values) => {
            changed(await ok(api.PUT("/api/v1/chatbots/{chatbot_id}", {
              params,
              body: { name: values.text("name"), description: values.optional("description"), settings: settingsOf(values) },
            })));
            notify(t("common.saved"));
          }} />
        </Card>
        <div class="row">
          <Button icon="copy" onClick={async () => copied(await ok(api.POST("/api/v1/chatbots/{chatbot_id}/clone", { params, body: {} })))}>
            {t("chatbots.clone")}
          </Button>
          <Button kind="danger" icon="trash" onClick={() => confirmStep({
            title: t("chatbots.delete"), text: t("chatbots.delete_text"), action: t("common.delete"), name: chatbot.name,
            run: async () => {
              await ok(api.DELETE("/api/v1/chatbots/{chatbot_id}", { params }));
              deleted();
            },
          })}>{t("chatbots.delete")}</Button>
        </div>
      </div>
      <TestPane chatbot={chatbot} settings={unsaved} />
    </div>
  );
}

function settingsOf(values: Values): SettingsPatch {
  return {
    model: values.text("model"),
    system_prompt: values.optional("system_prompt"),
    welcome_message: values.optional("welcome_message"),
    suggested_questions: values.lines("suggested_questions"),
    refusal_text: values.optional("refusal_text"),
    mode: values.text("mode") === "query" ? "query" : "chat",
    rewrite_questions: values.checked("rewrite_questions"),
    min_relevance: (values.number("min_relevance") ?? 0) / 100,
    top_k: values.number("top_k"),
    max_tokens: values.number("max_tokens"),
    temperature: values.number("temperature"),
    daily_token_cap: values.number("daily_token_cap"),
    color: values.checked("has_color") ? values.text("color") : null,
  };
}

/** Models that can be chosen, by name. */
export function useModels(): string[] {
  const models = useLoad(() => ok(api.GET("/api/v1/ai/models")));
  return (models.data ?? []).map((model) => model.id);
}

function SettingsForm({ chatbot, onSave }: { chatbot: Chatbot; onSave: (values: Values) => Promise<void> }) {
  const { settings } = chatbot;
  const models = useModels();
  const at = (name: string) => `/settings/${name}`;
  return (
    <Form submit={t("common.save")} wide onSubmit={onSave}>
      <TextField name="name" label={t("common.name")} value={chatbot.name} required maxLength={100} />
      <TextField name="description" label={t("common.description")} value={chatbot.description} />
      <TextField name="model" label={t("chatbots.model")} value={settings.model} list={models} pointer={at("model")} hint={t("chatbots.model_hint")} required />
      <TextArea name="system_prompt" rows={4} label={t("chatbots.system_prompt")} value={settings.system_prompt} pointer={at("system_prompt")} hint={t("chatbots.system_prompt_hint")} />
      <Select name="mode" label={t("chatbots.mode")} value={settings.mode} pointer={at("mode")} choices={[
        { value: "chat", label: t("chatbots.mode_chat") }, { value: "query", label: t("chatbots.mode_query") },
      ]} />
      <TextArea name="welcome_message" label={t("chatbots.welcome")} value={settings.welcome_message} rows={2} pointer={at("welcome_message")} />
      <TextArea name="suggested_questions" label={t("chatbots.suggested")} value={settings.suggested_questions.join("\n")} rows={3}
        pointer={at("suggested_questions")} hint={t("common.one_per_line")} />
      <TextArea name="refusal_text" label={t("chatbots.refusal")} value={settings.refusal_text} rows={2} pointer={at("refusal_text")} hint={t("chatbots.refusal_hint")} />
      <Checkbox name="rewrite_questions" label={t("chatbots.rewrite")} hint={t("chatbots.rewrite_hint")} checked={settings.rewrite_questions} />
      <details>
        <summary>{t("chatbots.advanced")}</summary>
        <div class="stack" style={{ marginTop: "var(--s3)" }}>
          <div class="pair">
            <TextField name="min_relevance" type="number" label={t("chatbots.min_relevance")} value={Math.round(settings.min_relevance * 100)} min={0} max={100} pointer={at("min_relevance")} />
            <TextField name="top_k" type="number" label={t("chatbots.top_k")} value={settings.top_k} min={1} max={50} pointer={at("top_k")} />
            <TextField name="max_tokens" type="number" label={t("chatbots.max_tokens")} value={settings.max_tokens} min={1} pointer={at("max_tokens")} />
            <TextField name="temperature" type="number" step={0.1} label={t("chatbots.temperature")} value={settings.temperature} min={0} max={2} pointer={at("temperature")} />
            <TextField name="daily_token_cap" type="number" label={t("chatbots.daily_cap")} value={settings.daily_token_cap} min={1} pointer={at("daily_token_cap")} hint={t("chatbots.daily_cap_hint")} />
            <TextField name="color" type="color" label={t("chatbots.color")} value={settings.color ?? "#1f5fbf"} pointer={at("color")} />
          </div>
          <Checkbox name="has_color" label={t("chatbots.has_color")} checked={settings.color !== null} />
        </div>
      </details>
    </Form>
  );
}
