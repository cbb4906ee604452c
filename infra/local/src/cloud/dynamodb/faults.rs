//! Fault injection for DynamoDB: failures that its documentation announces and an emulator never produces.
//!
//! Three kinds, each with its own rate and drawn from a seeded sequence:
//!
//! - `rate_limit`: single operations and transactions are refused for lack of throughput; batches are processed in part
//!   (`UnprocessedKeys`, `UnprocessedItems`), and pages of a query end early (`LastEvaluatedKey`);
//! - `conflict`: another transaction is ongoing for an item;
//! - `lost`: the response never arrives, because the connection breaks or the service fails (500). Three of four such
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

/// The rates of faults, and the seed of their sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultRates {
    /// Throttled calls, percent.
    pub rate_limit: u8,
    /// Writes that conflict with a transaction, percent.
    pub conflict: u8,
    /// Calls without a response, percent.
    pub lost: u8,
    /// The seed of the sequence. Concurrent calls draw from it in any order.
    pub seed: u64,
}

impl FromStr for FaultRates {
    type Err = String;

    /// `rate_limit=5,conflict=2,lost=1,seed=7`; omitted values are 0.
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

/// A fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call is throttled.
    Throttled,
    /// The call conflicts with a transaction.
    Conflict,
    /// The call is carried out, and its response is lost.
    AnswerLost,
    /// The call is not carried out, and a response never arrives.
    RequestLost,
}

/// Numbers of functions' calls and their faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultCounts {
    /// All calls.
    pub calls: u64,
    /// Throttled calls.
    pub throttled: u64,
    /// Calls that conflicted with a transaction.
    pub conflicts: u64,
    /// Calls without a response.
    pub lost: u64,
}

/// The connection ends here, without a response.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken on purpose")]
pub(in crate::cloud) struct ConnectionBroken;

/// Draws and injects faults.
pub struct Faults {
    rates: FaultRates,
    sequence: Mutex<Sequence>,
    planned: Mutex<VecDeque<Planned>>,
    calls: AtomicU64,
    throttled: AtomicU64,
    conflicts: AtomicU64,
    lost: AtomicU64,
}

/// A fault planned for a certain call.
#[derive(Debug, Clone, Copy)]
struct Planned {
    operation: &'static str,
    /// Number of calls of the operation before it.
    before: u32,
    fault: Fault,
}

/// Pseudo-random numbers from a seed (<https://prng.di.unimi.it/splitmix64.c>).
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

/// Random numbers for one call: they select the fault and its details.
#[derive(Debug, Clone, Copy)]
struct Draw {
    percent: u64,
    choice: u64,
}

impl Draw {
    /// Returns one of `0..count`, and the numbers for the next choice.
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

    /// Returns the rates and the seed.
    pub fn rates(&self) -> FaultRates {
        self.rates
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> FaultCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FaultCounts {
            calls: read(&self.calls),
            throttled: read(&self.throttled),
            conflicts: read(&self.conflicts),
            lost: read(&self.lost),
        }
    }

    /// Plans `fault` for the next call of `operation` (such as `PutItem`) by any caller; several faults happen one
    /// after the other.
    pub fn plan(&self, operation: &'static str, fault: Fault) {
        self.plan_after(0, operation, fault);
    }

    /// Plans a fault for the call after `before` others of the operation.
    pub fn plan_after(&self, before: u32, operation: &'static str, fault: Fault) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.push_back(Planned {
            operation,
            before,
            fault,
        });
    }

    /// Removes planned faults that have not happened; returns their number.
    pub fn unplan(&self) -> usize {
        std::mem::take(&mut *self.planned.lock().unwrap_or_else(PoisonError::into_inner)).len()
    }

    /// Passes a call on to the database, or injects a fault.
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
                    // The length has changed.
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
                    // Only reading to the end ensures that all of it was done.
                    drop(axum::body::to_bytes(answer.into_body(), usize::MAX).await);
                }
                match draw.pick(2) {
                    (0, _) => Err(ConnectionBroken),
                    _ => Ok(refusal::failed()),
                }
            }
        }
    }

    /// Returns the fault of a call, if any.
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
            // A read of one item does not conflict.
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

/// Returns the kind of an operation on items; `None` for one on tables.
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
