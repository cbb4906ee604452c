//! New accounts, each with a personal organization.

use domain::{
    Actor, CredentialEpochs, Email, Error, MailMessage, Membership, NewPassword, Org, OrgId, OrgRole, Plan,
    PlatformRole, Result, Session, User, UserStatus,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::Registered;

use crate::{
    AccessLifetime, App, Origin, SignedIn, audit::audit_event::AuditEvent, auth::credentials::user_actor,
    users::email_taken,
};

/// The data of a sign-up.
#[derive(Debug)]
pub struct SignUp {
    /// Name shown to other users; the local part of the address if `None`.
    pub name: Option<String>,
    /// Sign-in name.
    pub email: Email,
    /// Password.
    pub password: NewPassword,
}

/// An account with its personal organization, not yet stored.
pub(crate) struct Draft {
    pub(crate) user: User,
    pub(crate) org: Org,
    pub(crate) owner: Membership,
}

impl App {
    /// Creates an account with its personal organization and signs it in.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `email_taken`, [`Error::TooMany`].
    pub fn register<'a>(
        &'a self,
        sign_up: SignUp,
        origin: &'a Origin,
        lifetime: AccessLifetime,
    ) -> BoxFuture<'a, Result<SignedIn>> {
        Box::pin(async move {
            self.count_sign_up(origin.network.as_ref()).await?;
            let email = sign_up.email.clone();
            let created = self.create_account(sign_up, PlatformRole::User, origin, lifetime).await;
            // Both paths request one email, so that they take the same time.
            let id = self.ids.make()?;
            match &created {
                Ok(account) => {
                    let user = account.user.id.clone();
                    self.try_to_mail(MailMessage::VerifyEmail { id, user }).await;
                    self.request_customer(&account.user).await;
                }
                Err(Error::Conflict { .. }) => self.try_to_mail(MailMessage::EmailTaken { id, email }).await,
                Err(_) => {}
            }
            created
        })
    }

    /// Ensures that an account with this address exists; a new one has the platform role `admin`. An existing account
    /// is left unchanged.
    pub fn seed_platform_admin(&self, sign_up: SignUp) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self
                .create_account(sign_up, PlatformRole::Admin, &Origin::default(), AccessLifetime::Short)
                .await
            {
                Ok(_)
                | Err(Error::Conflict {
                    code: "email_taken", ..
                }) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    async fn create_account(
        &self,
        sign_up: SignUp,
        role: PlatformRole,
        origin: &Origin,
        lifetime: AccessLifetime,
    ) -> Result<SignedIn> {
        let (draft, password_hash) = self.draft_sign_up(sign_up, role).await?;
        let keys = self.signing_keys().await?;
        let session = self.new_session(&draft.user, origin, &keys)?;
        let tokens = keys.pair(&session, lifetime)?;
        let own = user_actor(&draft.user, origin);
        let user = self.store_account(draft, &password_hash, Some(&session), &own).await?;
        Ok(SignedIn { user, tokens })
    }

    /// Returns a new account and the hash of its password.
    pub(crate) async fn draft_sign_up(&self, sign_up: SignUp, role: PlatformRole) -> Result<(Draft, String)> {
        let SignUp { name, email, password } = sign_up;
        let password_hash = self.hasher.hash(&password).await?;
        let name = name.unwrap_or_else(|| email.local_part().to_owned());
        let mut draft = self.draft_account(email, name)?;
        draft.user.role = role;
        // The operator specified this address; nobody else becomes an admin by registering.
        let is_named = role == PlatformRole::Admin;
        draft.user.email_verified = is_named;
        draft.user.credentials = CredentialEpochs::of_new_account(is_named);
        Ok((draft, password_hash))
    }

    /// Returns a new account with the platform role `user` and an unverified address.
    pub(crate) fn draft_account(&self, email: Email, name: String) -> Result<Draft> {
        let now = self.clock.now();
        let org: OrgId = self.ids.make()?;
        let user = User {
            id: self.ids.make()?,
            name,
            email,
            role: PlatformRole::User,
            status: UserStatus::Active,
            personal_org: org.clone(),
            stripe_customer_id: None,
            email_verified: false,
            pending_email: None,
            session_epoch: 0,
            credentials: CredentialEpochs::default(),
            daily_limit: None,
            granted_daily_limit: None,
            clerk_name: None,
            created_at: now,
        };
        let owner = Membership {
            org: org.clone(),
            member: user.id.clone(),
            role: OrgRole::Owner,
            joined_at: now,
        };
        let org = Org {
            // A personal organization has no slug of its own for `X-Current-Org`; its ID is its slug.
            slug: org.0.clone(),
            id: org,
            name: format!("{} (personal)", user.name),
            personal: true,
            plan: Plan::Free,
            overrides: None,
            overage: None,
            time_zone: "UTC".to_owned(),
            pinned_day: None,
            downgrade_model: None,
            transcription_model: None,
            embedding_model: None,
            fallback_models: Vec::new(),
            webhooks: domain::WantedEvents::default(),
            created_at: now,
        };
        Ok(Draft { user, org, owner })
    }

    /// Stores a new account, with its first session if it starts with one.
    pub(crate) async fn store_account(
        &self,
        draft: Draft,
        password_hash: &str,
        session: Option<&Session>,
        actor: &Actor,
    ) -> Result<User> {
        let Draft { user, org, owner } = draft;
        let event = AuditEvent::to_user("user.created", &user.id).after(json!({"role": user.role}));
        let entry = self.entry(actor, &org.id, event)?;
        let accounts = self.store.accounts();
        match accounts
            .register(&user, password_hash, &org, &owner, session, &entry)
            .await?
        {
            Registered::Created => Ok(user),
            Registered::EmailTaken => Err(email_taken()),
        }
    }
}
