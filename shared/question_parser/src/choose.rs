//! Which tables and columns a question means, and its SQL.

use std::fmt::Write as _;

use crate::{
    Column, Kind, Parsed, Work,
    candidates::Candidate,
    clauses::{Asked, Condition, Group, Measure, Wanted},
    joins::{Place, Writer},
    mentions::Meaning,
    vocabulary::Vocabulary,
};

/// Columns after which the rows of a table are called.
const LABELS: [&str; 4] = ["name", "title", "number", "label"];

/// Returns the query; what the question could mean equally if that keeps it from being understood.
pub(crate) fn query(
    asked: &Asked,
    vocabulary: &Vocabulary,
    choices: &[String],
    work: &Work,
) -> Result<Parsed, Vec<Candidate>> {
    let base = base_of(asked, vocabulary, choices)?;
    let mut writer = Writer::new(vocabulary, choices, work, base);
    let written = writer.write(asked);
    written.ok_or(writer.unclear)
}

/// Returns the table whose rows are asked for.
fn base_of(asked: &Asked, vocabulary: &Vocabulary, choices: &[String]) -> Result<usize, Vec<Candidate>> {
    let schema = &vocabulary.schema;
    let named = match &asked.wanted {
        Wanted::Count(table)
        | Wanted::Rows(table)
        | Wanted::Columns(_, table)
        | Wanted::TopGroups { table, .. }
        | Wanted::Top { table, .. } => {
            // A second table would say something that the query does not.
            if asked.of.is_some() {
                return Err(Vec::new());
            }
            Some(table)
        }
        Wanted::Of(..) => asked.of.as_ref(),
    };
    let found: Vec<Candidate> = match (named, &asked.wanted) {
        (Some(named), _) => (named.iter())
            .filter_map(|meaning| match meaning {
                Meaning::Table(table) => Some(Candidate::Table(*table)),
                _ => None,
            })
            .collect(),
        (None, Wanted::Of(_, columns)) => (columns.iter())
            .filter_map(|meaning| match meaning {
                Meaning::Column(table, column) => {
                    let is_number = schema.tables.get(*table)?.columns.get(*column)?.kind == Kind::Number;
                    let place = Place {
                        table: *table,
                        column: *column,
                    };
                    is_number.then_some(Candidate::Column(place))
                }
                _ => None,
            })
            .collect(),
        (None, _) => Vec::new(),
    };
    let chosen: Vec<Candidate> = match found.as_slice() {
        [_] => found.clone(),
        several => (several.iter().copied())
            .filter(|candidate| candidate.is_among(choices, schema))
            .collect(),
    };
    match chosen.as_slice() {
        [Candidate::Table(table) | Candidate::Column(Place { table, .. })] => Ok(*table),
        _ => Err(found),
    }
}

impl Writer<'_> {
    fn write(&mut self, asked: &Asked) -> Option<Parsed> {
        let base = self.table(self.base)?.name.clone();
        let (value, said, alias) = match &asked.wanted {
            Wanted::Count(_) | Wanted::TopGroups { .. } => (
                "count(*)".to_owned(),
                format!("Number of {}", spoken(&base)),
                format!("{base}_count"),
            ),
            Wanted::Of(measure, columns) => {
                let place = self.resolve(columns, |column| column.kind == Kind::Number)?;
                let (function, word) = match measure {
                    Measure::Sum => ("sum", "Total"),
                    Measure::Average => ("avg", "Average"),
                    Measure::Maximum => ("max", "Highest"),
                    Measure::Minimum => ("min", "Lowest"),
                };
                let name = self.column(&place)?.name.clone();
                let value = format!("round({function}({}), 2)", self.written(&place)?);
                let said = format!("{word} {} of {}", spoken(&name), spoken(&base));
                (value, said, format!("{function}_{name}"))
            }
            Wanted::Rows(_) | Wanted::Columns(..) | Wanted::Top { .. } => {
                if !asked.groups.is_empty() {
                    return None;
                }
                return self.rows(asked);
            }
        };
        if asked.order.is_some() {
            return None;
        }
        self.reading.push_str(&said);
        let mut groups: Vec<(String, String)> = Vec::new();
        let top = match &asked.wanted {
            Wanted::TopGroups { count, group, .. } if asked.groups.is_empty() => Some((*count, group)),
            Wanted::TopGroups { .. } => return None,
            _ => None,
        };
        let of_top = top.map(|(_, group)| Group::By(group.clone()));
        for group in asked.groups.iter().chain(&of_top) {
            let group = self.group(group)?;
            groups.extend(group);
        }
        self.conditions(asked)?;
        let mut columns: Vec<String> = groups
            .iter()
            .map(|(sql, name)| format!("{sql} AS {}", quoted(name)))
            .collect();
        columns.push(format!("{value} AS {}", quoted(&alias)));
        let mut sql = format!("SELECT {} {}", columns.join(", "), self.from()?);
        if !groups.is_empty() {
            let list: Vec<&str> = groups.iter().map(|(sql, _)| sql.as_str()).collect();
            let is_time = matches!(
                asked.groups.first(),
                Some(Group::Month | Group::Quarter | Group::Year | Group::Day)
            );
            let order = if is_time {
                "1".to_owned()
            } else {
                format!("{} DESC, 1", columns.len())
            };
            let _ = write!(sql, " GROUP BY {} ORDER BY {order}", list.join(", "));
        }
        if let Some((count, _)) = top {
            let _ = write!(sql, " LIMIT {count}");
            let _ = write!(self.reading, ", the first {count}");
        }
        Some(self.done(sql))
    }

    fn rows(&mut self, asked: &Asked) -> Option<Parsed> {
        let base = self.table(self.base)?.name.clone();
        let (mut order, mut shown) = (String::new(), Vec::new());
        match &asked.wanted {
            Wanted::Top {
                count, descending, by, ..
            } => {
                let place = self.resolve(by, |column| column.kind == Kind::Number)?;
                if place.table != self.base {
                    return None;
                }
                let name = spoken(&self.column(&place)?.name);
                let (direction, word) = if *descending {
                    (" DESC", "largest")
                } else {
                    ("", "smallest")
                };
                order = format!(" ORDER BY {}{direction} LIMIT {count}", self.written(&place)?);
                let _ = write!(self.reading, "The {count} {} with the {word} {name}", spoken(&base));
            }
            Wanted::Columns(columns, _) => {
                let mut names = Vec::new();
                for column in columns {
                    let place = self.resolve(column, |_| true)?;
                    names.push(spoken(&self.column(&place)?.name));
                    shown.push(self.written(&place)?);
                }
                let _ = write!(self.reading, "{} of {}", names.join(", "), spoken(&base));
            }
            _ => {
                let _ = write!(self.reading, "The {}", spoken(&base));
            }
        }
        self.conditions(asked)?;
        if let Some((by, descending)) = &asked.order {
            if !order.is_empty() {
                return None;
            }
            let place = self.resolve(by, |_| true)?;
            let direction = if *descending { " DESC" } else { "" };
            order = format!(" ORDER BY {}{direction}", self.written(&place)?);
            let _ = write!(self.reading, ", by {}", spoken(&self.column(&place)?.name));
        }
        if shown.is_empty() {
            shown.push("t0.*".to_owned());
        }
        let sql = format!("SELECT {} {}{order}", shown.join(", "), self.from()?);
        Some(self.done(sql))
    }

    fn done(&mut self, sql: String) -> Parsed {
        Parsed {
            sql,
            reading: format!("{}.", self.reading),
        }
    }

    fn from(&self) -> Option<String> {
        let mut text = String::new();
        for (alias, (table, condition)) in self.joined.iter().enumerate() {
            let name = quoted(&self.table(*table)?.name);
            let _ = match alias {
                0 => write!(text, "FROM {name} AS t0"),
                alias => write!(text, " JOIN {name} AS t{alias} ON {condition}"),
            };
        }
        if !self.conditions.is_empty() {
            let _ = write!(text, " WHERE {}", self.conditions.join(" AND "));
        }
        Some(text)
    }

    fn group(&mut self, group: &Group) -> Option<Vec<(String, String)>> {
        let meanings = match group {
            Group::By(meanings) => meanings,
            period => {
                if let Some(place) = self.period_column(period) {
                    let name = self.column(&place)?.name.clone();
                    let _ = write!(self.reading, ", per {}", spoken(&name));
                    return Some(vec![(self.written(&place)?, name)]);
                }
                let place = self.only_time()?;
                let day = self.written(&place)?;
                let (sql, name) = match period {
                    Group::Month => (format!("substr({day}, 1, 7)"), "month"),
                    Group::Year => (format!("substr({day}, 1, 4)"), "year"),
                    Group::Quarter => (
                        format!("substr({day}, 1, 4) || '-Q' || ((cast(substr({day}, 6, 2) AS INTEGER) + 2) / 3)"),
                        "quarter",
                    ),
                    _ => (format!("substr({day}, 1, 10)"), "day"),
                };
                let _ = write!(self.reading, ", per {name} of {}", spoken(&self.column(&place)?.name));
                return Some(vec![(sql, name.to_owned())]);
            }
        };
        // `per store`: by what the rows of that table are called. A column of this name would be another group.
        let tables: Vec<usize> = meanings
            .iter()
            .filter_map(|meaning| match meaning {
                Meaning::Table(table) if *table != self.base => Some(*table),
                _ => None,
            })
            .collect();
        let own = |column: &Column| column.kind != Kind::Number;
        let columns: Vec<Meaning> = meanings
            .iter()
            .filter(|meaning| !matches!(meaning, Meaning::Table(_)))
            .copied()
            .collect();
        if let Some(place) = self.resolve(&columns, own) {
            let name = self.column(&place)?.name.clone();
            let owner = self.table(place.table)?.name.clone();
            let of = if place.table == self.base {
                String::new()
            } else {
                format!(" of {}", spoken(&owner))
            };
            let _ = write!(self.reading, ", per {}{of}", spoken(&name));
            return Some(vec![(self.written(&place)?, name)]);
        }
        let [table] = tables.as_slice() else { return None };
        let labels = self.labels(*table)?;
        let places: Vec<Place> = labels
            .into_iter()
            .map(|column| Place { table: *table, column })
            .collect();
        let name = self.table(*table)?.name.clone();
        let _ = write!(self.reading, ", for each of {}", spoken(&name));
        let mut groups = Vec::new();
        for place in places {
            groups.push((self.written(&place)?, self.column(&place)?.name.clone()));
        }
        // Two rows may be called the same.
        let alias = self.joined.iter().position(|(joined, _)| joined == table)?;
        let key = self.table(*table)?.key.first()?.clone();
        groups.insert(0, (format!("t{alias}.{}", quoted(&key)), key));
        Some(groups)
    }

    /// Returns the column of the base that has a year, month or day of its own.
    fn period_column(&self, period: &Group) -> Option<Place> {
        let name = match period {
            Group::Year => "year",
            Group::Month => "month",
            Group::Quarter => "quarter",
            Group::Day => "day",
            Group::By(_) => return None,
        };
        let table = self.base;
        let columns = &self.table(table)?.columns;
        let has_time = columns.iter().any(|column| column.kind == Kind::Time);
        let column = columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))?;
        // With both, either could be meant.
        (!has_time).then_some(Place { table, column })
    }

    /// Returns the columns after which the rows of a table are called.
    fn labels(&self, table: usize) -> Option<Vec<usize>> {
        let table = self.table(table)?;
        let named = |name: &str| {
            table
                .columns
                .iter()
                .position(|column| column.name.eq_ignore_ascii_case(name))
        };
        if let Some(label) = LABELS.iter().find_map(|label| named(label)) {
            return Some(vec![label]);
        }
        Some(vec![named("first_name")?, named("last_name")?])
    }

    fn conditions(&mut self, asked: &Asked) -> Option<()> {
        for condition in &asked.conditions {
            let (sql, said) = match condition {
                Condition::Value(meanings) => self.value(meanings)?,
                Condition::Number {
                    column,
                    operator,
                    number,
                } => {
                    let place = self.resolve(column, |column| column.kind == Kind::Number)?;
                    let said = format!("{} {operator} {number}", spoken(&self.column(&place)?.name));
                    (format!("{} {operator} {number}", self.written(&place)?), said)
                }
                Condition::Time { column, from, before } => {
                    let place = match column {
                        Some(column) => self.resolve(column, |column| column.kind == Kind::Time)?,
                        None => self.only_time()?,
                    };
                    let (written, name) = (self.written(&place)?, spoken(&self.column(&place)?.name));
                    let ends = [(from, ">=", "from"), (before, "<", "before")];
                    let ends: Vec<_> = ends
                        .iter()
                        .filter_map(|(day, operator, word)| Some((day.as_ref()?, operator, word)))
                        .collect();
                    let sql: Vec<String> = ends
                        .iter()
                        .map(|(day, operator, _)| format!("{written} {operator} '{day}'"))
                        .collect();
                    let said: Vec<String> = ends
                        .iter()
                        .map(|(day, _, word)| match day.strip_suffix('~') {
                            Some(day) => format!("{} {day}", if **word == "from" { "after" } else { "until" }),
                            None => format!("{word} {day}"),
                        })
                        .collect();
                    (sql.join(" AND "), format!("{name} {}", said.join(" ")))
                }
            };
            self.conditions.push(sql);
            let word = if self.conditions.len() == 1 { " where" } else { " and" };
            let _ = write!(self.reading, "{word} {said}");
        }
        Some(())
    }

    /// Returns the condition that a column has this value. The value may be one of several columns only if the base has
    /// exactly one of them.
    fn value(&mut self, meanings: &[Meaning]) -> Option<(String, String)> {
        let columns: Vec<Meaning> = meanings
            .iter()
            .filter_map(|meaning| match meaning {
                Meaning::Value(table, column, _) => Some(Meaning::Column(*table, *column)),
                _ => None,
            })
            .collect();
        let place = self.resolve(&columns, |_| true)?;
        let value = meanings.iter().find_map(|meaning| match meaning {
            Meaning::Value(table, column, value) if *table == place.table && *column == place.column => Some(*value),
            _ => None,
        })?;
        let value = self.column(&place)?.values.get(value)?;
        let name = spoken(&self.column(&place)?.name);
        let owner = self.table(place.table)?.name.clone();
        let of = if place.table == self.base {
            String::new()
        } else {
            format!(" of {}", spoken(&owner))
        };
        let sql = format!("{} = '{}'", self.written(&place)?, value.replace('\'', "''"));
        Some((sql, format!("{name}{of} is {value}")))
    }
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn spoken(name: &str) -> String {
    name.replace('_', " ")
}
