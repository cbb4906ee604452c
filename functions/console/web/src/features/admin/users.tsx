import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, ok, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { date, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { SearchForm } from "../../ui/form";
import { Badge, Empty, PagedList, PageHead, Table, type Column, type Tone } from "../../ui/page";
import { useAccount } from "../account/context";

type User = Api<"UserAdminView">;

const TONES: Record<Api<"UserStatus">, Tone> = { active: "good", disabled: "warn", deleted: "" };

/** All accounts of the platform. */
export function AdminUsers() {
  const { user: me } = useAccount();
  const [q, setQuery] = useState("");
  const users = usePages((cursor) => page(api.GET("/api/v1/admin/users", { params: { query: { cursor, q: q || undefined } } })), [q]);
  const columns: Column<User>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <>{row.name}<div class="small soft">{row.email}</div></> },
    { head: t("members.role"), cell: (row) => (row.role === "admin" ? <Badge tone="info">{t("admin.role_admin")}</Badge> : t("admin.role_user")) },
    { head: t("common.status"), cell: (row) => <Badge tone={TONES[row.status]}>{t(`admin.user_${row.status}` as Key)}</Badge> },
    { head: t("common.created"), kind: "optional", cell: (row) => date(row.created_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => (
      <span class="row nowrap">
        <Link class="button compact" href={`/admin/orgs/${row.default_org_id}`}>{t("admin.limits")}</Link>
        {row.id !== me.id && row.status !== "deleted" && <UserActions user={row} changed={users.reload} />}
      </span>
    ) },
  ];
  return (
    <>
      <PageHead title={t("nav.admin_users")} text={t("admin.users_text")} />
      <SearchForm label={t("admin.search")} value={q} onSearch={setQuery} />
      <PagedList of={users} empty={<Empty icon="search" title={t("documents.none_found")} text={t("admin.no_users")} />}>
        {(items) => <Table label={t("nav.admin_users")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </>
  );
}

function UserActions({ user, changed }: { user: User; changed: () => Promise<void> }) {
  const params = { path: { user_id: user.id } };
  const step = (title: Key, text: Key, run: () => Promise<unknown>, named = true) => () => confirmStep({
    title: t(title), text: t(text, { email: user.email }), action: t(title), ...(named ? { name: user.email } : {}),
    run: async () => {
      await run();
      await changed();
    },
  });
  const status = user.status === "active" ? "disabled" : "active";
  const role = user.role === "admin" ? "user" : "admin";
  return (
    <>
      <Button compact onClick={step(role === "admin" ? "admin.make_admin" : "admin.make_user", "admin.role_text",
        () => ok(api.PUT("/api/v1/admin/users/{user_id}/role", { params, body: { role } })))}>{t(role === "admin" ? "admin.make_admin" : "admin.make_user")}</Button>
      <Button compact onClick={step(status === "disabled" ? "admin.disable" : "admin.enable", "admin.status_text",
        () => ok(api.PUT("/api/v1/admin/users/{user_id}/status", { params, body: { status } })), status === "disabled")}>{t(status === "disabled" ? "admin.disable" : "admin.enable")}</Button>
      <Button compact kind="danger" icon="trash" label={t("admin.delete")} onClick={step("admin.delete", "admin.delete_text",
        () => ok(api.DELETE("/api/v1/admin/users/{user_id}", { params })))} />
    </>
  );
}
