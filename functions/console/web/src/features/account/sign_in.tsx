import { Link, useLocation, useSearch } from "wouter-preact";
import { api, ok } from "../../api/client";
import { startSession } from "../../api/session";
import { t } from "../../i18n";
import { Form, TextField } from "../../ui/form";
import { Gate } from "./gate";

/** The path of this application to which a parameter leads back; never another origin. */
export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  try {
    const url = new URL(next, location.origin);
    return url.origin === location.origin ? url.pathname + url.search + url.hash : "/";
  } catch {
    return "/";
  }
}

/** Goes to a view with the search that this one was given. */
function withSearch(path: string, search: string): string {
  return search ? `${path}?${search}` : path;
}

export function SignIn() {
  const [, navigate] = useLocation();
  const search = useSearch();
  return (
    <Gate title={t("signin.title")}>
      <Form submit={t("signin.submit")} onSubmit={async (values) => {
        startSession(await ok(api.POST("/api/v1/auth/login", {
          body: { email: values.text("email"), password: values.exact("password") },
        })));
        navigate(nextPath(search), { replace: true });
      }}>
        <TextField name="email" type="email" label={t("account.email")} autoComplete="username" required autoFocus />
        <TextField name="password" type="password" label={t("account.password")} autoComplete="current-password" required />
      </Form>
      <div class="row between">
        <Link href={withSearch("/sign-up", search)}>{t("signin.create")}</Link>
        <Link href="/forgot-password">{t("signin.forgot")}</Link>
      </div>
    </Gate>
  );
}

export function SignUp() {
  const [, navigate] = useLocation();
  const search = useSearch();
  return (
    <Gate title={t("signup.title")} text={t("signup.text")}>
      <Form submit={t("signup.submit")} onSubmit={async (values) => {
        const name = values.optional("name");
        startSession(await ok(api.POST("/api/v1/auth/register", {
          body: { email: values.text("email"), password: values.exact("password"), ...(name ? { name } : {}) },
        })));
        navigate(nextPath(search), { replace: true });
      }}>
        <TextField name="name" label={t("account.name")} autoComplete="name" autoFocus />
        <TextField name="email" type="email" label={t("account.email")} autoComplete="username" required />
        <TextField name="password" type="password" label={t("account.password")} autoComplete="new-password" required minLength={8}
          hint={t("account.password_hint")} />
      </Form>
      <p><Link href={withSearch("/sign-in", search)}>{t("signup.have")}</Link></p>
    </Gate>
  );
}
