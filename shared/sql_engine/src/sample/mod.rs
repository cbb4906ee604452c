//! The sample store: a database of a retailer, generated, the same everywhere and always.
//!
//! Sixteen tables with some 50,000 rows of the years 2024 and 2025. Nothing in it is real; names of people are
//! combined at random, and addresses of email end in `example.com`.

mod fill;
mod random;
mod words;

use std::path::Path;

use crate::{
    Catalog, Refusal,
    import::{create, index_references},
    inspect,
    query::refusal,
};

/// The version of the sample store. Raised when its rows change, so that no older file is taken for it.
pub const SAMPLE_VERSION: u32 = 1;

const SCHEMA: &str = "
CREATE TABLE departments (
    department_id INTEGER PRIMARY KEY, name TEXT NOT NULL, cost_center TEXT NOT NULL);
CREATE TABLE stores (
    store_id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL, country TEXT NOT NULL,
    opened_on DATE NOT NULL, floor_area_m2 INTEGER NOT NULL);
CREATE TABLE employees (
    employee_id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL,
    job_title TEXT NOT NULL, department_id INTEGER NOT NULL REFERENCES departments (department_id),
    store_id INTEGER REFERENCES stores (store_id), manager_id INTEGER REFERENCES employees (employee_id),
    hired_on DATE NOT NULL, salary REAL NOT NULL);
CREATE TABLE suppliers (
    supplier_id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL, contact_email TEXT NOT NULL,
    lead_time_days INTEGER NOT NULL);
CREATE TABLE categories (
    category_id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER REFERENCES categories (category_id));
CREATE TABLE products (
    product_id INTEGER PRIMARY KEY, name TEXT NOT NULL, sku TEXT NOT NULL,
    category_id INTEGER NOT NULL REFERENCES categories (category_id),
    supplier_id INTEGER NOT NULL REFERENCES suppliers (supplier_id), color TEXT, unit_price REAL NOT NULL,
    unit_cost REAL NOT NULL, weight_kg REAL NOT NULL, discontinued BOOLEAN NOT NULL, introduced_on DATE NOT NULL);
CREATE TABLE promotions (
    promotion_id INTEGER PRIMARY KEY, name TEXT NOT NULL, discount_percent INTEGER NOT NULL,
    starts_on DATE NOT NULL, ends_on DATE NOT NULL);
CREATE TABLE customers (
    customer_id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL,
    phone TEXT, city TEXT NOT NULL, country TEXT NOT NULL, segment TEXT NOT NULL, birth_date DATE,
    registered_on DATE NOT NULL, newsletter BOOLEAN NOT NULL);
CREATE TABLE orders (
    order_id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (customer_id),
    store_id INTEGER REFERENCES stores (store_id), employee_id INTEGER REFERENCES employees (employee_id),
    promotion_id INTEGER REFERENCES promotions (promotion_id), ordered_on DATE NOT NULL, status TEXT NOT NULL,
    channel TEXT NOT NULL, total_amount REAL NOT NULL);
CREATE TABLE order_items (
    order_item_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (order_id),
    product_id INTEGER NOT NULL REFERENCES products (product_id), quantity INTEGER NOT NULL,
    unit_price REAL NOT NULL, discount REAL NOT NULL, line_total REAL NOT NULL);
CREATE TABLE payments (
    payment_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (order_id), method TEXT NOT NULL,
    amount REAL NOT NULL, status TEXT NOT NULL, paid_at DATETIME NOT NULL);
CREATE TABLE invoices (
    invoice_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (order_id), number TEXT NOT NULL,
    issued_on DATE NOT NULL, due_on DATE NOT NULL, amount REAL NOT NULL, status TEXT NOT NULL);
CREATE TABLE shipments (
    shipment_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (order_id), carrier TEXT NOT NULL,
    shipped_on DATE NOT NULL, delivered_on DATE, shipping_cost REAL NOT NULL, status TEXT NOT NULL);
CREATE TABLE inventory (
    store_id INTEGER NOT NULL REFERENCES stores (store_id),
    product_id INTEGER NOT NULL REFERENCES products (product_id), quantity_on_hand INTEGER NOT NULL,
    reorder_level INTEGER NOT NULL, counted_on DATE NOT NULL, PRIMARY KEY (store_id, product_id));
CREATE TABLE returns (
    return_id INTEGER PRIMARY KEY, order_item_id INTEGER NOT NULL REFERENCES order_items (order_item_id),
    returned_on DATE NOT NULL, quantity INTEGER NOT NULL, reason TEXT NOT NULL, refund_amount REAL NOT NULL);
CREATE TABLE reviews (
    review_id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products (product_id),
    customer_id INTEGER NOT NULL REFERENCES customers (customer_id), rating INTEGER NOT NULL, title TEXT NOT NULL,
    reviewed_on DATE NOT NULL);
";

/// Creates the file of the sample store, and returns what it contains. It takes less than a second.
///
/// # Errors
/// Returns a refusal if the file cannot be written.
pub fn create_sample(target: &Path) -> Result<Catalog, Refusal> {
    let work = || {
        let mut database = create(target)?;
        database.execute_batch(SCHEMA)?;
        let transaction = database.transaction()?;
        fill::fill(&transaction)?;
        transaction.commit()?;
        index_references(&database)?;
        inspect::catalog(&database)
    };
    work().map_err(|error| refusal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_store_is_always_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let catalog = create_sample(&one).expect("a store");
        create_sample(&other).expect("a store");
        assert_eq!(
            std::fs::read(&one).expect("a file"),
            std::fs::read(&other).expect("a file")
        );
        let rows: u64 = catalog.tables.iter().filter_map(|table| table.row_count).sum();
        assert_eq!(catalog.tables.len(), 16);
        assert!((45_000..60_000).contains(&rows), "{rows}");
    }

    #[test]
    fn all_references_of_the_sample_store_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sample");
        create_sample(&file).expect("a store");
        let database = rusqlite::Connection::open(&file).expect("a database");
        let mut broken = database.prepare("PRAGMA foreign_key_check").expect("a check");
        assert!(!broken.exists([]).expect("an answer"));
        // What belongs together agrees.
        let wrong: i64 = database
            .query_row(
                "SELECT count(*) FROM orders WHERE abs(total_amount - (SELECT sum(line_total) FROM order_items AS items \
                 WHERE items.order_id = orders.order_id)) > 0.005",
                [],
                |row| row.get(0),
            )
            .expect("a number");
        assert_eq!(wrong, 0);
    }
}
