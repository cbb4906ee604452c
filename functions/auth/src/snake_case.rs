//! `/api/v1/auth`: registration, sign-in and accounts.

use app::{AccessLifetime, SignUp, SignedIn, TokenPair};
use domain::{Email, Error, NewPassword, PlatformRole, Secret, Timestamp, User, auth::permission::ReadAccount};
use garde::Validate;
use http_api::{Body, Created, Ctx, FormOrJson, Json, Origin, Result, SelfOrAdmin, optional_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new account. A role in the body is ignored: no one can make themselves an admin.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct NewAccount {
    /// Email address, used to sign in.
    #[schemars(email, length(max = Email::MAX_BYTES))]
    email: String,
    /// 8 to 128 characters; commonly leaked passwords are rejected.
    #[schemars(length(min = NewPassword::MIN, max = NewPassword::MAX))]
    password: Secret,
    /// Display name; the part of the email address before the `@` if omitted.
    #[garde(length(chars, max = User::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    name: Option<String>,
    /// Alias of `name`.
    #[garde(length(chars, max = User::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    full_name: Option<String>,
    /// Alias of `name`.
    #[garde(length(chars, max = User::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    display_name: Option<String>,
}

impl NewAccount {
    /// Checks both fields, so that one response lists all errors.
    pub(crate) fn into_sign_up(self) -> domain::Result<SignUp> {
        let names = [self.name, self.full_name, self.display_name];
        let name = names
            .into_iter()
            .flatten()
            .map(|name| name.trim().to_owned())
            .find(|name| !name.is_empty());
        match (
            Email::parse(&self.email),
            NewPassword::parse(self.password, "/password"),
        ) {
            (Ok(email), Ok(password)) => Ok(SignUp { name, email, password }),
            (Err(Error::Invalid(mut email)), Err(Error::Invalid(password))) => {
                email.extend(password);
                Err(Error::Invalid(email))
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

/// Credentials, as an OAuth 2 form (`username`) or as JSON (`email`).
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
#[schemars(extend("minProperties" = 2))]
pub(crate) struct Credentials {
    /// The email address, as OAuth 2 calls it.
    #[schemars(extend("type" = "string"))]
    username: Option<String>,
    /// The email address, unless `username` is sent.
    #[schemars(extend("type" = "string"))]
    email: Option<String>,
    /// The password.
    password: Secret,
}

impl Credentials {
    pub(crate) async fn sign_in(self, app: &Ctx, origin: &Origin, lifetime: AccessLifetime) -> Result<SignedIn> {
        let address = self
            .username
            .or(self.email)
            .ok_or_else(|| Error::invalid("/email", "is required"))?;
        Ok(app.sign_in(&address, &self.password, origin, lifetime).await?)
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct RefreshRequest {
    /// From the last sign-in or refresh; valid once.
    pub(crate) refresh_token: Secret,
}

/// A pair of tokens.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokensView {
    /// For the `Authorization` header.
    access_token: String,
    /// For `POST /auth/refresh`.
    refresh_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Lifetime of the access token, in seconds.
    expires_in: u64,
}

impl From<TokenPair> for TokensView {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access.expose().to_owned(),
            refresh_token: pair.refresh.expose().to_owned(),
            token_type: "bearer",
            expires_in: pair.expires_in,
        }
    }
}

/// An account.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccountView {
    user_id: String,
    /// The same as `user_id`.
    id: String,
    name: String,
    /// The same as `name`.
    full_name: String,
    email: String,
    /// Whether the email address is verified.
    email_verified: bool,
    role: PlatformRole,
    created_at: Timestamp,
    /// Null until billing is configured.
    stripe_customer_id: Option<String>,
    /// ID of the personal organization, which is current if `X-Current-Org` is omitted.
    default_org_id: String,
}

impl From<&User> for AccountView {
    fn from(user: &User) -> Self {
        Self {
            user_id: user.id.0.clone(),
            id: user.id.0.clone(),
            name: user.name.clone(),
            full_name: user.name.clone(),
            email: user.email.to_string(),
            email_verified: user.email_verified,
            role: user.role,
            created_at: user.created_at,
            stripe_customer_id: user.stripe_customer_id.clone(),
            default_org_id: user.personal_org.0.clone(),
        }
    }
}

/// A new account and its tokens.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RegisteredView {
    #[serde(flatten)]
    account: AccountView,
    #[serde(flatten)]
    tokens: TokensView,
}

pub(crate) async fn register(app: Ctx, origin: Origin, Body(new): Body<NewAccount>) -> Result<Created<RegisteredView>> {
    let SignedIn { user, tokens } = app
        .register(new.into_sign_up()?, &origin, AccessLifetime::Short)
        .await?;
    Ok(Created(RegisteredView {
        account: (&user).into(),
        tokens: tokens.into(),
    }))
}

pub(crate) async fn login(
    app: Ctx,
    origin: Origin,
    FormOrJson(credentials): FormOrJson<Credentials>,
) -> Result<Json<TokensView>> {
    let signed_in = credentials.sign_in(&app, &origin, AccessLifetime::Short).await?;
    Ok(Json(signed_in.tokens.into()))
}

pub(crate) async fn refresh(app: Ctx, Body(request): Body<RefreshRequest>) -> Result<Json<TokensView>> {
    let tokens = app.refresh(&request.refresh_token, AccessLifetime::Short).await?;
    Ok(Json(tokens.into()))
}

pub(crate) async fn get_me(caller: SelfOrAdmin<ReadAccount>) -> Result<Json<AccountView>> {
    Ok(Json((&caller.identity.user).into()))
}
