import { api, ok, page, type Api } from "../../api/client";
import { useLoad } from "../../api/load";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Form, Select, TextArea, TextField } from "../../ui/form";

type Integration = Api<"IntegrationView">;

/** Asks for what an integration needs, and creates it. */
export function openNewIntegration(kind: "slack" | "website", done: (integration: Integration) => void, chatbot?: string): void {
  openDialog((close) => <NewIntegration kind={kind} chatbot={chatbot} close={close} done={done} />);
}

/** The chatbots of the organization, as choices of a form. */
export function useChatbots() {
  const chatbots = useLoad(() => page(api.GET("/api/v1/chatbots", { params: { query: { scope: "org", limit: 100 } } })));
  return (chatbots.data?.items ?? []).map((each) => ({ value: each.id, label: each.name }));
}

function NewIntegration({ kind, chatbot, close, done }: {
  kind: "slack" | "website"; chatbot?: string; close: () => void; done: (integration: Integration) => void;
}) {
  const chatbots = useChatbots();
  return (
    <Dialog title={t(kind === "slack" ? "integrations.new_slack" : "integrations.new_website")} onClose={close}>
      <Form submit={t("common.create")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const integration = await ok(api.POST("/api/v1/integrations/{integration_id}", {
          params: { path: { integration_id: kind } } as never,
          body: {
            name: values.text("name"), chatbot_id: values.optional("chatbot_id"),
            ...(kind === "website" ? { config: { allowed_origins: values.lines("allowed_origins") } } : {}),
          },
        }));
        close();
        done(integration);
      }}>
        <TextField name="name" label={t("common.name")} value={kind === "slack" ? "Slack" : ""} required maxLength={100} autoFocus />
        {chatbots.length > 0 && <Select name="chatbot_id" label={t("integrations.chatbot")} value={chatbot} choices={[{ value: "", label: t("integrations.no_chatbot") }, ...chatbots]} />}
        {kind === "website" && (
          <TextArea name="allowed_origins" label={t("integrations.origins")} rows={3} pointer="/config/allowed_origins"
            hint={t("integrations.origins_hint")} placeholder="https://www.example.com" required />
        )}
      </Form>
    </Dialog>
  );
}
