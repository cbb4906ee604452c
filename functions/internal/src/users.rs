//! Accounts of Clerk users.

use app::ClerkPerson;
use domain::{Email, PlatformRole, Timestamp, User};
use http_api::{Ctx, Json, Path, Query, Result, Service};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
pub(crate) struct PersonPath {
    clerk_user_id: String,
}

/// Data for a new account.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PersonDetails {
    /// Email address. Creates a new account; an existing one is linked only once Clerk has verified the address.
    #[schemars(email, length(max = Email::MAX_BYTES))]
    email: Option<String>,
    /// Name.
    name: Option<String>,
}

/// An account.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InternalUserView {
    user_id: String,
    /// The same as `user_id`.
    id: String,
    clerk_user_id: String,
    name: String,
    email: String,
    role: PlatformRole,
    created_at: Timestamp,
    /// ID of the personal organization.
    default_org_id: String,
}

impl InternalUserView {
    fn of(user: User, clerk_user_id: String) -> Self {
        Self {
            user_id: user.id.0.clone(),
            id: user.id.0,
            clerk_user_id,
            name: user.name,
            email: user.email.to_string(),
            role: user.role,
            created_at: user.created_at,
            default_org_id: user.personal_org.0,
        }
    }
}

pub(crate) async fn get_or_create_by_clerk_id(
    app: Ctx,
    service: Service,
    Path(path): Path<PersonPath>,
    Query(known): Query<PersonDetails>,
) -> Result<Json<InternalUserView>> {
    let email = known.email.filter(|email| !email.trim().is_empty());
    let email = email.map(|email| Email::parse(&email)).transpose()?;
    let person = ClerkPerson::new(&path.clerk_user_id, email, known.name.as_deref())?;
    let user = app.person_at_clerk(&person, &service.actor()).await?;
    Ok(Json(InternalUserView::of(user, path.clerk_user_id)))
}
