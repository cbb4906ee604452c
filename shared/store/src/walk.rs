//! Lists that lie in several partitions, one for each month or day: read newest first, a page at a time.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use model::{Page, PageRequest, Result, Timestamp};

use crate::item::{self, Item, Table, s};

/// Most items that one page looks at: a filter that keeps little answers a short page with a way to go on.
const MAX_LOOKED_AT: usize = 1000;

/// The first month that can hold anything. Walks back end there.
pub(crate) const FIRST_MONTH: &str = "2026-01";

/// One partition of a table or an index.
pub(crate) struct Leg {
    /// Its place in the list, as a cursor names it: a month or a day.
    pub(crate) name: String,
    /// The index; none for the table itself.
    pub(crate) index: Option<&'static str>,
    /// The partition key.
    pub(crate) hash: Vec<(&'static str, String)>,
    /// The sort key: the attributes whose values are the position of an item.
    pub(crate) range: &'static [&'static str],
}

impl Leg {
    fn position(&self, item: &Item) -> Vec<String> {
        let value = |name: &&str| item.get(*name).and_then(|value| value.as_s().ok()).cloned();
        self.range.iter().map(|name| value(name).unwrap_or_default()).collect()
    }

    fn cursor(&self, position: &[String]) -> String {
        format!("{}|{}", self.name, position.join("|"))
    }
}

/// Where a page begins: after this position of the partition with this name.
struct After {
    partition: String,
    position: Vec<String>,
}

impl After {
    fn read(cursor: &str) -> Self {
        let mut parts = cursor.split('|').map(str::to_owned);
        Self {
            partition: parts.next().unwrap_or_default(),
            position: parts.collect(),
        }
    }
}

/// One page of `partitions` (newest first), of the items that `keep` makes something of.
pub(crate) async fn walk<T>(
    table: Table<'_>,
    partitions: Vec<Leg>,
    page: &PageRequest,
    mut keep: impl FnMut(Item) -> Result<Option<T>>,
) -> Result<Page<T>> {
    let limit = usize::from(page.limit);
    let mut after = page.after.as_deref().map(After::read);
    let (mut items, mut last_kept, mut looked_at) = (Vec::new(), None, 0);
    let first = after.as_ref().map(|after| after.partition.clone());
    let partitions = partitions
        .into_iter()
        .skip_while(|partition| first.as_ref().is_some_and(|first| *first != partition.name));
    for partition in partitions {
        let from = after.take().map(|after| after.position);
        let mut start = None;
        loop {
            let (found, next) = read(table, &partition, from.as_deref(), start, limit + 1).await?;
            for item in found {
                let position = partition.position(&item);
                if from.as_ref().is_some_and(|from| position >= *from) {
                    continue;
                }
                looked_at += 1;
                let cursor = partition.cursor(&position);
                if let Some(kept) = keep(item)? {
                    if items.len() == limit {
                        return Ok(Page { items, next: last_kept });
                    }
                    items.push(kept);
                    last_kept = Some(cursor);
                } else if looked_at >= MAX_LOOKED_AT {
                    return Ok(Page {
                        items,
                        next: Some(cursor),
                    });
                }
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
    }
    Ok(Page { items, next: None })
}

/// A part of a partition, newest first, and where it goes on.
async fn read(
    table: Table<'_>,
    partition: &Leg,
    from: Option<&[String]>,
    start: Option<HashMap<String, AttributeValue>>,
    limit: usize,
) -> Result<(Vec<Item>, Option<HashMap<String, AttributeValue>>)> {
    let mut conditions = Vec::new();
    let mut query = table
        .db
        .query()
        .table_name(table.name)
        .set_index_name(partition.index.map(str::to_owned))
        .consistent_read(partition.index.is_none())
        .scan_index_forward(false)
        .limit(i32::try_from(limit).unwrap_or(i32::MAX))
        .set_exclusive_start_key(start);
    for (number, (name, value)) in partition.hash.iter().enumerate() {
        conditions.push(format!("#h{number} = :h{number}"));
        query = query
            .expression_attribute_names(format!("#h{number}"), *name)
            .expression_attribute_values(format!(":h{number}"), s(value));
    }
    if let Some((name, first)) = partition.range.first().zip(from.and_then(<[String]>::first)) {
        conditions.push("#r <= :r".to_owned());
        query = query
            .expression_attribute_names("#r", *name)
            .expression_attribute_values(":r", s(first));
    }
    let answer = query
        .key_condition_expression(conditions.join(" AND "))
        .send()
        .await
        .map_err(item::failed)?;
    Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
}

/// The month of a time, as in `2026-11`.
pub(crate) fn month_of(at: Timestamp) -> String {
    at.to_string()[..7].to_owned()
}

/// The months from `newest` back to `oldest`, both as in `2026-11`.
pub(crate) fn months_back(newest: &str, oldest: &str) -> Vec<String> {
    let read = |month: &str| -> Option<(i32, u32)> {
        let (year, month) = month.split_once('-')?;
        Some((year.parse().ok()?, month.parse().ok()?))
    };
    let Some((mut year, mut month)) = read(newest) else {
        return Vec::new();
    };
    let mut months = Vec::new();
    loop {
        let name = format!("{year:04}-{month:02}");
        if *name < *oldest || year < 1 {
            return months;
        }
        months.push(name);
        (year, month) = if month <= 1 { (year - 1, 12) } else { (year, month - 1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_back_over_the_turn_of_the_year() {
        assert_eq!(
            months_back("2027-02", "2026-11"),
            ["2027-02", "2027-01", "2026-12", "2026-11"]
        );
        assert_eq!(months_back("2026-01", "2026-01"), ["2026-01"]);
        assert!(months_back("2025-12", "2026-01").is_empty());
    }
}
