//! The checked-in tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use http_api::Operation;

/// What an operation answers to a kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expected {
    /// Any 2xx, or the way to what was asked for.
    LetIn,
    /// This refusal.
    Status(u16),
}

impl Expected {
    fn parse(text: &str) -> Self {
        if text == "in" {
            Self::LetIn
        } else {
            Self::Status(text.parse().unwrap_or_else(|_| panic!("{text:?} is no status")))
        }
    }

    pub(super) fn is_let_in(self) -> bool {
        self == Self::LetIn
    }

    pub(super) fn is(self, status: u16) -> bool {
        match self {
            Self::LetIn => (200..300).contains(&status) || status == 303,
            Self::Status(expected) => status == expected,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LetIn => f.write_str("in"),
            Self::Status(status) => write!(f, "{status}"),
        }
    }
}

/// A row of `policy.tsv`: an access, and the callers who are answered otherwise.
struct Row {
    access: String,
    except: BTreeMap<String, Expected>,
}

pub(super) struct Policy {
    callers: Vec<String>,
    access: BTreeMap<String, Vec<Expected>>,
    rows: BTreeMap<(String, String), Row>,
}

/// Mistakes of the tables themselves.
pub(super) struct Answers {
    pub(super) unused: Vec<String>,
    pub(super) twins: Vec<(String, String)>,
}

pub(super) fn read() -> Policy {
    let mut lines = include_str!("../access.tsv").lines();
    let callers: Vec<String> = lines.next().unwrap().split('\t').skip(1).map(str::to_owned).collect();
    let access = lines.map(|line| {
        let (name, answers) = line.split_once('\t').unwrap();
        let answers: Vec<Expected> = answers.split('\t').map(Expected::parse).collect();
        assert_eq!(answers.len(), callers.len(), "the row of {name}");
        (name.to_owned(), answers)
    });
    let access: BTreeMap<String, Vec<Expected>> = access.collect();
    let rows = include_str!("../policy.tsv").lines().skip(1).map(|line| {
        let mut cells = line.split('\t');
        let mut next = || {
            cells
                .next()
                .unwrap_or_else(|| panic!("a cell is missing: {line}"))
                .to_owned()
        };
        let (method, path, name) = (next(), next(), next());
        let except = cells
            .next()
            .unwrap_or_default()
            .split(' ')
            .filter(|text| !text.is_empty());
        let except = except.map(|text| {
            let (caller, answer) = text.split_once('=').unwrap_or_else(|| panic!("{text:?} of {line}"));
            assert!(
                callers.iter().any(|known| known == caller),
                "nobody is {caller}: {line}"
            );
            (caller.to_owned(), Expected::parse(answer))
        });
        assert!(access.contains_key(&name), "access.tsv has no access {name:?}: {line}");
        let except = except.collect();
        ((method, path), Row { access: name, except })
    });
    let rows: Vec<_> = rows.collect();
    let count = rows.len();
    let rows: BTreeMap<_, _> = rows.into_iter().collect();
    assert_eq!(rows.len(), count, "policy.tsv has an operation twice");
    Policy { callers, access, rows }
}

impl Policy {
    pub(super) fn callers(&self) -> impl Iterator<Item = &str> {
        self.callers.iter().map(String::as_str)
    }

    /// What `operation` answers to each kind of caller.
    pub(super) fn row(&self, operation: &Operation) -> Vec<Expected> {
        let row = self.rows.get(&(operation.method.clone(), operation.path.clone()));
        let row = row.unwrap_or_else(|| panic!("{} {} has no row in policy.tsv", operation.method, operation.path));
        self.answers_of(row)
    }

    fn answers_of(&self, row: &Row) -> Vec<Expected> {
        let usual = self.callers.iter().zip(&self.access[&row.access]);
        let answers = usual.map(|(caller, usual)| *row.except.get(caller).unwrap_or(usual));
        answers.collect()
    }

    /// That there are no rows but those of `operations`.
    pub(super) fn names_only(&self, operations: &[Operation]) {
        let known: BTreeSet<_> = operations
            .iter()
            .map(|operation| (operation.method.clone(), operation.path.clone()))
            .collect();
        let rows: BTreeSet<_> = self.rows.keys().cloned().collect();
        assert_eq!(rows, known, "policy.tsv has rows without an operation");
    }

    pub(super) fn answers(&self) -> Answers {
        let used: BTreeSet<&String> = self.rows.values().map(|row| &row.access).collect();
        let unused = self
            .access
            .keys()
            .filter(|name| !used.contains(name))
            .cloned()
            .collect();
        let rows: Vec<Vec<Expected>> = self.rows.values().map(|row| self.answers_of(row)).collect();
        let column = |caller: usize| rows.iter().map(|row| row[caller]).collect::<Vec<_>>();
        let mut twins = Vec::new();
        for (number, name) in self.callers.iter().enumerate() {
            // Credentials that are worth nothing are all alike, and so are those of others.
            let is_alike = |kind: &&str| ["expired", "signed_out", "forged", "revoked_key"].contains(kind);
            if is_alike(&name.as_str()) {
                continue;
            }
            let others = self.callers.iter().enumerate().take(number);
            let others = others.filter(|(_, other)| !is_alike(&other.as_str()));
            twins.extend(
                others
                    .filter(|(other, _)| column(*other) == column(number))
                    .map(|(_, other)| (other.clone(), name.clone())),
            );
        }
        Answers { unused, twins }
    }
}
