//! Files that become databases.

use super::*;
use crate::{FileKind, ImportFile, import::import};

struct Imported {
    _folder: TempDir,
    file: PathBuf,
    catalog: Catalog,
}

impl Imported {
    fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let tables = self.catalog.tables.iter().map(|table| table.name.clone()).collect();
        query_on(&self.file, tables, sql, &LIMITS).expect(sql).rows
    }

    fn types(&self, table: &str) -> Vec<(String, ColumnType)> {
        let table = self.catalog.table(table).expect(table);
        table
            .columns
            .iter()
            .map(|one| (one.name.clone(), one.column_type))
            .collect()
    }
}

fn imported(files: &[(&str, FileKind, &[u8])]) -> Result<Imported, Refusal> {
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<ImportFile> = (files.iter().enumerate())
        .map(|(number, (name, kind, bytes))| {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, bytes).expect("a file");
            ImportFile {
                path,
                name: (*name).to_owned(),
                kind: *kind,
            }
        })
        .collect();
    let file = folder.path().join("target");
    let catalog = import(&files, &file, HEAP)?;
    Ok(Imported {
        _folder: folder,
        file,
        catalog,
    })
}

#[test]
fn tables_become_a_database() {
    let customers = "id;Name;Postal Code;Joined\n1;Ada;01067;30.11.2026\n2;Ben;80331;1.2.2026\n";
    let orders = "id;customer_id;Amount;Paid\n10;1;1.234,50;true\n11;1;20,00;false\n12;2;;true\n";
    let made = imported(&[
        ("customers.csv", FileKind::Csv, customers.as_bytes()),
        ("My Orders.csv", FileKind::Csv, orders.as_bytes()),
    ])
    .expect("a database");
    assert_eq!(
        made.types("customers"),
        [
            ("id".to_owned(), ColumnType::Integer),
            ("Name".to_owned(), ColumnType::Text),
            ("Postal_Code".to_owned(), ColumnType::Text),
            ("Joined".to_owned(), ColumnType::Date)
        ]
    );
    let found = made.rows("SELECT sum(Amount), sum(Paid) FROM My_Orders JOIN customers ON customer_id = customers.id");
    assert_eq!(found, [[json!(1254.5), json!(2)]]);
    let orders = made.catalog.table("My_Orders").expect("a table");
    assert_eq!(orders.primary_key, ["id"]);
    assert_eq!(orders.foreign_keys.len(), 1);
    assert!(orders.foreign_keys[0].inferred && orders.foreign_keys[0].references_table == "customers");
}

#[test]
fn a_table_in_another_encoding_is_read() {
    let latin = b"name,city\nM\xfcller,K\xf6ln\nGr\xfcn,D\xfcsseldorf\n";
    let made = imported(&[("people.csv", FileKind::Csv, latin)]).expect("a database");
    assert_eq!(
        made.rows("SELECT name FROM people ORDER BY 1"),
        [[json!("Grün")], [json!("Müller")]]
    );
}

#[test]
fn rows_of_other_lengths_lose_and_move_nothing() {
    let made = imported(&[("t.csv", FileKind::Csv, b"a,b\n1\n2,3,4\n\n5,\"x\ny\"\n")]).expect("a database");
    let found = made.rows("SELECT a, b FROM t ORDER BY a");
    assert_eq!(
        found,
        [
            [json!(1), Value::Null],
            [json!(2), json!("3")],
            [json!(5), json!("x\ny")]
        ]
    );
}

#[test]
fn a_file_without_rows_is_refused() {
    for (bytes, code) in [(&b""[..], "empty"), (b"a,b\n", "empty"), (b",,\n1,2,3\n", "empty")] {
        let refused = imported(&[("t.csv", FileKind::Csv, bytes)])
            .map(|_| ())
            .expect_err("a refusal");
        assert_eq!(refused.code, code);
    }
    let wide = vec!["c"; 300].join(",");
    let refused = imported(&[("t.csv", FileKind::Csv, wide.as_bytes())]).map(|_| ());
    assert_eq!(refused.expect_err("a refusal").code, "too_large");
}

#[test]
fn only_tables_of_a_database_are_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("source");
    let source = rusqlite::Connection::open(&path).expect("a database");
    source
        .execute_batch(
            "CREATE TABLE \"Team Members\" (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT (hex(randomblob(9))), born DATE, \
             shout TEXT GENERATED ALWAYS AS (upper(name)), note CHECK (length(note) < 9));
             INSERT INTO \"Team Members\" (name, born) VALUES ('Ada', '1815-12-10'), ('Ben', NULL);
             CREATE TABLE scores (member_id INT REFERENCES \"Team Members\", points DECIMAL(10, 2)) ;
             INSERT INTO scores VALUES (1, 2.5), (1, 'many'), (2, x'00ff');
             CREATE VIEW v AS SELECT * FROM scores;
             CREATE TRIGGER t AFTER INSERT ON scores BEGIN DELETE FROM scores; END;
             CREATE VIRTUAL TABLE words USING fts5(text);
             CREATE INDEX expressions ON scores (abs(points));",
        )
        .expect("a schema");
    drop(source);
    let bytes = std::fs::read(&path).expect("a file");
    let made = imported(&[("team.db", FileKind::Sqlite, &bytes)]).expect("a database");
    let names: Vec<&str> = made.catalog.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Team_Members", "scores"]);
    assert_eq!(
        made.rows("SELECT shout, born FROM Team_Members WHERE id = 1"),
        [[json!("ADA"), json!("1815-12-10")]]
    );
    let points = made.rows("SELECT points FROM scores ORDER BY rowid");
    assert_eq!(points, [[json!(2.5)], [json!("many")], [json!("00ff")]]);
    let scores = made.catalog.table("scores").expect("a table");
    assert_eq!((scores.foreign_keys[0].inferred, scores.row_count), (false, Some(3)));
    // Neither is what only looks like one.
    for bytes in [&b"not a database at all"[..], &bytes[..2_000], b"SQLite format 3\0"] {
        let refused = imported(&[("team.db", FileKind::Sqlite, bytes)])
            .map(|_| ())
            .expect_err("a refusal");
        assert!(["damaged", "empty"].contains(&refused.code.as_str()), "{refused:?}");
    }
}

#[test]
fn damaged_databases_end_in_a_refusal() {
    let bytes = std::fs::read(&SAMPLE.file).expect("a file");
    let mut random = 1_u64;
    for _ in 0..20 {
        let mut broken = bytes[..400_000].to_vec();
        for _ in 0..200 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(random >> 33).unwrap_or_default() % broken.len();
            broken[place.max(16)] = random.to_le_bytes()[3];
        }
        // Either is fine; a panic or an endless loop is not.
        let _ = imported(&[("broken.db", FileKind::Sqlite, &broken)]).map(|_| ());
    }
}

#[test]
fn keys_are_compared_as_they_are_stored() {
    for (ids, is_key) in [
        (["1", "2", "3"], true),
        (["1", " 1", "2"], false),
        (["0", "-0", "1"], false),
        (["a", "b", ""], false),
        (["a", "a ", "b"], true),
    ] {
        let table = format!("id;x\n{}\n", ids.map(|id| format!("{id};y")).join("\n"));
        let made = imported(&[("t.csv", FileKind::Csv, table.as_bytes())]).expect("a database");
        let table = made.catalog.table("t").expect("a table");
        assert_eq!(
            (table.primary_key.len() == 1, table.row_count),
            (is_key, Some(3)),
            "{ids:?}"
        );
    }
}

/// A database whose description would be large: names, values and references without an end.
#[test]
fn the_catalog_of_a_hostile_file_is_small() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hostile");
    let hostile = rusqlite::Connection::open(&path).expect("a file");
    let create = |sql: String| hostile.execute_batch(&sql).expect("a statement");
    let long = "x".repeat(40_000);
    let references = (0..1_000).map(|_| "FOREIGN KEY (c0) REFERENCES t0 (c1)");
    create("BEGIN".to_owned());
    for table in 0..120 {
        let columns: Vec<String> = (0..80).map(|column| format!("c{column} TEXT")).collect();
        create(format!("CREATE TABLE t{table} ({})", columns.join(", ")));
        for row in 0..8 {
            let values: Vec<String> = (0..80)
                .map(|column| format!("'{row} {column} {}'", "y".repeat(50)))
                .collect();
            create(format!("INSERT INTO t{table} VALUES ({})", values.join(", ")));
        }
    }
    let keys = references.collect::<Vec<_>>().join(", ");
    create(format!(
        "CREATE TABLE refers (c0 TEXT, FOREIGN KEY (c0) REFERENCES t0 ({long}), {keys})"
    ));
    create(format!("CREATE TABLE day (at DATE); INSERT INTO day VALUES ('{long}')"));
    create("COMMIT".to_owned());
    let bytes = std::fs::read(&path).expect("a file");
    let made = imported(&[("hostile.db", FileKind::Sqlite, &bytes)]).expect("a database");
    let size = serde_json::to_vec(&made.catalog).expect("JSON").len();
    // 9,600 columns; all values of all of them would be 4 MB.
    assert!(size < 2_000_000, "{size} bytes");
    let of = |name: &str| made.catalog.table(name).expect(name);
    assert!(of("refers").foreign_keys.len() <= 100);
    assert_eq!(of("day").columns[0].range, None);
    create(format!("CREATE TABLE long ({long} TEXT)"));
    let bytes = std::fs::read(&path).expect("a file");
    let refused = imported(&[("hostile.db", FileKind::Sqlite, &bytes)])
        .err()
        .expect("a refusal");
    assert_eq!(refused.code, "too_large");
}
