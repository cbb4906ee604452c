//! User events from Clerk, in webhooks signed by Svix
//! (<https://docs.svix.com/receiving/verifying-payloads/how-manual>).

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Actor, Email, Error, Result, Secret, User, UserStatus, time::after};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use store::{Applied, EventMarker, OptimisticRetry, PersonChange};

use super::ClerkPerson;
use crate::App;

/// Maximum difference between the time of a signature and ours, in seconds.
const TOLERANCE_SECONDS: i64 = 300;
/// How long the ID of an event is remembered. Svix retries for about a day; manual retries may come later.
const REMEMBER: Duration = Duration::from_hours(30 * 24);

const FORGED: Error = Error::Unauthorized {
    code: "signature_invalid",
    detail: "The signature of this webhook is invalid. Check the signing secret.",
};

/// A webhook as received; untrusted until its signature is verified.
#[derive(Debug, Clone, Copy)]
pub struct SignedEvent<'a> {
    /// `svix-id`.
    pub id: &'a str,
    /// `svix-timestamp`, seconds since the Unix epoch.
    pub timestamp: &'a str,
    /// `svix-signature`.
    pub signature: &'a str,
    /// The exact bytes that were signed.
    pub body: &'a [u8],
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: serde_json::Value,
}

#[derive(Deserialize)]
struct Person {
    id: String,
    #[serde(default)]
    email_addresses: Vec<Mailbox>,
    primary_email_address_id: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    username: Option<String>,
    updated_at: i64,
}

#[derive(Deserialize)]
struct Mailbox {
    id: String,
    email_address: String,
    verification: Option<Verification>,
}

#[derive(Deserialize)]
struct Verification {
    status: String,
}

#[derive(Deserialize)]
struct Gone {
    id: String,
}

impl Person {
    /// Returns the user, with their primary address if Clerk has verified it.
    fn known(&self) -> Result<ClerkPerson> {
        let is_verified = |address: &&Mailbox| {
            Some(&address.id) == self.primary_email_address_id.as_ref()
                && address.verification.as_ref().is_some_and(|v| v.status == "verified")
        };
        let email = self.email_addresses.iter().find(is_verified);
        let email = email.and_then(|address| Email::parse(&address.email_address).ok());
        let names = [&self.first_name, &self.last_name].map(|name| name.as_deref().unwrap_or_default());
        let name = names.join(" ");
        let name = Some(name.trim())
            .filter(|name| !name.is_empty())
            .or(self.username.as_deref());
        Ok(ClerkPerson::new(&self.id, email, name)?.verified())
    }
}

impl SignedEvent<'_> {
    /// Returns whether `secret` (`whsec_` and base64) signed these bytes around `now` (seconds since the Unix epoch).
    fn is_signed(&self, secret: &Secret, now: i64) -> bool {
        let text = secret.expose();
        let Ok(key) = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)) else {
            return false;
        };
        let is_now = self
            .timestamp
            .parse()
            .is_ok_and(|at: i64| now.saturating_sub(at).saturating_abs() <= TOLERANCE_SECONDS);
        if !is_now || self.id.is_empty() {
            return false;
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", self.body].concat();
        let mut signatures = self.signature.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        // During a rotation of the secret there are several signatures; one valid signature is enough.
        signatures.any(|one| {
            STANDARD
                .decode(one)
                .is_ok_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
        })
    }
}

impl App {
    /// Applies a Clerk webhook once, and only if it is newer than the last one applied.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] `signature_invalid`; all other errors warrant another delivery.
    pub fn clerk_event<'a>(&'a self, event: SignedEvent<'a>, request_id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let secret = self.secret("CLERK_WEBHOOK_SECRET").await?.ok_or(FORGED)?;
            let now = self.clock.now();
            if event.id.len() > 200 || !event.is_signed(&secret, now.as_second()) {
                return Err(FORGED);
            }
            let marker = EventMarker {
                id: event.id.to_owned(),
                until: after(now, REMEMBER),
            };
            if self.store.clerk().knows_event(&marker).await? {
                return Ok(());
            }
            let unreadable = |_| Error::bad_request("invalid_event", "The event cannot be parsed.");
            let event: Event = serde_json::from_slice(event.body).map_err(unreadable)?;
            let actor = Actor::webhook(request_id);
            match event.kind.as_str() {
                "user.created" | "user.updated" => {
                    let person = serde_json::from_value(event.data).map_err(unreadable)?;
                    self.apply_person(&person, &actor, &marker).await
                }
                "user.deleted" => {
                    let Gone { id } = serde_json::from_value(event.data).map_err(unreadable)?;
                    self.apply_deletion(&id, &actor, &marker).await
                }
                // Other events that an operator has subscribed to are ignored.
                _ => Ok(()),
            }
        })
    }

    async fn apply_person(&self, person: &Person, actor: &Actor, marker: &EventMarker) -> Result<()> {
        let clerk = self.store.clerk();
        let known = person.known()?;
        if self.clerk_link(&known.id).await?.0.is_none() {
            match self
                .account_of(&known, Some(actor), Some(person.updated_at), Some(marker))
                .await
            {
                // A concurrent request may have created it: then Clerk's data is applied below.
                Ok(_) => {}
                Err(error @ (Error::Conflict { .. } | Error::Unauthorized { .. })) => {
                    tracing::warn!(%error, "clerk.account_not_linked");
                    return clerk.record_event(marker).await.map(|_| ());
                }
                Err(error) => return Err(error),
            }
        }
        let mut retry = OptimisticRetry::to_change("an account");
        loop {
            // After an error Svix delivers the event again.
            retry.next().await?;
            if clerk.knows_event(marker).await? {
                return Ok(());
            }
            let (link, _) = self.clerk_link(&known.id).await?;
            let user = match link.filter(|link| link.deleted_at.is_none()).and_then(|link| link.user) {
                Some(user) => self.live_account(&user).await?,
                None => None,
            };
            let Some(user) = user else {
                return clerk.record_event(marker).await.map(|_| ());
            };
            let mut email = known.email.as_ref().filter(|email| **email != user.email);
            if let Some(other) = email
                && self
                    .store
                    .accounts()
                    .has_other_owner(other, &user.id, self.clock.now())
                    .await?
            {
                tracing::warn!(user_id = %user.id, "clerk.address_taken");
                email = None;
            }
            // A name that differs from Clerk's last one was set by the user here.
            let is_own = user.clerk_name.as_ref().is_some_and(|said| said.text != user.name);
            let clerks_name = known.name.as_deref().filter(|_| !is_own);
            let name = clerks_name.unwrap_or(&user.name);
            let address = email.unwrap_or(&user.email);
            let changed: Vec<&str> = [("name", name != user.name), ("email", email.is_some())]
                .into_iter()
                .filter_map(|(field, changed)| changed.then_some(field))
                .collect();
            let entry = self.clerk_entry(&user, Some(actor), "user.updated", json!({"changed": changed}))?;
            let change = PersonChange {
                user: &user,
                name,
                is_clerks_name: clerks_name.is_some(),
                verified: known.has_verified(address),
                email,
                updated_ms: person.updated_at,
            };
            match clerk.update(&known.id, &change, marker, &entry).await? {
                Applied::Done => {
                    if email.is_some() && user.email.is_deliverable() {
                        // Clerk controls the address, so it must be changed back there.
                        self.try_to_mail(self.address_changed(&user, None)?).await;
                    }
                    return Ok(());
                }
                Applied::Repeated => return Ok(()),
                Applied::Stale => return clerk.record_event(marker).await.map(|_| ()),
                // Taken between read and write: check again.
                Applied::EmailTaken => {}
            }
        }
    }

    /// The user is deleted first, so that no later event creates an account for them; the event is recorded last, so
    /// that the next delivery completes an interrupted deletion.
    async fn apply_deletion(&self, person: &str, actor: &Actor, marker: &EventMarker) -> Result<()> {
        let clerk = self.store.clerk();
        let person = ClerkPerson::new(person, None, None)?;
        clerk.mark_deleted(&person.id, self.clock.now()).await?;
        let link = clerk.link(&person.id).await?;
        let linked = match link.as_ref().and_then(|link| link.user.as_ref()) {
            Some(user) => self.store.accounts().get(user).await?,
            None => None,
        };
        // An account behind a void link does not belong to them.
        let is_theirs = |user: &User| link.as_ref().is_some_and(|link| link.leads_to(user));
        if let Some(User { id: user, .. }) = linked.filter(is_theirs) {
            match self.end_user(actor, &user).await {
                Ok(()) | Err(Error::NotFound(_)) => {}
                // The last owner of an organization: nobody can sign in any more, and the organization stays until it
                // is transferred.
                Err(Error::Conflict { .. }) => {
                    self.set_status(actor, &user, UserStatus::Disabled).await?;
                }
                Err(error) => return Err(error),
            }
        }
        clerk.record_event(marker).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the Standard Webhooks specification and in Svix's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const EXAMPLE: SignedEvent<'static> = SignedEvent {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body: br#"{"test": 2432232314}"#,
    };

    fn accepted(event: SignedEvent<'_>, now: i64) -> bool {
        event.is_signed(&Secret::new(SECRET), now)
    }

    #[test]
    fn the_example_of_the_specification_is_accepted_for_five_minutes() {
        for (now, expected) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            assert_eq!(accepted(EXAMPLE, 1_614_265_330 + now), expected, "{now}");
        }
    }

    #[test]
    fn any_of_several_signatures_is_enough_and_a_changed_part_is_not_signed() {
        let right = EXAMPLE.signature;
        let several = format!("v1,AAAA v2,{} v1a,x {right}", &right[3..]);
        assert!(accepted(
            SignedEvent {
                signature: &several,
                ..EXAMPLE
            },
            1_614_265_330
        ));
        let v2 = right.replace("v1,", "v2,");
        for forged in [
            SignedEvent { id: "msg_x", ..EXAMPLE },
            SignedEvent {
                timestamp: "1614265331",
                ..EXAMPLE
            },
            SignedEvent {
                timestamp: "1614265330 ",
                ..EXAMPLE
            },
            SignedEvent {
                body: br#"{"test": 2432232315}"#,
                ..EXAMPLE
            },
            SignedEvent {
                signature: &v2,
                ..EXAMPLE
            },
            SignedEvent {
                signature: "",
                ..EXAMPLE
            },
            SignedEvent {
                signature: "v1,",
                ..EXAMPLE
            },
            SignedEvent {
                signature: &right[3..],
                ..EXAMPLE
            },
        ] {
            assert!(!accepted(forged, 1_614_265_330), "{forged:?}");
        }
        assert!(!EXAMPLE.is_signed(&Secret::new("whsec_AAAA"), 1_614_265_330));
        assert!(!EXAMPLE.is_signed(&Secret::new("not base64!"), 1_614_265_330));
    }
}
