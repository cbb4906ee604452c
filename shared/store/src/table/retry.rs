//! The retry policy of all calls to the tables, which the SDK carries out.
//!
//! The SDK itself retries throttling and failures of the service or the network. [`Conflicts`] adds conflicts with
//! another transaction. [`InDoubtMarker`] records that an earlier attempt of a call may have been carried out although
//! its response was lost: see [`crate::table::item`] for the consequences.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{
        Builder, ConfigBag, Intercept, RuntimeComponents, StalledStreamProtectionConfig,
        http::HttpResponse,
        interceptors::{
            BeforeDeserializationInterceptorContextMut, FinalizerInterceptorContextRef, InterceptorContext,
        },
        retry::{ClassifyRetry, RetryAction, RetryConfig, RetryPartition, TokenBucket},
        timeout::TimeoutConfig,
    },
    error::BoxError,
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError, transact_write_items::TransactWriteItemsError,
        update_item::UpdateItemError,
    },
    types::CancellationReason,
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};

/// All attempts of a call and the pauses between them, together: less than the gateway's 29 seconds.
const TOTAL_BUDGET: Duration = Duration::from_secs(25);
/// One attempt. `DynamoDB` responds in milliseconds; a wait this long means that the connection is dead.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The SDK's own value.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);
/// Attempts of a call, with six seconds of pauses between them on average: time for dozens of transactions on the same
/// item to succeed one after the other.
const MAX_ATTEMPTS: u32 = 30;
/// The ceiling of the first pause; it doubles with each attempt. The SDK chooses a pause between zero and its ceiling.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The highest ceiling of a pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Calls of one client that may be retrying at the same time; above that they fail at once, so as not to overload a
/// table that is down.
const RETRIES_AT_ONCE: usize = 500;

/// Returns a client that follows the policy.
pub(crate) fn client(config: &aws_types::SdkConfig) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(TOTAL_BUDGET);
    let at_once = TokenBucket::builder()
        .capacity(RETRIES_AT_ONCE)
        .retry_cost(1)
        .throttling_retry_cost(1)
        .timeout_retry_cost(1);
    let config = Builder::from(config)
        .retry_config(retries)
        .timeout_config(timeouts.build())
        // Bodies are a megabyte at most, and every attempt has a timeout.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_partition(RetryPartition::custom("tables").token_bucket(at_once.build()).build())
        .retry_classifier(Conflicts)
        .interceptor(InDoubtMarker);
    Client::from_conf(config.build())
}

/// Returns whether a canceled transaction may succeed when it is sent again unchanged.
fn may_succeed(reasons: &[CancellationReason]) -> bool {
    let mut codes = reasons
        .iter()
        .filter_map(CancellationReason::code)
        .filter(|code| *code != "None")
        .peekable();
    codes.peek().is_some()
        && codes.all(|code| {
            matches!(
                code,
                "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
            )
        })
}

/// Retries calls that conflicted with another transaction.
#[derive(Debug)]
struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, ctx: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = ctx.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let Some(error) = error.as_operation_error() else {
            return RetryAction::NoActionIndicated;
        };
        let is_in_the_way = if let Some(error) = error.downcast_ref::<TransactWriteItemsError>() {
            match error {
                TransactWriteItemsError::TransactionCanceledException(canceled) => {
                    may_succeed(canceled.cancellation_reasons())
                }
                error => error.is_transaction_in_progress_exception(),
            }
        } else {
            error
                .downcast_ref()
                .is_some_and(PutItemError::is_transaction_conflict_exception)
                || error
                    .downcast_ref()
                    .is_some_and(UpdateItemError::is_transaction_conflict_exception)
                || error
                    .downcast_ref()
                    .is_some_and(DeleteItemError::is_transaction_conflict_exception)
        };
        // Like throttling, it is temporary, and the connection is sound.
        if is_in_the_way {
            RetryAction::throttling_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "conflicts of transactions"
    }
}

/// The header that marks a response as possibly reflecting the call's own effect. The table never sends it.
const IN_DOUBT: &str = "x-parlance-in-doubt";

/// Returns whether an earlier attempt of the call with this response may have been carried out.
pub(crate) fn in_doubt(answer: &HttpResponse) -> bool {
    answer.headers().contains_key(IN_DOUBT)
}

/// Marks the responses of calls of which an earlier attempt may have been carried out.
#[derive(Debug)]
struct InDoubtMarker;

/// Call state: an attempt ended with an unknown outcome.
#[derive(Debug)]
struct OutcomeUnknown;

impl Storable for OutcomeUnknown {
    type Storer = StoreReplace<Self>;
}

impl Intercept for InDoubtMarker {
    fn name(&self) -> &'static str {
        "doubts"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Err(error)) = context.output_or_error() else {
            return Ok(());
        };
        let is_unknown = error.is_timeout_error()
            || error.is_connector_error()
            || error.is_response_error()
            || context
                .response()
                .is_some_and(|response| response.status().is_server_error());
        if is_unknown {
            state.interceptor_state().store_put(OutcomeUnknown);
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if state.load::<OutcomeUnknown>().is_some() {
            context.response_mut().headers_mut().insert(IN_DOUBT, "1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_retried_only_after_conflicts() {
        let reasons = |codes: &[&str]| -> Vec<CancellationReason> {
            let reason = |code: &&str| CancellationReason::builder().code(*code).build();
            codes.iter().map(reason).collect()
        };
        for (codes, expected) in [
            (vec!["None", "TransactionConflict"], true),
            (vec!["ThrottlingError"], true),
            (vec!["ProvisionedThroughputExceeded", "TransactionConflict"], true),
            (vec!["TransactionConflict", "ConditionalCheckFailed"], false),
            (vec!["ConditionalCheckFailed"], false),
            (vec!["ValidationError"], false),
            (vec!["None"], false),
            (vec![], false),
        ] {
            assert_eq!(may_succeed(&reasons(&codes)), expected, "{codes:?}");
        }
    }
}
