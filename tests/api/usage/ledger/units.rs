//! What the ledger costs, in units of the tables.

use model_double::{Script, Step};

use super::*;
use crate::support::Metered;

#[tokio::test]
async fn a_turn_in_a_personal_organization_costs_a_write_to_reserve_and_one_to_settle() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    let metered = Metered::new(&t).await;
    let app = &metered.app;
    let billing = payer_in(app, &ada, None).await;
    // The first turn of a day lists the day, and of a process reads secrets and the epoch of caches.
    answered(app, &billing, "What is the best", 20).await.unwrap();
    t.advance_seconds(2);
    metered.units();
    let stream = app
        .generate(question(app, &billing, "What is the best", 20))
        .await
        .unwrap();
    let (read, written) = metered.units();
    // Read: the organization. Written: the reservation, which counts in the bucket of requests as well.
    assert_eq!((read, written), (1.0, 1.0), "to reserve");
    whole(stream).await.unwrap();
    assert_eq!(metered.units(), (0.0, 1.0), "to settle");
}

#[tokio::test]
async fn a_turn_with_a_budget_in_a_shared_organization_is_one_transaction_each() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    let org = t.shared_org("lovelace", &[(&ada, "owner")]).await;
    let in_org = ada.with_header("x-current-org", &org);
    let key = in_org.api_key(json!({"name": "Kiosk", "token_budget": 5_000})).await;
    let kiosk = t.anonymous().with_token(&key.text("key"));
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    let metered = Metered::new(&t).await;
    let app = &metered.app;
    let billing = payer_in(app, &kiosk, None).await;
    answered(app, &billing, "What is the best", 20).await.unwrap();
    t.advance_seconds(2);
    metered.units();
    let stream = app
        .generate(question(app, &billing, "What is the best", 20))
        .await
        .unwrap();
    // Read: the person's organization; the key's was read with the key. Written: three counters in a transaction, each twice, and
    // the bucket of the organization.
    assert_eq!(metered.units(), (1.0, 7.0), "to reserve");
    whole(stream).await.unwrap();
    // Written: the same and the member's statistics. Read: where the limits stand, to tell who has to know.
    assert_eq!(metered.units(), (3.0, 8.0), "to settle");
}
