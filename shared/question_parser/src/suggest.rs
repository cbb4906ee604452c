//! Questions that are understood, near one that is not.

use crate::{
    Kind, Table,
    mentions::words,
    parse,
    vocabulary::{Vocabulary, stems},
};

/// Most words of a question that are looked at.
const MAX_WORDS: usize = 200;
/// Most tables that questions are tried about.
const MAX_TABLES: usize = 50;

/// Returns up to `most` questions that are understood: about the tables whose words the question has, the best first.
pub fn suggest(question: &str, vocabulary: &Vocabulary, most: usize) -> Vec<String> {
    let words = words(question);
    let stems = stems(&words[..words.len().min(MAX_WORDS)]);
    let mut found = Vec::new();
    for table in vocabulary.rated(stems.iter()).into_iter().take(MAX_TABLES) {
        let Some(table) = vocabulary.schema.tables.get(table) else {
            continue;
        };
        for candidate in candidates(table) {
            if found.len() >= most {
                return found;
            }
            if parse(&candidate, vocabulary).is_some() {
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
