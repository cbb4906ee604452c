//! White-label settings.

use domain::{
    Email, Timestamp, WhiteLabel,
    auth::permission::{ReadOrg, WriteOrg},
};
use garde::Validate;
use http_api::{Body, Ctx, Json, May, Result, optional_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// White-label settings.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WhiteLabel")]
pub(crate) struct WhiteLabelView {
    /// Name that replaces the product's in widgets and emails.
    product_name: Option<String>,
    /// Address of the logo.
    logo_url: Option<String>,
    /// Accent color of widgets, `#rrggbb`.
    color: Option<String>,
    /// Address that people can write to.
    support_email: Option<String>,
    /// Whether widgets leave out the product's own name.
    hide_branding: bool,
    /// When it was last changed; null if never.
    updated_at: Option<Timestamp>,
}

impl From<WhiteLabel> for WhiteLabelView {
    fn from(settings: WhiteLabel) -> Self {
        Self {
            product_name: settings.product_name,
            logo_url: settings.logo_url,
            color: settings.color,
            support_email: settings.support_email.map(|email| email.to_string()),
            hide_branding: settings.hide_branding,
            updated_at: settings.updated_at,
        }
    }
}

/// White-label settings to store. Omitted and empty ones are removed.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "WhiteLabelUpdate")]
pub(crate) struct WhiteLabelInput {
    /// Name that replaces the product's in widgets and emails.
    #[garde(length(chars, max = WhiteLabel::MAX_NAME), inner(custom(optional_name)))]
    #[schemars(regex(pattern = http_api::OPTIONAL_NAME))]
    product_name: Option<String>,
    /// Address of the logo: `https` only.
    #[garde(length(max = WhiteLabel::MAX_URL))]
    logo_url: Option<String>,
    /// Accent color of widgets, `#rrggbb`.
    #[garde(pattern(r"^(#[0-9a-fA-F]{6})?$"))]
    color: Option<String>,
    /// Address that people can write to.
    #[garde(skip)]
    #[schemars(email, length(max = Email::MAX_BYTES))]
    support_email: Option<String>,
    /// Whether widgets leave out the product's own name.
    #[garde(skip)]
    hide_branding: Option<bool>,
}

impl WhiteLabelInput {
    fn into_settings(self) -> domain::Result<WhiteLabel> {
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let support_email = match given(self.support_email) {
            Some(text) => Some(
                Email::parse(&text)
                    .map_err(|_| domain::Error::invalid("/support_email", "must be an email address"))?,
            ),
            None => None,
        };
        Ok(WhiteLabel {
            product_name: given(self.product_name),
            logo_url: given(self.logo_url),
            color: given(self.color),
            support_email,
            hide_branding: self.hide_branding.unwrap_or_default(),
            updated_at: None,
        })
    }
}

pub(crate) async fn get_white_label(app: Ctx, member: May<ReadOrg>) -> Result<Json<WhiteLabelView>> {
    Ok(Json(app.white_label(&member.org).await?.into()))
}

pub(crate) async fn update_white_label(
    app: Ctx,
    member: May<WriteOrg>,
    Body(input): Body<WhiteLabelInput>,
) -> Result<Json<WhiteLabelView>> {
    let settings = app
        .set_white_label(&member.org, &member.actor(), input.into_settings()?)
        .await?;
    Ok(Json(settings.into()))
}
