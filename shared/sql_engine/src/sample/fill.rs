//! The rows of the sample store.

use rusqlite::{Connection, Result, Statement, params};

use super::{
    random::{Random, day, money},
    words::{
        CATEGORIES, CITIES, COLORS, DEPARTMENTS, FIRST_NAMES, GROUPS, JOBS, LAST_NAMES, LINES, PROMOTIONS,
        RETURN_REASONS, REVIEW_TITLES, SUPPLIER_KINDS,
    },
};

const SEED: u64 = 20_240_101;
const STORES: i64 = 12;
const EMPLOYEES: i64 = 120;
const SUPPLIERS: i64 = 40;
const PRODUCTS: i64 = 400;
const CUSTOMERS: i64 = 3_000;
const ORDERS: i64 = 6_000;
const REVIEWS: i64 = 4_500;
/// The days of 2024 and 2025.
const DAYS: i64 = 731;

/// What later tables need of a product.
struct Product {
    cents: i64,
    introduced: i64,
}

pub(super) fn fill(database: &Connection) -> Result<()> {
    let mut random = Random::new(SEED);
    staff(database, &mut random)?;
    let products = products(database, &mut random)?;
    promotions(database, &mut random)?;
    customers(database, &mut random)?;
    orders(database, &mut random, &products)?;
    inventory(database, &mut random)?;
    reviews(database, &mut random)
}

fn staff(database: &Connection, random: &mut Random) -> Result<()> {
    let mut insert = database.prepare("INSERT INTO departments VALUES (?, ?, ?)")?;
    for (number, name) in (1..).zip(DEPARTMENTS) {
        insert.execute(params![number, name, format!("CC-{:03}", number * 10)])?;
    }
    let mut insert = database.prepare("INSERT INTO stores VALUES (?, ?, ?, ?, ?, ?)")?;
    for (number, (city, country)) in (1..=STORES).zip(CITIES.iter().step_by(2)) {
        let opened = day(-random.number(100, 4_000));
        let area = random.number(8, 40) * 50;
        insert.execute(params![number, format!("{city} Store"), city, country, opened, area])?;
    }
    let mut insert = database.prepare("INSERT INTO employees VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for number in 1..=EMPLOYEES {
        let (first, last) = (*random.one(&FIRST_NAMES), *random.one(&LAST_NAMES));
        let department = (number - 1) % 8 + 1;
        // The first of each department leads it.
        let is_manager = number <= 8;
        let manager = (!is_manager).then_some(department);
        let job = if is_manager { "Manager" } else { random.one(&JOBS) };
        let store = (department <= 2 && !is_manager).then(|| random.number(1, STORES));
        let hired = day(-random.number(0, 3_000));
        let salary =
            money(random.number(if is_manager { 650 } else { 300 }, if is_manager { 950 } else { 620 }) * 10_000);
        let email = format!("{}.{}{number}@example.com", first.to_lowercase(), last.to_lowercase());
        insert.execute(params![
            number, first, last, email, job, department, store, manager, hired, salary
        ])?;
    }
    let mut insert = database.prepare("INSERT INTO suppliers VALUES (?, ?, ?, ?, ?)")?;
    for number in 1..=SUPPLIERS {
        let (line, kind) = (random.one(&LAST_NAMES), random.one(&SUPPLIER_KINDS));
        let (_, country) = random.one(&CITIES);
        let email = format!("sales{number}@example.com");
        insert.execute(params![
            number,
            format!("{line} {kind}"),
            country,
            email,
            random.skewed(3, 60)
        ])?;
    }
    Ok(())
}

fn products(database: &Connection, random: &mut Random) -> Result<Vec<Product>> {
    let mut insert = database.prepare("INSERT INTO categories VALUES (?, ?, ?)")?;
    let first_category = i64::try_from(GROUPS.len()).unwrap_or_default() + 1;
    for (number, (name, _)) in (1_i64..).zip(GROUPS) {
        insert.execute(params![number, name, None::<i64>])?;
    }
    let groups = (1_i64..).zip(GROUPS).flat_map(|(group, (_, size))| vec![group; size]);
    for ((number, group), (name, _)) in (first_category..).zip(groups).zip(CATEGORIES) {
        insert.execute(params![number, name, group])?;
    }
    let mut insert = database.prepare("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    let mut products = Vec::new();
    for number in 1..=PRODUCTS {
        let category = (number - 1) % 16;
        let (name, kinds) = CATEGORIES[usize::try_from(category).unwrap_or_default()];
        let product = format!("{} {}", random.one(&LINES), random.one(kinds));
        let sku = format!("{}-{number:04}", name.get(..3).unwrap_or(name).to_uppercase());
        let color = random.percent(85).then(|| *random.one(&COLORS));
        let cents = random.skewed(4, 300) * 100 + 95;
        let cost = cents * random.number(40, 70) / 100;
        let weight = money(random.skewed(10, 2_500));
        let introduced = random.number(-900, 400).max(-730);
        insert.execute(params![
            number,
            product,
            sku,
            category + first_category,
            random.number(1, SUPPLIERS),
            color,
            money(cents),
            money(cost),
            weight,
            random.percent(6),
            day(introduced)
        ])?;
        products.push(Product { cents, introduced });
    }
    Ok(products)
}

fn promotions(database: &Connection, random: &mut Random) -> Result<()> {
    let mut insert = database.prepare("INSERT INTO promotions VALUES (?, ?, ?, ?, ?)")?;
    for number in 1_i64..=16 {
        let starts = (number - 1) * 45 + random.number(0, 20);
        let name = PROMOTIONS[usize::try_from((number - 1) % 8).unwrap_or_default()];
        let year = if starts < 366 { 2024 } else { 2025 };
        let percent = random.number(1, 6) * 5;
        insert.execute(params![
            number,
            format!("{name} {year}"),
            percent,
            day(starts),
            day(starts + 13)
        ])?;
    }
    Ok(())
}

fn customers(database: &Connection, random: &mut Random) -> Result<()> {
    let mut insert = database.prepare("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for number in 1..=CUSTOMERS {
        let (first, last) = (*random.one(&FIRST_NAMES), *random.one(&LAST_NAMES));
        let (city, country) = random.one(&CITIES);
        let segment = match random.number(1, 10) {
            1..=6 => "consumer",
            7 | 8 => "small business",
            _ => "corporate",
        };
        let email = format!("{}.{}{number}@example.com", first.to_lowercase(), last.to_lowercase());
        // Numbers that are reserved for fiction.
        let phone = random
            .percent(80)
            .then(|| format!("+44 20 7946 0{:03}", number % 1_000));
        let birth = random.percent(90).then(|| day(-random.number(7_000, 27_000)));
        let registered = day(random.number(-700, DAYS - 1));
        insert.execute(params![
            number,
            first,
            last,
            email,
            phone,
            city,
            country,
            segment,
            birth,
            registered,
            random.percent(45)
        ])?;
    }
    Ok(())
}

/// The statements of what an order consists of.
struct OrderParts<'a> {
    item: Statement<'a>,
    payment: Statement<'a>,
    invoice: Statement<'a>,
    shipment: Statement<'a>,
    return_: Statement<'a>,
    items: i64,
    returns: i64,
}

fn orders(database: &Connection, random: &mut Random, products: &[Product]) -> Result<()> {
    let mut insert = database.prepare("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    let mut parts = OrderParts {
        item: database.prepare("INSERT INTO order_items VALUES (?, ?, ?, ?, ?, ?, ?)")?,
        payment: database.prepare("INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?)")?,
        invoice: database.prepare("INSERT INTO invoices VALUES (?, ?, ?, ?, ?, ?, ?)")?,
        shipment: database.prepare("INSERT INTO shipments VALUES (?, ?, ?, ?, ?, ?, ?)")?,
        return_: database.prepare("INSERT INTO returns VALUES (?, ?, ?, ?, ?, ?)")?,
        items: 0,
        returns: 0,
    };
    for number in 1..=ORDERS {
        // In the order of time, and more of them later.
        let ordered = ((number - 1) * DAYS / ORDERS + random.number(0, 2)).min(DAYS - 1);
        let customer = random.skewed(1, CUSTOMERS);
        let is_online = random.percent(55);
        let channel = match (is_online, random.percent(70)) {
            (false, _) => "store",
            (true, true) => "web",
            (true, false) => "app",
        };
        let store = (!is_online).then(|| random.number(1, STORES));
        let employee = store.map(|_| random.number(1, EMPLOYEES));
        let promotion = random
            .percent(20)
            .then(|| ordered / 46 + 1)
            .filter(|promotion| *promotion <= 16);
        let status = match random.number(1, 100) {
            1..=5 => "cancelled",
            _ if ordered >= DAYS - 10 => "pending",
            _ if ordered >= DAYS - 20 => "shipped",
            _ => "completed",
        };
        let total = items_of(random, products, number, (ordered, status), &mut parts)?;
        insert.execute(params![
            number,
            customer,
            store,
            employee,
            promotion,
            day(ordered),
            status,
            channel,
            money(total)
        ])?;
        follow_up(random, number, ordered, status, total, is_online, &mut parts)?;
    }
    Ok(())
}

/// Adds the items of an order and what comes back of them. Returns their sum in cents.
fn items_of(
    random: &mut Random,
    products: &[Product],
    order: i64,
    (ordered, status): (i64, &str),
    parts: &mut OrderParts<'_>,
) -> Result<i64> {
    let mut total = 0;
    for _ in 0..random.number(1, 5) {
        // Some products sell better than others, and none before there is one.
        let mut product = random.skewed(1, PRODUCTS);
        let introduced = |product: i64| {
            let known = usize::try_from(product - 1).ok().and_then(|index| products.get(index));
            known.map_or((0, 0), |product| (product.cents, product.introduced))
        };
        let mut known = introduced(product);
        if known.1 > ordered {
            product = 1;
            known = introduced(1);
        }
        let quantity = random.skewed(1, 4);
        let discount = if random.percent(15) { random.number(1, 4) * 5 } else { 0 };
        let line = known.0 * quantity * (100 - discount) / 100;
        parts.items += 1;
        total += line;
        let fraction = money(discount);
        parts.item.execute(params![
            parts.items,
            order,
            product,
            quantity,
            money(known.0),
            fraction,
            money(line)
        ])?;
        if status == "completed" && random.percent(4) {
            parts.returns += 1;
            let back = random.number(1, quantity);
            let returned = day((ordered + random.number(4, 28)).min(DAYS - 1));
            let refund = money(line * back / quantity);
            let reason = random.one(&RETURN_REASONS);
            parts
                .return_
                .execute(params![parts.returns, parts.items, returned, back, reason, refund])?;
        }
    }
    Ok(total)
}

/// Adds the payment, the invoice and the shipment of an order. They have its number.
fn follow_up(
    random: &mut Random,
    order: i64,
    ordered: i64,
    status: &str,
    total: i64,
    is_online: bool,
    parts: &mut OrderParts<'_>,
) -> Result<()> {
    let method = match random.number(1, 10) {
        1..=5 => "credit card",
        6 | 7 => "bank transfer",
        8 | 9 => "wallet",
        _ => "gift card",
    };
    let is_cancelled = status == "cancelled";
    let paid = if is_cancelled {
        "refunded"
    } else if random.percent(2) {
        "failed"
    } else {
        "settled"
    };
    let time = format!(
        "{} {:02}:{:02}:00",
        day(ordered),
        random.number(8, 21),
        random.number(0, 59)
    );
    parts
        .payment
        .execute(params![order, order, method, money(total), paid, time])?;
    if is_cancelled {
        return Ok(());
    }
    let due = ordered + 30;
    let invoice_status = match paid {
        "settled" => "paid",
        _ if due < DAYS => "overdue",
        _ => "open",
    };
    let number = format!("INV-{:06}", order + 100_000);
    parts.invoice.execute(params![
        order,
        order,
        number,
        day(ordered),
        day(due),
        money(total),
        invoice_status
    ])?;
    if is_online && status != "pending" {
        let shipped = (ordered + random.number(0, 3)).min(DAYS - 1);
        let delivered = (status == "completed").then(|| day((shipped + random.skewed(1, 9)).min(DAYS - 1)));
        let shipment_status = if delivered.is_some() { "delivered" } else { "in transit" };
        let carrier = *random.one(&["Swift Parcel", "Northern Post", "Blue Freight"]);
        let cost = money(random.cents(390, 2_490));
        parts.shipment.execute(params![
            order,
            order,
            carrier,
            day(shipped),
            delivered,
            cost,
            shipment_status
        ])?;
    }
    Ok(())
}

fn inventory(database: &Connection, random: &mut Random) -> Result<()> {
    let mut insert = database.prepare("INSERT INTO inventory VALUES (?, ?, ?, ?, ?)")?;
    for store in 1..=STORES {
        for product in 1..=PRODUCTS {
            let quantity = random.skewed(0, 80);
            let counted = day(DAYS - random.number(1, 30));
            insert.execute(params![store, product, quantity, random.number(1, 4) * 5, counted])?;
        }
    }
    Ok(())
}

fn reviews(database: &Connection, random: &mut Random) -> Result<()> {
    let mut insert = database.prepare("INSERT INTO reviews VALUES (?, ?, ?, ?, ?, ?)")?;
    for number in 1..=REVIEWS {
        let rating = 6 - random.skewed(1, 5);
        let titles = &REVIEW_TITLES[usize::try_from(rating - 1).unwrap_or_default()];
        let (product, customer) = (random.skewed(1, PRODUCTS), random.skewed(1, CUSTOMERS));
        let reviewed = day(random.number(20, DAYS - 1));
        insert.execute(params![number, product, customer, rating, random.one(titles), reviewed])?;
    }
    Ok(())
}
