//! Model profiles: how long a model may take, whether it thinks, and how many tokens that needs. The data is in
//! `profiles.tsv`, and a deployment can override it.

use std::sync::LazyLock;
use std::time::Duration;

use crate::TimeLimits;

static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(|| lines().filter_map(Profile::read).collect());

/// The longest call, whatever the data says: Lambda ends an invocation after 15 minutes, and the answer has to be
/// stored and charged before.
pub const LONGEST_CALL: Duration = Duration::from_mins(14);

/// The behavior of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Pattern of the names it applies to; `*` matches any text.
    pattern: String,
    /// How long a call may take.
    pub limits: TimeLimits,
    /// Tokens that it needs for thinking in addition to the answer; 0 for a model that thinks only on request.
    pub thinking_tokens: u32,
    /// Whether it supports `reasoning_effort`.
    pub takes_effort: bool,
    /// Whether its text begins inside its thinking, without an opening tag.
    pub(crate) begins_inside: bool,
}

impl Profile {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [pattern, first, silence, total, thinking, effort, inside] = *fields.as_slice() else {
            return None;
        };
        Some(Self {
            pattern: pattern.to_owned(),
            limits: TimeLimits {
                first_token: seconds(first)?,
                between_tokens: seconds(silence)?,
                total: seconds(total)?,
                ..TimeLimits::default()
            },
            thinking_tokens: thinking.parse().ok()?,
            takes_effort: flag(effort)?,
            begins_inside: flag(inside)?,
        })
    }

    /// Returns the profile of the model with this name, from the table only.
    pub(crate) fn of(model: &str) -> &'static Self {
        let name = name(model);
        let fits = PROFILES.iter().find(|profile| fits(&profile.pattern, &name));
        // The last row matches everything.
        fits.unwrap_or(&PROFILES[PROFILES.len() - 1])
    }
}

/// The table, with the overrides of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    overrides: Vec<Override>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Override {
    pattern: String,
    first_token: Option<Duration>,
    between_tokens: Option<Duration>,
    total: Option<Duration>,
    thinking_tokens: Option<u32>,
}

impl Profiles {
    /// Parses `PATTERN=FIRST/SILENCE/TOTAL/THINKING`, separated by commas: seconds and tokens as in `profiles.tsv`.
    /// Omitted values stay as they are there, as in `o3*=600,gpt-oss*=//300`. The first matching pattern applies.
    ///
    /// # Errors
    /// A sentence that says which part is invalid.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let read = |part: &str| {
            Override::read(part).ok_or_else(|| {
                format!("`{part}` is not PATTERN=FIRST/SILENCE/TOTAL/THINKING, in seconds and tokens, as in `o3*=300/120/840/16384`")
            })
        };
        let overrides = parts.map(read).collect::<Result<_, _>>()?;
        Ok(Self { overrides })
    }

    /// Returns the profile of a model.
    pub fn of(&self, model: &str) -> Profile {
        let mut profile = Profile::of(model).clone();
        let name = name(model);
        if let Some(found) = self.overrides.iter().find(|found| fits(&found.pattern, &name)) {
            let limits = &mut profile.limits;
            limits.first_token = found.first_token.unwrap_or(limits.first_token);
            limits.between_tokens = found.between_tokens.unwrap_or(limits.between_tokens);
            limits.total = found.total.unwrap_or(limits.total);
            profile.thinking_tokens = found.thinking_tokens.unwrap_or(profile.thinking_tokens);
        }
        profile.limits.total = profile.limits.total.min(LONGEST_CALL);
        profile
    }
}

impl Override {
    fn read(part: &str) -> Option<Self> {
        let (pattern, values) = part.split_once('=')?;
        let mut values = values.split('/').map(str::trim);
        let mut next_seconds = || match values.next() {
            None | Some("") => Some(None),
            Some(text) => seconds(text).map(Some),
        };
        let (first_token, between_tokens, total) = (next_seconds()?, next_seconds()?, next_seconds()?);
        let thinking_tokens = match values.next() {
            None | Some("") => None,
            Some(text) => Some(text.parse().ok()?),
        };
        values.next().is_none().then(|| Self {
            pattern: pattern.trim().to_ascii_lowercase(),
            first_token,
            between_tokens,
            total,
            thinking_tokens,
        })
    }
}

/// Parses a positive number of seconds.
fn seconds(text: &str) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    (!time.is_zero()).then_some(time)
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// Normalizes a name for matching.
fn name(model: &str) -> String {
    let last = model.rsplit('/').next().unwrap_or(model);
    last.to_ascii_lowercase()
}

/// Returns whether a name matches `pattern`: `*` stands for any text, `?` for one character.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = pattern_rest.as_str();
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| fits(rest, &name[at..]))
        }
        Some(wanted) => {
            let mut name_rest = name.chars();
            let found = name_rest.next();
            found.is_some_and(|found| wanted == '?' || wanted == found)
                && fits(pattern_rest.as_str(), name_rest.as_str())
        }
    }
}

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("profiles.tsv")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn every_line_of_the_table_is_read_fits_into_an_invocation_and_the_last_one_fits_all() {
        let unread: Vec<_> = lines().filter(|line| Profile::read(line).is_none()).collect();
        assert_eq!(unread, [""; 0]);
        for profile in PROFILES.iter() {
            let limits = profile.limits;
            assert!(
                limits.total <= LONGEST_CALL && limits.first_token < limits.total,
                "{profile:?}"
            );
        }
        assert_eq!(PROFILES.last().map(|last| last.pattern.as_str()), Some("*"));
    }

    #[test]
    fn a_model_that_thinks_is_known_by_its_name_wherever_it_runs() {
        for (name, thinks, takes_effort, begins_inside) in [
            ("o3", true, true, false),
            ("gpt-5-mini-2025-08-07", true, true, false),
            ("openai/gpt-5.1", true, true, false),
            ("gpt-5-chat-latest", false, false, false),
            ("gpt-5.2-chat-latest", false, false, false),
            ("gpt-4o-mini", false, false, false),
            ("deepseek-ai/DeepSeek-R1", true, false, true),
            ("deepseek/deepseek-r1:free", true, false, true),
            ("us.deepseek.r1-v1:0", true, false, true),
            ("deepseek-r1-distill-llama-70b", true, false, true),
            ("deepseek-reasoner", true, false, false),
            ("Qwen/Qwen3-235B-A22B-Thinking-2507", true, false, true),
            ("qwen3:8b", true, false, false),
            ("qwen3-30b-a3b-instruct-2507", false, false, false),
            ("magistral-medium-latest", true, false, false),
            ("gemini-2.5-flash", true, true, false),
            ("gemini-2.5-flash-lite", false, false, false),
            ("claude-sonnet-4-6", false, false, false),
            ("llama3.3", false, false, false),
        ] {
            let profile = Profile::of(name);
            let found = (profile.thinking_tokens > 0, profile.takes_effort, profile.begins_inside);
            assert_eq!(found, (thinks, takes_effort, begins_inside), "{name}");
        }
    }

    #[test]
    fn no_model_is_given_up_after_16_seconds_of_thought_or_2_minutes_of_words() {
        for name in [
            "o3",
            "gpt-5",
            "deepseek-r1",
            "qwen3:8b",
            "gpt-4o-mini",
            "claude-sonnet-4-6",
            "somebody's",
        ] {
            let limits = Profile::of(name).limits;
            assert!(limits.first_token >= Duration::from_secs(30), "{name}");
            assert!(limits.between_tokens >= Duration::from_secs(30), "{name}");
            assert_eq!(limits.total, LONGEST_CALL, "{name}");
        }
        assert!(
            Profile::of("o3").limits.first_token >= Duration::from_mins(5),
            "it thinks without a word"
        );
    }

    #[test]
    fn no_model_that_we_know_has_less_room_than_its_thinking_takes() {
        for known in catalog::known() {
            let thinking = Profile::of(known.model).thinking_tokens;
            assert!(thinking * 2 <= known.max_output_tokens, "{}", known.model);
        }
    }

    #[test]
    fn a_deployment_overrules_the_table_in_part() {
        let profiles = Profiles::parse("o3*=600, GPT-OSS*=//300/4096 ,*=0.5/0.25/1000").unwrap();
        let o3 = profiles.of("o3-mini");
        let silence = Profile::of("o3-mini").limits.between_tokens;
        assert_eq!(
            (o3.limits.first_token, o3.limits.between_tokens),
            (Duration::from_mins(10), silence)
        );
        let oss = profiles.of("openai/gpt-oss-120b");
        assert_eq!((oss.limits.total, oss.thinking_tokens), (Duration::from_mins(5), 4096));
        let other = profiles.of("llama");
        assert_eq!(other.limits.first_token, Duration::from_millis(500));
        assert_eq!(other.limits.total, LONGEST_CALL, "no call outlives its invocation");
        assert_eq!(Profiles::default().of("o3"), *Profile::of("o3"));
        for wrong in [
            "o3*",
            "o3=x",
            "o3=1/2/3/4/5",
            "o3=-1",
            "o3=0",
            "o3=1/2/3/many",
            "o3=NaN",
        ] {
            assert!(Profiles::parse(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
