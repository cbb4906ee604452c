//! Models by name: their provider, their ID at that provider, and their context sizes.

use std::sync::LazyLock;

use crate::{Provider, prices};

static MODELS: LazyLock<Vec<KnownModel>> = LazyLock::new(|| lines().filter_map(KnownModel::read).collect());

/// Context window assumed for an unknown model, in tokens.
const CONTEXT_TOKENS: u32 = 128_000;
/// Longest answer assumed for an unknown model, in tokens.
const MAX_OUTPUT_TOKENS: u32 = 16_384;

/// A model with known properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownModel {
    /// The provider.
    pub provider: Provider,
    /// The model's ID at that provider.
    pub model: &'static str,
    /// The maximum size of request and answer together, in tokens.
    pub context_tokens: u32,
    /// The maximum size of an answer, in tokens.
    pub max_output_tokens: u32,
    /// Its aliases in this product.
    pub aliases: Vec<&'static str>,
}

/// A model name, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRef {
    /// The provider.
    pub provider: Provider,
    /// The model's ID at that provider.
    pub model: String,
}

/// Returns all known models, in the order in which they are listed.
pub fn known() -> &'static [KnownModel] {
    &MODELS
}

/// Resolves `name`: by a provider's prefix, then as an alias or known model, then by the form of the name. Other names
/// belong to `openai`, whose protocol most servers support.
pub fn resolve(name: &str) -> ModelRef {
    let name = name.trim();
    let (prefix, rest) = match prefix_of(name) {
        Some((provider, rest)) => (Some(provider), rest),
        None => (None, name),
    };
    let known = MODELS.iter().find(|known| {
        prefix.is_none_or(|prefix| prefix == known.provider) && (known.model == rest || known.aliases.contains(&rest))
    });
    match (known, prefix) {
        (Some(known), _) => ModelRef {
            provider: known.provider,
            model: known.model.to_owned(),
        },
        (None, prefix) => ModelRef {
            provider: prefix.unwrap_or_else(|| provider_of(rest)),
            model: rest.to_owned(),
        },
    }
}

/// Returns the provider that `name` begins with, and the rest; `None` if it begins with none that has a key or an
/// endpoint.
pub fn prefix_of(name: &str) -> Option<(Provider, &str)> {
    let (prefix, rest) = name.split_once('/')?;
    let provider = Provider::named(prefix).filter(|provider| *provider != Provider::BuiltIn)?;
    Some((provider, rest))
}

/// Returns whether a model of this name is known to exist: it is listed here or has a list price, with or without its
/// date. Any other name is one that a user typed.
pub fn is_known(model: &str) -> bool {
    let is_listed = |model: &str| MODELS.iter().any(|known| known.model == model) || prices::is_listed(model);
    is_listed(model) || undated(model).is_some_and(is_listed)
}

/// Returns the provider of an unknown name, by its form.
fn provider_of(name: &str) -> Provider {
    const BEDROCK: [&str; 8] = [
        "amazon",
        "anthropic",
        "meta",
        "mistral",
        "cohere",
        "ai21",
        "deepseek",
        "openai",
    ];
    const REGIONS: [&str; 6] = ["us", "eu", "apac", "jp", "au", "global"];
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default();
    let vendor = if REGIONS.contains(&first) {
        parts.next().unwrap_or_default()
    } else {
        first
    };
    if parts.next().is_some() && BEDROCK.contains(&vendor) {
        Provider::Bedrock
    } else if name.starts_with("claude") {
        Provider::Anthropic
    } else if name.starts_with("gemini") || name.starts_with("gemma-") {
        Provider::Gemini
    } else {
        Provider::OpenAi
    }
}

/// Returns the maximum size of request and answer together, and of the answer, in tokens. A dated name has the sizes of
/// the name without its date.
pub fn sizes(provider: Provider, model: &str) -> (u32, u32) {
    // Azure serves OpenAI's models, if the deployment is named after its model.
    let provider = match provider {
        Provider::Azure => Provider::OpenAi,
        provider => provider,
    };
    let find = |model: &str| {
        MODELS
            .iter()
            .find(|known| known.provider == provider && known.model == model)
    };
    let known = find(model).or_else(|| find(undated(model)?));
    known.map_or((CONTEXT_TOKENS, MAX_OUTPUT_TOKENS), |known| {
        (known.context_tokens, known.max_output_tokens)
    })
}

/// Returns the name without the date at its end (`-2024-07-18`, `-20251001`), if it has one.
pub(crate) fn undated(model: &str) -> Option<&str> {
    let is_number = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, last) = model.rsplit_once('-')?;
    if is_number(last, 8) {
        return Some(rest);
    }
    let (rest, month) = rest.rsplit_once('-')?;
    let (rest, year) = rest.rsplit_once('-')?;
    (is_number(last, 2) && is_number(month, 2) && is_number(year, 4)).then_some(rest)
}

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("models.tsv")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl KnownModel {
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let read = Self {
            provider: Provider::named(next()?)?,
            model: next()?,
            context_tokens: next()?.parse().ok()?,
            max_output_tokens: next()?.parse().ok()?,
            aliases: match next()? {
                "-" => Vec::new(),
                names => names.split(' ').collect(),
            },
        };
        next().is_none().then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::Provider::{Anthropic, Azure, Bedrock, BuiltIn, Compatible, Gemini, OpenAi};

    fn resolved(name: &str) -> (Provider, String) {
        let named = resolve(name);
        (named.provider, named.model)
    }

    fn named(provider: Provider, model: &str) -> (Provider, String) {
        (provider, model.to_owned())
    }

    #[test]
    fn every_line_of_the_table_is_read_and_no_name_stands_for_two_models() {
        assert_eq!(
            lines()
                .filter(|line| KnownModel::read(line).is_none())
                .collect::<Vec<_>>(),
            [""; 0]
        );
        let mut names: Vec<_> = known()
            .iter()
            .flat_map(|model| [vec![model.model], model.aliases.clone()].concat())
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn an_alias_stands_for_its_model_with_and_without_a_prefix() {
        assert_eq!(resolved("gemini"), named(Gemini, "gemini-2.5-flash"));
        assert_eq!(resolved("claude"), named(Anthropic, "claude-sonnet-4-6"));
        assert_eq!(resolved("anthropic/claude-haiku"), named(Anthropic, "claude-haiku-4-5"));
        assert_eq!(resolved("gpt-4o-mini"), named(OpenAi, "gpt-4o-mini"));
        assert_eq!(
            resolved("claude-sonnet-4"),
            named(Anthropic, "claude-sonnet-4-20250514")
        );
        assert_eq!(resolved("local"), named(BuiltIn, "local"));
    }

    #[test]
    fn the_prefix_wins() {
        assert_eq!(resolved("azure/gpt-4o-mini"), named(Azure, "gpt-4o-mini"));
        assert_eq!(resolved("compatible/local"), named(Compatible, "local"));
        assert_eq!(resolved("openai/gemini"), named(OpenAi, "gemini"));
        assert_eq!(
            resolved("compatible/meta-llama/llama-3.3-70b"),
            named(Compatible, "meta-llama/llama-3.3-70b")
        );
    }

    #[test]
    fn an_unknown_name_goes_where_it_looks_like() {
        assert_eq!(resolved("claude-next"), named(Anthropic, "claude-next"));
        assert_eq!(resolved("gemini-9-ultra"), named(Gemini, "gemini-9-ultra"));
        assert_eq!(
            resolved("eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            named(Bedrock, "eu.anthropic.claude-sonnet-4-5-20250929-v1:0")
        );
        assert_eq!(
            resolved("meta.llama3-3-70b-instruct-v1:0"),
            named(Bedrock, "meta.llama3-3-70b-instruct-v1:0")
        );
        assert_eq!(resolved("gpt-9.5"), named(OpenAi, "gpt-9.5"));
        assert_eq!(resolved("meta-llama/llama-3.3"), named(OpenAi, "meta-llama/llama-3.3"));
    }

    #[test]
    fn a_model_is_known_by_its_name_its_price_or_without_its_date() {
        for name in [
            "local",
            "gpt-4o-mini",
            "gpt-4o-mini-2024-07-18",
            "text-embedding-3-small",
            "o3-mini",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in ["", "my-secret-20260101", "llama3.3", "gpt-4o-mini-mine", "GPT-4o"] {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn sizes_are_known_of_dated_names_too_and_assumed_of_unknown_ones() {
        assert_eq!(sizes(OpenAi, "gpt-4o-mini"), (128_000, 16_384));
        assert_eq!(sizes(Azure, "gpt-4.1"), (1_047_576, 32_768));
        assert_eq!(sizes(Anthropic, "claude-haiku-4-5-20251001"), (200_000, 64_000));
        assert_eq!(sizes(Compatible, "llama"), (CONTEXT_TOKENS, MAX_OUTPUT_TOKENS));
    }
}
