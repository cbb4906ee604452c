import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, ok, setCurrentOrg } from "../../api/client";
import { endSession, readSession } from "../../api/session";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { ErrorNote } from "../../ui/errors";
import { Checkbox, Form, TextField } from "../../ui/form";
import { Loading } from "../../ui/page";
import { Gate } from "./gate";

/**
 * The token of a mailed link. It is worth a password: it leaves the address, and is kept for this tab only, so that it
 * survives signing in.
 */
function useLinkToken(view: string): string {
  const [token] = useState(() => {
    const given = new URLSearchParams(location.search).get("token");
    if (given) sessionStorage.setItem(`parlance.link.${view}`, given);
    return given ?? sessionStorage.getItem(`parlance.link.${view}`) ?? "";
  });
  useEffect(() => {
    if (location.search) history.replaceState(history.state, "", location.pathname);
  }, []);
  return token;
}

function forget(view: string): void {
  sessionStorage.removeItem(`parlance.link.${view}`);
}

function NoToken({ title }: { title: string }) {
  return <Gate title={title}><p>{t("link.no_token")}</p><Link href="/">{t("link.home")}</Link></Gate>;
}

export function ForgotPassword() {
  const [sent, setSent] = useState(false);
  return (
    <Gate title={t("forgot.title")} text={t("forgot.text")}>
      {sent ? <p class="note good" role="status">{t("forgot.sent")}</p> : (
        <Form submit={t("forgot.submit")} onSubmit={async (values) => {
          await ok(api.POST("/api/v1/auth/reset-password", { body: { email: values.text("email") } }));
          setSent(true);
        }}>
          <TextField name="email" type="email" label={t("account.email")} autoComplete="username" required autoFocus />
        </Form>
      )}
      <p><Link href="/sign-in">{t("signin.back")}</Link></p>
    </Gate>
  );
}

export function ResetPassword() {
  const token = useLinkToken("reset");
  const [done, setDone] = useState(false);
  if (!token) return <NoToken title={t("reset.title")} />;
  return (
    <Gate title={t("reset.title")} text={done ? undefined : t("reset.text")}>
      {done ? <p class="note good" role="status">{t("reset.done")}</p> : (
        <Form submit={t("reset.submit")} onSubmit={async (values) => {
          await ok(api.POST("/api/v1/auth/reset-password/confirm", {
            body: { token, new_password: values.exact("new_password"), revoke_org_keys: values.checked("revoke_org_keys") },
          }));
          forget("reset");
          endSession();
          setDone(true);
        }}>
          <TextField name="new_password" type="password" label={t("account.new_password")} autoComplete="new-password" required
            minLength={8} hint={t("account.password_hint")} autoFocus />
          <Checkbox name="revoke_org_keys" label={t("account.revoke_keys")} hint={t("account.revoke_keys_hint")} />
        </Form>
      )}
      <p><Link href="/sign-in">{t("signin.back")}</Link></p>
    </Gate>
  );
}

/** Confirms an address: of a new account, or the one that replaces it. A session proves that the account is theirs. */
export function VerifyEmail({ change = false }: { change?: boolean }) {
  const view = change ? "change" : "verify";
  const token = useLinkToken(view);
  const [path, navigate] = useLocation();
  const [state, setState] = useState<{ done: boolean; error: unknown }>({ done: false, error: null });
  const signedIn = readSession() !== null;
  const title = t(change ? "verify.title_change" : "verify.title");
  const confirm = () =>
    ok(api.POST("/api/v1/auth/verify-email/confirm", { body: { token } })).then(
      () => {
        forget(view);
        setState({ done: true, error: null });
      },
      (error: unknown) => setState({ done: false, error }),
    );
  useEffect(() => {
    if (token && signedIn) void confirm();
  }, []);
  if (!token) return <NoToken title={title} />;
  if (state.done) {
    return <Gate title={title}><p class="note good" role="status">{t("verify.done")}</p><Link href="/">{t("link.home")}</Link></Gate>;
  }
  if (!signedIn) {
    return (
      <Gate title={title} text={t("verify.sign_in")}>
        <div class="row">
          <Button kind="primary" onClick={() => navigate(`/sign-in?next=${encodeURIComponent(path)}`)}>{t("signin.submit")}</Button>
          {!change && <Button onClick={confirm}>{t("verify.without")}</Button>}
        </div>
        {state.error !== null && <ErrorNote error={state.error} />}
      </Gate>
    );
  }
  return <Gate title={title}>{state.error !== null ? <ErrorNote error={state.error} retry={confirm} /> : <Loading />}</Gate>;
}

/** Takes an address back that someone replaced. */
export function RestoreEmail() {
  const token = useLinkToken("restore");
  const [done, setDone] = useState(false);
  if (!token) return <NoToken title={t("restore.title")} />;
  return (
    <Gate title={t("restore.title")} text={done ? undefined : t("restore.text")}>
      {done ? (
        <>
          <p class="note good" role="status">{t("restore.done")}</p>
          <Link href="/forgot-password">{t("forgot.title")}</Link>
        </>
      ) : (
        <Form submit={t("restore.submit")} onSubmit={async () => {
          await ok(api.POST("/api/v1/auth/restore-email/confirm", { body: { token } }));
          forget("restore");
          endSession();
          setDone(true);
        }}><></></Form>
      )}
    </Gate>
  );
}

/** Joins the organization of an invitation. */
export function Invitation() {
  const token = useLinkToken("invitation");
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const next = `?next=${encodeURIComponent("/invitations")}`;
  if (!token) return <NoToken title={t("invitation.title")} />;
  if (!readSession()) {
    return (
      <Gate title={t("invitation.title")} text={t("invitation.sign_in")}>
        <div class="row">
          <Button kind="primary" onClick={() => navigate(`/sign-in${next}`)}>{t("signin.submit")}</Button>
          <Button onClick={() => navigate(`/sign-up${next}`)}>{t("signup.submit")}</Button>
        </div>
      </Gate>
    );
  }
  const answer = async (accept: boolean) => {
    try {
      if (accept) setCurrentOrg((await ok(api.POST("/api/v1/invitations/accept", { body: { token } }))).id);
      else await ok(api.POST("/api/v1/invitations/decline", { body: { token } }));
      forget("invitation");
      navigate("/");
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Gate title={t("invitation.title")} text={t("invitation.text")}>
      <div class="row">
        <Button kind="primary" onClick={() => answer(true)}>{t("invitation.accept")}</Button>
        <Button onClick={() => answer(false)}>{t("invitation.decline")}</Button>
      </div>
      {error !== null && <ErrorNote error={error} />}
      <p><button type="button" class="link" onClick={() => { endSession(); navigate(`/sign-in${next}`); }}>{t("invitation.other")}</button></p>
    </Gate>
  );
}
