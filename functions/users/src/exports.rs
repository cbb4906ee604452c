//! `/users/{user_id}/export`: an archive of all data of a user.

use app::ExportFound;
use domain::{ExportStatus, Timestamp, auth::permission::ReadAccount};
use http_api::{Accepted, Caller, Ctx, Either, Json, Query, Result, SelfOrAdmin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of an export.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ExportQuery {
    /// Replace an export that is older than a day with a new one.
    #[serde(default)]
    fresh: bool,
}

/// The state of an export.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Export")]
pub(crate) struct ExportView {
    status: ExportStatus,
    /// When it was requested.
    created_at: Timestamp,
    /// Link to the archive; null until it is ready. Anyone who has the link can read it.
    download_url: Option<String>,
    /// When the link expires; the next call returns a new one.
    expires_at: Option<Timestamp>,
    /// Size of the archive in bytes.
    size_bytes: Option<u64>,
}

impl From<ExportFound> for ExportView {
    fn from(ExportFound { export, link }: ExportFound) -> Self {
        let (download_url, expires_at) = link.unzip();
        Self {
            status: export.status,
            created_at: export.created_at,
            download_url,
            expires_at,
            size_bytes: export.size_bytes,
        }
    }
}

/// An export contains all data of a user, so an API key gets 403.
pub(crate) async fn export_user(
    app: Ctx,
    _: Caller,
    about: SelfOrAdmin<ReadAccount>,
    Query(query): Query<ExportQuery>,
) -> Result<Either<Json<ExportView>, Accepted<ExportView>>> {
    let found = app.export(&about.actor(), &about.user, query.fresh).await?;
    let view = ExportView::from(found);
    Ok(match view.status {
        ExportStatus::Pending => Either::Right(Accepted(view)),
        ExportStatus::Ready | ExportStatus::Failed => Either::Left(Json(view)),
    })
}
