//! A path is wired to the function whose route table serves it.

use std::collections::{BTreeMap, BTreeSet};

use super::template;

/// Paths that lead to `system` although no table has them: it answers 404.
const UNKNOWN: [&str; 1] = ["/{proxy}"];

#[test]
fn the_gateway_and_the_route_tables_know_the_same_paths() {
    let served: BTreeMap<_, _> = local::functions::groups()
        .into_iter()
        .map(|(name, api)| (name, api.operations()))
        .collect();
    for function in &template().functions {
        let operations = served.get(function.crate_name.as_str()).map_or(&[][..], Vec::as_slice);
        let table: BTreeSet<_> = operations.iter().map(|operation| operation.path.as_str()).collect();
        // A parameter that takes the rest of a path has a spelling of its own at the gateway.
        let wired: BTreeSet<_> = function
            .routes
            .iter()
            .map(|route| route.path.replace("+}", "}"))
            .collect();
        let wired: BTreeSet<_> = wired.iter().map(String::as_str).collect();
        let differ: Vec<_> = table
            .symmetric_difference(&wired)
            .filter(|path| !UNKNOWN.contains(path))
            .collect();
        assert!(
            differ.is_empty(),
            "{}: {differ:?} only in the table or only in template.yaml",
            function.crate_name
        );
    }
}

#[test]
fn the_route_table_alone_decides_on_methods() {
    for function in &template().functions {
        for route in &function.routes {
            assert_eq!(route.method, "ANY", "{} of {}", route.path, function.crate_name);
        }
    }
}
