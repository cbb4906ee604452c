//! Questions that are understood, near one that is not.

use crate::{
    Kind, Schema, Table,
    mentions::{singular, words},
    parse,
};

/// Returns up to `most` questions that are understood: about the tables whose words the question has, the best first.
pub fn suggest(question: &str, schema: &Schema, most: usize) -> Vec<String> {
    let asked: Vec<String> = words(question).iter().map(|word| singular(word)).collect();
    let has = |name: &str| words(name).iter().any(|word| asked.contains(&singular(word)));
    let rating = |table: &Table| {
        let columns = table.columns.iter().filter(|column| has(&column.name)).count();
        usize::from(has(&table.name) || table.synonyms.iter().any(|name| has(name))) * 4 + columns
    };
    let mut tables: Vec<&Table> = schema.tables.iter().collect();
    tables.sort_by_key(|table| std::cmp::Reverse(rating(table)));
    let mut found = Vec::new();
    for table in tables {
        for candidate in candidates(table) {
            if found.len() >= most {
                return found;
            }
            if parse(&candidate, schema).is_some() {
                found.push(candidate);
            }
        }
    }
    found
}

fn candidates(table: &Table) -> Vec<String> {
    let name = table.name.replace('_', " ");
    let spoken = |column: &str| column.replace('_', " ");
    let of = |kind: Kind| table.columns.iter().find(move |column| column.kind == kind);
    let few = table.columns.iter().find(|column| !column.values.is_empty());
    let mut candidates = Vec::new();
    if let Some(column) = few {
        candidates.push(format!("How many {name} are there per {}?", spoken(&column.name)));
    }
    if let Some(column) = of(Kind::Number) {
        candidates.push(format!("What is the average {} of {name}?", spoken(&column.name)));
    }
    if of(Kind::Time).is_some() {
        candidates.push(format!("How many {name} are there per month?"));
    }
    candidates.push(format!("How many {name} are there?"));
    candidates
}
