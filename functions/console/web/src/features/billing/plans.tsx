import { useState } from "preact/hooks";
import { api, ok, type Api } from "../../api/client";
import { ROOT_URL } from "../../api/root";
import { bytes, compact, money, number, t, type Key } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog, openDialog } from "../../ui/dialog";
import { ErrorNote } from "../../ui/errors";
import { Form } from "../../ui/form";
import { Badge, Card } from "../../ui/page";
import { notify } from "../../ui/toast";
import { useAccount } from "../account/context";

type Offer = Api<"PlanOffer">;
type Subscription = Api<"OrgSubscription">;

/** The plans with what they allow. The first subscription is paid on a page of Stripe, later changes are made here. */
export function Plans({ offers, subscription, changed }: { offers: Offer[]; subscription: Subscription; changed: (subscription: Subscription) => void }) {
  const { can } = useAccount();
  const [error, setError] = useState<unknown>(null);
  const hasSubscription = subscription.stripe_subscription_id !== null && subscription.status !== null
    && !["canceled", "incomplete_expired"].includes(subscription.status);
  const choose = async (offer: Offer) => {
    setError(null);
    try {
      if (hasSubscription) openChange(offer, changed);
      else {
        const { url } = await ok(api.POST("/api/v1/billing/checkout", {
          body: { plan_type: offer.plan_type, success_url: `${ROOT_URL}/billing?paid=1`, cancel_url: `${ROOT_URL}/billing` },
        }));
        location.assign(url);
      }
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <section class="stack" aria-label={t("billing.plans")}>
      <h2>{t("billing.plans")}</h2>
      {error !== null && <ErrorNote error={error} />}
      <div class="columns">
        {offers.map((offer) => {
          const isCurrent = offer.plan_type === subscription.plan_type;
          return (
            <Card title={offer.name} actions={isCurrent && <Badge tone="info">{t("billing.your_plan")}</Badge>}>
              <p><strong>{money(offer.price.amount_cents / 100, offer.price.currency)}</strong> <span class="soft">{t(offer.price.per_seat ? "billing.per_seat" : "billing.per_month")}</span></p>
              <ul class="list small">
                <li>{t("billing.tokens", { tokens: compact(offer.limits.tokens_per_day) })}</li>
                <li>{t("billing.documents", { documents: number(offer.limits.documents), size: bytes(offer.limits.file_bytes) })}</li>
                <li>{t("billing.chatbots", { chatbots: number(offer.limits.chatbots) })}</li>
                <li>{t("billing.members", { seats: number(offer.limits.seats) })}</li>
                {offer.features.map((feature) => <li>{t(`plan.feature_${feature}` as Key)}</li>)}
              </ul>
              {can("billing:write") && !isCurrent && (offer.plan_type !== "FREE") && (
                <div><Button kind="primary" onClick={() => choose(offer)}>{t("billing.choose", { plan: offer.name })}</Button></div>
              )}
            </Card>
          );
        })}
      </div>
    </section>
  );
}

/** Shows what a change of plan costs before it is made. */
function openChange(offer: Offer, changed: (subscription: Subscription) => void): void {
  const body = { plan_type: offer.plan_type };
  void ok(api.POST("/api/v1/billing/subscription/preview", { body })).then(
    (preview) => openDialog((close) => (
      <Dialog title={t("billing.change", { plan: offer.name })} onClose={close}>
        <ul class="list">
          {preview.lines.map((line) => <li class="row between"><span>{line.description}</span><span class="num">{money(line.amount_cents / 100, preview.currency)}</span></li>)}
        </ul>
        <p><strong>{t("billing.due", { amount: money(preview.total_cents / 100, preview.currency) })}</strong></p>
        <Form submit={t("billing.change_now")} wide aside={<Button onClick={close}>{t("common.cancel")}</Button>} onSubmit={async () => {
          changed(await ok(api.PUT("/api/v1/billing/subscription", { body })));
          close();
          notify(t("common.saved"));
        }}><></></Form>
      </Dialog>
    )),
    (error: Error) => notify(error.message),
  );
}
