//! Times: years, quarters, months and days, and what is before, after and between them.

use crate::{
    clauses::{Condition, Reader},
    mentions::{Item, Meaning},
};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Reader<'_> {
    /// Returns a condition on time.
    pub(crate) fn time(&mut self, column: Option<&[Meaning]>) -> Option<Condition> {
        let before = self.at;
        let found = self.period();
        if found.is_none() {
            self.at = before;
        }
        let (from, until) = found?;
        Some(Condition::Time {
            column: column.map(<[Meaning]>::to_vec),
            from,
            before: until,
        })
    }

    fn period(&mut self) -> Option<(Option<String>, Option<String>)> {
        if self.take_any(&[&["since"], &["starting"]]) {
            return Some((Some(self.span()?.0), None));
        }
        if self.take(&["after"]) {
            return Some((Some(self.span()?.1), None));
        }
        if self.take(&["before"]) {
            return Some((None, Some(self.span()?.0)));
        }
        if self.take(&["until"]) {
            return Some((None, Some(self.span()?.1)));
        }
        if self.take_any(&[&["between"], &["from"]]) {
            let (from, _) = self.span()?;
            if !self.take_any(&[&["and"], &["to"], &["until"]]) {
                return None;
            }
            return Some((Some(from), Some(self.span()?.1)));
        }
        self.take_any(&[&["in"], &["during"], &["on"], &["for"], &["of"]]);
        let (from, before) = self.span()?;
        Some((Some(from), Some(before)))
    }

    /// Returns the first day of a year, quarter, month or day, and the first one after it.
    fn span(&mut self) -> Option<(String, String)> {
        if let Some(Item::Day(day)) = self.items.get(self.at) {
            self.at += 1;
            // Texts are compared: what begins like this day comes before this.
            return Some((day.clone(), format!("{day}~")));
        }
        let quarters = ["q1", "q2", "q3", "q4"];
        let quarter = quarters.iter().position(|quarter| self.take(&[quarter]));
        let month = match quarter {
            None => MONTHS.iter().position(|month| self.take(&[month])),
            Some(_) => None,
        };
        let year: u32 = self
            .number()?
            .parse()
            .ok()
            .filter(|year| (1900..=2100).contains(year))?;
        let first = |month: usize| format!("{}-{:02}-01", year + u32::from(month >= 12), month % 12 + 1);
        Some(match (quarter, month) {
            (Some(quarter), _) => (first(quarter * 3), first(quarter * 3 + 3)),
            (None, Some(month)) => (first(month), first(month + 1)),
            (None, None) => (first(0), first(12)),
        })
    }
}
