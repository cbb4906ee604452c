//! The parameters that a model supports: they depend on the model, not on its provider.

use std::sync::LazyLock;

static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| lines().filter_map(Family::read).collect());

/// A row of the table.
struct Family {
    name: &'static str,
    is_anywhere: bool,
}

/// Returns whether the name is that of an `OpenAI` reasoning model: these require `max_completion_tokens` and support
/// no temperature. `is_deployment`: an operator chose the name, which may have any prefix.
pub(crate) fn is_openai_reasoning(model: &str, is_deployment: bool) -> bool {
    let model = model.to_ascii_lowercase();
    // Gateways add vendor prefixes: `openai/o3`, `openrouter/openai/gpt-5`, `openai.o3`.
    let name = model.rsplit('/').next().unwrap_or(&model);
    let own = ["openai.", "openai-", "openai_"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    FAMILIES.iter().any(|family| {
        let begins = |name: &str| name.strip_prefix(family.name).is_some_and(ends_there);
        begins(own.unwrap_or(name))
            || ((family.is_anywhere || is_deployment)
                && name.match_indices(is_between).any(|(at, _)| begins(&name[at + 1..])))
    })
}

fn is_between(c: char) -> bool {
    matches!(c, '-' | '.' | ':' | '@' | '_')
}

fn ends_there(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(is_between)
}

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("parameters.tsv")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Family {
    fn read(line: &'static str) -> Option<Self> {
        let (name, place) = line.split_once('\t')?;
        let is_anywhere = match place {
            "anywhere" => true,
            "beginning" => false,
            _ => return None,
        };
        Some(Self { name, is_anywhere })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(lines().count(), FAMILIES.len());
    }

    #[test]
    fn reasoning_models_are_known_behind_any_name_of_a_vendor() {
        for model in [
            "o1",
            "o3",
            "o3-mini",
            "o3-2025-04-16",
            "o4-mini",
            "gpt-5",
            "gpt-5-mini-2025-08-07",
            "gpt-5.1",
            "GPT-5.2",
            "openai/o3",
            "openrouter/openai/gpt-5-nano",
            "openai.o3-mini",
            "azure-gpt-5-mini",
            "o4-mini:high",
        ] {
            assert!(is_openai_reasoning(model, false), "{model}");
        }
        for model in ["my-gpt-5", "prod_o4-mini", "eu-o3", "gpt5-chat"] {
            assert!(is_openai_reasoning(model, true), "{model}");
        }
        for model in [
            "gpt-4o",
            "gpt-4.1-mini",
            "gpt-50",
            "o10",
            "qwq-o1",
            "marco-o1",
            "olmo",
            "claude-opus-5",
            "gpt-oss-120b",
            "llama3.3",
        ] {
            assert!(!is_openai_reasoning(model, false), "{model}");
        }
        assert!(!is_openai_reasoning("my-gpt-4o3", true));
    }
}
