import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, ok } from "../../api/client";
import { t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { DialogHost } from "../../ui/dialog";
import { Icon, type IconName } from "../../ui/icon";
import { notify } from "../../ui/toast";
import { signOut, useAccount, type Account } from "../account/context";
import { Preferences } from "../account/gate";
import { openNewOrg } from "./new_org";

interface Entry {
  href: string;
  label: Key;
  icon: IconName;
  when?: (account: Account) => boolean;
}

const NAVIGATION: { title: Key | null; entries: Entry[] }[] = [
  {
    title: null,
    entries: [
      { href: "/", label: "nav.home", icon: "home" },
      { href: "/documents", label: "nav.documents", icon: "document" },
      { href: "/chatbots", label: "nav.chatbots", icon: "bot" },
      { href: "/chats", label: "nav.chats", icon: "chat" },
      { href: "/data", label: "nav.data", icon: "table" },
      { href: "/prompts", label: "nav.prompts", icon: "text" },
    ],
  },
  {
    title: "nav.connect",
    entries: [
      { href: "/api-keys", label: "nav.keys", icon: "key" },
      { href: "/integrations", label: "nav.integrations", icon: "plug" },
      { href: "/webhooks", label: "nav.webhooks", icon: "hook", when: ({ can }) => can("webhooks:read") },
    ],
  },
  {
    title: "nav.organization",
    entries: [
      { href: "/usage", label: "nav.usage", icon: "chart" },
      { href: "/limits", label: "nav.limits", icon: "gauge" },
      { href: "/billing", label: "nav.billing", icon: "card" },
      { href: "/members", label: "nav.members", icon: "people" },
      { href: "/audit", label: "nav.audit", icon: "list" },
      { href: "/organization", label: "nav.settings", icon: "gear" },
    ],
  },
  {
    title: "nav.platform",
    entries: [
      { href: "/admin/users", label: "nav.admin_users", icon: "shield", when: ({ user }) => user.role === "admin" },
      { href: "/admin/system", label: "nav.admin_system", icon: "gauge", when: ({ user }) => user.role === "admin" },
      { href: "/admin/usage", label: "nav.admin_usage", icon: "chart", when: ({ user }) => user.role === "admin" },
      { href: "/admin/logs", label: "nav.admin_logs", icon: "list", when: ({ user }) => user.role === "admin" },
    ],
  },
];

export function Shell({ children }: { children: ComponentChildren }) {
  const account = useAccount();
  const [path] = useLocation();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  useEffect(() => {
    if (!open) return;
    const escape = (event: KeyboardEvent) => event.key === "Escape" && setOpen(false);
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, [open]);
  const isCurrent = (href: string) => (href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`));
  return (
    <div class="shell">
      <a class="button primary skip" href="#main" onClick={(event) => {
        // The address of the page is not the base of its references.
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}>{t("shell.skip")}</a>
      <header class="topbar">
        <Button kind="plain" icon="menu" label={t("shell.menu")} onClick={() => setOpen(true)} />
        <span class="brand"><img src="icon.svg" alt="" width="24" height="24" />Parlance</span>
        <span class="truncate soft">{account.org.name}</span>
      </header>
      {open && <button class="scrim" type="button" aria-label={t("common.close")} onClick={() => setOpen(false)} />}
      <div class={open ? "sidebar open" : "sidebar"}>
        <div class="row between nowrap">
          <Link href="/" class="brand"><img src="icon.svg" alt="" width="24" height="24" />Parlance</Link>
          <span class="close"><Button kind="plain" icon="close" label={t("common.close")} onClick={() => setOpen(false)} /></span>
        </div>
        <OrgSwitch />
        <nav aria-label={t("shell.navigation")}>
          {NAVIGATION.map(({ title, entries }) => {
            const shown = entries.filter((entry) => entry.when?.(account) ?? true);
            return shown.length === 0 ? null : (
              <div class="nav">
                {title && <div class="nav-title">{t(title)}</div>}
                {shown.map((entry) => (
                  <Link href={entry.href} aria-current={isCurrent(entry.href) ? "page" : undefined}>
                    <Icon name={entry.icon} />{t(entry.label)}
                  </Link>
                ))}
              </div>
            );
          })}
        </nav>
        <footer>
          <div class="nav">
            <Link href="/profile" aria-current={isCurrent("/profile") ? "page" : undefined}>
              <Icon name="user" /><span class="truncate">{account.user.name}</span>
            </Link>
          </div>
          <Preferences />
          <Button compact icon="out" onClick={signOut}>{t("shell.sign_out")}</Button>
        </footer>
      </div>
      <div>
        {!account.user.email_verified && <VerifyBanner email={account.user.email} />}
        <main class="content" id="main" tabIndex={-1}>{children}</main>
      </div>
      <DialogHost />
    </div>
  );
}

/** Another organization, or a new one. */
function OrgSwitch() {
  const { org, orgs, switchOrg, reload } = useAccount();
  const [, navigate] = useLocation();
  return (
    <select class="input" aria-label={t("shell.org")} value={org.id} onChange={(event) => {
      const chosen = event.currentTarget.value;
      if (chosen === "new") {
        event.currentTarget.value = org.id;
        openNewOrg(reload);
        return;
      }
      // What the address names belongs to the organization that is left.
      navigate("/");
      switchOrg(chosen);
    }}>
      {orgs.map((each) => <option value={each.id}>{each.personal ? t("shell.personal", { name: each.name }) : each.name}</option>)}
      <option value="new">{t("shell.new_org")}</option>
    </select>
  );
}

function VerifyBanner({ email }: { email: string }) {
  return (
    <div class="banner" role="note">
      <span>{t("verify.banner", { email })}</span>
      <Button compact onClick={async () => {
        await ok(api.POST("/api/v1/auth/verify-email/request")).then(
          () => notify(t("verify.sent")),
          (error: Error) => notify(error.message),
        );
      }}>{t("verify.request")}</Button>
    </div>
  );
}
