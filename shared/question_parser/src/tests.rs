use super::*;

fn column(name: &str, kind: Kind, values: &[&str]) -> Column {
    Column {
        name: name.to_owned(),
        synonyms: Vec::new(),
        about: String::new(),
        kind,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

fn table(name: &str, columns: Vec<Column>, references: &[(&str, &str, &str)]) -> Table {
    Table {
        name: name.to_owned(),
        synonyms: Vec::new(),
        about: String::new(),
        key: vec![columns[0].name.clone()],
        columns,
        references: references
            .iter()
            .map(|(column, table, key)| Reference {
                column: (*column).to_owned(),
                table: (*table).to_owned(),
                key: (*key).to_owned(),
            })
            .collect(),
    }
}

fn shop() -> Vocabulary {
    let id = |name: &str| column(name, Kind::Other, &[]);
    let mut orders = table(
        "orders",
        vec![
            id("order_id"),
            id("customer_id"),
            id("store_id"),
            column("ordered_on", Kind::Time, &[]),
            column("status", Kind::Text, &["completed", "cancelled", "in transit"]),
            column("total_amount", Kind::Number, &[]),
        ],
        &[
            ("customer_id", "customers", "customer_id"),
            ("store_id", "stores", "store_id"),
        ],
    );
    orders.synonyms = vec!["sale".to_owned()];
    let countries = ["Germany", "United Kingdom"];
    Vocabulary::new(Schema {
        tables: vec![
            orders,
            table(
                "customers",
                vec![
                    id("customer_id"),
                    column("first_name", Kind::Text, &[]),
                    column("last_name", Kind::Text, &[]),
                    column("country", Kind::Text, &countries),
                    column("segment", Kind::Text, &["corporate", "small business"]),
                    column("registered_on", Kind::Time, &[]),
                    column("birth_date", Kind::Time, &[]),
                ],
                &[],
            ),
            table(
                "stores",
                vec![
                    id("store_id"),
                    column("name", Kind::Text, &[]),
                    column("country", Kind::Text, &countries),
                ],
                &[],
            ),
            table(
                "order_items",
                vec![
                    id("order_item_id"),
                    id("order_id"),
                    column("quantity", Kind::Number, &[]),
                ],
                &[("order_id", "orders", "order_id")],
            ),
        ],
    })
}

fn sql(question: &str) -> Option<String> {
    parse(question, &shop()).map(|parsed| parsed.sql)
}

#[test]
fn what_is_understood_becomes_sql() {
    for (question, expected) in [
        (
            "How many orders are there?",
            "SELECT count(*) AS \"orders_count\" FROM \"orders\" AS t0",
        ),
        (
            "How many completed sales do we have?",
            "SELECT count(*) AS \"orders_count\" FROM \"orders\" AS t0 WHERE t0.\"status\" = 'completed'",
        ),
        (
            "Number of orders per status",
            "SELECT t0.\"status\" AS \"status\", count(*) AS \"orders_count\" FROM \"orders\" AS t0 GROUP BY t0.\"status\" ORDER BY 2 DESC, 1",
        ),
        (
            "What is the average total amount of orders in 2025?",
            "SELECT round(avg(t0.\"total_amount\"), 2) AS \"avg_total_amount\" FROM \"orders\" AS t0 WHERE t0.\"ordered_on\" >= \
             '2025-01-01' AND t0.\"ordered_on\" < '2026-01-01'",
        ),
        (
            "total amount by segment",
            "SELECT t1.\"segment\" AS \"segment\", round(sum(t0.\"total_amount\"), 2) AS \"sum_total_amount\" FROM \"orders\" AS t0 \
             JOIN \"customers\" AS t1 ON t0.\"customer_id\" = t1.\"customer_id\" GROUP BY t1.\"segment\" ORDER BY 2 DESC, 1",
        ),
        (
            "How many orders per month in Q1 2025?",
            "SELECT substr(t0.\"ordered_on\", 1, 7) AS \"month\", count(*) AS \"orders_count\" FROM \"orders\" AS t0 WHERE \
             t0.\"ordered_on\" >= '2025-01-01' AND t0.\"ordered_on\" < '2025-04-01' GROUP BY substr(t0.\"ordered_on\", 1, 7) ORDER BY 1",
        ),
        (
            "Top 3 orders by total amount",
            "SELECT t0.* FROM \"orders\" AS t0 ORDER BY t0.\"total_amount\" DESC LIMIT 3",
        ),
        (
            "How many orders with a total amount over 1,000 and status in transit?",
            "SELECT count(*) AS \"orders_count\" FROM \"orders\" AS t0 WHERE t0.\"total_amount\" > 1000 AND t0.\"status\" = 'in transit'",
        ),
        (
            "How many customers in the United Kingdom registered after 2025-03-01?",
            "SELECT count(*) AS \"customers_count\" FROM \"customers\" AS t0 WHERE t0.\"country\" = 'United Kingdom' AND \
             t0.\"registered_on\" >= '2025-03-01~'",
        ),
    ] {
        assert_eq!(sql(question).as_deref(), Some(expected), "{question}");
    }
}

#[test]
fn what_is_not_understood_or_ambiguous_is_left() {
    for question in [
        "",
        "orders",
        // A word without a meaning.
        "How many nice orders are there?",
        "How many orders were shipped?",
        // Both customers and stores have a country.
        "How many orders in Germany?",
        "How many orders by country",
        // Two columns say when.
        "How many customers in 2025?",
        // Not a number.
        "average status of orders",
        // From a table to those that refer to it, rows are repeated.
        "How many orders per quantity",
        "top orders by total amount",
        "How many orders not completed?",
        "How many orders in 2025 or 2026?",
        "Drop the table orders",
    ] {
        assert_eq!(sql(question), None, "{question}");
    }
}

#[test]
fn a_reading_says_what_was_understood() {
    let parsed = parse("How many corporate orders per status since May 2025?", &shop()).expect("an answer");
    assert_eq!(
        parsed.reading,
        "Number of orders, per status where segment of customers is corporate and ordered on from 2025-05-01."
    );
}

#[test]
fn suggestions_are_about_what_was_asked_and_are_understood() {
    let suggested = suggest("Which customers are nice?", &shop(), 3);
    assert_eq!(suggested.len(), 3);
    assert!(suggested[0].contains("customers"), "{suggested:?}");
    for question in suggested {
        assert!(sql(&question).is_some(), "{question}");
    }
}

#[test]
fn no_text_is_too_strange() {
    for question in [
        "'",
        "--",
        "\u{0}",
        "how many how many",
        "top 99999999999 orders by x",
        "in in in",
        "ß İ ﬁ 𝒳",
        &"a ".repeat(500),
    ] {
        let _ = sql(question);
    }
}

#[test]
fn what_could_mean_two_things_is_asked_back() {
    let vocabulary = shop();
    let ask = |question: &str, earlier: &[&str], choices: &[&str]| {
        let choices: Vec<String> = choices.iter().map(|choice| (*choice).to_owned()).collect();
        understand(question, earlier, &choices, &vocabulary)
    };
    let choice = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
    };
    let countries = vec![
        choice("customers.country", "country of customers"),
        choice("stores.country", "country of stores"),
    ];
    assert_eq!(
        ask("How many orders in Germany?", &[], &[]),
        Understanding::Unclear(countries)
    );
    for choice in ["stores.country", "Country of stores"] {
        let Understanding::Query(parsed) = ask("How many orders in Germany?", &[], &[choice]) else {
            panic!("{choice}");
        };
        assert!(parsed.reading.contains("country of stores is Germany"), "{parsed:?}");
    }
    let times = ask("How many customers in 2025?", &[], &[]);
    let Understanding::Unclear(times) = times else {
        panic!("{times:?}");
    };
    assert_eq!(times.len(), 2);
    // What was not asked, and what is not understood with any choice.
    assert!(matches!(
        ask("How many orders in Germany?", &[], &["orders.status"]),
        Understanding::Unclear(_)
    ));
    assert_eq!(
        ask("How many nice orders in Germany?", &[], &[]),
        Understanding::Unknown
    );
}

#[test]
fn a_question_goes_on_from_the_one_before() {
    let vocabulary = shop();
    let sql = |questions: &[&str]| {
        let (last, earlier) = questions.split_last().expect("a question");
        match understand(last, earlier, &[], &vocabulary) {
            Understanding::Query(parsed) => Some(parsed.sql),
            _ => None,
        }
    };
    for (questions, same) in [
        (&["How many orders?", "And by month?"][..], "How many orders by month?"),
        (
            &["How many orders per status?", "only corporate", "and per month?"],
            "How many orders with segment corporate per month?",
        ),
        (
            &["How many completed orders?", "what about cancelled ones?"],
            "How many cancelled orders?",
        ),
        (
            &["How many orders in 2025?", "and in 2024?"],
            "How many orders in 2024?",
        ),
        (&["How many orders in 2025?", "How many stores?"], "How many stores?"),
    ] {
        let expected = sql(&[same]);
        assert!(expected.is_some(), "{same}");
        assert_eq!(sql(questions), expected, "{questions:?}");
    }
    // Nothing to go on from, and words that are not understood.
    assert_eq!(sql(&["And by month?"]), None);
    assert_eq!(sql(&["Why?", "And by month?"]), None);
    assert_eq!(sql(&["How many orders?", "and the nice ones?"]), None);
}

/// Each phrase of a hostile schema means something in each of its tables, which all refer to each other.
#[test]
fn no_schema_makes_a_question_costly() {
    let columns = || {
        let named = |index: usize| {
            let values: Vec<String> = (0..3).map(|value| format!("v{value} {}", "x ".repeat(20))).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).chain(["amount", "status"]).collect();
            column(["amount", "status", "many"][index % 3], Kind::Number, &values)
        };
        (0..200).map(named).collect::<Vec<_>>()
    };
    let names: Vec<String> = (0..500).map(|index| format!("orders_{index}")).collect();
    let tables = names.iter().map(|name| {
        let mut table = table(name, columns(), &[]);
        table.synonyms = vec!["orders".to_owned()];
        table.references = (0..200)
            .map(|index| Reference {
                column: "amount".to_owned(),
                table: names[index * 2].clone(),
                key: "amount".to_owned(),
            })
            .collect();
        table
    });
    let schema = Schema {
        tables: tables.collect(),
    };
    let vocabulary = Vocabulary::new(schema);
    let question = "How many orders with amount over 5 and status amount per status by amount in orders ".repeat(3);
    #[expect(clippy::disallowed_methods, reason = "what is measured is the time of this process")]
    let began = std::time::Instant::now();
    for question in [
        question.as_str(),
        "How many orders by amount?",
        "average amount of orders by status",
    ] {
        understand(question, &["How many orders by amount?"; 10], &[], &vocabulary);
        suggest(question, &vocabulary, 3);
    }
    // A debug build takes some 20 ms; each word of a question once looked at each value of each table.
    assert!(
        began.elapsed() < std::time::Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_large_schema_is_cut_to_the_tables_of_a_question() {
    let mut tables: Vec<Table> = (0..200)
        .map(|index| table(&format!("log_{index}"), vec![column("entry", Kind::Text, &[])], &[]))
        .collect();
    tables.push(table(
        "customers",
        vec![column("country", Kind::Text, &["Germany"])],
        &[],
    ));
    tables.push(table(
        "purchases",
        vec![column("buyer", Kind::Other, &[]), column("amount", Kind::Number, &[])],
        &[("buyer", "customers", "country")],
    ));
    tables.push(table(
        "lines",
        vec![column("purchase", Kind::Other, &[])],
        &[("purchase", "purchases", "buyer")],
    ));
    tables[0].about = "What the thermometer says.".to_owned();
    let vocabulary = Vocabulary::new(Schema { tables });
    for (question, wanted) in [
        (
            "How much did buyers spend, by amount?",
            &["purchases", "customers", "lines"][..],
        ),
        ("Who lives in Germany?", &["customers", "purchases"]),
        ("Which thermometers are there?", &["log_0"]),
        ("purchasing", &["purchases"]),
    ] {
        let chosen = tables_for(question, &vocabulary, 30, 20);
        assert_eq!(chosen.len(), 20);
        let names: Vec<&str> = chosen
            .iter()
            .map(|index| vocabulary.schema.tables[*index].name.as_str())
            .collect();
        assert!(wanted.iter().all(|name| names.contains(name)), "{question}: {names:?}");
    }
    assert_eq!(tables_for("anything", &shop(), 30, 20), [0, 1, 2, 3]);
}

#[test]
fn columns_orders_and_largest_groups_are_understood() {
    for (question, expected) in [
        (
            "What are the names and countries of all stores?",
            "SELECT t0.\"name\", t0.\"country\" FROM \"stores\" AS t0",
        ),
        (
            "What are the names of the stores in Germany, ordered alphabetically?",
            "SELECT t0.\"name\" FROM \"stores\" AS t0 WHERE t0.\"country\" = 'Germany' ORDER BY t0.\"name\"",
        ),
        (
            "List orders sorted by total amount in descending order",
            "SELECT t0.* FROM \"orders\" AS t0 ORDER BY t0.\"total_amount\" DESC",
        ),
        (
            "What are the top 5 orders with the highest total amount?",
            "SELECT t0.* FROM \"orders\" AS t0 ORDER BY t0.\"total_amount\" DESC LIMIT 5",
        ),
        (
            "What are the top 2 statuses by number of orders? Return the status and the number of orders.",
            "SELECT t0.\"status\" AS \"status\", count(*) AS \"orders_count\" FROM \"orders\" AS t0 GROUP BY t0.\"status\" ORDER BY 2 \
             DESC, 1 LIMIT 2",
        ),
        (
            "How many orders were made per status, ordered from highest to lowest?",
            "SELECT t0.\"status\" AS \"status\", count(*) AS \"orders_count\" FROM \"orders\" AS t0 GROUP BY t0.\"status\" ORDER BY 2 \
             DESC, 1",
        ),
    ] {
        assert_eq!(sql(question).as_deref(), Some(expected), "{question}");
    }
    for question in [
        // What is shown may not change what is asked.
        "How many orders per status? Return the status as a number.",
        "How many orders are there? Return only corporate.",
        // By what, and which way.
        "List orders sorted in descending order",
        "What are the names and countries of stores ordered alphabetically?",
        "How many orders per status, in ascending order?",
    ] {
        assert_eq!(sql(question), None, "{question}");
    }
}
