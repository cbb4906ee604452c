mod answers;
mod double;
mod failures;
pub(crate) mod recordings;
mod thinking;

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;

use super::OpenAiCompatible;
use crate::testing::{Outcome, PATIENT, counted, request};
use crate::{ChatEvent, ChatModel as _, ChatRequest, FinishReason, ModelError, TimeLimits, Usage};
use double::{Double, model_at};

/// A limit that the tests exceed.
const SHORT: Duration = Duration::from_millis(50);

async fn outcome(model: &OpenAiCompatible) -> Outcome {
    crate::testing::outcome(model, request()).await
}
