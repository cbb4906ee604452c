import { useState } from "preact/hooks";
import { api, ok, page, type Api } from "../../api/client";
import { useLoad, usePages, usePolling } from "../../api/load";
import { endSession } from "../../api/session";
import { bytes, dateTime, LANGUAGES, relative, setLanguage, t, type Language } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Checkbox, Form, Select, TextField } from "../../ui/form";
import { Async, Badge, Card, PagedList, PageHead, Table, type Column } from "../../ui/page";
import { applyTheme, themeChoice, type ThemeChoice } from "../../ui/theme";
import { notify } from "../../ui/toast";
import { useAccount } from "../account/context";
import { Invitations } from "./invitations";

/** The account of the person who is signed in. */
export function Profile() {
  const { user, reload } = useAccount();
  const [emailChanged, setEmailChanged] = useState(false);
  return (
    <>
      <PageHead title={t("profile.title")} text={user.email} />
      <div class="columns">
        <Card title={t("profile.account")}>
          <Form submit={t("common.save")} onSubmit={async (values) => {
            const email = values.text("email");
            const changed = email !== user.email;
            await ok(api.PUT("/api/v1/users/me", { body: {
              name: values.text("name"), ...(changed ? { email, current_password: values.exact("current_password") } : {}),
            } }));
            await reload();
            setEmailChanged(false);
            notify(t(changed ? "profile.email_sent" : "common.saved"));
          }}>
            <TextField name="name" label={t("account.name")} value={user.name} required maxLength={100} />
            <TextField name="email" type="email" label={t("account.email")} value={user.email} required onInput={(value) => setEmailChanged(value !== user.email)} />
            {user.pending_email && <p class="small soft">{t("profile.pending", { email: user.pending_email })}</p>}
            {emailChanged && <TextField name="current_password" type="password" label={t("account.current_password")} autoComplete="current-password" required />}
          </Form>
        </Card>
        <Card title={t("profile.password")}>
          <Form submit={t("profile.password_save")} onSubmit={async (values) => {
            await ok(api.POST("/api/v1/auth/change-password", { body: {
              current_password: values.exact("current_password"), new_password: values.exact("new_password"),
            } }));
            notify(t("profile.password_done"));
          }}>
            <TextField name="current_password" type="password" label={t("account.current_password")} autoComplete="current-password" required />
            <TextField name="new_password" type="password" label={t("account.new_password")} autoComplete="new-password" required minLength={8} hint={t("account.password_hint")} />
          </Form>
        </Card>
        <Preferences />
        <Invitations />
      </div>
      <Sessions />
      <Leaving />
    </>
  );
}

function Preferences() {
  const settings = useLoad(() => ok(api.GET("/api/v1/settings")));
  return (
    <Card title={t("profile.preferences")}>
      <Async of={settings}>
        {(it) => (
          <Form submit={t("common.save")} onSubmit={async (values) => {
            const theme = values.text("theme") as ThemeChoice;
            const language = values.text("language") as Language;
            settings.set(await ok(api.PUT("/api/v1/settings", { body: {
              theme, language, notifications: { email: values.checked("email"), product_news: values.checked("product_news") },
            } })));
            applyTheme(theme);
            await setLanguage(language);
            notify(t("common.saved"));
          }}>
            <Select name="theme" label={t("settings.theme")} value={themeChoice()} choices={[
              { value: "system", label: t("settings.theme_system") }, { value: "light", label: t("settings.theme_light") }, { value: "dark", label: t("settings.theme_dark") },
            ]} />
            <Select name="language" label={t("settings.language")} value={document.documentElement.lang}
              choices={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))} />
            <Checkbox name="email" label={t("settings.mail_alerts")} checked={it.notifications.email} />
            <Checkbox name="product_news" label={t("settings.mail_news")} checked={it.notifications.product_news} />
          </Form>
        )}
      </Async>
    </Card>
  );
}

function Sessions() {
  const sessions = usePages((cursor) => page(api.GET("/api/v1/auth/sessions", { params: { query: { cursor } } })));
  const columns: Column<Api<"SignInSessionView">>[] = [
    { head: t("sessions.device"), kind: "main", cell: (row) => <>{row.user_agent ?? t("common.unknown")} {row.current && <Badge tone="good">{t("sessions.current")}</Badge>}</> },
    { head: t("sessions.network"), kind: "optional", cell: (row) => row.network },
    { head: t("sessions.used"), kind: "optional", cell: (row) => relative(row.refreshed_at) },
    { head: t("common.created"), kind: "optional", cell: (row) => dateTime(row.created_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => !row.current && (
      <Button compact onClick={async () => {
        await ok(api.DELETE("/api/v1/auth/sessions/{session_id}", { params: { path: { session_id: row.id } } }));
        await sessions.reload();
      }}>{t("sessions.end")}</Button>
    ) },
  ];
  return (
    <Card title={t("sessions.title")} actions={<Button compact kind="danger" onClick={() => confirmStep({
      title: t("sessions.end_all"), text: t("sessions.end_all_text"), action: t("sessions.end_all"),
      run: async () => {
        await ok(api.POST("/api/v1/auth/logout-all", { body: {} }));
        endSession();
      },
    })}>{t("sessions.end_all")}</Button>}>
      <PagedList of={sessions} empty={null}>{(items) => <Table label={t("sessions.title")} columns={columns} rows={items} id={(row) => row.id} />}</PagedList>
    </Card>
  );
}

/** A copy of everything, and the end of the account. */
function Leaving() {
  const { user } = useAccount();
  const [data, setData] = useState<Api<"Export"> | null>(null);
  const request = async (fresh: boolean) => setData(await ok(api.GET("/api/v1/users/me/export", { params: { query: fresh ? { fresh } : {} } })));
  usePolling(data?.status === "pending", 2, () => request(false));
  return (
    <Card title={t("leaving.title")}>
      <p class="soft">{t("leaving.text")}</p>
      {data?.status === "ready" && data.download_url && (
        <p class="note good"><a href={data.download_url}>{t("leaving.ready", { size: bytes(data.size_bytes ?? 0) })}</a></p>
      )}
      {data?.status === "failed" && <p class="note bad">{t("leaving.failed")}</p>}
      <div class="row">
        <Button icon="download" busy={data?.status === "pending"} onClick={() => request(data?.status === "failed")}>{t("leaving.export")}</Button>
        <Button kind="danger" icon="trash" onClick={() => confirmStep({
          title: t("leaving.delete"), text: t("leaving.delete_text"), action: t("leaving.delete"), name: user.email,
          run: async () => {
            await ok(api.DELETE("/api/v1/users/me"));
            endSession();
          },
        })}>{t("leaving.delete")}</Button>
      </div>
    </Card>
  );
}
