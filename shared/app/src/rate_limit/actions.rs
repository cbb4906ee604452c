//! What one caller may cause for others: accounts, and email to whoever's address they type.

use domain::{
    Email, Error, Network, OrgId, Result, User, UserId,
    rate_limit::{ADDRESS_CHANGES, Bucket, INVITATIONS, INVITED, LINK_ENDINGS, SIGN_UPS, VERIFICATIONS},
};
use store::keys::{self, Key};

use crate::App;

impl App {
    /// Counts an account that is about to be made from `network`, whether or not it will be: the answer must not tell
    /// which addresses have one. A developer's own machine makes as many as it likes.
    ///
    /// # Errors
    /// [`Error::TooMany`] `too_many_accounts`.
    pub(crate) async fn count_sign_up(&self, network: Option<&Network>) -> Result<()> {
        let Some(network) = network.filter(|network| !network.is_loopback()) else {
            return Ok(());
        };
        let detail = "Too many accounts were made from your network; wait before the next one.";
        self.count_against(&keys::sign_ups(network), SIGN_UPS, "too_many_accounts", detail)
            .await
    }

    /// Counts an email that someone asks for to verify their address, or the one that their account is to have: others
    /// may want that one too, and no one uses up what its owner may ask for.
    ///
    /// # Errors
    /// [`Error::TooMany`] `too_many_mails`.
    pub(crate) async fn count_verification(&self, user: &User) -> Result<()> {
        let detail = "Mails were sent to this address already; look for them, or wait before the next one.";
        let asked = match user.pending_email(self.clock.now()) {
            Some(_) => keys::link_endings(&user.id, "VERIFY_ASKED"),
            None => keys::mails_to(&user.email.fingerprint(), "VERIFY_ASKED"),
        };
        self.count_against(&asked, VERIFICATIONS, "too_many_mails", detail)
            .await
    }

    /// Counts an invitation that `org` sends to `email`, for the first time or again.
    ///
    /// # Errors
    /// [`Error::TooMany`] `too_many_invitations`.
    pub(crate) async fn count_invitation(&self, org: &OrgId, email: &Email) -> Result<()> {
        let code = "too_many_invitations";
        let detail = "Your organization sent many invitations; wait before the next one.";
        self.count_against(&keys::invitations_of(org), INVITATIONS, code, detail)
            .await?;
        let detail = "This address was invited many times; wait before it is invited again.";
        let to = keys::mails_to(&email.fingerprint(), "INVITATION");
        self.count_against(&to, INVITED, code, detail).await
    }

    /// Counts a change of the own address: each sends an email to someone who may be a stranger.
    ///
    /// # Errors
    /// [`Error::TooMany`] `too_many_address_changes`.
    pub(crate) async fn count_address_change(&self, user: &UserId) -> Result<()> {
        let detail = "You changed the address many times; wait before the next change.";
        let changes = keys::link_endings(user, "ADDRESS");
        self.count_against(&changes, ADDRESS_CHANGES, "too_many_address_changes", detail)
            .await
    }

    /// Whether the end of all sessions by one of them makes emailed links void as well, which few of them do.
    pub(crate) async fn may_end_links(&self, user: &UserId) -> Result<bool> {
        let endings = keys::link_endings(user, "SESSIONS");
        let taken = self
            .store
            .rate_limits()
            .check(&endings, LINK_ENDINGS, self.clock.now())
            .await?;
        Ok(taken.is_ok())
    }

    async fn count_against(&self, key: &Key, bucket: Bucket, code: &'static str, detail: &'static str) -> Result<()> {
        let taken = self.store.rate_limits().check(key, bucket, self.clock.now()).await?;
        taken.map_err(|retry_after| Error::TooMany {
            code,
            detail,
            retry_after,
        })
    }
}
