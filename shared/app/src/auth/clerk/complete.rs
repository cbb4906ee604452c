//! Completing accounts that were created with incomplete user data.
//!
//! A front end's backend can request an account with nothing but the Clerk ID. Whoever knows more first completes it: a
//! later call of the backend, a session of the user, or Clerk's webhook. Only generated values are replaced, so that
//! values set by the user in the meantime are preserved.

use domain::{Actor, Email, Result, User};
use serde_json::json;
use store::{Completed, Completion, OptimisticRetry};

use super::{ClerkPerson, UNNAMED};
use crate::App;

/// What an account lacks.
struct Missing<'a> {
    name: Option<&'a str>,
    email: Option<&'a Email>,
    /// Whether the resulting address is verified.
    verified: bool,
    /// Whether Clerk has verified it.
    owner_is_known: bool,
}

impl<'a> Missing<'a> {
    /// Returns what is known of `person` but missing in the account. `with_email`: whether to add the address.
    fn of(person: &'a ClerkPerson, user: &User, with_email: bool) -> Result<Option<Self>> {
        let is_made_up = match &user.clerk_name {
            Some(name) => name.made_up && name.text == user.name,
            // From an earlier release.
            None => user.name == UNNAMED,
        };
        let name = person.name.as_deref().filter(|name| is_made_up && *name != user.name);
        let placeholder_address = person.placeholder_address()?;
        let email = person.email.as_ref().filter(|email| {
            with_email && user.email.is_same(&placeholder_address) && !email.is_same(&placeholder_address)
        });
        let verified = match email {
            Some(email) => person.has_verified(email),
            None => (user.email_verified || person.has_verified(&user.email)) && user.email.is_deliverable(),
        };
        let owner_is_known = person.has_verified(email.unwrap_or(&user.email));
        let lacks = name.is_some() || email.is_some() || verified != user.email_verified;
        Ok(lacks.then_some(Self {
            name,
            email,
            verified,
            owner_is_known,
        }))
    }
}

impl App {
    /// Returns a user's account, completed with what is now known. An address that another account has is not taken
    /// over.
    pub(super) async fn completed(&self, person: &ClerkPerson, mut user: User, actor: Option<&Actor>) -> Result<User> {
        let (clerk, accounts) = (self.store.clerk(), self.store.accounts());
        let mut with_email = true;
        let mut retry = OptimisticRetry::to_change("an account");
        loop {
            retry.next().await?;
            let Some(missing) = Missing::of(person, &user, with_email)? else {
                break;
            };
            if let Some(email) = missing.email
                && accounts.has_other_owner(email, &user.id, self.clock.now()).await?
            {
                tracing::warn!(user_id = %user.id, "clerk.address_taken");
                with_email = false;
                continue;
            }
            let completion = Completion {
                user: &user,
                name: missing.name,
                email: missing.email,
                verified: missing.verified,
                owner_is_known: missing.owner_is_known,
            };
            let changed: Vec<&str> = [("name", missing.name.is_some()), ("email", missing.email.is_some())]
                .into_iter()
                .filter_map(|(field, changed)| changed.then_some(field))
                .collect();
            let entry = self.clerk_entry(
                &user,
                actor,
                "user.updated",
                json!({"changed": changed, "through": "clerk"}),
            )?;
            match clerk.complete(&completion, &entry).await? {
                Completed::Done => {
                    user.email_verified = missing.verified;
                    if let Some(name) = missing.name {
                        name.clone_into(&mut user.name);
                    }
                    if let Some(email) = missing.email {
                        user.email = email.clone();
                    }
                    break;
                }
                Completed::EmailTaken => with_email = false,
                // The account was changed concurrently: read it again.
                Completed::AccountMoved => match self.live_account(&user.id).await? {
                    Some(found) => user = found,
                    None => break,
                },
            }
        }
        Ok(user)
    }
}
