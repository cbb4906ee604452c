//! Token estimates without the model's own tokenizer.

/// Estimates the tokens of a text; never 0 for a text that is not empty.
///
/// Vendors state about 4 characters of English per token
/// (<https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them>); other alphabetic
/// scripts take about 2, ideographs, kana, hangul and emoji about one token each. Accurate to some 20% on prose:
/// suitable for budgets and truncation, not for billing where the provider counts.
pub fn estimate_tokens(text: &str) -> u64 {
    let mut estimate = Estimate::default();
    estimate.add(text);
    estimate.tokens()
}

/// [`estimate_tokens`] of a text that arrives in pieces.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Estimate {
    /// Quarters of a token, so that the sum stays an integer.
    quarters: u64,
}

impl Estimate {
    pub(crate) fn add(&mut self, text: &str) {
        self.quarters += text
            .chars()
            .map(|character| match u32::from(character) {
                0..=0x7f => 1,
                0x80..=0x10ff => 2,
                _ => 4,
            })
            .sum::<u64>();
    }

    pub(crate) fn tokens(self) -> u64 {
        self.quarters.div_ceil(4)
    }
}

#[cfg(test)]
mod tests {
    use super::estimate_tokens;

    #[test]
    fn an_empty_text_has_no_tokens_and_any_other_has_some() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("a"), 1);
    }

    #[test]
    fn english_is_four_characters_a_token_and_ideographs_are_one_each() {
        assert_eq!(estimate_tokens("tell me a story!"), 4);
        assert_eq!(estimate_tokens("東京都"), 3);
        assert_eq!(estimate_tokens("ночь"), 2);
    }
}
