//! Reserving: all limits hold, or nothing is written.

use std::time::Duration;

use domain::{ApiKeyId, Error, Result, TokenLimit, TokenScope, id::random_bytes};

use super::{
    Counter, KEPT_SECONDS, Ledger, QuotaSubjects, RESERVATION_PREFIX, Reservation, ReservationTerms, TokenEstimate,
    change::{Change, Written, write},
    packs::Draw,
    request_rate::Question,
    reservations_on,
};
use crate::{
    table::backoff::Backoff,
    table::item::{Item, n, value},
    tables,
};

/// Attribute of a day that is listed as open: its end in seconds, which leads to its entry in that list.
pub(super) const OPENED: &str = "opened";

/// The outcome of a reservation.
#[derive(Debug)]
pub enum Reserve {
    /// The tokens are reserved.
    Held(Box<Reservation>),
    /// Not reserved: these limits leave too little. Includes reservations of the user that may be settled by now.
    Short(Vec<TokenLimit>, Vec<Reservation>),
    /// Not reserved: the user exceeds the request rate limit, and may ask again after this time.
    TooFast(Duration),
}

impl Ledger {
    /// Reserves tokens. One write in a personal organization without budgets, else a transaction; the first reservation
    /// of a day lists the day first. Where a limit is split, an empty shard first draws a portion; where it is used up, the
    /// day draws a pack if the organization wants that.
    ///
    /// # Errors
    /// [`Error::Conflict`] `generation_repeated` if a reservation with the same ID exists.
    pub async fn reserve(&self, subjects: &QuotaSubjects, ask: &TokenEstimate) -> Result<Reserve> {
        let mut counters = subjects.counters();
        if counters.iter().any(|counter| ask.estimate > counter.most(subjects)) {
            let reservations = self.reservations(&subjects.user, subjects.user_day.date).await?;
            return Ok(Reserve::Short(
                self.standings(subjects).await?,
                overdue(reservations, ask),
            ));
        }
        let mut reservation = reservation(subjects, ask)?;
        let mut question = subjects
            .user_request_limit
            .map(|limit| Question::new(limit, ask.now_ms));
        let (mut list, mut backoff) = (false, Backoff::default());
        loop {
            reservation.terms.org_shard = counters.iter().find_map(|counter| counter.shard);
            let changes = changes(&counters, &reservation, list, question.as_ref())?;
            let refused = match write(&self.0, &changes).await? {
                Written::Done(_) => return Ok(Reserve::Held(Box::new(reservation))),
                Written::Refused { items, .. } => items,
                Written::TooLarge => return Err(Error::unavailable("one user has too many reservations at once")),
            };
            let is_home_refused = refused.iter().any(|(place, _)| *place == 0);
            let own = refused.iter().find(|(place, _)| *place == 0);
            let own = own.and_then(|(_, item)| item.as_ref());
            if let Some(theirs) = own.and_then(|item| item.get(&reservation.attribute())) {
                // An update that was sent twice, or an ID that was used twice?
                if *theirs == value(&reservation.terms)? {
                    return Ok(Reserve::Held(Box::new(reservation)));
                }
                let detail = "Something is being generated under this id already.";
                return Err(Error::conflict("generation_repeated", detail));
            }
            let leaves_less = |(place, item): &&(usize, Option<Item>)| {
                let counter = &counters[*place];
                counter.leaves_less(ask.estimate, item.as_ref()) && !counter.may_have_room(item.as_ref())
            };
            let mut short = refused
                .iter()
                .filter(leaves_less)
                .map(|(place, item)| counters[*place].standing(item.as_ref()))
                .collect::<Result<Vec<_>>>()?;
            let is_unlisted = |(place, item): &(usize, Option<Item>)| is_unlisted(&counters[*place], item.as_ref());
            let opens = !list && refused.iter().any(is_unlisted);
            let elsewhere = refused
                .iter()
                .find(|(place, item)| counters[*place].may_have_room(item.as_ref()));
            let mut may_fit = false;
            if let Some((place, _)) = elsewhere.filter(|_| short.is_empty()) {
                let counter = &mut counters[*place];
                short.extend(
                    self.find_room(&subjects.user, counter, ask.estimate, &mut backoff)
                        .await?,
                );
                may_fit = short.is_empty();
            }
            if let (Some(terms), [standing]) = (&subjects.org_overage, short.as_slice())
                && let Some(counter) = counters.iter().find(|counter| counter.scope == standing.scope)
                && counter.scope == TokenScope::Org
                && !opens
                && !has_overdue(subjects, own, ask)?
            {
                // Whoever asks too often draws nothing.
                if let Some(question) = question.as_mut().filter(|_| is_home_refused)
                    && let Err(wait) = self.found(question, subjects, own).await?
                {
                    return Ok(Reserve::TooFast(wait));
                }
                match self.draw_pack(subjects, counter, (terms, standing), ask).await? {
                    Draw::Done => continue,
                    Draw::Changed if backoff.wait().await? => continue,
                    Draw::Changed => {
                        let detail = "the packs of the organization are drawn too often by other callers";
                        return Err(Error::unavailable(detail));
                    }
                    Draw::NotNeeded | Draw::Capped => {}
                }
            }
            let may_be_counted = short.is_empty() && question.is_some() && is_home_refused;
            if !(opens || may_be_counted || may_fit) {
                let reservations = own.map_or(Ok(Vec::new()), |item| {
                    reservations_on(&subjects.user, subjects.user_day.date, item)
                })?;
                return Ok(Reserve::Short(short, overdue(reservations, ask)));
            }
            if let Some(question) = question.as_mut().filter(|_| is_home_refused)
                && let Err(wait) = self.found(question, subjects, own).await?
            {
                return Ok(Reserve::TooFast(wait));
            }
            if opens {
                // A split day is listed when its first portion is drawn.
                for counter in counters.iter().filter(|counter| counter.shard.is_none()) {
                    self.list(counter).await?;
                }
                list = true;
            }
        }
    }

    /// Lists a day as open, before anything can be reserved in it.
    async fn list(&self, counter: &Counter) -> Result<()> {
        let Some(day) = counter.closes else { return Ok(()) };
        self.open(&counter.key, &day).await
    }
}

impl Counter {
    /// Returns whether less is left of the limit than is requested.
    fn leaves_less(&self, estimate: u64, item: Option<&Item>) -> bool {
        let committed = item.and_then(|item| item.get("committed")?.as_n().ok()?.parse::<i64>().ok());
        committed.unwrap_or_default() > self.after(estimate)
    }

    /// Returns the most that may be committed before this is reserved. Negative if only packs make room for it.
    fn after(&self, estimate: u64) -> i64 {
        let signed = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        signed(self.limit).saturating_sub(signed(estimate))
    }

    /// Returns the most that a call may need: the limit, with all packs that may be drawn.
    fn most(&self, subjects: &QuotaSubjects) -> u64 {
        let packs = subjects.org_overage.filter(|_| self.scope == TokenScope::Org);
        self.limit.saturating_add(packs.map_or(0, |terms| terms.max_tokens()))
    }
}

/// Returns whether nothing has been reserved on the day so far.
fn is_unlisted(counter: &Counter, item: Option<&Item>) -> bool {
    counter.closes.is_some() && counter.shard.is_none() && item.is_none_or(|item| !item.contains_key(OPENED))
}

/// Returns whether the user's day, as it refused a call, has reservations that any caller may settle by now.
fn has_overdue(subjects: &QuotaSubjects, own: Option<&Item>, ask: &TokenEstimate) -> Result<bool> {
    let reservations = own.map_or(Ok(Vec::new()), |item| {
        reservations_on(&subjects.user, subjects.user_day.date, item)
    })?;
    Ok(!overdue(reservations, ask).is_empty())
}

/// Returns the reservations that any caller may settle by now.
fn overdue(reservations: Vec<Reservation>, ask: &TokenEstimate) -> Vec<Reservation> {
    let over = |reservation: &Reservation| reservation.terms.until_ms <= ask.now_ms;
    reservations.into_iter().filter(over).collect()
}

fn reservation(subjects: &QuotaSubjects, ask: &TokenEstimate) -> Result<Reservation> {
    let is_own = |(id, _): &&(ApiKeyId, u64)| subjects.key.as_ref() == Some(id);
    let (own, above): (Vec<_>, Vec<_>) = subjects.key_budgets.iter().partition(is_own);
    let chatbot_day = subjects.chatbot_cap.map(|_| subjects.org_day.date);
    Ok(Reservation {
        id: ask.id.clone(),
        user: subjects.user.clone(),
        day: subjects.user_day.date,
        terms: ReservationTerms {
            estimate: ask.estimate,
            prompt: ask.prompt,
            until_ms: ask.until.as_millisecond(),
            nonce: hex::encode(random_bytes::<4>()?),
            model: ask.model.clone(),
            category: ask.category,
            written: None,
            org: subjects.org.clone(),
            org_day: subjects.org_limit.map(|_| subjects.org_day.date),
            org_shard: None,
            key: subjects.key.clone(),
            key_counts: !own.is_empty(),
            keys_above: above.into_iter().map(|(id, _)| id.clone()).collect(),
            chatbot_day: chatbot_day.filter(|_| subjects.chatbot.is_some()),
            chatbot: subjects.chatbot.clone(),
        },
    })
}

fn changes(
    counters: &[Counter],
    reservation: &Reservation,
    list: bool,
    question: Option<&Question>,
) -> Result<Vec<Change>> {
    let estimate = i64::try_from(reservation.terms.estimate).map_err(Error::internal)?;
    let mut changes = Vec::with_capacity(counters.len());
    for (place, counter) in counters.iter().enumerate() {
        if let Some(shard) = counter.shard {
            changes.push(counter.reserve_in_shard(shard, reservation.terms.estimate, estimate));
            continue;
        }
        let mut change = Change::of(counter.key.clone());
        if place == 0 {
            let name = reservation.attribute();
            debug_assert!(name.starts_with(RESERVATION_PREFIX), "reservations are found by this");
            change.set(&name, value(&reservation.terms)?);
            change.if_absent(&name);
            if let Some(question) = question {
                question.count(&mut change);
            }
        }
        change.add("committed", estimate);
        change.add("reserved", estimate);
        match counter.after(reservation.terms.estimate) {
            most if most < 0 => change.if_between("committed", i64::MIN, most),
            most => change.if_at_most("committed", most),
        }
        match counter.closes {
            Some(day) if list => {
                change.set_once(OPENED, n(day.ends_at.as_second()));
                change.set_once(tables::TTL, n(day.began_at.as_second() + KEPT_SECONDS));
            }
            Some(_) => change.if_present(OPENED),
            None => {
                if let Some(end) = counter.resets_at {
                    change.set_once(tables::TTL, n(end.as_second() + KEPT_SECONDS));
                }
            }
        }
        changes.push(change);
    }
    Ok(changes)
}
