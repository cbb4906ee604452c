//! A slow receiver delays nobody else.

use serde_json::json;

use super::{path_of, webhook, with_receiver};

/// Waits, without sleeping, until something is so.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(30);
    tokio::time::timeout(limit, waiting).await.expect("it happens in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_receiver_of_one_organization_delays_no_other() {
    let (t, receiver) = with_receiver().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let slow = path_of(&webhook(&ada, &receiver, "/slow", &["document.ready"]).await);
    let quick = path_of(&webhook(&bob, &receiver, "/quick", &["document.ready"]).await);
    for _ in 0..40 {
        ada.post(&format!("{slow}/test"), json!({})).await.expect(202);
    }
    let slow_requests = || receiver.received().iter().filter(|one| one.path == "/slow").count();
    let quick_requests = || receiver.received().iter().filter(|one| one.path == "/quick").count();
    tokio::join!(t.drain_all(), async {
        // The slow receiver has as many requests as it ever gets at once, and answers none.
        until(|| slow_requests() == 4).await;
        for _ in 0..10 {
            bob.post(&format!("{quick}/test"), json!({})).await.expect(202);
        }
        until(|| quick_requests() == 10).await;
        assert_eq!(slow_requests(), 4, "more requests at once than one receiver may have");
        receiver.open(40);
    });
    t.drain_all().await;
    assert_eq!((slow_requests(), quick_requests()), (40, 10));
}
