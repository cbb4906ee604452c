//! The clauses of a question.

use crate::{
    Schema,
    mentions::{Item, Meaning},
};

/// What is computed of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Sum,
    Average,
    Maximum,
    Minimum,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Count(Vec<Meaning>),
    Of(Measure, Vec<Meaning>),
    /// The rows of a table.
    Rows(Vec<Meaning>),
    /// So many groups of a table, those with the most rows first.
    TopGroups {
        count: u32,
        group: Vec<Meaning>,
        table: Vec<Meaning>,
    },
    /// Columns of the rows of a table.
    Columns(Vec<Vec<Meaning>>, Vec<Meaning>),
    /// So many rows of a table, by a column.
    Top {
        count: u32,
        descending: bool,
        table: Vec<Meaning>,
        by: Vec<Meaning>,
    },
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Group {
    By(Vec<Meaning>),
    Month,
    Quarter,
    Year,
    Day,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Value(Vec<Meaning>),
    Number {
        column: Vec<Meaning>,
        operator: &'static str,
        number: String,
    },
    /// From the first day, included, to the second one, excluded. `column`: if it is mentioned.
    Time {
        column: Option<Vec<Meaning>>,
        from: Option<String>,
        before: Option<String>,
    },
}

/// A question, clause by clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) wanted: Wanted,
    /// The table that a measure is of, if it is named.
    pub(crate) of: Option<Vec<Meaning>>,
    pub(crate) groups: Vec<Group>,
    pub(crate) conditions: Vec<Condition>,
    /// The column by which rows are sorted, and whether the largest come first.
    pub(crate) order: Option<(Vec<Meaning>, bool)>,
}

/// Words that say nothing more in the places where they stand.
const FILLERS: [&str; 27] = [
    "the", "a", "an", "our", "all", "is", "are", "was", "were", "there", "do", "does", "we", "have", "has", "that",
    "who", "which", "what", "show", "list", "me", "give", "please", "tell", "find", "get",
];

/// Words that say of rows what they are.
const STATES: [&str; 10] = [
    "published",
    "made",
    "located",
    "offered",
    "listed",
    "found",
    "recorded",
    "held",
    "situated",
    "stored",
];
/// Words of a sentence that only says which columns are wanted.
const WANTED: [&str; 18] = [
    "return",
    "give",
    "show",
    "include",
    "the",
    "and",
    "both",
    "their",
    "its",
    "each",
    "total",
    "number",
    "of",
    "count",
    "respective",
    "name",
    "names",
    "all",
];

/// Returns whether a sentence behind a question only says which columns are wanted.
pub(crate) fn says_what_to_show(items: &[Item]) -> bool {
    let begins = matches!(items.first(), Some(Item::Word(word)) if ["return", "give", "show", "include"].contains(&word.as_str()));
    let is_plain = |item: &Item| match item {
        Item::Word(word) => WANTED.contains(&word.as_str()),
        Item::Mention(meanings) => meanings.iter().any(|meaning| !is_value(meaning)),
        Item::Number(_) | Item::Day(_) => false,
    };
    begins && items.iter().all(is_plain)
}

/// Reads clause after clause.
pub(crate) struct Reader<'a> {
    pub(crate) items: &'a [Item],
    schema: &'a Schema,
    pub(crate) at: usize,
}

/// Returns the clauses; `None` unless all parts belong to one.
pub(crate) fn read(items: &[Item], schema: &Schema) -> Option<Asked> {
    let mut reader = Reader { items, schema, at: 0 };
    let is_list = matches!(items.first(), Some(Item::Word(word)) if ["list", "show", "which"].contains(&word.as_str()));
    reader.skip();
    let mut conditions = Vec::new();
    let wanted = reader.wanted(is_list, &mut conditions)?;
    let mut asked = Asked {
        wanted,
        of: None,
        groups: Vec::new(),
        conditions,
        order: None,
    };
    reader.skip();
    while reader.at < items.len() {
        reader.clause(&mut asked)?;
        reader.skip();
    }
    Some(asked)
}

/// Words with which a question goes on from the one before.
const CONTINUATIONS: [&str; 21] = [
    "and", "but", "now", "then", "only", "just", "what", "how", "about", "instead", "same", "also", "it", "them",
    "those", "these", "ones", "break", "down", "split", "again",
];

/// What a question adds to the one before it.
#[derive(Debug)]
pub(crate) struct Continuation(Asked);

/// Returns what a question adds to the one before it; `None` unless all parts belong to a clause.
pub(crate) fn read_on(items: &[Item], schema: &Schema) -> Option<Continuation> {
    let mut reader = Reader { items, schema, at: 0 };
    let mut more = Asked {
        wanted: Wanted::Rows(Vec::new()),
        of: None,
        groups: Vec::new(),
        conditions: Vec::new(),
        order: None,
    };
    reader.skip_continuations();
    while reader.at < items.len() {
        reader.clause(&mut more)?;
        reader.skip_continuations();
    }
    let says_something = !more.groups.is_empty() || !more.conditions.is_empty();
    (says_something && more.of.is_none() && more.order.is_none()).then_some(Continuation(more))
}

impl Asked {
    /// Takes over what a later question says: other groups, and conditions, which replace those on the same column.
    pub(crate) fn go_on(&mut self, Continuation(more): Continuation) {
        if !more.groups.is_empty() {
            self.groups = more.groups;
        }
        for condition in more.conditions {
            self.conditions.retain(|earlier| !earlier.is_about_the_same(&condition));
            self.conditions.push(condition);
        }
    }
}

impl Condition {
    fn is_about_the_same(&self, other: &Self) -> bool {
        let column = |meaning: &Meaning| match meaning {
            Meaning::Column(table, column) | Meaning::Value(table, column, _) => Some((*table, *column)),
            Meaning::Table(_) => None,
        };
        let overlap = |one: &[Meaning], other: &[Meaning]| {
            let mut columns = one.iter().filter_map(column);
            columns.any(|own| other.iter().filter_map(column).any(|other| own == other))
        };
        match (self, other) {
            (Self::Value(one), Self::Value(other))
            | (Self::Number { column: one, .. }, Self::Number { column: other, .. }) => overlap(one, other),
            (Self::Time { column: one, .. }, Self::Time { column: other, .. }) => match (one, other) {
                (Some(one), Some(other)) => overlap(one, other),
                (None, None) => true,
                _ => false,
            },
            _ => false,
        }
    }
}

impl Reader<'_> {
    fn skip_continuations(&mut self) {
        let is_one = |word: &str| FILLERS.contains(&word) || CONTINUATIONS.contains(&word);
        while self.word(0).is_some_and(is_one) {
            self.at += 1;
        }
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.items.get(self.at + ahead) {
            Some(Item::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn skip(&mut self) {
        while self.word(0).is_some_and(|word| FILLERS.contains(&word)) {
            self.at += 1;
        }
    }

    /// Takes these words if they come next.
    pub(crate) fn take(&mut self, words: &[&str]) -> bool {
        let is_next = words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.word(ahead) == Some(word));
        if is_next {
            self.at += words.len();
        }
        is_next
    }

    pub(crate) fn take_any(&mut self, choices: &[&[&str]]) -> bool {
        choices.iter().any(|words| self.take(words))
    }

    /// Takes a mention that may have one of these meanings, and returns those.
    fn mention(&mut self, is_wanted: fn(&Meaning) -> bool) -> Option<Vec<Meaning>> {
        let Some(Item::Mention(meanings)) = self.items.get(self.at) else {
            return None;
        };
        let wanted: Vec<Meaning> = meanings.iter().copied().filter(is_wanted).collect();
        if wanted.is_empty() {
            return None;
        }
        self.at += 1;
        Some(wanted)
    }

    pub(crate) fn number(&mut self) -> Option<String> {
        let Some(Item::Number(number)) = self.items.get(self.at) else {
            return None;
        };
        self.at += 1;
        Some(number.clone())
    }

    /// Takes values that precede a table, and the table: `completed orders`.
    fn table(&mut self, conditions: &mut Vec<Condition>) -> Option<Vec<Meaning>> {
        loop {
            self.skip();
            if let Some(table) = self.mention(is_table) {
                return Some(table);
            }
            conditions.push(Condition::Value(self.mention(is_value)?));
        }
    }

    fn wanted(&mut self, is_list: bool, conditions: &mut Vec<Condition>) -> Option<Wanted> {
        let counts: [&[&str]; 5] = [
            &["how", "many"],
            &["number", "of"],
            &["count", "of"],
            &["count"],
            &["total", "number", "of"],
        ];
        if self.take_any(&counts) {
            return Some(Wanted::Count(self.table(conditions)?));
        }
        for (descending, word) in [(true, "top"), (false, "bottom")] {
            if self.take(&[word]) {
                let count = self
                    .number()?
                    .parse()
                    .ok()
                    .filter(|count| (1..=1_000).contains(count))?;
                if descending && let Some(groups) = self.top_groups(count) {
                    return Some(groups);
                }
                let table = self.table(conditions)?;
                self.skip();
                // `top 5 cities by population`, `top 5 cities with the highest population`.
                let mut is_opposite = false;
                if !self.take(&["by"]) {
                    if !self.take(&["with"]) {
                        return None;
                    }
                    self.skip();
                    is_opposite = !self.take_any(&LARGEST);
                    if is_opposite && !self.take_any(&SMALLEST) {
                        return None;
                    }
                }
                self.skip();
                let by = self.mention(is_column)?;
                return Some(Wanted::Top {
                    count,
                    descending: descending != is_opposite,
                    table,
                    by,
                });
            }
        }
        let measures: [(Measure, &[&str]); 4] = [
            (Measure::Sum, &["total", "sum"]),
            (Measure::Average, &["average", "mean", "avg"]),
            (Measure::Maximum, &["highest", "maximum", "max", "largest"]),
            (Measure::Minimum, &["lowest", "minimum", "min", "smallest"]),
        ];
        for (measure, words) in measures {
            if words.iter().any(|word| self.take(&[word])) {
                self.take(&["of"]);
                self.skip();
                return Some(Wanted::Of(measure, self.mention(is_column)?));
            }
        }
        // A column that is called a total is summed.
        let is_total = |meaning: &Meaning| {
            let Meaning::Column(table, column) = meaning else {
                return false;
            };
            let column = self
                .schema
                .tables
                .get(*table)
                .and_then(|table| table.columns.get(*column));
            column.is_some_and(|column| column.name.to_lowercase().starts_with("total"))
        };
        if let Some(Item::Mention(meanings)) = self.items.get(self.at) {
            let totals: Vec<Meaning> = meanings.iter().copied().filter(is_total).collect();
            if !totals.is_empty() {
                self.at += 1;
                return Some(Wanted::Of(Measure::Sum, totals));
            }
        }
        let before = self.at;
        if let Some(columns) = self.columns()
            && self.take(&["of"])
        {
            return Some(Wanted::Columns(columns, self.table(conditions)?));
        }
        self.at = before;
        if is_list {
            return Some(Wanted::Rows(self.table(conditions)?));
        }
        None
    }

    /// Takes `statuses by number of orders`.
    fn top_groups(&mut self, count: u32) -> Option<Wanted> {
        let before = self.at;
        let mut take = || {
            let group = self.mention(is_column)?;
            if !self.take(&["by"]) {
                return None;
            }
            self.skip();
            if !self.take_any(&[&["number", "of"], &["count", "of"], &["total", "number", "of"]]) {
                return None;
            }
            self.skip();
            let table = self.mention(is_table)?;
            Some(Wanted::TopGroups { count, group, table })
        };
        let found = take();
        if found.is_none() {
            self.at = before;
        }
        found
    }

    /// Takes columns with `and` between them.
    fn columns(&mut self) -> Option<Vec<Vec<Meaning>>> {
        let mut columns = Vec::new();
        loop {
            self.skip();
            columns.push(self.mention(is_column)?);
            if !self.take(&["and"]) && !matches!(self.items.get(self.at), Some(Item::Mention(_))) {
                return Some(columns);
            }
        }
    }

    /// Takes how rows are sorted: `ordered by population in descending order`, `sorted from highest to lowest`.
    fn order(&mut self, asked: &mut Asked) -> Option<()> {
        self.skip();
        let by = if self.take(&["by"]) {
            self.skip();
            Some(self.mention(is_column)?)
        } else {
            None
        };
        let is_falling: [&[&str]; 6] = [
            &["in", "descending", "order"],
            &["descending"],
            &["from", "highest", "to", "lowest"],
            &["from", "largest", "to", "smallest"],
            &["from", "longest", "to", "shortest"],
            &["desc"],
        ];
        let is_rising: [&[&str]; 5] = [
            &["in", "ascending", "order"],
            &["ascending"],
            &["from", "lowest", "to", "highest"],
            &["alphabetically"],
            &["in", "alphabetical", "order"],
        ];
        let descending = self.take_any(&is_falling);
        let is_said = descending || self.take_any(&is_rising);
        match (by, &asked.wanted) {
            (Some(by), _) => asked.order = Some((by, descending)),
            // Of one column it is clear by what.
            (None, Wanted::Columns(columns, _)) if is_said => {
                let [column] = columns.as_slice() else { return None };
                asked.order = Some((column.clone(), descending));
            }
            // Groups are sorted from the largest number to the smallest one.
            (None, Wanted::Count(_) | Wanted::Of(..)) if descending && !asked.groups.is_empty() => {}
            _ => return None,
        }
        Some(())
    }

    fn clause(&mut self, asked: &mut Asked) -> Option<()> {
        // What rows are is no condition on them.
        if self.word(0).is_some_and(|word| STATES.contains(&word)) {
            self.at += 1;
            return Some(());
        }
        if self.take_any(&[&["in", "total"], &["altogether"]]) {
            return Some(());
        }
        let groups: [&[&str]; 8] = [
            &["per"],
            &["by"],
            &["for", "each"],
            &["in", "each"],
            &["for", "every"],
            &["in", "every"],
            &["grouped", "by"],
            &["each"],
        ];
        if self.take_any(&[&["ordered"], &["sorted"], &["order"], &["sort"], &["and", "sort"]]) {
            return self.order(asked);
        }
        if self.take_any(&groups) {
            asked.groups.push(self.group()?);
            return Some(());
        }
        self.take(&["and"]);
        self.skip();
        // `ordered in 2025`, `with an amount over 100`, `with status completed`.
        let before = self.at;
        self.take_any(&[&["with"], &["whose"], &["where"], &["of"], &["in"], &["from"], &["for"]]);
        self.skip();
        if let Some(column) = self.mention(is_column) {
            self.skip();
            if let Some(condition) = self.of_column(&column) {
                asked.conditions.push(condition);
                return Some(());
            }
        }
        self.at = before;
        if let Some(time) = self.time(None) {
            asked.conditions.push(time);
            return Some(());
        }
        self.take_any(&[&["with"], &["of"], &["in"], &["from"], &["for"], &["at"], &["via"]]);
        self.skip();
        if let Some(table) = self.mention(is_table) {
            return asked.of.replace(table).is_none().then_some(());
        }
        asked.conditions.push(Condition::Value(self.mention(is_value)?));
        Some(())
    }

    fn group(&mut self) -> Option<Group> {
        self.skip();
        for (group, word) in [
            (Group::Month, "month"),
            (Group::Quarter, "quarter"),
            (Group::Year, "year"),
            (Group::Day, "day"),
        ] {
            if self.take(&[word]) {
                return Some(group);
            }
        }
        self.skip();
        Some(Group::By(
            self.mention(|meaning| is_table(meaning) || is_column(meaning))?,
        ))
    }

    /// Returns the condition on a column that was just mentioned.
    fn of_column(&mut self, column: &[Meaning]) -> Option<Condition> {
        if let Some(time) = self.time(Some(column)) {
            return Some(time);
        }
        let before = self.at;
        let operators: [(&'static str, &[&[&str]]); 5] = [
            (
                ">",
                &[
                    &["over"],
                    &["above"],
                    &["more", "than"],
                    &["greater", "than"],
                    &["higher", "than"],
                ],
            ),
            (
                "<",
                &[
                    &["under"],
                    &["below"],
                    &["less", "than"],
                    &["lower", "than"],
                    &["fewer", "than"],
                ],
            ),
            (">=", &[&["of", "at", "least"], &["at", "least"]]),
            ("<=", &[&["of", "at", "most"], &["at", "most"]]),
            ("=", &[&["equal", "to"], &["of", "exactly"], &["exactly"], &["of"], &[]]),
        ];
        for (operator, choices) in operators {
            if self.take_any(choices)
                && let Some(number) = self.number()
            {
                return Some(Condition::Number {
                    column: column.to_vec(),
                    operator,
                    number,
                });
            }
            self.at = before;
        }
        // A value of this very column.
        let values = self.mention(is_value)?;
        let is_of = |value: &Meaning| {
            let Meaning::Value(table, index, _) = value else {
                return false;
            };
            column.contains(&Meaning::Column(*table, *index))
        };
        let own: Vec<Meaning> = values.into_iter().filter(is_of).collect();
        (!own.is_empty()).then_some(Condition::Value(own))
    }
}

const LARGEST: [&[&str]; 5] = [&["highest"], &["largest"], &["most"], &["biggest"], &["longest"]];
const SMALLEST: [&[&str]; 4] = [&["lowest"], &["smallest"], &["least"], &["shortest"]];

pub(crate) fn is_table(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Table(_))
}

fn is_column(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Column(..))
}

fn is_value(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Value(..))
}
