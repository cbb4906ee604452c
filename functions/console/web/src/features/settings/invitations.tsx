import { api, page } from "../../api/client";
import { usePages } from "../../api/load";
import { relative, t, type Key } from "../../i18n";
import { Card, PagedList } from "../../ui/page";

/** Organizations that invited this account; the link in the mail accepts. */
export function Invitations() {
  const invitations = usePages((cursor) => page(api.GET("/api/v1/invitations", { params: { query: { cursor } } })));
  return (
    <Card title={t("invitation.pending")}>
      <PagedList of={invitations} empty={<p class="soft">{t("invitation.none")}</p>}>
        {(items) => (
          <ul class="list">
            {items.map((it) => (
              <li><strong>{it.org_name ?? it.org_slug ?? it.org_id}</strong> · {t(`role.${it.role}` as Key)}<br />
                <span class="small soft">{t("invitation.open_mail", { when: relative(it.expires_at) })}</span></li>
            ))}
          </ul>
        )}
      </PagedList>
    </Card>
  );
}
