import { api, ok, type Api } from "../../api/client";
import { useLoad, usePolling } from "../../api/load";
import { dateTime, number, t } from "../../i18n";
import { Button } from "../../ui/button";
import { confirmStep } from "../../ui/dialog";
import { Async, Badge, Card, PageHead, Table, type Column } from "../../ui/page";
import { notify } from "../../ui/toast";

const Ok = ({ ok }: { ok: boolean }) => <Badge tone={ok ? "good" : "bad"}>{t(ok ? "admin.ok" : "admin.down")}</Badge>;

/** Whether the platform works: services, queues, schedules, providers of models. */
export function AdminSystem() {
  const status = useLoad(() => ok(api.GET("/api/v1/admin/system/status")));
  usePolling(true, 10, status.reload);
  const clear = () => confirmStep({
    title: t("admin.clear"), text: t("admin.clear_text"), action: t("admin.clear"), danger: false,
    run: async () => {
      notify((await ok(api.POST("/api/v1/admin/system/cache/clear"))).message);
      await status.reload();
    },
  });
  const queues: Column<Api<"QueueStatus">>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <span class="mono">{row.name}</span> },
    { head: t("admin.waiting"), kind: "num", cell: (row) => number(row.waiting) },
    { head: t("admin.in_flight"), kind: "num", cell: (row) => number(row.in_flight) },
    { head: t("admin.dead"), kind: "num", cell: (row) => (row.dead_letters > 0 ? <Badge tone="bad">{number(row.dead_letters)}</Badge> : "0") },
  ];
  const schedules: Column<Api<"ScheduleStatus">>[] = [
    { head: t("common.name"), kind: "main", cell: (row) => <span class="mono">{row.name}</span> },
    { head: t("admin.last_run"), cell: (row) => dateTime(row.ended_at) },
    { head: t("common.status"), cell: (row) => <Ok ok={row.ok} /> },
  ];
  return (
    <>
      <PageHead title={t("nav.admin_system")} text={t("admin.system_text")} actions={<Button onClick={clear}>{t("admin.clear")}</Button>} />
      <Async of={status}>
        {(it) => (
          <>
            <div class="columns">
              <Card title={t("admin.services")} actions={<Badge tone={it.status === "healthy" ? "good" : "warn"}>{it.status}</Badge>}>
                <ul class="list">{it.dependencies.map((each) => <li class="row between"><span>{each.name}</span><Ok ok={each.ok} /></li>)}</ul>
                <p class="small soft">{t("admin.version", { version: it.versions.parlance, epoch: it.cache_epoch })}</p>
              </Card>
              <Card title={t("admin.providers")}>
                <ul class="list">
                  {it.models.map((each) => <li class="row between"><span>{each.provider}</span><Badge tone={each.configured ? "good" : ""}>{t(each.configured ? "admin.configured" : "admin.not_configured")}</Badge></li>)}
                </ul>
              </Card>
            </div>
            <Card title={t("admin.queues")}><Table label={t("admin.queues")} columns={queues} rows={it.queues} id={(row) => row.name} /></Card>
            <Card title={t("admin.schedules")}>
              {it.schedules.length === 0 ? <p class="soft">{t("admin.no_runs")}</p> : <Table label={t("admin.schedules")} columns={schedules} rows={it.schedules} id={(row) => row.name} />}
            </Card>
          </>
        )}
      </Async>
    </>
  );
}
