//! Random numbers of tests: the same ones for the same seed.

/// A generator (`SplitMix64`).
pub(crate) struct Random(u64);

impl Random {
    /// A generator that begins at `PARLANCE_SEED`, or at 1, and says where.
    pub(crate) fn from_environment() -> Self {
        let seed = std::env::var("PARLANCE_SEED").map_or(1, |seed| seed.parse().unwrap());
        println!("PARLANCE_SEED={seed}");
        Self(seed)
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`, and 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }
}
