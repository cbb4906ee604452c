//! Many callers that act on outdated reads: the arithmetic holds at every step.
#![expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]

use std::collections::HashMap;

use super::{settlement::SettlementTarget, *};

/// Reproducible random numbers from a seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// The items, with the conditions of the writes.
#[derive(Default)]
struct Table {
    head: Head,
    shards: HashMap<u8, Shard>,
    /// What is really reserved and used.
    truth: u64,
    /// What is used of it.
    used: u64,
    /// Tokens of all packs that may be drawn.
    most_extra: u64,
}

/// Tokens of a pack.
const PACK: u64 = 7_000;

impl Table {
    fn shard(&self, number: u8) -> Shard {
        self.shards.get(&number).copied().unwrap_or_default()
    }

    fn set_free(&mut self, number: u8, free: Option<u64>) {
        self.shards.entry(number).or_default().free = free;
    }

    fn reserve(&mut self, shard: Option<u8>, limit: u64, estimate: u64) -> bool {
        match shard {
            Some(number) => {
                let there = self.shard(number);
                let Some(free) = there.free.filter(|free| *free >= estimate) else {
                    return false;
                };
                if there.limit != Some(limit) {
                    return false;
                }
                self.set_free(number, Some(free - estimate));
            }
            None if self.head.committed <= signed(limit) - signed(estimate) => self.head.committed += signed(estimate),
            None => return false,
        }
        self.truth += estimate;
        true
    }

    fn draw(&mut self, number: u8, seen: Shard, portion: u64, limit: u64) -> bool {
        if self.head.committed > signed(limit) - signed(portion) || self.shard(number).free != seen.free {
            return false;
        }
        self.head.committed += signed(portion);
        self.head.limit = Some(limit);
        self.head.open.insert(number);
        let free = Some(seen.free.unwrap_or_default() + portion);
        self.shards.insert(
            number,
            Shard {
                free,
                limit: Some(limit),
            },
        );
        true
    }

    fn close(&mut self, number: u8, seen: u64) -> bool {
        if self.shard(number).free != Some(seen) {
            return false;
        }
        self.set_free(number, None);
        self.head.committed -= signed(seen);
        assert!(self.head.open.remove(&number), "what is open is listed");
        true
    }

    fn settle(&mut self, place: SettlementTarget, shard: Option<u8>, estimate: u64, actual: u64) -> bool {
        let above = actual.saturating_sub(estimate);
        match (place, shard) {
            (SettlementTarget::Shard, Some(number)) => {
                let Some(free) = self.shard(number).free.filter(|free| *free >= above) else {
                    return false;
                };
                self.set_free(number, Some(free + estimate - actual));
            }
            (SettlementTarget::HeadAtMost(most), _) if self.head.committed > most => return false,
            (SettlementTarget::Head, _) if above > 0 && !self.head.open.is_empty() => return false,
            _ => self.head.committed += signed(actual) - signed(estimate),
        }
        self.truth = self.truth + actual - estimate;
        self.used += actual;
        true
    }

    /// Draws a pack for a call that found `used` and the packs that `head` had.
    fn draw_pack(&mut self, head: &Head, used: u64, limit: u64, estimate: u64) -> bool {
        if used + estimate <= limit + head.extra || head.extra + PACK > self.most_extra {
            return false;
        }
        if self.head.extra == head.extra {
            assert!(
                self.used + estimate > limit + self.head.extra,
                "a pack that nobody needs"
            );
            self.head.committed -= signed(PACK);
            self.head.extra += PACK;
        }
        // Otherwise another caller drew it: both try again.
        true
    }

    /// Checks the invariants, which hold at any moment.
    fn check(&self) {
        let free: u64 = self.shards.values().filter_map(|shard| shard.free).sum();
        assert_eq!(
            self.head.committed,
            signed(self.truth + free) - signed(self.head.extra),
            "what is lent is used, reserved or free"
        );
        assert!(
            self.head.extra <= self.most_extra,
            "more packs than the spending cap allows"
        );
        let open = self.shards.iter().filter(|(_, shard)| shard.free.is_some());
        assert_eq!(self.head.open, open.map(|(number, _)| *number).collect());
    }
}

/// The next action of a caller.
enum Task {
    Reserve,
    Read,
    Act(Head, Shard),
    Close(Vec<u8>, Then),
    CloseOne(u64, Vec<u8>, Then),
    Settle(SettlementTarget, Option<u8>, u64),
    Refused,
    Over,
}

#[derive(Clone, Copy)]
enum Then {
    Read,
    Settle(Option<u8>, u64),
}

impl Then {
    fn task(self) -> Task {
        match self {
            Self::Read => Task::Read,
            Self::Settle(shard, actual) => Task::Settle(SettlementTarget::Head, shard, actual),
        }
    }
}

struct Caller {
    own: u8,
    estimate: u64,
    shard: Option<u8>,
    task: Task,
}

impl Caller {
    fn step(&mut self, table: &mut Table, limit: u64, random: &mut Random) {
        let estimate = self.estimate;
        self.task = match std::mem::replace(&mut self.task, Task::Over) {
            Task::Reserve if table.reserve(self.shard, limit, estimate) => {
                assert!(table.truth <= limit + table.head.extra, "{} of {limit}", table.truth);
                let actual = match random.below(20) {
                    0 => estimate + random.below(2 * estimate),
                    1..=4 => 0,
                    _ => random.below(estimate + 1),
                };
                Task::Settle(
                    self.shard.map_or(SettlementTarget::Head, |_| SettlementTarget::Shard),
                    self.shard,
                    actual,
                )
            }
            Task::Reserve => Task::Read,
            Task::Read => Task::Act(table.head.clone(), table.shard(self.own)),
            Task::Act(head, shard) => match next(&head, Some((self.own, shard)), limit, estimate) {
                Step::AtShard => {
                    self.shard = Some(self.own);
                    Task::Reserve
                }
                Step::AtHead => {
                    self.shard = None;
                    Task::Reserve
                }
                Step::Draw(portion) => {
                    table.draw(self.own, shard, portion, limit);
                    Task::Read
                }
                Step::Close(shards) => Task::Close(shards, Then::Read),
                Step::Short => {
                    assert!(head.open.is_empty() && head.committed > signed(limit) - signed(estimate));
                    // What is used is read after the day, and never decreases.
                    if table.draw_pack(&head, table.used, limit, estimate) {
                        Task::Read
                    } else {
                        Task::Refused
                    }
                }
            },
            Task::Close(shards, then) => match shards.first().map(|number| table.shard(*number).free) {
                Some(Some(free)) => Task::CloseOne(free, shards, then),
                _ => then.task(),
            },
            Task::CloseOne(seen, mut shards, then) => {
                if table.close(shards.remove(0), seen) {
                    Task::Close(shards, then)
                } else {
                    then.task()
                }
            }
            Task::Settle(place, shard, actual) => {
                let above = actual.saturating_sub(estimate);
                if table.settle(place, shard, estimate, actual) {
                    let is_above = above > 0 && table.truth > limit + table.head.extra;
                    assert!(!is_above || table.head.open.is_empty(), "others could go on");
                    Task::Over
                } else if let Some(place) = place.next(&table.head, above) {
                    Task::Settle(place, shard, actual)
                } else {
                    let open = table.head.open.iter().copied().collect();
                    Task::Close(open, Then::Settle(shard, actual))
                }
            }
            task @ (Task::Refused | Task::Over) => task,
        };
        table.check();
    }

    fn is_over(&self) -> bool {
        matches!(self.task, Task::Refused | Task::Over)
    }
}

/// Runs all callers to their ends in a random order. Returns how many were refused.
fn run(table: &mut Table, limit: u64, most: u64, callers: u64, random: &mut Random) -> usize {
    let mut callers: Vec<Caller> = (0..callers)
        .map(|_| {
            let own = u8::try_from(random.below(u64::from(keys::DAY_SHARDS))).unwrap();
            Caller {
                own,
                estimate: 1 + random.below(most),
                shard: Some(own),
                task: Task::Reserve,
            }
        })
        .collect();
    let mut running: Vec<usize> = (0..callers.len()).collect();
    let mut steps = 0_u64;
    while !running.is_empty() {
        let place = usize::try_from(random.below(running.len() as u64)).unwrap();
        let caller = &mut callers[running[place]];
        caller.step(table, limit, random);
        if caller.is_over() {
            running.swap_remove(place);
        }
        steps += 1;
        assert!(steps < 1_000_000, "it does not end");
    }
    callers
        .iter()
        .filter(|caller| matches!(caller.task, Task::Refused))
        .count()
}

#[test]
fn in_any_order_the_limit_holds_and_no_call_is_refused_while_tokens_are_left() {
    let seed = std::env::var("PARLANCE_SEED").map_or(1, |seed| seed.parse().unwrap());
    let (mut refused, mut passed, mut packs) = (0, 0, 0);
    for seed in seed..seed + 150 {
        println!("PARLANCE_SEED={seed}");
        let mut random = Random(seed);
        let mut table = Table {
            most_extra: PACK * random.below(12),
            ..Table::default()
        };
        // Portions are drawn, and the end of the limit is reached, with turns of very different sizes.
        let most = [20, 500, 20_000][usize::try_from(seed % 3).unwrap()];
        for limit in [100_000, 40_000, 120_000] {
            let callers = 20 + random.below(150);
            let here = run(&mut table, limit.max(most), most, callers, &mut random);
            refused += here;
            passed += usize::try_from(callers).unwrap() - here;
        }
        packs += table.head.extra / PACK;
    }
    println!("{refused} refused, {passed} passed, {packs} packs");
    assert!(
        refused > 1_000 && passed > 10_000 && packs > 100,
        "{refused} refused, {passed} passed, {packs} packs"
    );
}

#[test]
fn a_portion_is_a_fraction_of_the_remainder_and_lasts_for_some_turns() {
    let head = |committed, open: &[u8]| Head {
        committed,
        open: open.iter().copied().collect(),
        ..Head::default()
    };
    let of = |free, limit| {
        Some((
            3,
            Shard {
                free,
                limit: Some(limit),
            },
        ))
    };
    let next = |head: &Head, shard, estimate| next(head, shard, 6_400_000, estimate);
    assert_eq!(
        next(&head(0, &[]), Some((3, Shard::default())), 1_000),
        Step::Draw(100_000)
    );
    assert_eq!(
        next(&head(3_200_000, &[3]), of(Some(999), 6_400_000), 1_000),
        Step::Draw(50_000)
    );
    assert_eq!(
        next(&head(3_200_000, &[3]), of(Some(1_000), 6_400_000), 1_000),
        Step::AtShard
    );
    assert_eq!(next(&head(0, &[]), of(None, 6_400_000), 50_000), Step::Draw(200_000));
    assert_eq!(
        next(&head(0, &[]), of(None, 6_400_000), 200_000),
        Step::AtHead,
        "too large for portions"
    );
    assert_eq!(
        next(&head(0, &[3]), of(Some(5_000), 5_000_000), 1_000),
        Step::Close(vec![3]),
        "another limit"
    );
    assert_eq!(
        next(&head(6_399_000, &[3]), of(Some(1), 6_400_000), 1_000),
        Step::AtHead
    );
    let last = head(6_399_001, &[1, 3, 5]);
    assert_eq!(next(&last, of(Some(1), 6_400_000), 1_000), Step::Close(vec![3, 5, 1]));
    assert_eq!(
        next(&last, None, 1_000),
        Step::Close(vec![1, 3, 5]),
        "a limit that is not split any more"
    );
    assert_eq!(next(&head(6_399_001, &[]), of(None, 6_400_000), 1_000), Step::Short);
}
