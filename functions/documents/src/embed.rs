//! Having the vectors of all documents made.

use domain::auth::permission::WriteOrg;
use garde::Validate;
use http_api::{Body, Ctx, Json, May, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::view::RequestedVectorsView;

/// Which vectors are made.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "VectorRequest")]
pub(crate) struct VectorRequest {
    /// Whether only to say what it takes.
    #[serde(default)]
    #[garde(skip)]
    dry_run: bool,
}

pub(crate) async fn embed_documents(
    app: Ctx,
    member: May<WriteOrg>,
    Body(body): Body<VectorRequest>,
) -> Result<Json<RequestedVectorsView>> {
    let requested = app.embed_documents(&member.org, body.dry_run).await?;
    Ok(Json(RequestedVectorsView::new(requested, body.dry_run)))
}
