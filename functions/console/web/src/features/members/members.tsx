import { useLocation } from "wouter-preact";
import { api, ok, page, setCurrentOrg, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { date, relative, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep, Dialog, openDialog } from "../../ui/dialog";
import { sentence } from "../../ui/errors";
import { Form, Select, TextField } from "../../ui/form";
import { Badge, Card, Empty, Meter, PagedList, PageHead, Table, type Column } from "../../ui/page";
import { notify } from "../../ui/toast";
import { useAccount } from "../account/context";
import { openNewOrg } from "../shell/new_org";

type Member = Api<"MemberView">;
type Invitation = Api<"InvitationView">;
type Role = Api<"OrgRole">;

const roles = (): { value: Role; label: string }[] => [
  { value: "member", label: t("role.member") }, { value: "admin", label: t("role.admin") }, { value: "owner", label: t("role.owner") },
];

export function Members() {
  const { org, can, reload } = useAccount();
  const path = { org_id: org.id };
  const members = usePages((cursor) => page(api.GET("/api/v1/orgs/{org_id}/members", { params: { path, query: { cursor } } })), [org.id]);
  const invitations = usePages(
    (cursor) => can("members:write") ? page(api.GET("/api/v1/orgs/{org_id}/invitations", { params: { path, query: { cursor } } })) : Promise.resolve({ items: [], next: null }),
    [org.id],
  );
  if (org.personal) {
    return (
      <>
        <PageHead title={t("members.title")} />
        <Empty icon="people" title={t("members.personal")} text={t("members.personal_text")}>
          <Button kind="primary" icon="plus" onClick={() => openNewOrg(reload)}>{t("shell.new_org")}</Button>
        </Empty>
      </>
    );
  }
  const refresh = async () => { await Promise.all([members.reload(), invitations.reload(), reload()]); };
  return (
    <>
      <PageHead title={t("members.title")} text={t("members.text")}
        actions={can("members:write") && <Button kind="primary" icon="plus" onClick={() => openInvite(org.id, refresh)}>{t("members.invite")}</Button>} />
      <Card title={t("members.seats")}>
        <Meter label={t("members.seats")} used={org.seats.used} limit={org.seats.limit} />
        <p class="small soft">{t("members.seats_text", { used: org.seats.used, limit: org.seats.limit })}</p>
      </Card>
      <PagedList of={members} empty={null}>
        {(items) => <MemberTable items={items.filter((each) => each.status === "active")} refresh={refresh} />}
      </PagedList>
      {can("members:write") && (
        <Card title={t("members.invitations")}>
          <PagedList of={invitations} empty={<p class="soft">{t("members.no_invitations")}</p>}>
            {(items) => <InvitationTable items={items} refresh={refresh} />}
          </PagedList>
        </Card>
      )}
    </>
  );
}

function MemberTable({ items, refresh }: { items: Member[]; refresh: () => Promise<void> }) {
  const { org, user, can } = useAccount();
  const change = async (member: Member, role: Role) => {
    try {
      await ok(api.PATCH("/api/v1/orgs/{org_id}/members/{user_id}", { params: { path: { org_id: org.id, user_id: member.user_id ?? "" } }, body: { role } }));
    } catch (error) {
      notify(sentence(error));
    }
    await refresh();
  };
  const columns: Column<Member>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <>{row.name ?? row.email}{row.user_id === user.id && <> <Badge>{t("members.you")}</Badge></>}<div class="small soft">{row.email}</div></> },
    { head: t("members.role"), cell: (row) => can("members:write") && row.user_id !== user.id && (row.role !== "owner" || can("org:own")) ? (
      <select class="input" aria-label={t("members.role_of", { name: row.name ?? "" })} onChange={(event) => void change(row, event.currentTarget.value as Role)}>
        {roles().filter((role) => role.value !== "owner" || can("org:own")).map((role) => <option value={role.value} selected={role.value === row.role}>{role.label}</option>)}
      </select>
    ) : t(`role.${row.role}` as Key) },
    { head: t("members.joined"), kind: "optional", cell: (row) => date(row.joined_at ?? row.created_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => row.user_id === user.id
      ? <Leave />
      : can("members:write") && <Button compact kind="danger" onClick={() => confirmStep({
          title: t("members.remove"), text: t("members.remove_text"), action: t("members.remove"), name: row.name ?? row.email ?? "",
          run: async () => {
            await ok(api.DELETE("/api/v1/orgs/{org_id}/members/{user_id}", { params: { path: { org_id: org.id, user_id: row.user_id ?? "" } } }));
            await refresh();
          },
        })}>{t("members.remove")}</Button> },
  ];
  return <Table label={t("members.title")} columns={columns} rows={items} id={(row) => row.id} />;
}

function Leave() {
  const { org, reload } = useAccount();
  const [, navigate] = useLocation();
  return (
    <Button compact onClick={() => confirmStep({
      title: t("members.leave"), text: t("members.leave_text"), action: t("members.leave"), name: org.name,
      run: async () => {
        await ok(api.POST("/api/v1/orgs/{org_id}/leave", { params: { path: { org_id: org.id } } }));
        setCurrentOrg(null);
        navigate("/");
        await reload();
      },
    })}>{t("members.leave")}</Button>
  );
}

function InvitationTable({ items, refresh }: { items: Invitation[]; refresh: () => Promise<void> }) {
  const pathOf = (row: Invitation) => ({ path: { org_id: row.org_id, invitation_id: row.id } });
  const columns: Column<Invitation>[] = [
    { head: t("account.email"), kind: "main", cell: (row) => row.email },
    { head: t("members.role"), cell: (row) => t(`role.${row.role}` as Key) },
    { head: t("common.status"), cell: (row) => <Badge tone={row.status === "pending" ? "info" : "bad"}>{t(`members.invitation_${row.status}` as Key)}</Badge> },
    { head: t("keys.expires"), kind: "optional", cell: (row) => relative(row.expires_at) },
    { head: t("common.actions"), kind: "actions", cell: (row) => (
      <span class="row nowrap">
        <Button compact onClick={async () => {
          await ok(api.POST("/api/v1/orgs/{org_id}/invitations/{invitation_id}/resend", { params: pathOf(row) })).then(
            () => notify(t("members.resent", { email: row.email })), (error: unknown) => notify(sentence(error)));
          await refresh();
        }}>{t("members.resend")}</Button>
        <Button compact kind="danger" onClick={() => confirmStep({
          title: t("members.withdraw"), text: t("members.withdraw_text", { email: row.email }), action: t("members.withdraw"),
          run: async () => {
            await ok(api.DELETE("/api/v1/orgs/{org_id}/invitations/{invitation_id}", { params: pathOf(row) }));
            await refresh();
          },
        })}>{t("members.withdraw")}</Button>
      </span>
    ) },
  ];
  return <Table label={t("members.invitations")} columns={columns} rows={items} id={(row) => row.id} />;
}

function openInvite(org: string, refresh: () => Promise<void>): void {
  openDialog((close) => (
    <Dialog title={t("members.invite")} onClose={close}>
      <Form submit={t("members.invite_send")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async (values) => {
        const email = values.text("email");
        await ok(api.POST("/api/v1/orgs/{org_id}/invite", { params: { path: { org_id: org } }, body: { email, role: values.text("role") as Role } }));
        close();
        notify(t("members.invited", { email }));
        await refresh();
      }}>
        <TextField name="email" type="email" label={t("account.email")} required autoFocus />
        <Select name="role" label={t("members.role")} value="member" choices={roles()} />
      </Form>
    </Dialog>
  ));
}
