//! A path is wired to the function whose route table serves it.

use std::collections::BTreeSet;

use super::template;

/// Returns a path of the operations with its parameters replaced.
fn example(path: &str) -> String {
    let parts = path.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { "x1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn every_path_leads_to_the_function_whose_table_serves_it() {
    let mut unused: BTreeSet<_> = template()
        .functions
        .iter()
        .flat_map(|function| &function.routes)
        .map(|route| route.path.as_str())
        .collect();
    for (name, api) in local::functions::groups() {
        for operation in api.operations() {
            let found = template().route(&example(&operation.path));
            let (function, route) = found.unwrap_or_else(|| panic!("{} is not in template.yaml", operation.path));
            assert_eq!(
                function.crate_name, name,
                "{} leads to another function",
                operation.path
            );
            unused.remove(route.path.as_str());
        }
    }
    assert!(unused.is_empty(), "only in template.yaml: {unused:?}");
}

#[test]
fn the_route_table_alone_decides_on_methods() {
    for function in &template().functions {
        for route in &function.routes {
            assert_eq!(route.method, "ANY", "{} of {}", route.path, function.crate_name);
        }
    }
}
