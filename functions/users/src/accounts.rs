//! `/users`: accounts.

use app::{ChangedBy, SignUp, UserChange};
use domain::{
    Email, Error, NewPassword, PlatformRole, Secret, Timestamp, User, UserStatus,
    auth::permission::{ReadAccount, WriteAccount},
};
use garde::Validate;
use http_api::{Body, Caller, Created, Ctx, Json, Message, PlatformAdmin, Result, SelfOrAdmin, readable_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new account.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewUser {
    /// Display name; the part of the email address before the `@` if omitted.
    #[garde(length(chars, max = User::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// Email address, used to sign in.
    #[garde(skip)]
    #[schemars(email, length(max = Email::MAX_BYTES))]
    email: String,
    /// 8 to 128 characters; commonly leaked passwords are rejected.
    #[garde(skip)]
    #[schemars(length(min = NewPassword::MIN, max = NewPassword::MAX))]
    password: Secret,
    /// Platform role; `user` if omitted.
    #[garde(skip)]
    role: Option<PlatformRole>,
}

/// A change of an account.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct UserPatch {
    /// New name.
    #[garde(length(chars, max = User::MAX_NAME), inner(custom(readable_name)))]
    #[schemars(regex(pattern = http_api::READABLE_NAME))]
    name: Option<String>,
    /// New email address. Users changing their own need the password too; if the current address is verified, the new
    /// one is `pending_email` until it is confirmed.
    #[garde(skip)]
    #[schemars(email, length(max = Email::MAX_BYTES))]
    email: Option<String>,
    /// New platform role: applied if a platform admin changes another user, otherwise ignored.
    #[garde(skip)]
    role: Option<String>,
    /// The password, required to change the user's own address.
    #[garde(skip)]
    current_password: Option<Secret>,
}

/// An account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub(crate) struct UserView {
    user_id: String,
    /// The same as `user_id`.
    id: String,
    name: String,
    /// The same as `name`.
    full_name: String,
    email: String,
    /// Whether the email address is verified.
    email_verified: bool,
    /// The email address that the account will have once its signed-in user confirms the link in the email to it,
    /// within 48 hours.
    pending_email: Option<String>,
    role: PlatformRole,
    status: UserStatus,
    created_at: Timestamp,
    /// Null until billing is configured.
    stripe_customer_id: Option<String>,
    /// ID of the personal organization, which is current if `X-Current-Org` is omitted.
    default_org_id: String,
}

impl UserView {
    fn new(user: User, now: Timestamp) -> Self {
        Self {
            pending_email: user.pending_email(now).map(ToString::to_string),
            user_id: user.id.0.clone(),
            id: user.id.0,
            full_name: user.name.clone(),
            name: user.name,
            email: user.email.to_string(),
            email_verified: user.email_verified,
            role: user.role,
            status: user.status,
            created_at: user.created_at,
            stripe_customer_id: user.stripe_customer_id,
            default_org_id: user.personal_org.0,
        }
    }
}

pub(crate) async fn create_user(app: Ctx, admin: PlatformAdmin, Body(new): Body<NewUser>) -> Result<Created<UserView>> {
    let (email, password) = match (Email::parse(&new.email), NewPassword::parse(new.password, "/password")) {
        (Ok(email), Ok(password)) => (email, password),
        (Err(Error::Invalid(mut email)), Err(Error::Invalid(password))) => {
            email.extend(password);
            return Err(Error::Invalid(email).into());
        }
        (Err(error), _) | (_, Err(error)) => return Err(error.into()),
    };
    let sign_up = SignUp {
        name: new.name.map(|name| name.trim().to_owned()),
        email,
        password,
    };
    let role = new.role.unwrap_or(PlatformRole::User);
    let user = app.create_user(&admin.actor(), sign_up, role).await?;
    Ok(Created(UserView::new(user, app.clock.now())))
}

pub(crate) async fn get_user(app: Ctx, about: SelfOrAdmin<ReadAccount>) -> Result<Json<UserView>> {
    let user = if about.is_self() {
        about.identity.user.clone()
    } else {
        app.user(&about.user).await?
    };
    Ok(Json(UserView::new(user, app.clock.now())))
}

/// The email address is used to sign in and to recover the account, so an API key gets 403 for any change of an
/// account.
pub(crate) async fn update_user(
    app: Ctx,
    _: Caller,
    about: SelfOrAdmin<WriteAccount>,
    Body(patch): Body<UserPatch>,
) -> Result<Json<UserView>> {
    let by = if about.is_self() {
        ChangedBy::Owner {
            session_epoch: about.identity.user.session_epoch,
        }
    } else {
        ChangedBy::Admin
    };
    let role = match patch.role.as_deref().filter(|_| by == ChangedBy::Admin) {
        None => None,
        Some("user") => Some(PlatformRole::User),
        Some("admin") => Some(PlatformRole::Admin),
        Some(_) => return Err(Error::invalid("/role", "must be user or admin").into()),
    };
    let change = UserChange {
        name: patch.name.map(|name| name.trim().to_owned()),
        email: patch.email.as_deref().map(Email::parse).transpose()?,
        role,
    };
    let password = patch.current_password.as_ref();
    let user = app
        .change_user(&about.actor(), &about.user, by, change, password)
        .await?;
    Ok(Json(UserView::new(user, app.clock.now())))
}

pub(crate) async fn delete_user(app: Ctx, _: Caller, about: SelfOrAdmin<WriteAccount>) -> Result<Message> {
    app.end_user(&about.actor(), &about.user).await?;
    Ok(Message("User deleted successfully"))
}
