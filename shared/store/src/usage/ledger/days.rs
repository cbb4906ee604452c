//! Days: listed while they may have reservations, closed when they are over; and alerts about limits.

use domain::{Day, OrgId, Result, Timestamp, TokenScope, UserId, WebhookEvent, id::random_bytes};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    KEPT_SECONDS, Ledger, Reservation,
    change::{Change, write},
    reservations_on,
    statistics::{GENERATION, IsKnownModel, make_public},
};
use crate::{
    keys::{self, Key},
    table::item::{Transaction, from_item, n, s, to_item, transact},
    tables,
};

/// Replaces the ID of a user whose account was erased.
pub(super) const ERASED: &str = "erased-";
/// The mark of the call settled last on a member's day. A counter would not do: a recreated item starts counting again
/// and may reach the same number.
pub(super) const SETTLED: &str = "settled";
/// The last key of an open day that was examined.
const SEEN_UNTIL: &str = "until";

/// The owner of a day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A user.
    User(UserId),
    /// An organization.
    Org(OrgId),
}

impl Owner {
    /// Returns the owner's partition in the ledger.
    fn partition(&self) -> String {
        match self {
            Self::User(user) => keys::user(user),
            Self::Org(org) => keys::tenant(org),
        }
    }

    /// Returns the organization, if it is one.
    pub fn org(&self) -> Option<&OrgId> {
        match self {
            Self::User(_) => None,
            Self::Org(org) => Some(org),
        }
    }

    pub(super) fn of(partition: &str) -> Option<Self> {
        let user = partition.strip_prefix("U#").map(|id| Self::User(UserId(id.to_owned())));
        user.or_else(|| partition.strip_prefix("O#").map(|id| Self::Org(OrgId(id.to_owned()))))
    }
}

/// A day that has had reservations and is not closed.
#[derive(Debug, Clone)]
pub struct OpenDay {
    /// The owner.
    pub owner: Owner,
    /// Its date.
    pub date: Date,
    /// When it is over.
    pub ends_at: Timestamp,
    entry: Key,
}

/// Open days that are not over.
#[derive(Debug, Clone)]
pub struct RunningDays {
    /// The days, those that end first before the others.
    pub days: Vec<OpenDay>,
    /// Whether they include the first one.
    is_first: bool,
    /// Whether they include the last one.
    is_last: bool,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    owner: Owner,
    date: Date,
    ends_at: Timestamp,
}

/// An alert about the share of a limit that is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Alert {
    /// The scope of the limit.
    pub scope: TokenScope,
    /// The day.
    pub day: Date,
    /// The share that was reached, in percent: 50, 80 or 100.
    pub percent: u8,
    /// Tokens used at that time.
    pub used: u64,
    /// The limit at that time.
    pub limit: u64,
    /// When the limit resets.
    pub resets_at: Timestamp,
    /// When the share was reached.
    pub at: Timestamp,
}

impl Ledger {
    /// Lists a day as open; repeating it changes nothing.
    pub(super) async fn open(&self, counter: &Key, day: &Day) -> Result<()> {
        let Some(owner) = Owner::of(&counter.pk) else {
            return Ok(());
        };
        let entry = Entry {
            owner,
            date: day.date,
            ends_at: day.ends_at,
        };
        let item = to_item(&keys::open_day(counter, day.ends_at.as_second()), &entry)?;
        self.0.usage().put(item).await
    }

    /// Returns open days of a shard that are over, those that ended first before the others: `most` after this one.
    pub async fn ended_days(
        &self,
        shard: u8,
        now: Timestamp,
        behind: Option<&OpenDay>,
        most: i32,
    ) -> Result<Vec<OpenDay>> {
        let behind = behind.map_or("0", |day| day.entry.sk.as_str());
        self.open_between(shard, behind, &keys::ended_until(now.as_second()), most)
            .await
    }

    /// Returns open days of a shard that are not over: `most` after the last ones that were [`Ledger::seen`], or the
    /// first ones.
    pub async fn running_days(&self, shard: u8, now: Timestamp, most: i32) -> Result<RunningDays> {
        let seen = self.0.usage().get_raw(keys::open_days_seen(shard), true).await?;
        let seen = seen.and_then(|item| item.get(SEEN_UNTIL)?.as_s().ok().cloned());
        let began = keys::ended_until(now.as_second());
        let behind = seen.clone().filter(|seen| *seen > began).unwrap_or(began);
        let days = self.open_between(shard, &behind, "9~", most).await?;
        Ok(RunningDays {
            is_last: days.len() < usize::try_from(most).unwrap_or_default(),
            days,
            is_first: seen.is_none(),
        })
    }

    /// Records that running days were examined, so that any caller continues after them.
    pub async fn seen(&self, shard: u8, running: &RunningDays) -> Result<()> {
        let key = keys::open_days_seen(shard);
        match running.days.last().filter(|_| !running.is_last) {
            Some(last) => {
                let mut change = Change::of(key);
                change.set(SEEN_UNTIL, s(&last.entry.sk));
                write(&self.0, &[change]).await.map(|_| ())
            }
            None if running.is_first => Ok(()),
            None => self.0.usage().delete(&key).await,
        }
    }

    /// Returns open days whose keys are after `after`, up to `until`.
    async fn open_between(&self, shard: u8, after: &str, until: &str, most: i32) -> Result<Vec<OpenDay>> {
        let pk = keys::open_days(shard);
        let query = self.0.db.query().consistent_read(true);
        let query = query
            .key_condition_expression("pk = :shard AND sk BETWEEN :after AND :until")
            .expression_attribute_values(":shard", s(&pk))
            // The smallest key after it.
            .expression_attribute_values(":after", s(format!("{after}\u{1}")))
            .expression_attribute_values(":until", s(until));
        let mut days = Vec::new();
        for item in self.0.usage().first(query, most).await? {
            let sk = item
                .get("sk")
                .and_then(|sk| sk.as_s().ok().cloned())
                .unwrap_or_default();
            let Entry { owner, date, ends_at } = from_item(item)?;
            let entry = Key { pk: pk.clone(), sk };
            days.push(OpenDay {
                owner,
                date,
                ends_at,
                entry,
            });
        }
        Ok(days)
    }

    /// Returns the reservations of an open day.
    pub async fn holds_in(&self, day: &OpenDay) -> Result<Vec<Reservation>> {
        let Owner::User(user) = &day.owner else {
            // Reservations are stored on the days of users.
            return Ok(Vec::new());
        };
        let item = self.0.usage().get_raw(keys::usage_day(user, day.date), true).await?;
        item.map_or(Ok(Vec::new()), |item| reservations_on(user, day.date, &item))
    }

    /// Closes a day that is over and has no reservations left.
    pub async fn close(&self, day: &OpenDay, now: Timestamp) -> Result<()> {
        let key = Key {
            pk: day.owner.partition(),
            sk: format!("{}{}", keys::DAYS, day.date),
        };
        let mut change = Change::of(key);
        change.set("closed", n(now.as_millisecond()));
        // An erased day stays erased.
        change.if_present("pk");
        write(&self.0, &[change]).await?;
        self.0.usage().delete(&day.entry).await
    }

    /// Removes a user's ID, and the names that they made up, from their usage in an organization: the organization's
    /// totals stay as they are.
    pub async fn anonymize_usage(&self, org: &OrgId, user: &UserId, is_known: IsKnownModel) -> Result<()> {
        let table = self.0.usage();
        let days = self.0.usage().keys_below(&keys::tenant(org), keys::DAYS).await?;
        let suffix = format!("#U#{user}");
        for key in days {
            let Some(day) = key.sk.strip_suffix(&suffix) else {
                continue;
            };
            while let Some(mut item) = table.get_raw(key.clone(), true).await? {
                let Some(settled) = item.get(SETTLED).cloned() else {
                    // Created by a release that did not mark it.
                    let mut mark = Change::of(key.clone());
                    mark.set_once(SETTLED, s(hex::encode(random_bytes::<4>()?)));
                    mark.if_present("pk");
                    write(&self.0, &[mark]).await?;
                    continue;
                };
                let nobody = format!("{day}#U#{ERASED}{}", hex::encode(random_bytes::<16>()?));
                item.insert("sk".to_owned(), s(nobody));
                make_public(&mut item, is_known);
                // The mark of the old item would reveal its owner.
                item.remove(GENERATION);
                item.remove(SETTLED);
                // The copy lacks what was settled since it was read, and a concurrent call may have been first.
                let parts = vec![
                    table.part_delete(&key, Some((SETTLED, settled)))?,
                    table.part_put_new(item)?,
                ];
                if transact(&self.0.db, parts).await? == Transaction::Done {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Records that an alert about a limit is sent, and promises its event to webhooks. Returns whether this call was the
    /// first to do so.
    pub async fn alert(&self, owner: &Owner, alert: &Alert, event: Option<&WebhookEvent>) -> Result<bool> {
        let key = keys::alert(owner.partition(), alert.day, alert.scope.name(), alert.percent);
        let mut item = to_item(&key, alert)?;
        item.insert(tables::TTL.to_owned(), n(alert.at.as_second() + KEPT_SECONDS));
        let mut parts = vec![self.0.usage().part_put_new(item)?];
        parts.extend(self.0.part_promise_event(event)?);
        Ok(transact(&self.0.db, parts).await? == Transaction::Done)
    }

    /// Lists the last alerts about the limits of a user or an organization, newest first.
    pub async fn alerts(&self, owner: &Owner, most: u16) -> Result<Vec<Alert>> {
        let page = domain::PageRequest {
            limit: most,
            after: None,
        };
        let all = crate::table::item::ListFilter::default();
        let found = self.0.usage().list(owner.partition(), keys::ALERTS, &page, all).await?;
        found.items.into_iter().map(from_item).collect()
    }
}
