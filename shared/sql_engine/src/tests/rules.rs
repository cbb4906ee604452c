//! Random rules and random queries: what a query returns under rules is what it returns without on a copy that has
//! nothing else, and the query that is written anew returns what the original does.

use super::*;
use crate::{Column, Table};

/// A deterministic generator (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % end as u64).unwrap_or_default()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A condition on a column. `prefix`: the alias of its table, with a point.
    fn atom(&mut self, column: &Column, prefix: &str) -> String {
        let name = format!("{prefix}\"{}\"", column.name);
        let number = self.below(9);
        if let Some(value) = column.values.get(number).filter(|_| self.below(3) > 0) {
            let value = match value {
                Value::String(text) => format!("'{}'", text.replace('\'', "''")),
                other => other.to_string(),
            };
            return match self.below(3) {
                0 => format!("{name} = {value}"),
                1 => format!("{name} IN ({value}, NULL)"),
                _ => format!("{name} IS DISTINCT FROM {value}"),
            };
        }
        match self.below(7) {
            0 => format!("{name} IS NOT NULL"),
            1 => format!("length({name}) % 2 = {}", number % 2),
            2 => format!("{name} - -{number} > - - {number}"),
            3 => format!("CASE {name} WHEN {number} THEN 0 ELSE {name} > {number} END"),
            4 => format!("{name} BETWEEN {number} AND {number} * 100"),
            5 => format!("lower({name}) LIKE '%{}%'", ["a", "e", "1", "20"][number % 4]),
            _ => format!("{name} || '' > '202{number}-0{}'", number % 5 + 1),
        }
    }

    fn condition(&mut self, table: &Table, prefix: &str) -> String {
        let mut text = String::new();
        for part in 0..=self.below(3) {
            if part > 0 {
                text.push_str([" AND ", " OR "][self.below(2)]);
            }
            let column = self.one(&table.columns);
            let atom = self.atom(column, prefix);
            let (before, after) = [("NOT (", ")"), ("(", ")"), ("", ""), ("", "")][self.below(4)];
            text.extend([before, &atom, after]);
        }
        text
    }

    /// A query whose rows do not depend on the order in which it reads them.
    fn query(&mut self, catalog: &Catalog) -> String {
        let table = self.one(&catalog.tables);
        let (name, column) = (&table.name, &self.one(&table.columns).name);
        let condition = self.condition(table, "a.");
        let joined = table.foreign_keys.first();
        let by_key = |key: &crate::ForeignKey| {
            format!(
                "\"{}\" AS b ON a.\"{}\" = b.\"{}\"",
                key.references_table, key.columns[0], key.references_columns[0]
            )
        };
        match (self.below(8), joined) {
            (0, Some(key)) => format!(
                "SELECT a.*, b.* FROM {name} AS a JOIN {} WHERE {condition}",
                by_key(key)
            ),
            (1, Some(key)) => format!(
                "SELECT a.\"{column}\", count(b.\"{}\") FROM {name} AS a LEFT JOIN {} GROUP BY 1",
                key.references_columns[0],
                by_key(key)
            ),
            (2, Some(key)) => format!(
                "SELECT a.* FROM {name} a WHERE a.\"{0}\" NOT IN (SELECT b.\"{1}\" FROM {2} b WHERE b.\"{1}\" IS NOT NULL) OR {condition}",
                key.columns[0], key.references_columns[0], key.references_table
            ),
            (3, Some(key)) => format!(
                "SELECT a.\"{column}\", (SELECT count(*) FROM {2} WHERE {2}.\"{1}\" = a.\"{0}\") FROM {name} a",
                key.columns[0], key.references_columns[0], key.references_table
            ),
            (4, _) => format!(
                "WITH x AS (SELECT * FROM {name} a WHERE {condition}) SELECT \"{column}\", count(*) FROM x, (SELECT 1) GROUP BY 1"
            ),
            (5, _) => format!(
                "SELECT \"{column}\" FROM {name} a WHERE {condition} UNION SELECT max(\"{column}\") FROM main.{name}"
            ),
            (6, _) => format!(
                "SELECT count(*), count(\"{column}\"), -count(DISTINCT \"{column}\") - -1 FROM {name} AS a WHERE {condition}"
            ),
            _ => format!(
                "SELECT {name}.* FROM {name} WHERE EXISTS (SELECT 1 FROM {name} a WHERE {condition}) AND \"{column}\" IS NOT NULL"
            ),
        }
    }
}

fn sorted(file: &Path, sql: &str) -> Vec<String> {
    let limits = QueryLimits {
        max_rows: 100_000,
        max_bytes: 50_000_000,
        deadline: Duration::from_secs(30),
    };
    let found = query_on(file, SAMPLE.tables(), sql, &limits).expect(sql);
    let mut rows: Vec<String> = found.rows.iter().map(|row| json!(row).to_string()).collect();
    rows.sort();
    rows
}

#[test]
fn rules_are_a_filtered_copy_and_rendering_changes_nothing() {
    let whole = |name: &String| TableRule {
        schema: Some("main".to_owned()),
        ..TableRule::whole(name)
    };
    let tables = SAMPLE.tables();
    let (mut random, mut rows) = (Random(2), 0);
    for _ in 0..3 {
        let rules: Vec<Option<String>> = (SAMPLE.catalog.tables.iter())
            .map(|table| (random.below(3) > 0).then(|| random.condition(table, "")))
            .collect();
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("copy.sqlite");
        std::fs::copy(&SAMPLE.file, &copy).expect("a copy");
        let database = rusqlite::Connection::open(&copy).expect("a database");
        let pairs = tables
            .iter()
            .zip(&rules)
            .filter_map(|(table, rule)| Some((table, rule.as_ref()?)));
        for (table, rule) in pairs {
            let sql = format!("PRAGMA foreign_keys = OFF; DELETE FROM {table} WHERE NOT coalesce(({rule}), 0)");
            database.execute_batch(&sql).expect(rule);
        }
        drop(database);
        let restricted = tables.iter().zip(&rules).map(|(table, rule)| TableRule {
            rows: rule.clone(),
            ..whole(table)
        });
        let restricted = policy_of(restricted.collect());
        let unrestricted = policy_of(tables.iter().map(whole).collect());
        for _ in 0..25 {
            let sql = random.query(&SAMPLE.catalog);
            let under_rules = guard(&sql, &restricted).expect(&sql).sql;
            let rendered = guard(&sql, &unrestricted).expect(&sql).sql;
            let expected = sorted(&copy, &sql);
            assert_eq!(sorted(&SAMPLE.file, &under_rules), expected, "{sql}\n{under_rules}");
            assert_eq!(sorted(&copy, &rendered), expected, "{sql}\n{rendered}");
            rows += expected.len();
        }
    }
    assert!(rows > 5_000, "{rows} rows were compared");
}
