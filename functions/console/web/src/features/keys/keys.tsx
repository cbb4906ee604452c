import { api, ok, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { date, number, relative, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Badge, Empty, PagedList, PageHead, Table, type Column, type Tone } from "../../ui/page";
import { useAccount } from "../account/context";
import { openKeyForm, openSecret } from "./key_form";

type ApiKey = Api<"KeyView">;

const TONES: Record<Api<"KeyState">, Tone> = { active: "good", disabled: "warn", expired: "bad", revoked: "" };

export function Keys() {
  const { can } = useAccount();
  const keys = usePages((cursor) => page(api.GET("/api/v1/apikeys", { params: { query: { cursor } } })));
  const create = () => openKeyForm(null, keys.reload);
  const columns: Column<ApiKey>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <>{row.name}<div class="small soft mono">{row.prefix}…{row.last_four}</div></> },
    { head: t("common.status"), cell: (row) => <Badge tone={TONES[row.status]}>{t(`keys.status_${row.status}` as Key)}</Badge> },
    { head: t("keys.scopes"), kind: "optional", cell: (row) => <span class="small">{row.scopes.join(", ")}</span> },
    { head: t("keys.budget"), kind: "optional num", cell: (row) => (row.token_budget === null ? "–" : number(row.token_budget)) },
    { head: t("keys.used"), kind: "optional", cell: (row) => (row.last_used_at ? relative(row.last_used_at) : t("keys.never")) },
    { head: t("keys.expires"), kind: "optional", cell: (row) => (row.expires_at ? date(row.expires_at) : t("keys.no_end")) },
    { head: t("common.actions"), kind: "actions", cell: (row) => can("keys:write") && <KeyActions apiKey={row} changed={keys.reload} /> },
  ];
  const button = can("keys:write") && <Button kind="primary" icon="plus" onClick={create}>{t("keys.new")}</Button>;
  return (
    <>
      <PageHead title={t("keys.title")} text={t("keys.text")} actions={button} />
      <PagedList of={keys} empty={<Empty icon="key" title={t("keys.empty")} text={t("keys.empty_text")}>{button}</Empty>}>
        {(items) => <Table label={t("keys.title")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </>
  );
}

function KeyActions({ apiKey, changed }: { apiKey: ApiKey; changed: () => Promise<void> }) {
  const params = { path: { key_id: apiKey.id } };
  if (apiKey.status === "revoked") {
    return (
      <Button compact kind="plain" icon="trash" label={t("keys.remove", { name: apiKey.name })} onClick={() => confirmStep({
        title: t("keys.remove_title"), text: t("keys.remove_text"), action: t("common.delete"), name: apiKey.name,
        run: async () => {
          await ok(api.DELETE("/api/v1/apikeys/{key_id}/permanent", { params }));
          await changed();
        },
      })} />
    );
  }
  return (
    <span class="row nowrap">
      <Button compact kind="plain" icon="edit" label={t("keys.edit", { name: apiKey.name })} onClick={() => openKeyForm(apiKey, changed)} />
      <Button compact onClick={() => confirmStep({
        title: t("keys.rotate"), text: t("keys.rotate_text"), action: t("keys.rotate"), danger: false,
        run: async () => {
          const rotated = await ok(api.POST("/api/v1/apikeys/{key_id}/rotate", { params, body: { overlap_seconds: 3600 } }));
          await changed();
          // The dialog of the question closes first.
          setTimeout(() => openSecret(rotated));
        },
      })}>{t("keys.rotate")}</Button>
      <Button compact kind="danger" onClick={() => confirmStep({
        title: t("keys.revoke"), text: t("keys.revoke_text"), action: t("keys.revoke"), name: apiKey.name,
        run: async () => {
          await ok(api.DELETE("/api/v1/apikeys/{key_id}", { params }));
          await changed();
        },
      })}>{t("keys.revoke")}</Button>
    </span>
  );
}
