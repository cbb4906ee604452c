import { useState } from "preact/hooks";
import { raw, type Api } from "../../api/client";
import { t } from "../../i18n";
import { Button, CodeBlock } from "../../ui/button";
import { confirmStep, Dialog, openDialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/errors";
import { Checkbox, Select, TextArea, TextField, type Values } from "../../ui/form";
import { Card } from "../../ui/page";

type Integration = Api<"IntegrationView">;

/** What visitors may do besides asking, and what the widget looks like. */
interface WidgetSettings {
  feedback?: boolean;
  lead_form?: boolean;
  handover?: boolean;
  identity_required?: boolean;
  daily_visitor_questions?: number | null;
  appearance: Api<"WidgetAppearance"> & { theme?: string; language?: string | null };
}

/** Languages that the widget speaks. */
const LANGUAGES = ["en", "de", "fr", "es", "ar"];

/** All settings of a website: the API replaces the stored ones by them. */
export function websiteConfig(values: Values): Api<"IntegrationSettings"> {
  const config: WidgetSettings & { allowed_origins: string[] } = {
    allowed_origins: values.lines("allowed_origins"),
    feedback: values.checked("feedback"),
    lead_form: values.checked("lead_form"),
    handover: values.checked("handover"),
    identity_required: values.checked("identity_required"),
    daily_visitor_questions: values.number("daily_visitor_questions"),
    appearance: {
      title: values.optional("title"),
      position: values.text("position") === "start" ? "start" : "end",
      color: values.checked("has_color") ? values.text("color") : null,
      theme: values.text("theme") as Api<"WidgetTheme">,
      language: values.optional("language"),
    },
  };
  return config;
}

export function WebsiteFields({ integration }: { integration: Integration }) {
  const config: WidgetSettings & { allowed_origins: string[] } = integration.config;
  const { appearance } = config;
  return (
    <>
      <TextArea name="allowed_origins" label={t("integrations.origins")} value={config.allowed_origins.join("\n")} rows={4}
        pointer="/config/allowed_origins" hint={t("integrations.origins_hint")} />
      <fieldset>
        <legend>{t("integrations.visitors")}</legend>
        <Checkbox name="feedback" label={t("integrations.feedback")} checked={config.feedback ?? true} />
        <Checkbox name="lead_form" label={t("integrations.lead_form")} hint={t("integrations.lead_form_hint")} checked={config.lead_form} />
        <Checkbox name="handover" label={t("integrations.handover")} hint={t("integrations.handover_hint")} checked={config.handover} />
        <Checkbox name="identity_required" label={t("integrations.identity")} hint={t("integrations.identity_hint")} checked={config.identity_required} />
      </fieldset>
      <TextField name="daily_visitor_questions" type="number" min={1} label={t("integrations.visitor_questions")} value={config.daily_visitor_questions}
        hint={t("integrations.daily_questions_hint")} pointer="/config/daily_visitor_questions" />
      <TextField name="title" label={t("integrations.widget_title")} value={appearance.title} maxLength={60}
        pointer="/config/appearance/title" hint={t("integrations.widget_title_hint")} />
      <div class="pair">
        <Select name="position" label={t("integrations.position")} value={appearance.position} choices={[
          { value: "end", label: t("integrations.position_end") }, { value: "start", label: t("integrations.position_start") },
        ]} />
        <Select name="theme" label={t("settings.theme")} value={appearance.theme ?? "auto"} choices={[
          { value: "auto", label: t("settings.theme_system") }, { value: "light", label: t("settings.theme_light") }, { value: "dark", label: t("settings.theme_dark") },
        ]} />
        <Select name="language" label={t("settings.language")} value={appearance.language} choices={[
          { value: "", label: t("integrations.page_language") },
          ...[...new Set([...LANGUAGES, ...(appearance.language ? [appearance.language] : [])])].map((code) => ({ value: code, label: nameOf(code) })),
        ]} />
      </div>
      <Checkbox name="has_color" label={t("integrations.own_color")} checked={appearance.color !== null} />
      <TextField name="color" type="color" label={t("chatbots.color")} value={appearance.color ?? "#1f5fbf"} pointer="/config/appearance/color" />
    </>
  );
}

/** A language by the name that its speakers use. */
function nameOf(code: string): string {
  return new Intl.DisplayNames([code], { type: "language" }).of(code) ?? code;
}

/** The secret with which a site signs who its visitors are. */
export function VisitorIdentity({ integration }: { integration: Integration & { has_identity_secret?: boolean } }) {
  const [error, setError] = useState<unknown>(null);
  const create = async () => {
    try {
      const response = await raw("POST", `/api/v1/integrations/website/${integration.id}/identity-secret`);
      const { secret } = (await response.json()) as { secret: string };
      openDialog((close) => (
        <Dialog title={t("identity.title")} onClose={close}>
          <p class="note warn">{t("webhooks.secret_once")}</p>
          <CodeBlock text={secret} wrap />
          <p class="small soft">{t("identity.use")}</p>
          <div class="dialog-actions"><Button kind="primary" onClick={close}>{t("keys.stored")}</Button></div>
        </Dialog>
      ));
    } catch (failure) {
      setError(failure);
    }
  };
  const replace = () => confirmStep({
    title: t("identity.replace"), text: t("identity.replace_text"), action: t("identity.replace"), name: integration.name,
    // The question closes first: the secret has a dialog of its own.
    run: () => new Promise<void>((resolve) => { setTimeout(() => void create()); resolve(); }),
  });
  return (
    <Card title={t("identity.title")}>
      <p class="soft">{t("identity.text")}</p>
      {error !== null && <ErrorNote error={error} />}
      <div><Button onClick={integration.has_identity_secret ? replace : create}>{t(integration.has_identity_secret ? "identity.replace" : "identity.create")}</Button></div>
    </Card>
  );
}
