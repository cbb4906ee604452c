//! Sessions: sign-in, refresh, sign-out, and authenticating requests.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    Actor, ApiKeyId, Error, Membership, Org, OrgId, OrgRole, Permission, Result, Secret, Session, SessionId, Timestamp,
    User, UserId, audit::ActorKind, auth::api_key_token, auth::session::PresentedRefreshToken,
};
use futures::future::BoxFuture;

use crate::{
    AccessLifetime, App, Origin, TokenPair,
    auth::tokens::{SigningKeys, TokenUse},
    rate_limit::password_guesses,
};

const FOREIGN_USER: Error = Error::Forbidden {
    code: "foreign_user_id",
    detail: "You can do this for your own account only; leave `user_id` out.",
};

/// An account with new tokens.
#[derive(Debug)]
pub struct SignedIn {
    /// The account.
    pub user: User,
    /// Its tokens.
    pub tokens: TokenPair,
}

/// The authenticated caller of a request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The account's current state.
    pub user: User,
    /// How the caller authenticated.
    pub credential: Credential,
    /// The token they presented.
    pub token: Secret,
}

/// How a caller authenticated.
#[derive(Debug, Clone)]
pub enum Credential {
    /// One of our access tokens.
    Session(SessionId),
    /// A Clerk session, by its ID at Clerk.
    Clerk(String),
    /// An API key that acts for the user who created it, inside one organization.
    Key(KeyGrant),
}

/// The restrictions of an API key, in addition to those of its user's role.
#[derive(Debug, Clone)]
pub struct KeyGrant {
    /// The key.
    pub id: ApiKeyId,
    /// The only organization it can access, in its current state.
    pub org: Arc<Org>,
    /// Its user's membership there.
    pub membership: Membership,
    /// Permissions shared by it and all its ancestors.
    pub scopes: BTreeSet<Permission>,
    /// Models that it and all its ancestors may use; all if `None`.
    pub models: Option<Vec<String>>,
    /// LLM tokens it may use in total; `None` means no limit of its own.
    pub token_budget: Option<u64>,
    /// Model requests it may send per minute; `None` means no limit of its own.
    pub requests_per_minute: Option<u32>,
    /// It or one of its ancestors is rejected from this time on.
    pub expires_at: Option<Timestamp>,
    /// Its ancestors, nearest first; it counts toward their limits too.
    pub above: Vec<KeyAbove>,
}

/// An ancestor of a key.
#[derive(Debug, Clone)]
pub struct KeyAbove {
    /// The key.
    pub id: ApiKeyId,
    /// LLM tokens that it and its descendants may use in total.
    pub token_budget: Option<u64>,
    /// Model requests that it and its descendants may send per minute.
    pub requests_per_minute: Option<u32>,
}

impl Identity {
    /// Returns whether the credentials include `permission`; the role is checked separately.
    pub fn reaches(&self, permission: Permission) -> bool {
        match &self.credential {
            Credential::Session(_) | Credential::Clerk(_) => true,
            Credential::Key(grant) => grant.scopes.contains(&permission),
        }
    }

    /// Returns the only organization that the credentials can access, or `None` for a person.
    pub fn only_org(&self) -> Option<&OrgId> {
        match &self.credential {
            Credential::Session(_) | Credential::Clerk(_) => None,
            Credential::Key(grant) => Some(&grant.org.id),
        }
    }

    /// Checks the user ID that a body names, which can be left out.
    ///
    /// # Errors
    /// Returns [`Error::Forbidden`] `foreign_user_id` if it is not the caller's.
    pub fn check_own_id(&self, named: Option<&UserId>) -> Result<()> {
        if named.is_none_or(|named| *named == self.user.id) {
            return Ok(());
        }
        Err(FOREIGN_USER)
    }

    /// Returns whether the caller is a person rather than an API key.
    pub fn is_person(&self) -> bool {
        !matches!(self.credential, Credential::Key(_))
    }

    /// Returns the caller as recorded in the audit log.
    pub fn actor(&self, request_id: &str) -> Actor {
        let user = Actor::user(self.user.id.as_str(), request_id);
        match &self.credential {
            Credential::Session(_) | Credential::Clerk(_) => user,
            Credential::Key(grant) => Actor {
                kind: ActorKind::ApiKey,
                key: Some(grant.id.0.clone()),
                ..user
            },
        }
    }
}

/// The same response for a wrong password, an unknown account and a disabled one, so that it reveals nothing.
const WRONG: Error = Error::Unauthorized {
    code: "invalid_credentials",
    detail: "Incorrect email address or password.",
};
const NO_ORG: Error = Error::NotFound("organization");
pub(crate) const ENDED: Error = Error::Unauthorized {
    code: "session_ended",
    detail: "The session has ended. Sign in again.",
};

impl App {
    /// Signs in with address and password.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] `invalid_credentials` for every cause, after the same time, and
    /// [`Error::TooMany`] if there were too many guesses for the account, whether or not it exists.
    pub fn sign_in<'a>(
        &'a self,
        email: &'a str,
        password: &'a Secret,
        origin: &'a Origin,
        lifetime: AccessLifetime,
    ) -> BoxFuture<'a, Result<SignedIn>> {
        Box::pin(async move {
            let account = password_guesses::account(email);
            let guess = self.guess(&account, origin.network.as_ref()).await?;
            let known = self.store.accounts().by_email(&account).await?;
            let (user, hash) = known.map(|found| (found.user, found.password_hash)).unzip();
            let right = self.hasher.verify(password, hash.flatten()).await?;
            let user = user.filter(|user| right && user.is_active()).ok_or(WRONG)?;
            let keys = self.signing_keys().await?;
            let session = self.new_session(&user, origin, &keys)?;
            let tokens = keys.pair(&session, lifetime)?;
            self.store.sessions().begin(&session).await?;
            self.guess_succeeded(guess).await?;
            Ok(SignedIn { user, tokens })
        })
    }

    pub(crate) fn new_session(&self, user: &User, origin: &Origin, keys: &SigningKeys) -> Result<Session> {
        Ok(Session {
            signing_key: keys.id_at(self.clock.now()).to_owned(),
            epoch: user.session_epoch,
            user_agent: origin.user_agent.clone(),
            network: origin.network.clone(),
            ..Session::begin(self.ids.make()?, user.id.clone(), self.clock.now())
        })
    }

    /// Replaces a refresh token by a new pair. A token that was already replaced ends the whole session, except within
    /// the grace period, in which it returns the same new pair ([`domain::auth::session::REUSE_GRACE`]).
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`].
    pub fn refresh<'a>(&'a self, token: &'a Secret, lifetime: AccessLifetime) -> BoxFuture<'a, Result<TokenPair>> {
        Box::pin(async move {
            let presented = self.verify_token(token, TokenUse::Refresh).await?;
            let keys = self.signing_keys().await?;
            loop {
                let Some((user, session)) = self
                    .store
                    .accounts()
                    .with_session(&presented.user, &presented.session)
                    .await?
                else {
                    return Err(ENDED);
                };
                let now = self.clock.now();
                if !session.is_live(&user, now) {
                    return Err(ENDED);
                }
                match session.presented(presented.generation, now) {
                    PresentedRefreshToken::Current => {
                        let next = session.rotated(now, keys.id_at(now));
                        // Signed before the session is stored, so that a stored rotation can always be returned.
                        let pair = keys.pair(&next, lifetime)?;
                        if self.store.sessions().rotate(&session, &next).await? {
                            return Ok(pair);
                        }
                        // A concurrent rotation changed what the token means, so check again.
                    }
                    PresentedRefreshToken::JustReplaced => return keys.pair(&session, lifetime),
                    PresentedRefreshToken::Reused => {
                        tracing::warn!(user_id = %session.user, "auth.refresh_token_reused");
                        self.store.sessions().revoke(&session.user, &session.id).await?;
                        return Err(ENDED);
                    }
                    PresentedRefreshToken::Unknown => return Err(ENDED),
                }
            }
        })
    }

    /// Ends the session of this request. Its tokens are rejected from the next request on.
    pub fn sign_out<'a>(&'a self, identity: &'a Identity) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match &identity.credential {
                Credential::Session(id) => self.store.sessions().revoke(&identity.user.id, id).await.map(|_| ()),
                Credential::Clerk(session) => self.sign_out_of_clerk(&identity.user.id, session).await,
                Credential::Key(_) => Ok(()),
            }
        })
    }

    /// Returns the caller who presents this access token.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] if the token, its session or its account is not valid now.
    pub fn authenticate<'a>(&'a self, token: &'a Secret) -> BoxFuture<'a, Result<Identity>> {
        Box::pin(async move {
            if token.expose().starts_with(api_key_token::PREFIX) {
                return self.authenticate_key(token).await;
            }
            if self.clerk.issued(token) {
                return self.authenticate_with_clerk(token).await;
            }
            let now = self.clock.now();
            let claims = self.verify_token(token, TokenUse::Access).await?;
            let found = self
                .store
                .accounts()
                .with_session(&claims.user, &claims.session)
                .await?;
            let (user, session) = found
                .filter(|(user, session)| session.is_live(user, now))
                .ok_or(ENDED)?;
            Ok(Identity {
                user,
                credential: Credential::Session(session.id),
                token: token.clone(),
            })
        })
    }

    /// Returns the caller's membership in the organization that `X-Current-Org` names by ID or slug, or in the personal
    /// one if the header is absent.
    ///
    /// # Errors
    /// Returns the same [`Error::NotFound`] whether the organization does not exist or the caller is not a member.
    pub fn membership_of<'a>(
        &'a self,
        identity: &'a Identity,
        org: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Membership>> {
        Box::pin(async move {
            let user = &identity.user;
            let personal = &user.personal_org;
            if let Credential::Key(grant) = &identity.credential {
                // A key knows one organization; any other is treated as nonexistent.
                let membership = || grant.membership.clone();
                return match org {
                    None => Ok(membership()),
                    Some(name) if name.eq_ignore_ascii_case(grant.org.id.as_str()) => Ok(membership()),
                    Some(name) => {
                        if name.eq_ignore_ascii_case(&grant.org.slug) {
                            Ok(membership())
                        } else {
                            Err(NO_ORG)
                        }
                    }
                };
            }
            let Some(name) = org.filter(|name| !name.eq_ignore_ascii_case(personal.as_str())) else {
                return Ok(Membership {
                    org: personal.clone(),
                    member: user.id.clone(),
                    role: OrgRole::Owner,
                    joined_at: user.created_at,
                });
            };
            let accounts = self.store.accounts();
            let org = if uuid::Uuid::parse_str(name).is_ok() {
                OrgId(name.to_ascii_lowercase())
            } else {
                // Slugs are stored in lower case, but people capitalize them like names.
                let slug = domain::orgs::org::parse_slug(name).map_err(|_| NO_ORG)?;
                accounts.org_by_slug(&slug).await?.ok_or(NO_ORG)?
            };
            accounts.membership(&org, &user.id).await?.ok_or(NO_ORG)
        })
    }
}
