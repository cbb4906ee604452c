//! Faults of DynamoDB, on request: what its documentation says callers have to cope with, and an emulator never does.
//!
//! Three kinds, each at a rate of its own and drawn from a seeded sequence:
//!
//! - `rate_limit`: single operations and transactions are refused for lack of throughput; batches are processed in part
//!   (`UnprocessedKeys`, `UnprocessedItems`), and pages of a query end early (`LastEvaluatedKey`);
//! - `conflict`: another transaction is ongoing for an item;
//! - `lost`: the answer never comes, because the connection breaks or the service fails (500). Three of four such
//!   writes are carried out nevertheless.
//!
//! Codes, statuses and messages are those of
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html> and
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.

mod partial;
mod refusal;

use std::collections::VecDeque;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response, header::CONTENT_LENGTH};
use bytes::Bytes;

use super::super::wire::{read, target};
use super::Proxy;

/// How often which fault happens, and the beginning of the sequence that says when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultRates {
    /// Calls that lack throughput, percent.
    pub rate_limit: u8,
    /// Writes that meet a transaction, percent.
    pub conflict: u8,
    /// Calls whose answer never comes, percent.
    pub lost: u8,
    /// Where the sequence begins. Calls that run at the same time draw from it in any order.
    pub seed: u64,
}

impl FromStr for FaultRates {
    type Err = String;

    /// `rate_limit=5,conflict=2,lost=1,seed=7`; what is left out is 0.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut rates = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, number) = pair.split_once('=').unwrap_or((pair, ""));
            let number: u64 = number
                .parse()
                .map_err(|_| format!("`{pair}` should be a name and a number, such as `throttle=5`"))?;
            let percent = || {
                let percent = u8::try_from(number).ok().filter(|percent| *percent <= 100);
                percent.ok_or_else(|| format!("`{pair}` should be a percentage, 0 to 100"))
            };
            match name {
                "throttle" => rates.rate_limit = percent()?,
                "conflict" => rates.conflict = percent()?,
                "lost" => rates.lost = percent()?,
                "seed" => rates.seed = number,
                _ => return Err(format!("`{name}` is none of throttle, conflict, lost and seed")),
            }
        }
        let sum = [rates.rate_limit, rates.conflict, rates.lost]
            .map(u16::from)
            .iter()
            .sum::<u16>();
        if sum > 100 {
            return Err("the rates add up to more than 100 percent".to_owned());
        }
        Ok(rates)
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It lacks throughput.
    Throttled,
    /// It meets a transaction.
    Conflict,
    /// It is carried out, and its answer never comes.
    AnswerLost,
    /// It is not carried out, and an answer never comes.
    RequestLost,
}

/// Calls of functions, and how many of them met a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultCounts {
    /// All calls.
    pub calls: u64,
    /// Those that lacked throughput.
    pub throttled: u64,
    /// Those that met a transaction.
    pub conflicts: u64,
    /// Those whose answer never came.
    pub lost: u64,
}

/// The connection ends here, without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken on purpose")]
pub(in crate::cloud) struct ConnectionBroken;

/// Draws faults, and brings them about.
pub struct Faults {
    rates: FaultRates,
    sequence: Mutex<Sequence>,
    planned: Mutex<VecDeque<Planned>>,
    calls: AtomicU64,
    throttled: AtomicU64,
    conflicts: AtomicU64,
    lost: AtomicU64,
}

/// A fault that a certain call meets.
#[derive(Debug, Clone, Copy)]
struct Planned {
    operation: &'static str,
    /// Calls of the operation that come before it.
    before: u32,
    fault: Fault,
}

/// Numbers that follow from a seed (<https://prng.di.unimi.it/splitmix64.c>).
#[derive(Debug, Clone, Copy)]
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Drawn numbers for one call: which fault, and the choices that it leaves open.
#[derive(Debug, Clone, Copy)]
struct Draw {
    percent: u64,
    choice: u64,
}

impl Draw {
    /// One of `0..count`, and the draw for the next choice.
    fn pick(self, count: usize) -> (usize, Self) {
        let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        let picked = usize::try_from(self.choice % count).unwrap_or_default();
        let choice = self.choice / count;
        (picked, Self { choice, ..self })
    }
}

impl Faults {
    pub(in crate::cloud) fn new(rates: FaultRates) -> Self {
        Self {
            rates,
            sequence: Mutex::new(Sequence(rates.seed)),
            planned: Mutex::default(),
            calls: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            conflicts: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// The rates and the seed.
    pub fn rates(&self) -> FaultRates {
        self.rates
    }

    /// What happened so far.
    pub fn counts(&self) -> FaultCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FaultCounts {
            calls: read(&self.calls),
            throttled: read(&self.throttled),
            conflicts: read(&self.conflicts),
            lost: read(&self.lost),
        }
    }

    /// The next call of `operation` (as in `PutItem`), whoever makes it, meets `fault`; several are met one after the
    /// other.
    pub fn plan(&self, operation: &'static str, fault: Fault) {
        self.plan_after(0, operation, fault);
    }

    /// The same for the call that comes after `before` others of the operation.
    pub fn plan_after(&self, before: u32, operation: &'static str, fault: Fault) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.push_back(Planned {
            operation,
            before,
            fault,
        });
    }

    /// Forgets what was planned and did not happen; returns how much that is.
    pub fn unplan(&self) -> usize {
        std::mem::take(&mut *self.planned.lock().unwrap_or_else(PoisonError::into_inner)).len()
    }

    /// Passes a call on to the database, or has it meet a fault.
    pub(super) async fn pass(
        &self,
        request: Request<Body>,
        is_function: bool,
        proxy: &Proxy,
    ) -> Result<Response<Body>, ConnectionBroken> {
        let operation = match target(&request) {
            ("DynamoDB_20120810", operation) => operation.to_owned(),
            _ => return Ok(proxy.send(request.map(Body::new)).await),
        };
        if is_function {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let Some((fault, draw)) = self.fault(&operation, is_function) else {
            return Ok(proxy.send(request.map(Body::new)).await);
        };
        tracing::debug!(operation, ?fault, "dynamodb.fault");
        match fault {
            Fault::Throttled => self.throttled.fetch_add(1, Ordering::Relaxed),
            Fault::Conflict => self.conflicts.fetch_add(1, Ordering::Relaxed),
            Fault::AnswerLost | Fault::RequestLost => self.lost.fetch_add(1, Ordering::Relaxed),
        };
        let (parts, body) = request.into_parts();
        let body = read(body).await.map_err(|_| ConnectionBroken)?;
        let again = |body: Bytes| Request::from_parts(parts, Body::from(body));
        match fault {
            Fault::Throttled => match partial::split(&operation, &body, draw) {
                Some(split) => {
                    let mut request = again(split.now);
                    // The length is another one.
                    request.headers_mut().remove(CONTENT_LENGTH);
                    let answer = proxy.send(request).await;
                    partial::with_rest(answer, split.later).await
                }
                None => Ok(refusal::throttled(&operation, &body, draw)),
            },
            Fault::Conflict => Ok(refusal::conflict(&operation, &body, draw)),
            Fault::AnswerLost | Fault::RequestLost => {
                if fault == Fault::AnswerLost {
                    let answer = proxy.send(again(body)).await;
                    // Only with its end is it certain that all of it was done.
                    drop(axum::body::to_bytes(answer.into_body(), usize::MAX).await);
                }
                match draw.pick(2) {
                    (0, _) => Err(ConnectionBroken),
                    _ => Ok(refusal::failed()),
                }
            }
        }
    }

    /// The fault that a call meets, if any.
    fn fault(&self, operation: &str, is_function: bool) -> Option<(Fault, Draw)> {
        let draw = {
            let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
            Draw {
                percent: sequence.next() % 100,
                choice: sequence.next(),
            }
        };
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = planned.iter().position(|planned| planned.operation == operation) {
            match &mut planned[at] {
                Planned { before: 0, .. } => return planned.remove(at).map(|planned| (planned.fault, draw)),
                Planned { before, .. } => *before -= 1,
            }
        }
        if !is_function {
            return None;
        }
        let kind = kind_of(operation)?;
        let [rate_limit, conflict, lost] = [self.rates.rate_limit, self.rates.conflict, self.rates.lost].map(u64::from);
        match draw.percent {
            percent if percent < rate_limit => Some((Fault::Throttled, draw)),
            // A read of one item waits for nobody.
            percent if percent < rate_limit + conflict => (kind != Kind::Read).then_some((Fault::Conflict, draw)),
            percent if percent < rate_limit + conflict + lost => Some(match draw.pick(4) {
                (0, draw) => (Fault::RequestLost, draw),
                (_, draw) => (Fault::AnswerLost, draw),
            }),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Transaction,
}

/// What an operation on items does; `None` for one on tables.
fn kind_of(operation: &str) -> Option<Kind> {
    Some(match operation {
        "GetItem" | "BatchGetItem" | "Query" | "Scan" => Kind::Read,
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" => Kind::Write,
        "TransactWriteItems" | "TransactGetItems" => Kind::Transaction,
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_from_a_text_or_refused_with_a_reason() {
        let rates: FaultRates = "throttle=5, conflict=2,lost=1,seed=7".parse().unwrap();
        let expected = FaultRates {
            rate_limit: 5,
            conflict: 2,
            lost: 1,
            seed: 7,
        };
        assert_eq!(rates, expected);
        assert_eq!("".parse(), Ok(FaultRates::default()));
        for (text, reason) in [
            ("throttle", "a name and a number"),
            ("throttle=x", "a name and a number"),
            ("throttle=101", "0 to 100"),
            ("trottle=1", "none of throttle"),
            ("throttle=60,lost=41", "more than 100"),
        ] {
            let refused = text.parse::<FaultRates>().unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn faults_come_at_their_rates_and_the_same_ones_for_the_same_seed() {
        let drawn = |seed| -> Vec<Option<Fault>> {
            let faults = Faults::new(FaultRates {
                rate_limit: 5,
                conflict: 2,
                lost: 1,
                seed,
            });
            let draw = |_| faults.fault("PutItem", true).map(|(fault, _)| fault);
            (0..20_000).map(draw).collect()
        };
        let faults = drawn(7);
        assert_eq!(faults, drawn(7));
        assert_ne!(faults, drawn(8));
        let share = |wanted: &[Fault]| {
            let met = faults.iter().flatten().filter(|fault| wanted.contains(fault));
            met.count() * 1000 / faults.len()
        };
        assert!((45..=55).contains(&share(&[Fault::Throttled])));
        assert!((16..=24).contains(&share(&[Fault::Conflict])));
        assert!((7..=13).contains(&share(&[Fault::AnswerLost, Fault::RequestLost])));
        assert!(share(&[Fault::RequestLost]) >= 1);
    }

    #[test]
    fn callers_that_are_no_function_and_calls_about_tables_meet_none() {
        let faults = Faults::new("throttle=100".parse().unwrap());
        assert!(faults.fault("PutItem", false).is_none());
        assert!(faults.fault("DescribeTable", true).is_none());
        assert!(faults.fault("PutItem", true).is_some());
        faults.plan("GetItem", Fault::RequestLost);
        assert!(faults.fault("PutItem", false).is_none());
        assert_eq!(faults.fault("GetItem", false).unwrap().0, Fault::RequestLost);
        assert!(faults.fault("GetItem", false).is_none(), "once");
    }
}
