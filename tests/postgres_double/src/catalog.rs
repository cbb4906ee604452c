//! What the catalog says of the two tables.

use pgwire::api::Type;

use crate::{
    OWNER, WRITER,
    handlers::{Cell, Table},
};

const CUSTOMERS: u32 = 16_384;
const ORDERS: u32 = 16_390;

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn columns(types: &[Type]) -> Vec<(String, Type)> {
    types.iter().map(|of| ("column".to_owned(), of.clone())).collect()
}

/// Returns the answer to a question about the catalog; `None` for all other texts.
pub(crate) fn answer(role: &str, sql: &str) -> Option<Table> {
    if sql.contains("FROM pg_catalog.pg_roles AS r") {
        let is_owner = role == OWNER;
        let rows = vec![vec![Cell::Bool(is_owner), Cell::Bool(is_owner)]];
        return Some((columns(&[Type::BOOL, Type::BOOL]), rows));
    }
    if sql.contains("FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace") {
        return Some(tables(role == WRITER));
    }
    if sql.contains("FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type") {
        return Some(attributes());
    }
    if sql.contains("FROM pg_catalog.pg_constraint AS k") {
        return Some(keys());
    }
    if sql.contains("FROM pg_catalog.pg_stats AS s") {
        let types = [
            Type::OID,
            Type::TEXT,
            Type::FLOAT8,
            Type::TEXT_ARRAY,
            Type::TEXT,
            Type::TEXT,
        ];
        return Some((columns(&types), Vec::new()));
    }
    None
}

fn tables(is_writable: bool) -> Table {
    let types = [
        Type::OID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::FLOAT8,
        Type::TEXT,
        Type::BOOL,
    ];
    let table = |oid, name, comment| {
        vec![
            Cell::Oid(oid),
            text("public"),
            text(name),
            text("r"),
            Cell::Real(-1.0),
            comment,
            Cell::Bool(is_writable),
        ]
    };
    let rows = vec![
        table(CUSTOMERS, "customers", text("Who buys.")),
        table(ORDERS, "orders", Cell::Null),
    ];
    (columns(&types), rows)
}

fn attributes() -> Table {
    let types = [Type::OID, Type::TEXT, Type::OID, Type::TEXT, Type::BOOL, Type::TEXT];
    let column = |oid, name, of: &Type, category, is_not_null| {
        vec![
            Cell::Oid(oid),
            text(name),
            Cell::Oid(of.oid()),
            text(category),
            Cell::Bool(is_not_null),
            Cell::Null,
        ]
    };
    let rows = vec![
        column(CUSTOMERS, "id", &Type::INT8, "N", true),
        column(CUSTOMERS, "name", &Type::TEXT, "S", true),
        column(CUSTOMERS, "city", &Type::TEXT, "S", false),
        column(ORDERS, "id", &Type::INT8, "N", true),
        column(ORDERS, "customer_id", &Type::INT8, "N", true),
        column(ORDERS, "amount", &Type::FLOAT8, "N", true),
    ];
    (columns(&types), rows)
}

fn keys() -> Table {
    let types = [Type::OID, Type::TEXT, Type::OID, Type::TEXT_ARRAY, Type::TEXT_ARRAY];
    let texts = |names: &[&str]| Cell::Texts(names.iter().map(|name| (*name).to_owned()).collect());
    let key = |table| vec![Cell::Oid(table), text("p"), Cell::Oid(0), texts(&["id"]), texts(&[])];
    let reference = vec![
        Cell::Oid(ORDERS),
        text("f"),
        Cell::Oid(CUSTOMERS),
        texts(&["customer_id"]),
        texts(&["id"]),
    ];
    (columns(&types), vec![key(CUSTOMERS), key(ORDERS), reference])
}
