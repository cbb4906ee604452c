//! Numbers that look random and are always the same: `SplitMix64` (Steele, Lea and Flood 2014).

/// A generator.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `low` to `high`, both included.
    pub(super) fn number(&mut self, low: i64, high: i64) -> i64 {
        let width = high.abs_diff(low) + 1;
        low.saturating_add_unsigned(self.next() % width)
    }

    /// Returns a small number more often than a large one, from `low` to `high`.
    pub(super) fn skewed(&mut self, low: i64, high: i64) -> i64 {
        let one = self.number(low, high);
        one.min(self.number(low, high))
    }

    /// Returns whether an event of this probability happens.
    pub(super) fn percent(&mut self, percent: i64) -> bool {
        self.number(1, 100) <= percent
    }

    /// Returns one of several things.
    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = usize::try_from(self.next() % (of.len() as u64)).unwrap_or_default();
        &of[index]
    }

    /// Returns an amount of money in cents, from `low` to `high`.
    pub(super) fn cents(&mut self, low: i64, high: i64) -> i64 {
        self.number(low, high)
    }
}

/// Returns an amount of cents in units of the currency.
#[expect(clippy::cast_precision_loss, reason = "amounts are small")]
pub(super) fn money(cents: i64) -> f64 {
    cents as f64 / 100.0
}

/// Returns the day this many days after 1 January 2024, as in `2024-02-29`.
pub(super) fn day(number: i64) -> String {
    let first = jiff::civil::date(2024, 1, 1);
    let span = jiff::Span::new().days(number);
    first.checked_add(span).unwrap_or(first).to_string()
}
