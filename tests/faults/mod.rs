//! What the product does when its tables refuse calls, do a part of them, or do them without saying so.

mod stories;
mod writes;

use local::cloud::Fault;

/// All faults that a call can meet.
const FAULTS: [Fault; 4] = [Fault::Throttled, Fault::Conflict, Fault::RequestLost, Fault::AnswerLost];
