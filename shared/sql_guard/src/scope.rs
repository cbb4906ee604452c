//! Which names are common table expressions, and where.

use std::collections::HashSet;

use sqlparser::ast::Query;

/// The names that are visible in a query and those around it. Each query is entered before its parts and left after
/// them.
#[derive(Default)]
pub(crate) struct Scope(Vec<Level>);

struct Level {
    /// Names in lower case that are visible in the query.
    visible: HashSet<String>,
    /// Names that are visible around it.
    around: HashSet<String>,
    /// Addresses of the queries of its expressions, with their names.
    expressions: Vec<(usize, String)>,
    is_recursive: bool,
}

impl Scope {
    pub(crate) fn enter(&mut self, query: &Query) {
        let around = self.visible_in(query);
        let with = query.with.as_ref();
        let expressions: Vec<(usize, String)> = with
            .iter()
            .flat_map(|with| &with.cte_tables)
            .map(|cte| (address(&cte.query), cte.alias.name.value.to_lowercase()))
            .collect();
        let own = expressions.iter().map(|(_, name)| name.clone());
        self.0.push(Level {
            visible: around.iter().cloned().chain(own).collect(),
            around,
            expressions,
            is_recursive: with.is_some_and(|with| with.recursive),
        });
    }

    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    /// Returns whether an unqualified name is a common table expression here.
    pub(crate) fn has(&self, name: &str) -> bool {
        let level = self.0.last();
        level.is_some_and(|level| level.visible.contains(&name.to_lowercase()))
    }

    /// Returns the names that are visible in a query from outside. An expression sees those before it, and itself only
    /// if it says that it is recursive: where a database is more generous, the query is refused.
    fn visible_in(&self, query: &Query) -> HashSet<String> {
        let Some(parent) = self.0.last() else {
            return HashSet::new();
        };
        let here = address(query);
        let Some(at) = parent.expressions.iter().position(|(address, _)| *address == here) else {
            return parent.visible.clone();
        };
        let seen = at + usize::from(parent.is_recursive);
        let before = parent.expressions.iter().take(seen).map(|(_, name)| name.clone());
        parent.around.iter().cloned().chain(before).collect()
    }
}

/// Boxed queries do not move while they are visited, so their addresses tell them apart.
fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}
