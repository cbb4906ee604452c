//! `/users/{user_id}/export`: everything of a person, to take away.

use app::ExportFound;
use domain::{ExportStatus, Timestamp, auth::permission::ReadAccount};
use http_api::{Accepted, Caller, Ctx, Either, Json, Query, Result, SelfOrAdmin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of export is wanted.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ExportQuery {
    /// Make another one in place of one that is older than a day.
    #[serde(default)]
    fresh: bool,
}

/// Where an export is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Export")]
pub(crate) struct ExportView {
    status: ExportStatus,
    /// When it was asked for.
    created_at: Timestamp,
    /// Where the archive is; null unless it is ready. Whoever has the link can read it.
    download_url: Option<String>,
    /// Until when the link works; another call gives another one.
    expires_at: Option<Timestamp>,
    /// Size of the archive, bytes.
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

/// All that a person has is for a person: an API key gets 403.
pub(crate) async fn export_user(
    app: Ctx,
    _: Caller,
    about: SelfOrAdmin<ReadAccount>,
    Query(wanted): Query<ExportQuery>,
) -> Result<Either<Json<ExportView>, Accepted<ExportView>>> {
    let found = app.export(&about.actor(), &about.user, wanted.fresh).await?;
    let view = ExportView::from(found);
    Ok(match view.status {
        ExportStatus::Pending => Either::Right(Accepted(view)),
        ExportStatus::Ready | ExportStatus::Failed => Either::Left(Json(view)),
    })
}
