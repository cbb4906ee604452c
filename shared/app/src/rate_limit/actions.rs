//! Rate limits of actions that affect others: creating accounts, and sending email to any typed address.

use domain::{
    Email, Error, Network, OrgId, Result, User, UserId,
    rate_limit::{ADDRESS_CHANGES, Bucket, INVITATIONS, INVITED, LINK_ENDINGS, QUERIES, SIGN_UPS, VERIFICATIONS},
};
use store::keys::{self, Key};

use crate::App;

impl App {
    /// Counts an account creation from `network` whether or not it succeeds, because the response must not reveal which
    /// addresses have an account. Loopback requests on a developer's machine are unlimited.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] `too_many_accounts`.
    pub(crate) async fn count_sign_up(&self, network: Option<&Network>) -> Result<()> {
        let Some(network) = network.filter(|network| !network.is_loopback()) else {
            return Ok(());
        };
        let detail = "Too many accounts were created from your network. Wait before you create another one.";
        self.count_against(&keys::sign_ups(network), SIGN_UPS, "too_many_accounts", detail)
            .await
    }

    /// Counts a verification email for a user's current or new address. For a new address it is counted per user,
    /// because others may request the same address, and nobody may use up its owner's limit.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] `too_many_mails`.
    pub(crate) async fn count_verification(&self, user: &User) -> Result<()> {
        let detail = "Emails were already sent to this address. Look for them, or wait before you request another one.";
        let asked = match user.pending_email(self.clock.now()) {
            Some(_) => keys::link_endings(&user.id, "VERIFY_ASKED"),
            None => keys::mails_to(&user.email.fingerprint(), "VERIFY_ASKED"),
        };
        self.count_against(&asked, VERIFICATIONS, "too_many_mails", detail)
            .await
    }

    /// Counts an invitation that `org` sends to `email`, including repeated ones.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] `too_many_invitations`.
    pub(crate) async fn count_invitation(&self, org: &OrgId, email: &Email) -> Result<()> {
        let code = "too_many_invitations";
        let detail = "Your organization sent too many invitations. Wait before you send another one.";
        self.count_against(&keys::invitations_of(org), INVITATIONS, code, detail)
            .await?;
        let detail = "This address was invited too many times. Wait before you invite it again.";
        let to = keys::mails_to(&email.fingerprint(), "INVITATION");
        self.count_against(&to, INVITED, code, detail).await
    }

    /// Counts a user's change of their own address: each sends an email to a possible stranger.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] `too_many_address_changes`.
    pub(crate) async fn count_address_change(&self, user: &UserId) -> Result<()> {
        let detail = "You changed your address too many times. Wait before the next change.";
        let changes = keys::link_endings(user, "ADDRESS");
        self.count_against(&changes, ADDRESS_CHANGES, "too_many_address_changes", detail)
            .await
    }

    /// Counts a query of a user's, whether or not it succeeds.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] `too_many_queries`.
    pub(crate) async fn count_query(&self, user: &UserId) -> Result<()> {
        let detail = "You sent too many queries. Wait before you send another one.";
        self.count_against(&keys::queries_of(user), QUERIES, "too_many_queries", detail)
            .await
    }

    /// Returns whether ending all sessions from one of them may also void emailed links, which is limited in number.
    pub(crate) async fn may_end_links(&self, user: &UserId) -> Result<bool> {
        let endings = keys::link_endings(user, "SESSIONS");
        let taken = self
            .store
            .rate_limits()
            .check(&endings, LINK_ENDINGS, self.clock.now())
            .await?;
        Ok(taken.is_ok())
    }

    /// Counts an action against a bucket.
    ///
    /// # Errors
    /// Returns [`Error::TooMany`] with `code` and `detail`.
    pub(crate) async fn count_against(
        &self,
        key: &Key,
        bucket: Bucket,
        code: &'static str,
        detail: &'static str,
    ) -> Result<()> {
        let taken = self.store.rate_limits().check(key, bucket, self.clock.now()).await?;
        taken.map_err(|retry_after| Error::TooMany {
            code,
            detail,
            retry_after,
        })
    }
}
