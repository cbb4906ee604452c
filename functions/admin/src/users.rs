//! Accounts.

use app::UserFilter;
use domain::{Error, PlatformRole, Timestamp, User, UserId, UserStatus};
use garde::Validate;
use http_api::{Body, Ctx, Json, Listing, Message, Paging, Path, PlatformAdmin, Query, QueryTime, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The accounts to list.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// Platform role.
    role: Option<PlatformRole>,
    /// Whether the account may sign in.
    status: Option<UserStatus>,
    /// Prefix of the email address.
    email: Option<String>,
    /// Part of the name or of the email address.
    q: Option<String>,
    /// Created at or after this time (RFC 3339), or after the start of this day (UTC).
    from: Option<QueryTime>,
    /// Created before this time (RFC 3339), or before the end of this day (UTC).
    to: Option<QueryTime>,
    /// Number of days until `to`, or until now; instead of `from`.
    #[schemars(range(min = 1, max = QueryTime::MAX_DAYS))]
    days: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct UserPath {
    user_id: UserId,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct RoleChange {
    /// The new platform role.
    role: PlatformRole,
}

/// `status`, or `is_active`.
#[derive(Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub(crate) struct StatusChange {
    /// Whether the account may sign in.
    status: Option<NewStatus>,
    /// The same as `status`: `active` or `disabled`.
    is_active: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum NewStatus {
    Active,
    Disabled,
}

/// An account as platform admins see it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UserAdminView {
    user_id: String,
    /// The same as `user_id`.
    id: String,
    name: String,
    email: String,
    role: PlatformRole,
    status: UserStatus,
    /// Whether `status` is `active`.
    is_active: bool,
    created_at: Timestamp,
    /// ID of the personal organization.
    default_org_id: String,
}

impl From<User> for UserAdminView {
    fn from(user: User) -> Self {
        Self {
            is_active: user.is_active(),
            user_id: user.id.0.clone(),
            id: user.id.0,
            name: user.name,
            email: user.email.to_string(),
            role: user.role,
            status: user.status,
            created_at: user.created_at,
            default_org_id: user.personal_org.0,
        }
    }
}

impl StatusChange {
    fn status(&self) -> Result<UserStatus> {
        match (self.status, self.is_active) {
            (Some(NewStatus::Active), None | Some(true)) | (None, Some(true)) => Ok(UserStatus::Active),
            (Some(NewStatus::Disabled), None | Some(false)) | (None, Some(false)) => Ok(UserStatus::Disabled),
            (None, None) => Err(Error::invalid("/status", "is required").into()),
            (Some(_), Some(_)) => {
                Err(Error::invalid("/is_active", "contradicts `status`; send only one of them").into())
            }
        }
    }
}

pub(crate) async fn list_all_users(
    app: Ctx,
    _: PlatformAdmin,
    Query(filter): Query<Filter>,
    page: Paging,
) -> Result<Listing<UserAdminView>> {
    let from = QueryTime::first(filter.from, filter.to, filter.days, app.clock.now())?;
    let filter = UserFilter {
        role: filter.role,
        status: filter.status,
        email: filter.email.map(|email| email.trim().to_lowercase()),
        text: filter.q.map(|text| text.trim().to_lowercase()),
        from,
        to: filter.to.map(QueryTime::end),
    };
    let found = app.list_users(&filter, &page).await?;
    page.answer(found.map(UserAdminView::from))
}

pub(crate) async fn set_user_role(
    app: Ctx,
    admin: PlatformAdmin,
    Path(path): Path<UserPath>,
    Body(change): Body<RoleChange>,
) -> Result<Json<UserAdminView>> {
    let user = app.set_role(&admin.actor(), &path.user_id, change.role).await?;
    Ok(Json(user.into()))
}

pub(crate) async fn set_user_status(
    app: Ctx,
    admin: PlatformAdmin,
    Path(path): Path<UserPath>,
    Body(change): Body<StatusChange>,
) -> Result<Json<UserAdminView>> {
    let user = app.set_status(&admin.actor(), &path.user_id, change.status()?).await?;
    Ok(Json(user.into()))
}

pub(crate) async fn delete_user_as_admin(
    app: Ctx,
    admin: PlatformAdmin,
    Path(path): Path<UserPath>,
) -> Result<Message> {
    app.end_user(&admin.actor(), &path.user_id).await?;
    Ok(Message("User deleted successfully"))
}
