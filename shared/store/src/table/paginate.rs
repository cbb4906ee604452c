//! Lists that span several partitions, one for each month or day: read newest first, a page at a time.

use domain::{Page, PageRequest, Result, Timestamp};
use futures::future::try_join_all;

use crate::table::item::{self, Item, Table, s};

/// Most items that one page examines: a filter that matches few items returns a short page with a cursor.
const MAX_LOOKED_AT: usize = 1000;

/// The first month that can contain anything. Lists end there.
pub(crate) const FIRST_MONTH: &str = "2026-01";

/// Fewest items read from each shard.
const MIN_OF_SHARD: usize = 8;

/// One partition of a table or an index, or several shards that are read as one.
pub(crate) struct ListPartition {
    /// Its name in a cursor: a month or a day.
    pub(crate) name: String,
    /// The index; `None` for the table itself.
    pub(crate) index: Option<&'static str>,
    /// The partition key.
    pub(crate) hash: Vec<(&'static str, String)>,
    /// The partition keys of the shards, each one attribute; empty if there is only one partition. The first attribute
    /// of the sort key has to differ between items.
    pub(crate) shards: Vec<(&'static str, String)>,
    /// The sort key: the attributes that form an item's position.
    pub(crate) range: &'static [&'static str],
}

impl ListPartition {
    fn position(&self, item: &Item) -> Vec<String> {
        let value = |name: &&str| item.get(*name).and_then(|value| value.as_s().ok()).cloned();
        self.range.iter().map(|name| value(name).unwrap_or_default()).collect()
    }

    fn cursor(&self, position: &[String]) -> String {
        format!("{}|{}", self.name, position.join("|"))
    }
}

/// Where a page begins: after this position in the partition with this name.
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

/// Returns one page of `partitions` (newest first), with the items for which `keep` returns a value.
pub(crate) async fn paginate<T>(
    table: Table<'_>,
    partitions: Vec<ListPartition>,
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
        let mut start = Start::at(after.take().map(|after| after.position));
        loop {
            let (found, next) = read(table, &partition, &start, limit + 1).await?;
            for item in found {
                let position = partition.position(&item);
                if start.from.as_ref().is_some_and(|from| position >= *from) {
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
            let Some(next) = next else { break };
            start = next;
        }
    }
    Ok(Page { items, next: None })
}

/// Where reading continues.
#[derive(Default)]
struct Start {
    /// After the item at this position.
    from: Option<Vec<String>>,
    /// After this key.
    behind: Option<Item>,
}

impl Start {
    fn at(from: Option<Vec<String>>) -> Self {
        Self { from, behind: None }
    }
}

/// Reads items of a partition, newest first, and returns where reading continues.
async fn read(
    table: Table<'_>,
    partition: &ListPartition,
    start: &Start,
    limit: usize,
) -> Result<(Vec<Item>, Option<Start>)> {
    if partition.shards.is_empty() {
        let (found, behind) = query(table, partition, &partition.hash, start, limit).await?;
        let from = start.from.clone();
        return Ok((
            found,
            behind.map(|behind| Start {
                from,
                behind: Some(behind),
            }),
        ));
    }
    // About twice its share of each, so that one round is usually enough, however the items are spread.
    let share = (2 * limit).div_ceil(partition.shards.len()).max(MIN_OF_SHARD);
    let shards = partition
        .shards
        .iter()
        .map(|hash| query(table, partition, std::slice::from_ref(hash), start, share));
    let shards = try_join_all(shards).await?;
    Ok(merge(partition, shards))
}

/// Merges the newest items of shards up to the point where none newer can be missing, and returns where reading
/// continues. Items older than the end of a shard that has more are read again later.
fn merge(partition: &ListPartition, shards: Vec<(Vec<Item>, Option<Item>)>) -> (Vec<Item>, Option<Start>) {
    let ends = shards.iter().filter(|(_, behind)| behind.is_some());
    // A page may be empty without being the last one.
    let ends = ends.map(|(items, behind)| items.last().or(behind.as_ref()).map(|item| partition.position(item)));
    let complete_to = ends.flatten().max();
    let mut items: Vec<_> = shards
        .into_iter()
        .flat_map(|(items, _)| items)
        .map(|item| (partition.position(&item), item))
        .filter(|(position, _)| complete_to.as_ref().is_none_or(|end| position >= end))
        .collect();
    items.sort_by(|(a, _), (b, _)| b.cmp(a));
    let items = items.into_iter().map(|(_, item)| item).collect();
    (items, complete_to.map(|end| Start::at(Some(end))))
}

/// Reads items of one partition, newest first, and returns the key of the last one if there are more.
async fn query(
    table: Table<'_>,
    partition: &ListPartition,
    hash: &[(&'static str, String)],
    start: &Start,
    limit: usize,
) -> Result<(Vec<Item>, Option<Item>)> {
    let mut conditions = Vec::new();
    let mut query = table
        .db
        .query()
        .table_name(table.name)
        .set_index_name(partition.index.map(str::to_owned))
        .consistent_read(partition.index.is_none())
        .scan_index_forward(false)
        .limit(i32::try_from(limit).unwrap_or(i32::MAX))
        .set_exclusive_start_key(start.behind.clone());
    for (number, (name, value)) in hash.iter().enumerate() {
        conditions.push(format!("#h{number} = :h{number}"));
        query = query
            .expression_attribute_names(format!("#h{number}"), *name)
            .expression_attribute_values(format!(":h{number}"), s(value));
    }
    if let Some((name, first)) = partition
        .range
        .first()
        .zip(start.from.as_ref().and_then(|from| from.first()))
    {
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

/// Returns a request for the page after an ID, in the partition with this name.
pub(crate) fn by_id(page: &PageRequest, partition: Option<&str>) -> PageRequest {
    let after = page.after.as_deref();
    PageRequest {
        limit: page.limit,
        after: after.map(|id| format!("{}|{id}", partition.unwrap_or_default())),
    }
}

/// Returns the same page with a cursor that is only an ID.
pub(crate) fn id_only<T>(page: Page<T>) -> Page<T> {
    let id = |cursor: String| cursor.rsplit('|').next().map(str::to_owned);
    Page {
        items: page.items,
        next: page.next.and_then(id),
    }
}

/// Returns the month of a time, such as `2026-11`.
pub(crate) fn month_of(at: Timestamp) -> String {
    at.to_string()[..7].to_owned()
}

/// Returns the months from `newest` back to `oldest`, both such as `2026-11`.
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
    fn shards_form_one_list_wherever_their_pages_end() {
        let item = |id: &str| Item::from([("id".to_owned(), s(id))]);
        let partition = ListPartition {
            name: "2026-11".to_owned(),
            index: None,
            hash: Vec::new(),
            shards: Vec::new(),
            range: &["id"],
        };
        let shard = |ids: &[&str], has_more: bool| {
            let items: Vec<Item> = ids.iter().map(|id| item(id)).collect();
            let behind = items.last().cloned().filter(|_| has_more);
            (items, behind)
        };
        let of = |shards| {
            let (items, start) = merge(&partition, shards);
            let ids: Vec<String> = items.iter().flat_map(|item| partition.position(item)).collect();
            (
                ids.join(" "),
                start.and_then(|start| start.from).map(|from| from.concat()),
            )
        };
        let whole = of(vec![shard(&["9", "5"], false), shard(&[], false), shard(&["7"], false)]);
        assert_eq!(whole, ("9 7 5".to_owned(), None));
        let some = of(vec![
            shard(&["9", "5"], true),
            shard(&["8", "7"], true),
            shard(&["6", "1"], false),
        ]);
        assert_eq!(
            some,
            ("9 8 7".to_owned(), Some("7".to_owned())),
            "6 may have something before it"
        );
        let empty = (Vec::new(), Some(item("6")));
        let none_yet = of(vec![shard(&["9", "5"], false), empty]);
        assert_eq!(none_yet, ("9".to_owned(), Some("6".to_owned())));
    }

    #[test]
    fn months_continue_into_the_previous_year() {
        assert_eq!(
            months_back("2027-02", "2026-11"),
            ["2027-02", "2027-01", "2026-12", "2026-11"]
        );
        assert_eq!(months_back("2026-01", "2026-01"), ["2026-01"]);
        assert!(months_back("2025-12", "2026-01").is_empty());
    }
}
