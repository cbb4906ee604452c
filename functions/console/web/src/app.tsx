import { useEffect, useState } from "preact/hooks";
import { Link, Redirect, Route, Router, Switch, useLocation } from "wouter-preact";
import { ROOT_PATH } from "./api/root";
import { onSession, readSession } from "./api/session";
import { AccountProvider } from "./features/account/context";
import { ForgotPassword, Invitation, ResetPassword, RestoreEmail, VerifyEmail } from "./features/account/links";
import { SignIn, SignUp } from "./features/account/sign_in";
import { Shell } from "./features/shell/shell";
import { t, useLanguage } from "./i18n";
import { lazy } from "./ui/lazy";
import { PageHead } from "./ui/page";
import { Toasts } from "./ui/toast";

const Home = lazy(() => import("./features/home/home").then((module) => module.Home));
const Documents = lazy(() => import("./features/documents/documents").then((module) => module.Documents));
const DocumentPage = lazy(() => import("./features/documents/document").then((module) => module.DocumentPage));
const Chatbots = lazy(() => import("./features/chatbots/chatbots").then((module) => module.Chatbots));
const ChatbotPage = lazy(() => import("./features/chatbots/chatbot").then((module) => module.ChatbotPage));
const Chats = lazy(() => import("./features/chat/chats").then((module) => module.Chats));
const Data = lazy(() => import("./features/data/data").then((module) => module.Data));
const DataSourcePage = lazy(() => import("./features/data/source").then((module) => module.DataSourcePage));
const Prompts = lazy(() => import("./features/prompts/prompts").then((module) => module.Prompts));
const PromptPage = lazy(() => import("./features/prompts/prompt").then((module) => module.PromptPage));
const Keys = lazy(() => import("./features/keys/keys").then((module) => module.Keys));
const Integrations = lazy(() => import("./features/integrations/integrations").then((module) => module.Integrations));
const IntegrationPage = lazy(() => import("./features/integrations/integration").then((module) => module.IntegrationPage));
const SlackCallback = lazy(() => import("./features/integrations/slack").then((module) => module.SlackCallback));
const Webhooks = lazy(() => import("./features/webhooks/webhooks").then((module) => module.Webhooks));
const WebhookPage = lazy(() => import("./features/webhooks/webhook").then((module) => module.WebhookPage));
const Usage = lazy(() => import("./features/usage/usage").then((module) => module.Usage));
const Limits = lazy(() => import("./features/usage/limits").then((module) => module.Limits));
const Billing = lazy(() => import("./features/billing/billing").then((module) => module.Billing));
const Members = lazy(() => import("./features/members/members").then((module) => module.Members));
const Audit = lazy(() => import("./features/audit/audit").then((module) => module.Audit));
const Organization = lazy(() => import("./features/settings/organization").then((module) => module.Organization));
const Profile = lazy(() => import("./features/settings/profile").then((module) => module.Profile));
const AdminUsers = lazy(() => import("./features/admin/users").then((module) => module.AdminUsers));
const AdminSystem = lazy(() => import("./features/admin/system").then((module) => module.AdminSystem));
const AdminUsage = lazy(() => import("./features/admin/usage").then((module) => module.AdminUsage));
const AdminLogs = lazy(() => import("./features/admin/logs").then((module) => module.AdminLogs));
const Entitlements = lazy(() => import("./features/admin/entitlements").then((module) => module.Entitlements));

export function App() {
  useLanguage();
  return (
    <Router base={ROOT_PATH}>
      <Switch>
        <Route path="/sign-in"><SignIn /></Route>
        <Route path="/sign-up"><SignUp /></Route>
        <Route path="/forgot-password"><ForgotPassword /></Route>
        <Route path="/reset-password"><ResetPassword /></Route>
        <Route path="/verify-email"><VerifyEmail /></Route>
        <Route path="/change-email"><VerifyEmail change /></Route>
        <Route path="/restore-email"><RestoreEmail /></Route>
        <Route path="/invitations"><Invitation /></Route>
        <Route><SignedIn /></Route>
      </Switch>
      <Toasts />
    </Router>
  );
}

/** All views that need a session; without one, signing in leads back to them. */
function SignedIn() {
  const [path] = useLocation();
  const [has, setHas] = useState(readSession() !== null);
  useEffect(() => onSession(() => setHas(readSession() !== null)), []);
  if (!has) {
    const next = path + location.search;
    return <Redirect to={next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />;
  }
  return <AccountProvider><Shell><Views /></Shell></AccountProvider>;
}

function Views() {
  return (
    <Switch>
      <Route path="/"><Home /></Route>
      <Route path="/documents"><Documents /></Route>
      <Route path="/documents/:id">{({ id }) => <DocumentPage id={id} key={id} />}</Route>
      <Route path="/chatbots"><Chatbots /></Route>
      <Route path="/chatbots/:id/:tab?">{({ id, tab }) => <ChatbotPage id={id} tab={tab ?? "build"} key={id} />}</Route>
      <Route path="/chats/:id?">{({ id }) => <Chats id={id ?? null} />}</Route>
      {/* One route, so that the answer stays when its query gets an address. */}
      <Route path={/^\/data(?:\/queries\/(?<id>[^/]+))?\/?$/}>{({ id }) => <Data query={id} />}</Route>
      <Route path="/data/sources/:id">{({ id }) => <DataSourcePage id={id} key={id} />}</Route>
      <Route path="/prompts"><Prompts /></Route>
      <Route path="/prompts/:id">{({ id }) => <PromptPage id={id} key={id} />}</Route>
      <Route path="/api-keys"><Keys /></Route>
      <Route path="/integrations"><Integrations /></Route>
      <Route path="/integrations/slack/callback"><SlackCallback /></Route>
      <Route path="/integrations/:id">{({ id }) => <IntegrationPage id={id} key={id} />}</Route>
      <Route path="/webhooks"><Webhooks /></Route>
      <Route path="/webhooks/:id">{({ id }) => <WebhookPage id={id} key={id} />}</Route>
      <Route path="/usage"><Usage /></Route>
      <Route path="/limits"><Limits /></Route>
      <Route path="/billing"><Billing /></Route>
      <Route path="/members"><Members /></Route>
      <Route path="/audit"><Audit /></Route>
      <Route path="/organization"><Organization /></Route>
      <Route path="/profile"><Profile /></Route>
      <Route path="/admin/users"><AdminUsers /></Route>
      <Route path="/admin/system"><AdminSystem /></Route>
      <Route path="/admin/usage"><AdminUsage /></Route>
      <Route path="/admin/logs"><AdminLogs /></Route>
      <Route path="/admin/orgs/:id">{({ id }) => <Entitlements id={id} key={id} />}</Route>
      <Route><NotFound /></Route>
    </Switch>
  );
}

function NotFound() {
  return (
    <>
      <PageHead title={t("notfound.title")} text={t("notfound.text")} />
      <p><Link href="/">{t("link.home")}</Link></p>
    </>
  );
}
