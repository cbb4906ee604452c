//! Tables and queues are what the code, and the promises made about them, need.

use app::KeyRing;
use domain::Secret;
use serde_json::{Value, json};

use local::template::{Function, Keys, StreamSource, Template};

use super::template;

#[test]
fn tables_are_the_same_locally_and_in_the_cloud() {
    let local = store::tables::definitions(&store::tables::Tables::with_prefix("local"));
    let template = template();
    assert_eq!(template.tables.len(), local.len());
    for definition in local {
        let id = logical_id(&definition.name);
        let table = template.tables.iter().find(|table| table.id == id);
        let table = table.unwrap_or_else(|| panic!("template.yaml has no {id}"));
        assert_eq!(table.keys, keys(&["pk"], &["sk"]), "{id}");
        assert_eq!(
            table.ttl.as_deref(),
            definition.ttl.then_some(store::tables::TTL),
            "{id}: TTL"
        );
        assert_eq!(
            table.stream.as_deref(),
            definition.stream.then_some("NEW_AND_OLD_IMAGES"),
            "{id}: stream"
        );
        assert_eq!(table.indexes.len(), definition.indexes.len(), "{id}: indexes");
        for (index, wanted) in table.indexes.iter().zip(definition.indexes) {
            assert_eq!(index.name, wanted.name, "{id}");
            assert_eq!(index.keys, keys(wanted.hash, wanted.range), "{id}: {}", wanted.name);
            assert_eq!(
                index.projection,
                if wanted.keys_only { "KEYS_ONLY" } else { "ALL" },
                "{id}: {}",
                wanted.name
            );
        }
    }
}

#[test]
fn what_cannot_be_rebuilt_can_be_restored() {
    for table in &template().tables {
        assert_eq!(
            table.point_in_time_recovery,
            table.id != "EphemeralTable",
            "{}",
            table.id
        );
        assert_eq!(table.deletion_protection, table.id == "AuditTable", "{}", table.id);
    }
}

/// What the tables hold cannot be read without them.
#[test]
fn keys_are_generated_and_outlive_their_stack() {
    let secrets = &template().secrets;
    let secret = |name: &str| secrets.iter().find(|secret| secret.name == name).unwrap();
    for name in ["JWT_SECRET", "ENCRYPTION_KEYS"] {
        assert!(secret(name).generated && secret(name).retained, "{name}");
    }
    // CloudFormation puts what it generates into the object as one more member.
    let (object, key) = secret("ENCRYPTION_KEYS").generated_into.clone().unwrap();
    let mut ring: Value = serde_json::from_str(&object).unwrap();
    ring[key] = json!("x".repeat(64));
    assert_eq!(KeyRing::parse(&Secret::new(ring.to_string())).unwrap().current(), "1");
}

#[test]
fn a_message_that_keeps_failing_is_kept_and_somebody_is_told() {
    let template = template();
    let is_dead_letters = |id: &str| {
        template
            .queues
            .iter()
            .any(|queue| queue.dead_letters.as_ref().is_some_and(|(target, _)| target == id))
            || streams(template).any(|(_, stream)| stream.gives_up_to == id)
    };
    for queue in &template.queues {
        if is_dead_letters(&queue.id) {
            assert!(template.alarmed_queues.contains(&queue.id), "{} fills unseen", queue.id);
        } else {
            let (target, deliveries) = queue
                .dead_letters
                .as_ref()
                .unwrap_or_else(|| panic!("{} drops messages", queue.id));
            assert!(template.queue(target).is_some(), "{}: {target} is no queue", queue.id);
            assert_eq!(*deliveries, u64::from(app::Delivery::MAX), "{}", queue.id);
        }
    }
}

/// Workers that may take several messages at once, because none of these can do anything to the others.
const IN_BATCHES: [&str; 2] = ["send_mail", "deliver_webhooks"];

#[test]
fn a_queue_feeds_one_worker_whose_messages_fail_alone() {
    let template = template();
    let mut fed = vec![];
    for function in &template.functions {
        for source in &function.sources {
            let queue = template
                .queue(&source.queue)
                .unwrap_or_else(|| panic!("{} is no queue", source.queue));
            let in_batches = IN_BATCHES.contains(&&*function.crate_name);
            assert_eq!(source.batch_size == 1, !in_batches, "{}", function.crate_name);
            assert!(
                source.max_concurrency.is_some(),
                "{} scales without bound",
                function.crate_name
            );
            assert!(
                source.partial_failures,
                "{}: one bad message repeats the batch",
                function.crate_name
            );
            // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
            assert!(
                queue.visibility_timeout_seconds >= 6 * function.timeout_seconds,
                "{}: a message returns while it is worked on",
                queue.id
            );
            assert!(!fed.contains(&source.queue), "{} feeds two functions", source.queue);
            fed.push(source.queue.clone());
        }
    }
    assert!(!fed.is_empty());
}

fn streams(template: &Template) -> impl Iterator<Item = (&Function, &StreamSource)> {
    let functions = template.functions.iter();
    functions.flat_map(|function| function.streams.iter().map(move |stream| (function, stream)))
}

#[test]
fn a_stream_loses_nothing_in_silence_and_wakes_nobody_for_what_they_wrote() {
    let template = template();
    let followed: Vec<_> = streams(template)
        .map(|(function, stream)| (&*function.crate_name, &*stream.table))
        .collect();
    let expected = [("roll_up_usage", "UsageTable"), ("dispatch_webhooks", "AppTable")];
    assert_eq!(followed, expected);
    for (function, stream) in streams(template) {
        assert_eq!(stream.from, "TRIM_HORIZON");
        assert!(stream.partial_failures && stream.bisects && stream.retries.is_some());
        // Two batches of a shard at the same time would only get in each other's way at the watermarks.
        assert_eq!(stream.parallel, 1);
        assert!(
            template.queue(&stream.gives_up_to).is_some(),
            "what is given up is told: {}",
            function.crate_name
        );
    }
    let promised = [
        ("EVENT#0", "evt_1", true),
        ("O#acme", "D#1", false),
        ("OUT#0", "1", false),
    ];
    let changed = [
        ("U#ada", "D#2026-11-24", true),
        ("O#acme", "D#2026-11-24#U#ada", true),
        ("R#sys#0", "D#2026-11-24#small", false),
        ("RW#00", "W", false),
    ];
    for ((_, stream), keys) in streams(template).zip([&changed[..], &promised]) {
        for (pk, sk, wanted) in keys {
            let record = |name| json!({"eventName": name, "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}});
            let passes = |name| stream.filters.iter().any(|pattern| fits(pattern, &record(name)));
            assert_eq!(passes("MODIFY"), *wanted, "{pk} {sk}");
            assert!(!passes("REMOVE"), "{pk} {sk}");
        }
    }
}

/// As far as our patterns go: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>.
fn fits(pattern: &Value, record: &Value) -> bool {
    match pattern {
        Value::Object(fields) => fields.iter().all(|(name, pattern)| fits(pattern, &record[name])),
        Value::Array(any) => any.iter().any(|rule| match rule["prefix"].as_str() {
            Some(prefix) => record.as_str().is_some_and(|text| text.starts_with(prefix)),
            None => rule == record,
        }),
        _ => false,
    }
}

/// `local-identity` is `IdentityTable` in the template.
fn logical_id(table: &str) -> String {
    let name = table.rsplit('-').next().unwrap_or_default();
    let (first, rest) = name.split_at(1);
    format!("{}{rest}Table", first.to_uppercase())
}

fn keys(hash: &[&str], range: &[&str]) -> Keys {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Keys {
        hash: owned(hash),
        range: owned(range),
    }
}
