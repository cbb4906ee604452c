//! Visitors of web sites, who talk to a chatbot through the widget.

use serde::{Deserialize, Serialize};

/// Who holds a conversation through the widget, as far as they or their site said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Visitor {
    /// ID of the visitor at the web site, which has signed it; null if they are not signed in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name, as the site signed it or the visitor wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address of email, as the site signed it or the visitor wrote it. Nobody here has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What the visitor wrote when they left their address or asked for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the visitor asked for a person.
    #[serde(default)]
    pub asked_for_person: bool,
}

impl Visitor {
    /// Maximum length of an ID or name, in characters.
    pub const MAX_NAME: usize = 200;
    /// Maximum length of an address, in characters.
    pub const MAX_EMAIL: usize = 254;
    /// Maximum length of a note, in characters.
    pub const MAX_NOTE: usize = 2_000;
}
