//! The providers of models.

use std::str::FromStr as _;

use serde::Serialize;

/// A provider of models. Everything that differs between providers is a `match` over this type, so a new one does not
/// compile until it is complete.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Provider {
    /// The built-in model, which needs no key.
    #[serde(rename = "parlance")]
    #[strum(serialize = "parlance")]
    BuiltIn,
    /// `OpenAI`, or a compatible service that answers under its name.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google Gemini.
    Gemini,
    /// Amazon Bedrock, accessed with AWS credentials.
    Bedrock,
    /// Cohere.
    Cohere,
    /// `OpenAI`'s models on Azure.
    Azure,
    /// A self-hosted server or another vendor that speaks `OpenAI`'s protocol.
    Compatible,
}

impl Provider {
    /// All providers, in the order in which they are listed.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns its name, with which names of models may begin, as in `anthropic/claude-haiku-4-5`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the provider with this name, spelled exactly so.
    pub fn named(name: &str) -> Option<Self> {
        Self::from_str(name).ok()
    }

    /// Returns the name of its API key, in the secret `PROVIDER_KEYS` and in the local environment; `None` if it has no
    /// key.
    pub fn key_name(self) -> Option<&'static str> {
        match self {
            Self::BuiltIn | Self::Bedrock => None,
            Self::OpenAi => Some("OPENAI_API_KEY"),
            Self::Anthropic => Some("ANTHROPIC_API_KEY"),
            Self::Gemini => Some("GEMINI_API_KEY"),
            Self::Cohere => Some("COHERE_API_KEY"),
            Self::Azure => Some("AZURE_OPENAI_API_KEY"),
            Self::Compatible => Some("OPENAI_COMPATIBLE_API_KEY"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_json_in_tables_and_in_names_of_models() {
        for provider in Provider::ALL {
            assert_eq!(Provider::named(provider.name()), Some(*provider));
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.name());
        }
        assert_eq!(Provider::named("OpenAI"), None);
    }
}
