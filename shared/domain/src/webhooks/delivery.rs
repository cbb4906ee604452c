//! Deliveries of events to webhooks: their attempts, and when they are tried again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    event::EventType,
    message::{DeliverWebhooksMessage, DueDelivery},
};
use crate::{OrgId, Timestamp, WebhookDeliveryId, WebhookEventId, WebhookId, time::after};

/// Pauses after failed attempts, as Standard Webhooks recommends: three days in all
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability>).
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// The longest pause that a receiver can ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// The delivery of an event to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// Its ID.
    pub id: WebhookDeliveryId,
    /// The organization.
    pub org: OrgId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The event.
    pub event: WebhookEventId,
    /// The type of the event.
    pub event_type: EventType,
    /// When it was created.
    pub created_at: Timestamp,
    /// What became of it.
    pub status: DeliveryStatus,
    /// The last attempts, oldest first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Number of all attempts.
    pub attempt_count: u32,
    /// Number of changes: every change names the one it follows.
    pub rev: u32,
    /// Number of attempts since it was created or last replayed.
    pub tries: u32,
    /// When it is tried next; `None` if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When its next attempt is requested again, should the message be lost (milliseconds since the Unix epoch).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<i64>,
    /// The replay that last tried it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It waits for its first or next attempt.
    Pending,
    /// The receiver answered with a 2xx status.
    Succeeded,
    /// All attempts failed.
    Failed,
    /// The webhook was disabled first.
    Canceled,
}

impl DeliveryStatus {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// One request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// Status of the response; null if there was none.
    pub status_code: Option<u16>,
    /// Why there was no response: `address_not_allowed`, `host_not_found`, `connection_failed`, `certificate_invalid`,
    /// `too_slow` or `invalid_response`.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
    /// The beginning of the response body, 1 KB at most.
    pub response: Option<String>,
}

impl Attempt {
    /// Returns whether the receiver accepted the event.
    pub fn is_success(&self) -> bool {
        self.status_code.is_some_and(|status| (200..300).contains(&status))
    }

    /// Returns whether the receiver wants no more events.
    pub fn is_gone(&self) -> bool {
        self.status_code == Some(410)
    }
}

impl WebhookDelivery {
    /// How long deliveries and events are kept.
    pub const RETENTION: Duration = Duration::from_hours(30 * 24);
    /// Number of attempts whose details are kept.
    pub const MAX_KEPT_ATTEMPTS: usize = 20;
    /// How long after an attempt should begin its message counts as lost.
    pub const LOST_AFTER: Duration = Duration::from_mins(10);

    /// Returns a new delivery of an event, whose first attempt is requested now.
    pub fn new(
        id: WebhookDeliveryId,
        (org, webhook): (&OrgId, &WebhookId),
        (event, event_type): (&WebhookEventId, EventType),
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            org: org.clone(),
            webhook: webhook.clone(),
            event: event.clone(),
            event_type,
            created_at: now,
            status: DeliveryStatus::Pending,
            attempts: Vec::new(),
            attempt_count: 0,
            rev: 0,
            tries: 0,
            next_attempt_at: Some(now),
            due_ms: Some(after(now, Self::LOST_AFTER).as_millisecond()),
            replay: None,
        }
    }

    /// Returns the delivery after an attempt that ended `now`. `retry_after`: the pause that the receiver asks for.
    #[must_use]
    pub fn attempted(&self, attempt: Attempt, retry_after: Option<Duration>, now: Timestamp) -> Self {
        let mut new = self.clone();
        new.attempt_count += 1;
        new.rev += 1;
        new.tries += 1;
        let pause = PAUSES.get(self.tries as usize).copied();
        (new.status, new.next_attempt_at) = if attempt.is_success() {
            (DeliveryStatus::Succeeded, None)
        } else if attempt.is_gone() {
            (DeliveryStatus::Failed, None)
        } else if let Some(pause) = pause {
            let asked = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
            (DeliveryStatus::Pending, Some(after(now, pause.max(asked))))
        } else {
            (DeliveryStatus::Failed, None)
        };
        new.attempts.push(attempt);
        let surplus = new.attempts.len().saturating_sub(Self::MAX_KEPT_ATTEMPTS);
        new.attempts.drain(..surplus);
        new.due_ms = new.next_attempt_at.map(|at| new.due_after(at, now));
        new
    }

    /// Returns the delivery as it begins anew.
    #[must_use]
    pub fn replayed(&self, replay: Option<String>, now: Timestamp) -> Self {
        Self {
            status: DeliveryStatus::Pending,
            tries: 0,
            next_attempt_at: Some(now),
            due_ms: Some(after(now, Self::LOST_AFTER).as_millisecond()),
            replay: replay.or_else(|| self.replay.clone()),
            rev: self.rev + 1,
            ..self.clone()
        }
    }

    /// Returns the delivery as it ends without another attempt.
    #[must_use]
    pub fn canceled(&self) -> Self {
        Self {
            status: DeliveryStatus::Canceled,
            next_attempt_at: None,
            due_ms: None,
            rev: self.rev + 1,
            ..self.clone()
        }
    }

    /// Returns the delay with which the queue delivers the message of the next attempt; `None` if that is further away
    /// than a queue can delay, or there is none.
    pub fn queue_delay(&self, now: Timestamp) -> Option<Duration> {
        let left = self.next_attempt_at?.duration_since(now);
        let left = Duration::try_from(left).unwrap_or_default();
        (left <= QUEUE_DELAY).then_some(left)
    }

    /// Returns the row that repeats its message; `None` if it waits for nothing.
    pub fn due(&self) -> Option<DueDelivery> {
        self.due_ms.map(|due_ms| DueDelivery {
            org_id: self.org.clone(),
            webhook_id: self.webhook.clone(),
            delivery_id: self.id.clone(),
            due_ms,
        })
    }

    /// Returns the message that requests its next attempt.
    pub fn message(&self) -> DeliverWebhooksMessage {
        DeliverWebhooksMessage::Deliver {
            org_id: self.org.clone(),
            webhook_id: self.webhook.clone(),
            delivery_id: self.id.clone(),
            rev: self.rev,
        }
    }

    fn due_after(&self, next: Timestamp, now: Timestamp) -> i64 {
        // What the queue delays is only repeated if it is lost.
        let due = match self.queue_delay(now) {
            Some(_) => after(next, Self::LOST_AFTER),
            None => next,
        };
        due.as_millisecond()
    }
}

/// The longest delay of a message.
const QUEUE_DELAY: Duration = Duration::from_mins(15);

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> WebhookDelivery {
        let (org, webhook, event) = (
            OrgId("o".to_owned()),
            WebhookId("w".to_owned()),
            WebhookEventId("evt_1".to_owned()),
        );
        let now = Timestamp::UNIX_EPOCH;
        let id = WebhookDeliveryId("d".to_owned());
        WebhookDelivery::new(id, (&org, &webhook), (&event, EventType::WebhookTest), now)
    }

    fn attempt(status: u16) -> Attempt {
        Attempt {
            at: Timestamp::UNIX_EPOCH,
            status_code: Some(status),
            error: None,
            duration_ms: 1,
            response: None,
        }
    }

    #[test]
    fn a_delivery_is_tried_for_three_days() {
        let (mut delivery, mut now, mut pauses) = (delivery(), Timestamp::UNIX_EPOCH, Vec::new());
        loop {
            delivery = delivery.attempted(attempt(500), None, now);
            let Some(next) = delivery.next_attempt_at else { break };
            pauses.push(next.duration_since(now).as_secs());
            now = next;
        }
        let hours = [2, 5, 10, 14, 20, 24].map(|hours| hours * 3600);
        assert_eq!(pauses, [&[5, 300, 1800][..], &hours].concat());
        assert_eq!((delivery.status, delivery.attempt_count), (DeliveryStatus::Failed, 10));
        assert_eq!(delivery.due_ms, None);
        let again = delivery.replayed(None, now).attempted(attempt(500), None, now);
        assert_eq!((again.tries, again.attempt_count), (1, 11));
    }

    #[test]
    fn a_receiver_can_ask_for_a_longer_pause_up_to_a_day() {
        let now = Timestamp::UNIX_EPOCH;
        let pause = |asked| {
            let asked = Some(Duration::from_secs(asked));
            let next = delivery().attempted(attempt(429), asked, now).next_attempt_at;
            next.map(|next| next.duration_since(now).as_secs())
        };
        assert_eq!([1, 60, 1_000_000].map(pause), [Some(5), Some(60), Some(86_400)]);
    }

    #[test]
    fn success_and_410_end_a_delivery() {
        let after = |status| {
            delivery()
                .attempted(attempt(status), None, Timestamp::UNIX_EPOCH)
                .status
        };
        for (status, expected) in [
            (200, DeliveryStatus::Succeeded),
            (204, DeliveryStatus::Succeeded),
            (301, DeliveryStatus::Pending),
            (410, DeliveryStatus::Failed),
            (500, DeliveryStatus::Pending),
        ] {
            assert_eq!(after(status), expected, "{status}");
        }
    }

    #[test]
    fn what_a_queue_can_delay_is_repeated_only_if_it_is_lost() {
        let now = Timestamp::UNIX_EPOCH;
        let first = delivery().attempted(attempt(500), None, now);
        assert_eq!(first.queue_delay(now), Some(Duration::from_secs(5)));
        assert_eq!(first.due_ms, Some(605_000));
        let third = first
            .attempted(attempt(500), None, now)
            .attempted(attempt(500), None, now);
        assert_eq!((third.queue_delay(now), third.due_ms), (None, Some(1_800_000)));
    }
}
