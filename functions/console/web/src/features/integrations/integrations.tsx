import { Link, useLocation } from "wouter-preact";
import { api, page, type Api } from "../../api/client";
import { usePages } from "../../api/load";
import { relative, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { Badge, Empty, PagedList, PageHead, Table, type Column, type Tone } from "../../ui/page";
import { openNewIntegration } from "./new_integration";

type Integration = Api<"IntegrationView">;

const TONES: Record<Api<"IntegrationStatus">, Tone> = { active: "good", paused: "warn", error: "bad", disconnected: "" };

export function IntegrationBadge({ status }: { status: Api<"IntegrationStatus"> }) {
  return <Badge tone={TONES[status]}>{t(`integrations.status_${status}` as Key)}</Badge>;
}

export function Integrations() {
  const [, navigate] = useLocation();
  const integrations = usePages((cursor) => page(api.GET("/api/v1/integrations", { params: { query: { scope: "org", cursor } } })));
  const create = (kind: "slack" | "website") => () => openNewIntegration(kind, (it) => navigate(`/integrations/${it.id}`));
  const buttons = <>
    <Button icon="plus" onClick={create("website")}>{t("integrations.website")}</Button>
    <Button icon="plus" onClick={create("slack")}>{t("integrations.slack")}</Button>
  </>;
  const columns: Column<Integration>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <Link href={`/integrations/${row.id}`}>{row.name}</Link> },
    { head: t("integrations.type"), cell: (row) => t(`integrations.${row.type}` as Key) },
    { head: t("common.status"), cell: (row) => <IntegrationBadge status={row.status} /> },
    { head: t("integrations.where"), kind: "optional", cell: (row) => row.workspace?.team_name ?? (row.config.allowed_origins.join(", ") || "–") },
    { head: t("common.updated"), kind: "optional", cell: (row) => relative(row.updated_at) },
  ];
  return (
    <>
      <PageHead title={t("integrations.title")} text={t("integrations.text")} actions={buttons} />
      <PagedList of={integrations} empty={
        <Empty icon="plug" title={t("integrations.empty")} text={t("integrations.empty_text")}><div class="row">{buttons}</div></Empty>
      }>
        {(items) => <Table label={t("integrations.title")} columns={columns} rows={items} id={(row) => row.id} />}
      </PagedList>
    </>
  );
}
