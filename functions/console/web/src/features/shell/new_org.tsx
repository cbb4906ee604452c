import { api, ok, setCurrentOrg } from "../../api/client";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { Form, TextField } from "../../ui/form";
import { notify } from "../../ui/toast";

/** Asks for the name of a new organization, creates it and goes there. */
export function openNewOrg(reload: () => Promise<void>): void {
  openDialog((close) => (
    <Dialog title={t("neworg.title")} onClose={close}>
      <p class="soft">{t("neworg.text")}</p>
      <Form submit={t("neworg.submit")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        const org = await ok(api.POST("/api/v1/orgs", { body: { name: values.text("name"), time_zone } }));
        setCurrentOrg(org.id);
        close();
        await reload();
        notify(t("neworg.done", { name: org.name }));
      }}>
        <TextField name="name" label={t("common.name")} required maxLength={100} autoFocus />
      </Form>
    </Dialog>
  ));
}
