import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { api, ok, page, setCurrentOrg } from "../../api/client";
import { useLoad } from "../../api/load";
import { isCode } from "../../api/problem";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep, Dialog, openDialog } from "../../ui/dialog";
import { Checkbox, Form, Select, TextField } from "../../ui/form";
import { Async, Card, PageHead } from "../../ui/page";
import { notify } from "../../ui/toast";
import { useAccount } from "../account/context";
import { useModels } from "../chatbots/build";

/** Name, time zone, models, branding and the end of an organization. */
export function Organization() {
  const { org, can, reload } = useAccount();
  const models = useModels();
  const params = { path: { org_id: org.id } };
  const editable = can("org:write");
  return (
    <>
      <PageHead title={t("org.title")} text={editable ? t("org.text") : t("org.read_only")} />
      {editable && (
        <Card title={t("org.settings")}>
          <Form submit={t("common.save")} onSubmit={async (values) => {
            await ok(api.PATCH("/api/v1/orgs/{org_id}", { params, body: {
              name: values.text("name"), time_zone: values.text("time_zone"),
              ...(org.personal ? {} : { slug: values.text("slug") }),
              downgrade_model: values.optional("downgrade_model"), transcription_model: values.optional("transcription_model"),
              fallback_models: values.text("fallback_models").split(",").map((model) => model.trim()).filter(Boolean),
            } }));
            await reload();
            notify(t("common.saved"));
          }}>
            <TextField name="name" label={t("common.name")} value={org.name} required maxLength={100} />
            {!org.personal && <TextField name="slug" label={t("org.slug")} value={org.slug} required hint={t("org.slug_hint")} />}
            <TextField name="time_zone" label={t("org.time_zone")} value={org.time_zone} list={Intl.supportedValuesOf("timeZone")} hint={t("org.time_zone_hint")} />
            <TextField name="fallback_models" label={t("org.fallback")} value={org.fallback_models.join(", ")} hint={t("org.fallback_hint")} />
            <TextField name="downgrade_model" label={t("org.downgrade")} value={org.downgrade_model} list={models} hint={t("org.downgrade_hint")} />
            <TextField name="transcription_model" label={t("org.transcription")} value={org.transcription_model} list={models} hint={t("org.transcription_hint")} />
          </Form>
        </Card>
      )}
      {editable && <WhiteLabel />}
      {can("org:own") && !org.personal && <Danger />}
    </>
  );
}

function WhiteLabel() {
  const label = useLoad(() => ok(api.GET("/api/v1/premium/white-label")));
  if (isCode(label.error, "plan_required")) return <Card title={t("brand.title")}><p class="soft">{t("brand.plan")}</p></Card>;
  return (
    <Card title={t("brand.title")}>
      <p class="soft">{t("brand.text")}</p>
      <Async of={label}>
        {(it) => (
          <Form key={it.updated_at} submit={t("common.save")} onSubmit={async (values) => {
            label.set(await ok(api.PUT("/api/v1/premium/white-label", { body: {
              product_name: values.optional("product_name"), logo_url: values.optional("logo_url"), support_email: values.optional("support_email"),
              color: values.checked("has_color") ? values.text("color") : null, hide_branding: values.checked("hide_branding"),
            } })));
            notify(t("common.saved"));
          }}>
            <TextField name="product_name" label={t("brand.product")} value={it.product_name} />
            <TextField name="logo_url" type="url" label={t("brand.logo")} value={it.logo_url} />
            <TextField name="support_email" type="email" label={t("brand.support")} value={it.support_email} />
            <Checkbox name="has_color" label={t("integrations.own_color")} checked={it.color !== null} />
            <TextField name="color" type="color" label={t("chatbots.color")} value={it.color ?? "#1f5fbf"} />
            <Checkbox name="hide_branding" label={t("brand.hide")} checked={it.hide_branding} />
          </Form>
        )}
      </Async>
    </Card>
  );
}

function Danger() {
  const { org, reload } = useAccount();
  const [, navigate] = useLocation();
  const params = { path: { org_id: org.id } };
  const remove = () => confirmStep({
    title: t("org.delete"), text: t("org.delete_text"), action: t("org.delete"), name: org.name,
    run: async () => {
      await ok(api.DELETE("/api/v1/orgs/{org_id}", { params }));
      setCurrentOrg(null);
      navigate("/");
      await reload();
    },
  });
  return (
    <Card title={t("org.danger")}>
      <div class="row">
        <Button onClick={() => openDialog((close) => <Transfer close={close} />)}>{t("org.transfer")}</Button>
        <Button kind="danger" icon="trash" onClick={remove}>{t("org.delete")}</Button>
      </div>
    </Card>
  );
}

function Transfer({ close }: { close: () => void }) {
  const { org, user, reload } = useAccount();
  const [chosen, setChosen] = useState("");
  const members = useLoad(async () => (await page(api.GET("/api/v1/orgs/{org_id}/members", { params: { path: { org_id: org.id }, query: { limit: 100 } } }))).items);
  return (
    <Dialog title={t("org.transfer")} onClose={close}>
      <p class="soft">{t("org.transfer_text")}</p>
      <Async of={members}>
        {(items) => {
          const others = items.filter((each) => each.status === "active" && each.user_id !== null && each.user_id !== user.id);
          return others.length === 0 ? <p>{t("org.transfer_none")}</p> : (
            <Form submit={t("org.transfer")} kind="danger" wide disabled={!chosen} onSubmit={async () => {
              await ok(api.POST("/api/v1/orgs/{org_id}/transfer", { params: { path: { org_id: org.id } }, body: { user_id: chosen } }));
              close();
              await reload();
            }}>
              <Select name="user_id" label={t("org.new_owner")} onChange={setChosen}
                choices={[{ value: "", label: "–" }, ...others.map((each) => ({ value: each.user_id ?? "", label: each.name ?? each.email ?? "" }))]} />
            </Form>
          );
        }}
      </Async>
    </Dialog>
  );
}
