use Dialect::{DuckDb, Mysql, Postgres, Sqlite};

use super::*;

fn policy(dialect: Dialect) -> Policy {
    let tables = ["customer", "orders", "Genre"].map(TableRule::whole);
    Policy {
        dialect,
        tables: tables.into(),
        max_rows: 100,
    }
}

fn guarded(dialect: Dialect, text: &str) -> Result<String, Refusal> {
    guard(text, &policy(dialect)).map(|query| query.sql)
}

#[test]
fn queries_that_read_are_allowed() {
    for (dialect, text) in [
        (Sqlite, "SELECT count(*) FROM customer;"),
        (Sqlite, "SELECT /* delete; drop */ name FROM Genre -- update"),
        (
            Sqlite,
            "SELECT name AS \"update count\" FROM `genre` WHERE name = 'delete'",
        ),
        (
            Sqlite,
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 9) SELECT x FROM n",
        ),
        (
            Sqlite,
            "SELECT name FROM genre UNION ALL SELECT name FROM customer ORDER BY 1",
        ),
        (
            Sqlite,
            "SELECT c.name FROM customer c LEFT JOIN orders o ON o.customer = c.id WHERE o.id IS NULL",
        ),
        (
            Sqlite,
            "SELECT strftime('%Y', at) y, sum(total) OVER (PARTITION BY 1 ORDER BY at) FROM orders GROUP BY y",
        ),
        (Sqlite, "VALUES (1, 'a'), (2, 'b')"),
        (Postgres, "SELECT $q$it's; delete$q$ FROM genre LIMIT 1"),
        (
            Postgres,
            "SELECT EXTRACT(year FROM at), count(*) FILTER (WHERE total > 1) FROM orders GROUP BY ROLLUP(1)",
        ),
        (
            Postgres,
            "SELECT at::date, total::numeric(10,2) FROM orders WHERE at >= now() - interval '90 days'",
        ),
        (
            Postgres,
            "SELECT string_agg(name, '; ' ORDER BY name) FROM genre WHERE (a, b) IN (('x', 'y'))",
        ),
        (Postgres, "SELECT * FROM generate_series(1, 3) AS s"),
        (
            Postgres,
            "SELECT c.* FROM customer c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id)",
        ),
        (Mysql, "SELECT `name` FROM genre LIMIT 5, 10"),
        (Mysql, "SELECT '\\'; DELETE FROM customer; -- '"),
        (Mysql, "SELECT 1 FROM dual"),
        (DuckDb, "SELECT * EXCLUDE (email) FROM customer"),
    ] {
        let guarded = guarded(dialect, text);
        assert!(guarded.is_ok(), "{text}: {guarded:?}");
    }
}

#[test]
fn a_table_of_postgres_is_read_with_its_schema() {
    let rule = |schema: &str, name: &str| TableRule {
        schema: Some(schema.to_owned()),
        ..TableRule::whole(name)
    };
    let policy = Policy {
        dialect: Postgres,
        tables: vec![
            rule("public", "orders"),
            rule("sales", "orders"),
            rule("sales", "Odd \"name"),
        ],
        max_rows: 5,
    };
    let of = |text: &str| guard(text, &policy).map(|query| query.sql);
    for (text, expected) in [
        (
            "SELECT orders.id FROM Orders",
            "SELECT orders.id FROM \"public\".\"orders\" LIMIT 5",
        ),
        (
            "SELECT 1 FROM SALES.orders AS o",
            "SELECT 1 FROM \"sales\".\"orders\" AS o LIMIT 5",
        ),
        (
            "SELECT 1 FROM \"Odd \"\"name\"",
            "SELECT 1 FROM \"sales\".\"Odd \"\"name\" LIMIT 5",
        ),
        (
            "WITH o AS (SELECT 1 FROM orders) SELECT * FROM o",
            "WITH o AS (SELECT 1 FROM \"public\".\"orders\") SELECT * FROM o LIMIT 5",
        ),
    ] {
        assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
    }
    for text in ["SELECT 1 FROM pg_catalog.orders", "SELECT 1 FROM hidden.orders"] {
        assert!(of(text).is_err(), "{text}");
    }
}

/// What nobody may do in a query, with the code of the refusal.
const FORBIDDEN: [(Dialect, &str, &str); 22] = [
    (Sqlite, "load_extension('x.so')", "function_not_allowed"),
    (Sqlite, "hex(zeroblob(1000000000))", "function_not_allowed"),
    (Sqlite, "printf('%.*c', 1000000000, 'x')", "function_not_allowed"),
    (Sqlite, "(SELECT sql FROM sqlite_master)", "unknown_table"),
    (
        Sqlite,
        "(SELECT 1 FROM pragma_table_info('customer'))",
        "function_not_allowed",
    ),
    (Sqlite, "(SELECT 1 FROM temp.sqlite_temp_master)", "unknown_table"),
    (Postgres, "pg_read_file('/etc/passwd')", "function_not_allowed"),
    (Postgres, "pg_read_file/**/('/etc/passwd')", "function_not_allowed"),
    (Postgres, "\"pg_sleep\"(10)", "function_not_allowed"),
    (Postgres, "pg_catalog.pg_sleep(10)", "function_not_allowed"),
    (Postgres, "(SELECT usename FROM pg_user)", "unknown_table"),
    (Postgres, "(SELECT 1 FROM customer FOR UPDATE)", "not_allowed"),
    (Postgres, "'pg_shadow'::regclass", "not_allowed"),
    (
        Postgres,
        "query_to_xml('select 1', true, true, '')",
        "function_not_allowed",
    ),
    (
        Postgres,
        "(SELECT 1 FROM dblink('host=x', 'select 1') AS t(a int))",
        "function_not_allowed",
    ),
    (Postgres, "(1 OPERATOR(pg_catalog.+) 2)", "not_allowed"),
    (Postgres, "$1", "not_allowed"),
    (Mysql, "sleep(10)", "function_not_allowed"),
    (Mysql, "@@version", "not_allowed"),
    (Mysql, "(SELECT 1 FROM mysql.user)", "unknown_table"),
    (DuckDb, "(SELECT 1 FROM '/etc/passwd')", "unknown_table"),
    (
        DuckDb,
        "(SELECT 1 FROM read_text('/etc/passwd'))",
        "function_not_allowed",
    ),
];

#[test]
fn what_is_forbidden_is_refused_wherever_it_stands() {
    let contexts = [
        "SELECT {}",
        "SELECT {} AS x FROM customer",
        "SELECT 1 FROM customer WHERE {} IS NOT NULL",
        "SELECT 1 FROM customer GROUP BY {}",
        "SELECT 1 FROM customer GROUP BY name HAVING {} IS NULL",
        "SELECT 1 FROM customer ORDER BY {}",
        "SELECT 1 FROM customer ORDER BY ({}) DESC",
        "SELECT 1 FROM customer LIMIT ({})",
        "SELECT 1 FROM customer LIMIT 1 OFFSET ({})",
        "SELECT CASE WHEN {} IS NULL THEN 1 ELSE 2 END FROM customer",
        "SELECT CASE {} WHEN 1 THEN 2 END FROM customer",
        "SELECT CASE 1 WHEN 1 THEN {} END FROM customer",
        "SELECT coalesce(1, {}) FROM customer",
        "SELECT sum(id) OVER (PARTITION BY {}) FROM customer",
        "SELECT sum(id) OVER (ORDER BY {}) FROM customer",
        "SELECT count(*) FILTER (WHERE {} IS NULL) FROM customer",
        "SELECT 1 FROM customer c JOIN orders o ON {} IS NULL",
        "SELECT * FROM (SELECT {} AS x) s",
        "WITH a AS (SELECT {} AS x) SELECT * FROM a",
        "SELECT 1 UNION ALL SELECT {}",
        "SELECT 1 WHERE 1 IN (1, {})",
        "SELECT 1 WHERE 1 BETWEEN 0 AND {}",
        "SELECT 1 WHERE EXISTS (SELECT {})",
        "VALUES ({})",
        "SELECT DISTINCT {} FROM customer",
        "SELECT CAST({} AS text)",
    ];
    for (dialect, payload, code) in FORBIDDEN {
        for context in contexts {
            let text = context.replace("{}", payload);
            match guarded(dialect, &text) {
                Ok(sql) => panic!("{dialect:?} {text} became {sql}"),
                Err(refusal) if context.starts_with("SELECT {}") => {
                    assert_eq!(refusal.code(), code, "{text}: {refusal}");
                }
                Err(_) => {}
            }
        }
    }
}

#[test]
fn what_is_not_a_query_that_reads_is_refused() {
    for (dialect, text, code) in [
        (Sqlite, "DELETE FROM customer", "not_a_query"),
        (Sqlite, "REPLACE INTO genre VALUES (1)", "not_a_query"),
        (Sqlite, "PRAGMA writable_schema = 1", "not_a_query"),
        (Sqlite, "ATTACH DATABASE 'x' AS y", "not_a_query"),
        (Sqlite, "", "not_one_query"),
        (Sqlite, "SELECT 1; SELECT 2", "not_one_query"),
        (Sqlite, "SELECT 1; DROP TABLE customer", "not_one_query"),
        (Sqlite, "SELECT FROM WHERE", "syntax"),
        (Postgres, "COMMIT; DROP TABLE customer; SELECT 1", "not_one_query"),
        (Postgres, "/* hi */ UPDATE customer SET name = 'x'", "not_a_query"),
        (
            Postgres,
            "WITH u AS (UPDATE customer SET name = 'x' RETURNING *) SELECT * FROM u",
            "not_a_query",
        ),
        (
            Postgres,
            "WITH a AS (SELECT 1), d AS (DELETE FROM customer RETURNING *) SELECT * FROM d",
            "not_a_query",
        ),
        (Postgres, "SELECT * INTO stolen FROM customer", "not_allowed"),
        (Postgres, "SELECT * FROM customer FOR SHARE", "not_allowed"),
        (Postgres, "EXPLAIN ANALYZE DELETE FROM customer", "not_a_query"),
        (Postgres, "COPY (SELECT 1) TO PROGRAM 'curl'", "not_a_query"),
        (Postgres, "SET ROLE postgres", "not_a_query"),
        (Postgres, "SHOW ALL", "not_a_query"),
        (Postgres, "TABLE pg_shadow", "syntax"),
        (Postgres, "SELECT * FROM customer TABLESAMPLE SYSTEM (1)", "not_allowed"),
        (
            Postgres,
            "SELECT * FROM customer FETCH FIRST 5 ROWS ONLY",
            "not_allowed",
        ),
        (Mysql, "SELECT @a := 1", "not_allowed"),
        (Mysql, "SELECT * FROM customer INTO OUTFILE '/tmp/x'", "syntax"),
    ] {
        let refusal = guarded(dialect, text).expect_err(text);
        assert_eq!(refusal.code(), code, "{text}: {refusal}");
    }
    let deep = format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500));
    assert_eq!(guarded(Sqlite, &deep), Err(Refusal::TooDeep));
    let long = format!("SELECT '{}'", "x".repeat(MAX_BYTES));
    assert_eq!(guarded(Sqlite, &long), Err(Refusal::TooLong));
}

#[test]
fn a_name_is_a_common_table_expression_only_where_it_is_visible() {
    for text in [
        "SELECT * FROM (WITH pg_user AS (SELECT 1 AS x) SELECT * FROM pg_user) a, pg_user",
        "WITH pg_user AS (SELECT * FROM pg_user) SELECT * FROM pg_user",
        "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
        "SELECT (WITH x AS (SELECT 1) SELECT 1 FROM x) FROM x",
    ] {
        assert_eq!(
            guarded(Postgres, text).expect_err(text).code(),
            "unknown_table",
            "{text}"
        );
    }
    for text in [
        "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT (SELECT max(x) FROM a) FROM b",
        "WITH sqlite_master AS (SELECT 1 AS x) SELECT x FROM SQLITE_MASTER",
        "WITH a AS (WITH b AS (SELECT 1 AS x) SELECT x FROM b) SELECT * FROM a",
    ] {
        assert!(guarded(Sqlite, text).is_ok(), "{text}");
    }
    let shadowed = "WITH Customer AS (SELECT 1) SELECT * FROM customer";
    assert_eq!(
        guarded(Postgres, shadowed).expect_err("shadowed").code(),
        "shadowed_table"
    );
}

#[test]
fn a_table_with_rules_is_read_through_them_wherever_it_is_named() {
    let mut policy = policy(Sqlite);
    policy.tables = vec![
        TableRule {
            schema: Some("main".to_owned()),
            name: "customer".to_owned(),
            columns: Some(vec!["id".to_owned(), "na\"me".to_owned()]),
            rows: Some("region = 'EU' OR region = 'US'".to_owned()),
        },
        TableRule::whole("orders"),
    ];
    let restricted = "(SELECT \"id\", \"na\"\"me\" FROM customer WHERE region = 'EU' OR region = 'US')";
    let query = guard("SELECT * FROM customer", &policy).expect("a query");
    assert_eq!(query.sql, format!("SELECT * FROM {restricted} AS customer LIMIT 100"));
    assert_eq!(query.tables, ["customer"]);
    let query = guard(
        "SELECT c.id FROM orders o JOIN Customer c ON c.id = o.customer WHERE EXISTS (SELECT 1 FROM main.customer)",
        &policy,
    );
    let query = query.expect("a query");
    assert_eq!(query.tables, ["orders", "customer"]);
    assert_eq!(query.sql.matches("region = 'EU'").count(), 2, "{}", query.sql);
    assert!(!query.sql.contains("JOIN Customer"), "{}", query.sql);
    for (rows, code) in [("1 = 1; DROP TABLE x", "not_allowed"), ("1 =", "syntax")] {
        policy.tables[0].rows = Some(rows.to_owned());
        let refusal = guard("SELECT 1 FROM customer", &policy).expect_err(rows);
        assert_eq!(refusal.code(), code);
    }
}

#[test]
fn a_result_has_at_most_the_rows_of_the_policy() {
    for (text, end) in [
        ("SELECT 1", "LIMIT 100"),
        ("SELECT 1 LIMIT 7", "LIMIT 7"),
        ("SELECT 1 LIMIT 101", "LIMIT 100"),
        ("SELECT 1 LIMIT 7 OFFSET 3", "LIMIT 7 OFFSET 3"),
        ("SELECT 1 LIMIT (SELECT 5)", "LIMIT 100"),
        ("SELECT 1 LIMIT -1", "LIMIT 100"),
        ("SELECT 1 UNION SELECT 2 ORDER BY 1", "ORDER BY 1 LIMIT 100"),
        ("(SELECT 1 LIMIT 500)", "(SELECT 1 LIMIT 500) LIMIT 100"),
    ] {
        let sql = guarded(Sqlite, text).expect(text);
        assert!(sql.ends_with(end), "{sql}");
    }
    assert_eq!(
        guarded(Mysql, "SELECT 1 LIMIT 5, 500").as_deref(),
        Ok("SELECT 1 LIMIT 5, 100")
    );
}

#[test]
fn signs_do_not_become_comments_and_escapes_stay() {
    for (dialect, text, sql) in [
        (
            Sqlite,
            "SELECT 1 - -2, -(-3), - - x FROM genre",
            "SELECT 1 - (-2), -(-3), -(-x) FROM genre LIMIT 100",
        ),
        (Mysql, "SELECT '\\'; -- '", "SELECT '\\'; -- ' LIMIT 100"),
        (Postgres, "SELECT 'it''s', E'\\n'", "SELECT 'it''s', E'\\n' LIMIT 100"),
    ] {
        assert_eq!(guarded(dialect, text).as_deref(), Ok(sql), "{text}");
    }
}

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
}

#[test]
fn whatever_is_allowed_is_read_again_as_the_same_query() {
    let pieces = [
        "SELECT", "FROM", "customer", "orders", "WHERE", "(", ")", ",", "-", "--", "'", "\"", "`", "\\", "1", "x", "*",
        "AS", "AND", "NOT", "=", "UNION", "ORDER BY", "LIMIT", "CASE", "WHEN", "END", "count", "$$", "E'", ";", "/*",
        "*/", "::", "date", "IN", "WITH", "JOIN", "ON", ".", "[", "]", "@", "||", "IS NULL",
    ];
    let seeds = [
        "SELECT a, count(*) FROM customer WHERE x = 'y' GROUP BY a ORDER BY 2 DESC LIMIT 5",
        "WITH t AS (SELECT x FROM orders) SELECT -x, (SELECT max(x) FROM t) FROM t JOIN customer c ON c.id = t.x",
        "SELECT CASE WHEN a = 1 THEN 'b' ELSE \"c\" END FROM (SELECT 1 AS a) s WHERE a IN (1, 2) OR NOT a BETWEEN 3 AND 4",
    ];
    let mut random = Random(7);
    let mut allowed = 0;
    for round in 0..20_000 {
        let dialect = [Sqlite, Postgres, Mysql, DuckDb][round % 4];
        let mut words: Vec<&str> = seeds[random.below(seeds.len())].split(' ').collect();
        for _ in 0..=random.below(3) {
            let at = random.below(words.len());
            let piece = pieces[random.below(pieces.len())];
            match random.below(3) {
                0 => words[at] = piece,
                1 => words.insert(at, piece),
                _ => drop(words.remove(at)),
            }
        }
        let text = words.join(" ");
        let Ok(sql) = guarded(dialect, &text) else { continue };
        allowed += 1;
        // What was executed is allowed again, and nothing is added a second time.
        assert_eq!(
            guarded(dialect, &sql).as_deref(),
            Ok(sql.as_str()),
            "{dialect:?} {text}"
        );
    }
    assert!(allowed > 1_000, "only {allowed} were allowed");
}

#[test]
fn a_condition_on_rows_is_an_expression_over_its_table() {
    let table = TableRule::whole("customer");
    for rows in [
        "region = 'EU'",
        "lower(name) LIKE 'a%' AND NOT (id IN (1, 2))",
        "total - -1 > - - 0",
    ] {
        assert_eq!(check_rows(&table, rows, Sqlite), Ok(()), "{rows}");
    }
    for (rows, code) in [
        ("id IN (SELECT id FROM orders)", "not_allowed"),
        ("EXISTS (SELECT 1)", "not_allowed"),
        ("load_extension('x')", "function_not_allowed"),
        ("1 = 1) OR (1 = 1", "not_allowed"),
        ("1 = 1 LIMIT 5", "not_allowed"),
        ("id = ?", "not_allowed"),
        ("", "syntax"),
    ] {
        assert_eq!(check_rows(&table, rows, Sqlite).expect_err(rows).code(), code, "{rows}");
    }
}

/// Everything that can be nested or chained, as it is repeated: what is before, what is repeated, what is after, and
/// what closes each.
const DEEP: [(Dialect, [&str; 4]); 24] = [
    (Sqlite, ["SELECT 1", " + 1", "", ""]),
    (Sqlite, ["SELECT 1", " AND 1", "", ""]),
    (Sqlite, ["SELECT 1", " || 'x'", "", ""]),
    (Sqlite, ["SELECT 1", " IS NULL", "", ""]),
    (Sqlite, ["SELECT 1", " ISNULL", "", ""]),
    (Sqlite, ["SELECT 1", " COLLATE nocase", "", ""]),
    (Sqlite, ["SELECT 1", " UNION SELECT 1", "", ""]),
    (Sqlite, ["SELECT ", "(", "1", ")"]),
    (Sqlite, ["SELECT ", "NOT ", "1", ""]),
    (Sqlite, ["SELECT ", "- ", "1", ""]),
    (Sqlite, ["SELECT ", "abs(", "1", ")"]),
    (Sqlite, ["SELECT ", "CASE WHEN 1 THEN ", "1", " END"]),
    (Sqlite, ["SELECT CASE", " WHEN 1 THEN 1", " END", ""]),
    (Sqlite, ["SELECT ", "(SELECT ", "1", ")"]),
    (Sqlite, ["SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", "1", ")"]),
    (Sqlite, ["SELECT * FROM ", "(", "customer", ")"]),
    (Sqlite, ["SELECT * FROM ", "(SELECT * FROM ", "customer", ") AS x"]),
    (Sqlite, ["SELECT * FROM customer a", " JOIN customer b ON 1", "", ""]),
    (Sqlite, ["", "WITH a AS (", "SELECT 1", ") SELECT 1"]),
    (Sqlite, ["", "(", "SELECT 1", ")"]),
    (Postgres, ["SELECT 1", "::int", "", ""]),
    (Postgres, ["SELECT 1::int", "[]", "", ""]),
    (Postgres, ["SELECT x", "[1]", "", ""]),
    (DuckDb, ["SELECT 1::", "STRUCT(a ", "int", ")"]),
];

#[test]
fn nothing_is_so_deep_that_the_stack_ends() {
    let every = |count: usize| {
        for (dialect, [before, repeated, inner, closing]) in DEEP {
            let text = [before, &repeated.repeat(count), inner, &closing.repeat(count)].concat();
            match guarded(dialect, &text) {
                Ok(_) => {}
                Err(refusal) => assert!(
                    [
                        "too_long",
                        "too_many_parts",
                        "too_deep",
                        "not_allowed",
                        "syntax",
                        "ambiguous"
                    ]
                    .contains(&refusal.code()),
                    "{before}{repeated} {count}: {refusal}"
                ),
            }
        }
        let chain = format!("SELECT 1{}", " + 1".repeat(count));
        assert_eq!(guarded(Sqlite, &chain).is_ok(), count < 400, "{count}");
    };
    // The stack of the runtime's threads.
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let walk = move || {
        [1, 20, 40, 60, 133, 199, 390, 398, 2_000, 19_000]
            .into_iter()
            .for_each(every);
    };
    thread.spawn(walk).expect("a thread").join().expect("no panic");
}
