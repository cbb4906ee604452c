//! The queues of `template.yaml`, and how they invoke their functions.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    cloud::{
        Cloud,
        iam::sources,
        mapping::{EventSourceMapping, Settings},
        sqs::redrive_policy,
    },
    functions::Worker,
    template::{Queue, Template, TemplateError},
};

/// Concurrent batches with which Lambda begins if a mapping has no limit of its own.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
const DEFAULT_CONCURRENCY: u64 = 5;

/// Creates all queues, with their attributes on AWS.
///
/// # Errors
/// The template names a queue that does not exist, or has an invalid attribute value.
pub(crate) fn create(cloud: &Cloud, template: &Template) -> Result<(), TemplateError> {
    let (feeding, dead_letters): (Vec<_>, Vec<_>) =
        template.queues.iter().partition(|queue| queue.dead_letters.is_some());
    for queue in dead_letters.into_iter().chain(feeding) {
        let attributes = attributes(template, queue)?;
        // A queue of an earlier release may have other attributes; it retains its messages and receives these
        // attributes.
        let created = cloud
            .sqs()
            .create_queue(&queue.name, &attributes)
            .or_else(|_| cloud.sqs().set_attributes(&queue.name, &attributes));
        created.map_err(|error| TemplateError::new(format!("{}: {error}", queue.id)))?;
    }
    Ok(())
}

fn attributes(template: &Template, queue: &Queue) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut attributes = BTreeMap::from([
        (
            "VisibilityTimeout".to_owned(),
            queue.visibility_timeout_seconds.to_string(),
        ),
        ("MessageRetentionPeriod".to_owned(), queue.retention_seconds.to_string()),
    ]);
    if let Some((dead_letters, deliveries)) = &queue.dead_letters {
        let dead_letters = template.queue(dead_letters);
        let dead_letters = dead_letters.ok_or_else(|| unknown(&queue.id, "dead-letter queue"))?;
        let policy = redrive_policy(&dead_letters.name, u32::try_from(*deliveries).unwrap_or(u32::MAX));
        attributes.insert("RedrivePolicy".to_owned(), policy);
    }
    Ok(attributes)
}

/// Delivers the messages of a queue to its function. Must be called inside a Tokio runtime.
///
/// # Errors
/// The template does not deploy the function, or not with one queue, or with settings that Lambda refuses.
pub(crate) fn feed(cloud: &Cloud, template: &Template, worker: Worker) -> Result<EventSourceMapping, TemplateError> {
    let function = template
        .function(worker.name)
        .ok_or_else(|| unknown(worker.name, "function"))?;
    let [source] = &function.sources[..] else {
        return Err(unknown(&function.id, "queue"));
    };
    let queue = template
        .queue(&source.queue)
        .ok_or_else(|| unknown(&function.id, "queue"))?;
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let settings = Settings {
        batch_size: size(source.batch_size),
        concurrency: size(source.max_concurrency.unwrap_or(DEFAULT_CONCURRENCY)),
        partial_failures: source.partial_failures,
        time_limit: Duration::from_secs(function.timeout_seconds),
    };
    let handler = sources::queue(cloud.iam().clone(), worker.name, &queue.name, worker.handler);
    let mapping = EventSourceMapping::new(cloud.sqs().clone(), &queue.name, settings, handler);
    mapping.map_err(|reason| TemplateError::new(format!("{}: {reason}", function.id)))
}

fn unknown(name: &str, what: &str) -> TemplateError {
    TemplateError::new(format!("{name} has no {what}, or more than one"))
}
