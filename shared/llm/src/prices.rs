//! What tokens cost: list prices as data, by provider, model and date.
//!
//! A model without a row has no price. That is `None` and never 0: no answer is reported as free by mistake.

use std::sync::LazyLock;

use domain::Timestamp;

use crate::catalog::undated;
use crate::{Provider, Usage};

static PRICES: LazyLock<Vec<PriceRow>> = LazyLock::new(|| lines().filter_map(PriceRow::read).collect());

/// Micro-USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rates {
    input: u64,
    cached: u64,
    cache_write: u64,
    output: u64,
}

/// A row of the table.
#[derive(Debug)]
struct PriceRow {
    provider: Provider,
    model: &'static str,
    from: Timestamp,
    /// The row applies to prompts longer than this.
    above: u64,
    rates: Rates,
}

/// The price of a model at a certain time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    base: Rates,
    /// The rates for long prompts, and the length from which they apply.
    long: Option<(u64, Rates)>,
}

/// Returns the price of `model` of `provider` at that time; `None` if the price is unknown.
///
/// A dated name, as in `gpt-4o-mini-2024-07-18`, has the price of the name without its date, unless it is listed
/// itself.
pub fn price(provider: Provider, model: &str, at: Timestamp) -> Option<Price> {
    exact(provider, model, at).or_else(|| exact(provider, undated(model)?, at))
}

/// What a search costs at a reranking model, in millionths of a US dollar: list prices (<https://cohere.com/pricing>,
/// <https://aws.amazon.com/bedrock/pricing/>).
const SEARCHES: [(Provider, &str, u64); 3] = [
    (Provider::Cohere, "rerank-v3.5", 2_000),
    (Provider::Bedrock, "cohere.rerank-v3-5:0", 2_000),
    (Provider::Bedrock, "amazon.rerank-v1:0", 1_000),
];

/// Returns what a search costs at a reranking model, in millionths of a US dollar; `None` if the price is unknown.
pub fn search_price(provider: Provider, model: &str) -> Option<u64> {
    let found = SEARCHES.iter().find(|(of, name, _)| (*of, *name) == (provider, model));
    found.map(|(_, _, price)| *price)
}

/// Returns whether a model of any provider has a price.
pub(crate) fn is_listed(model: &str) -> bool {
    PRICES.iter().any(|line| line.model == model)
}

fn exact(provider: Provider, model: &str, at: Timestamp) -> Option<Price> {
    let of_model = |line: &&PriceRow| line.provider == provider && line.model == model && line.from <= at;
    // All rows of the latest date belong together: one for each prompt length.
    let from = PRICES.iter().filter(of_model).map(|line| line.from).max()?;
    let valid = || PRICES.iter().filter(of_model).filter(|line| line.from == from);
    let base = valid().find(|line| line.above == 0)?.rates;
    let long = valid().find(|line| line.above > 0).map(|line| (line.above, line.rates));
    Some(Price { base, long })
}

impl Price {
    /// Returns micro-USD per million prompt tokens, for prompts that are not long.
    pub fn input_per_million(&self) -> u64 {
        self.base.input
    }

    /// Returns micro-USD per million completion tokens, for prompts that are not long.
    pub fn output_per_million(&self) -> u64 {
        self.base.output
    }

    /// Returns the cost of an answer in micro-USD, rounded half up once, at the end.
    pub fn cost_micro_usd(&self, usage: &Usage) -> u64 {
        let rates = match self.long {
            Some((above, rates)) if usage.prompt_tokens > above => rates,
            _ => self.base,
        };
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let written = usage.cache_write_tokens.min(usage.prompt_tokens - cached);
        let read = usage.prompt_tokens - cached - written;
        let millionths: u128 = [
            (read, rates.input),
            (cached, rates.cached),
            (written, rates.cache_write),
            (usage.completion_tokens, rates.output),
        ]
        .into_iter()
        .map(|(tokens, rate)| u128::from(tokens) * u128::from(rate))
        .sum();
        u64::try_from((millionths + 500_000) / 1_000_000).unwrap_or(u64::MAX)
    }
}

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("prices.tsv")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl PriceRow {
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let (provider, model) = (Provider::named(next()?)?, next()?);
        let from = next()?.parse::<jiff::civil::Date>().ok()?;
        let from = from.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into();
        let above = next()?.parse().ok()?;
        let input = micros(next()?)?;
        let mut or_input = || match next()? {
            "-" => Some(input),
            rate => micros(rate),
        };
        let (cached, cache_write) = (or_input()?, or_input()?);
        let output = micros(next()?)?;
        let rates = Rates {
            input,
            cached,
            cache_write,
            output,
        };
        next().is_none().then_some(Self {
            provider,
            model,
            from,
            above,
            rates,
        })
    }
}

/// Converts a decimal number of USD exactly into micro-USD.
fn micros(decimal: &str) -> Option<u64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let missing = 6_usize.checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(date: &str) -> Timestamp {
        format!("{date}T12:00:00Z").parse().unwrap()
    }

    fn used(prompt_tokens: u64, cached_tokens: u64, cache_write_tokens: u64, completion_tokens: u64) -> Usage {
        Usage {
            prompt_tokens,
            completion_tokens,
            cached_tokens,
            cache_write_tokens,
            ..Usage::default()
        }
    }

    fn cost(provider: Provider, model: &str, usage: Usage) -> Option<u64> {
        price(provider, model, at("2026-11-24")).map(|price| price.cost_micro_usd(&usage))
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(
            lines()
                .filter(|line| PriceRow::read(line).is_none())
                .collect::<Vec<_>>(),
            [""; 0]
        );
        assert!(lines().count() > 40);
    }

    #[test]
    fn no_line_says_again_what_another_says() {
        for (index, line) in PRICES.iter().enumerate() {
            let same = |other: &PriceRow| {
                (other.provider, other.model, other.from, other.above)
                    == (line.provider, line.model, line.from, line.above)
            };
            assert!(!PRICES[..index].iter().any(same), "{line:?}");
        }
    }

    #[test]
    fn the_examples_of_the_vendors_cost_what_they_say() {
        // Anthropic: per million tokens 3 USD read, 15 written, 3.75 into the cache, 0.30 from it.
        let sonnet = |usage| cost(Provider::Anthropic, "claude-sonnet-4-5", usage);
        assert_eq!(sonnet(used(100_000, 0, 0, 10_000)), Some(450_000));
        assert_eq!(
            sonnet(used(100_000, 60_000, 30_000, 0)),
            Some(30_000 + 18_000 + 112_500)
        );
        // Gemini 2.5 Pro: twice the input rate for the whole prompt above 200,000 tokens.
        let pro = |usage| cost(Provider::Gemini, "gemini-2.5-pro", usage);
        assert_eq!(pro(used(200_000, 0, 0, 1_000)), Some(250_000 + 10_000));
        assert_eq!(pro(used(200_001, 0, 0, 1_000)), Some(500_003 + 15_000));
    }

    #[test]
    fn a_model_without_a_price_costs_nobody_knows_and_the_built_in_one_costs_nothing() {
        assert_eq!(cost(Provider::Compatible, "llama-3.3-70b", used(1, 0, 0, 1)), None);
        assert_eq!(cost(Provider::Azure, "gpt-4o-mini", used(1, 0, 0, 1)), None);
        assert_eq!(cost(Provider::BuiltIn, "local", used(1_000, 0, 0, 1_000)), Some(0));
    }

    #[test]
    fn a_price_holds_from_its_day_until_the_next() {
        let million = used(1_000_000, 0, 0, 0);
        let o3 = |date| price(Provider::OpenAi, "o3", at(date)).map(|price| price.cost_micro_usd(&million));
        assert_eq!(o3("2025-04-15"), None);
        assert_eq!(o3("2025-06-09"), Some(10_000_000));
        assert_eq!(o3("2025-06-10"), Some(2_000_000));
    }

    #[test]
    fn a_dated_name_costs_what_its_model_does() {
        let tokens = used(1_000_000, 0, 0, 0);
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-mini-2024-07-18", tokens), Some(150_000));
        assert_eq!(
            cost(Provider::Anthropic, "claude-haiku-4-5-20251001", tokens),
            Some(1_000_000)
        );
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-mini-audio-preview", tokens), None);
        // The oldest version kept its price when the newer ones became cheaper.
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-2024-05-13", tokens), Some(5_000_000));
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-2024-11-20", tokens), Some(2_500_000));
    }

    #[test]
    fn every_model_that_is_listed_has_a_price() {
        let priced =
            |known: &&crate::catalog::KnownModel| price(known.provider, known.model, at("2026-11-24")).is_some();
        let unpriced: Vec<_> = crate::catalog::known().iter().filter(|known| !priced(known)).collect();
        assert!(unpriced.is_empty(), "{unpriced:?}");
    }

    #[test]
    fn it_is_rounded_once_and_half_up() {
        // 0.15 micro-USD a token: 3 tokens are 0.45, 10 are 1.5.
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-mini", used(3, 0, 0, 0)), Some(0));
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-mini", used(10, 0, 0, 0)), Some(2));
        // 0.45 and 0.6 are 1.05, not 0 and 1.
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-mini", used(3, 0, 0, 1)), Some(1));
    }

    proptest! {
        #[test]
        fn more_tokens_never_cost_less_and_caching_never_more(
            prompt in 0_u64..2_000_000, cached in 0_u64..3_000_000, completion in 0_u64..200_000, more in 0_u64..1_000,
        ) {
            for line in PRICES.iter() {
                let price = price(line.provider, line.model, at("2026-11-24")).unwrap();
                let cost = |usage: &Usage| price.cost_micro_usd(usage);
                let plain = cost(&used(prompt, 0, 0, completion));
                prop_assert!(cost(&used(prompt + more, 0, 0, completion + more)) >= plain);
                prop_assert!(cost(&used(prompt, cached, 0, completion)) <= plain);
            }
        }
    }
}
