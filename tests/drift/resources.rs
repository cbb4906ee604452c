//! Tables and queues are what the code, and the promises made about them, need.

use super::template::{Keys, Template};

#[test]
fn tables_are_the_same_locally_and_in_the_cloud() {
    let local = store::tables::definitions(&store::tables::Tables::with_prefix("local"));
    let template = Template::read();
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
    for table in Template::read().tables {
        let rebuilt = ["ChunksTable", "EphemeralTable"].contains(&table.id.as_str());
        assert_eq!(table.point_in_time_recovery, !rebuilt, "{}", table.id);
        assert_eq!(table.deletion_protection, table.id == "AuditTable", "{}", table.id);
    }
}

#[test]
fn a_message_that_keeps_failing_is_kept_and_somebody_is_told() {
    let template = Template::read();
    let is_dead_letters = |id: &str| {
        template
            .queues
            .iter()
            .any(|queue| queue.dead_letters.as_ref().is_some_and(|(target, _)| target == id))
    };
    for queue in &template.queues {
        if is_dead_letters(&queue.id) {
            assert!(template.alarmed_queues.contains(&queue.id), "{} fills unseen", queue.id);
        } else {
            let (target, attempts) = queue
                .dead_letters
                .as_ref()
                .unwrap_or_else(|| panic!("{} drops messages", queue.id));
            assert!(template.queue(target).is_some(), "{}: {target} is no queue", queue.id);
            assert_eq!(*attempts, 5, "{}", queue.id);
        }
    }
}

/// The event-source mapping of the local stack delivers the same way.
#[test]
fn a_queue_feeds_one_worker_in_batches_whose_messages_fail_alone() {
    let template = Template::read();
    let mut fed = vec![];
    for function in &template.functions {
        for source in &function.sources {
            let queue = template
                .queue(&source.queue)
                .unwrap_or_else(|| panic!("{} is no queue", source.queue));
            assert_eq!(source.batch_size, 10, "{}", function.crate_name);
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
