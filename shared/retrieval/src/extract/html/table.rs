//! Tables of data as rows of text.

use super::dom::{Attribute, Dom, NodeId};
use super::tag::Tag;
use super::text::inline;

/// Separates the cells of a row.
const SEPARATOR: &str = " | ";
/// Most columns that a cell spans; and rows.
const MAX_SPAN: usize = 50;
/// Most cells of a row; the rest of it is left out.
const MAX_COLUMNS: usize = 1_000;

/// Returns whether a table has data, rather than the layout of a page.
pub(super) fn is_data(dom: &Dom, table: NodeId) -> bool {
    if matches!(dom.attribute(table, Attribute::Role), Some("presentation" | "none")) {
        return false;
    }
    let (mut columns, mut rows) = (0, 0);
    let mut has_header = false;
    for row in rows_of(dom, table) {
        rows += 1;
        let mut cells = 0;
        for cell in cells_of(dom, row) {
            cells += 1;
            has_header |= dom.tag(cell) == Some(Tag::Th);
            // Headings and tables within a cell are parts of a layout.
            if has_layout(dom, cell) {
                return false;
            }
        }
        columns = columns.max(cells);
    }
    has_header || (columns > 1 && rows > 0)
}

/// Returns whether a cell contains a heading, or another table.
fn has_layout(dom: &Dom, cell: NodeId) -> bool {
    // Nodes are in the order of the page: those of the cell are the ones up to the first whose ancestors lack it.
    let mut next: Vec<NodeId> = dom.children(cell).collect();
    let mut seen = 0;
    while let Some(node) = next.pop() {
        seen += 1;
        match dom.tag(node) {
            Some(Tag::Table) => return true,
            Some(tag) if tag.heading_level().is_some() => return true,
            _ if seen > 500 => return true,
            _ => next.extend(dom.children(node)),
        }
    }
    false
}

/// Returns the caption and the rows. A cell that spans several rows is repeated in each, so that every row can be
/// understood by itself; one that spans columns leaves the others empty, so that cells stay below their headers.
pub(super) fn rows(dom: &Dom, omitted: &[bool], table: NodeId) -> Vec<String> {
    let is_shown = |node: &NodeId| omitted.get(*node).copied() == Some(false);
    let mut lines: Vec<String> = Vec::new();
    for caption in dom
        .children(table)
        .filter(|child| dom.tag(*child) == Some(Tag::Caption))
        .filter(is_shown)
    {
        lines.push(inline(dom, omitted, caption));
    }
    // What cells of earlier rows put into the next ones: column, text, rows that are left.
    let mut spanning: Vec<Spanning> = Vec::new();
    for row in rows_of(dom, table).filter(is_shown) {
        let mut texts: Vec<String> = Vec::new();
        let mut added = Vec::new();
        for cell in cells_of(dom, row).filter(is_shown) {
            repeat(&mut texts, &mut spanning);
            if texts.len() >= MAX_COLUMNS {
                break;
            }
            let text = inline(dom, omitted, cell);
            let (column, columns) = (texts.len(), span(dom, cell, Attribute::Colspan));
            let rows = span(dom, cell, Attribute::Rowspan);
            if rows > 1 {
                added.push(Spanning {
                    column,
                    columns,
                    text: text.clone(),
                    rows: rows - 1,
                });
            }
            texts.push(text);
            texts.resize(column + columns, String::new());
        }
        repeat(&mut texts, &mut spanning);
        spanning.retain(|cell| cell.rows > 0);
        spanning.append(&mut added);
        spanning.sort_by_key(|cell| cell.column);
        while texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        lines.push(texts.join(SEPARATOR));
    }
    lines.retain(|line| !line.is_empty());
    lines
}

struct Spanning {
    column: usize,
    columns: usize,
    text: String,
    rows: usize,
}

/// Adds the cells of earlier rows that are next.
fn repeat(texts: &mut Vec<String>, spanning: &mut [Spanning]) {
    for cell in spanning.iter_mut().filter(|cell| cell.rows > 0) {
        if cell.column == texts.len() && texts.len() < MAX_COLUMNS {
            cell.rows -= 1;
            texts.push(cell.text.clone());
            texts.resize(cell.column + cell.columns, String::new());
        }
    }
}

fn span(dom: &Dom, cell: NodeId, attribute: Attribute) -> usize {
    let span = dom.attribute(cell, attribute).and_then(|span| span.trim().parse().ok());
    span.unwrap_or(1).clamp(1, MAX_SPAN)
}

/// Returns the rows of a table, without those of tables within.
fn rows_of(dom: &Dom, table: NodeId) -> impl Iterator<Item = NodeId> {
    dom.children(table).flat_map(move |child| {
        let is_row = dom.tag(child) == Some(Tag::Tr);
        let is_row_group = matches!(dom.tag(child), Some(Tag::Thead | Tag::Tbody | Tag::Tfoot));
        let rows = dom
            .children(child)
            .filter(move |row| is_row_group && dom.tag(*row) == Some(Tag::Tr));
        is_row.then_some(child).into_iter().chain(rows)
    })
}

fn cells_of(dom: &Dom, row: NodeId) -> impl Iterator<Item = NodeId> {
    dom.children(row)
        .filter(|cell| matches!(dom.tag(*cell), Some(Tag::Td | Tag::Th)))
}
