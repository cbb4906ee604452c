//! A function may do what it does, and nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use local::template::{Function, Statement};

use super::template;

/// The only wildcards: objects of tenants, archives of people, and models that callers name: their names are not known
/// beforehand.
const WILDCARDS: [&str; 7] = [
    "${UploadsBucket.Arn}/t/*",
    "${UploadsBucket.Arn}/models/*",
    "${UploadsBucket.Arn}/exports/*",
    "arn:${AWS::Partition}:bedrock:*::foundation-model/*",
    "arn:${AWS::Partition}:bedrock:${BedrockRegion}:${AWS::AccountId}:inference-profile/*",
    // The streams of a table; that of a restored one has another name.
    "${UsageTable.Arn}/stream/*",
    "${AppTable.Arn}/stream/*",
];

fn each(mut check: impl FnMut(&Function, &Statement)) {
    let template = template();
    for function in &template.functions {
        assert!(
            !function.statements.is_empty(),
            "{} has no permissions",
            function.crate_name
        );
        for statement in &function.statements {
            check(function, statement);
        }
    }
}

/// Every pair of action and resource that some function is granted.
fn grants() -> Vec<(String, String, String)> {
    let mut grants = vec![];
    each(|function, statement| {
        for action in &statement.actions {
            for resource in &statement.resources {
                grants.push((function.crate_name.clone(), action.clone(), resource.clone()));
            }
        }
    });
    grants
}

#[test]
fn no_function_is_granted_a_wildcard() {
    each(|function, statement| {
        assert_eq!(statement.effect, "Allow", "{}", function.crate_name);
        assert!(
            !statement.actions.is_empty() && !statement.resources.is_empty(),
            "{}",
            function.crate_name
        );
        for action in &statement.actions {
            assert!(!action.contains('*'), "{} may {action}", function.crate_name);
        }
        for resource in &statement.resources {
            assert!(
                !resource.contains('*') || WILDCARDS.contains(&resource.as_str()),
                "{} may reach {resource}",
                function.crate_name
            );
        }
    });
}

#[test]
fn every_function_has_a_role_of_its_own() {
    let template = template();
    let roles: BTreeSet<_> = template.functions.iter().map(|function| &function.role).collect();
    assert_eq!(roles.len(), template.functions.len());
}

#[test]
fn nobody_may_scan_a_table() {
    for (function, action, resource) in grants() {
        assert_ne!(action, "dynamodb:Scan", "{function} on {resource}");
    }
}

#[test]
fn the_audit_log_is_append_only() {
    for (function, action, resource) in grants() {
        if resource.contains("AuditTable") {
            let allowed = ["dynamodb:PutItem", "dynamodb:Query", "dynamodb:GetItem"];
            assert!(
                allowed.contains(&action.as_str()),
                "{function} may {action} on {resource}"
            );
        }
    }
}

#[test]
fn a_queue_is_consumed_by_its_worker_alone() {
    let template = template();
    for (name, action, resource) in grants() {
        if action == "sqs:ReceiveMessage" || action == "sqs:DeleteMessage" {
            let queue = resource.split('.').next().unwrap_or_default();
            let function = template.function(&name).unwrap_or_else(|| panic!("{name} is deployed"));
            assert!(
                function.sources.iter().any(|source| source.queue == queue),
                "{name} may {action} on {resource}"
            );
        }
    }
}

/// Permissions that no test needs, each with the reason why it is there all the same: function, action, resource as
/// `template.yaml` writes it, reason. `*` stands for all functions or resources; `~` before a function says that a race
/// decides whether it needs it.
const UNUSED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/drift/unused_grants.tsv");

fn needs_no_test(row: &str, (function, action, resource): &(String, String, String)) -> bool {
    let cells: Vec<_> = row.split('\t').collect();
    let [of_function, of_action, of_resource, reason] = cells[..] else {
        panic!("not four cells: {row:?}")
    };
    assert!(reason.len() > 20, "not a reason: {row:?}");
    (of_function == "*" || of_function.trim_start_matches('~') == function)
        && of_action == action
        && (of_resource == "*" || of_resource == resource)
}

/// `make test` runs it when all others have run, with what these noted.
#[test]
#[ignore = "looks at what the whole suite needed"]
fn every_permission_is_needed_by_a_test_or_has_a_reason() {
    let noted = std::env::var("PARLANCE_GRANTS_USED").expect("where the suite noted what it needed");
    let noted = std::fs::read_to_string(noted).expect("the suite ran before");
    let used: BTreeSet<&str> = noted.lines().collect();
    let listed = std::fs::read_to_string(UNUSED).expect("the list of reasons");
    let rows: Vec<&str> = listed.lines().filter(|row| !row.starts_with('#')).collect();
    let mut excused: BTreeSet<&&str> = BTreeSet::new();
    let mut unused = String::new();
    for grant in grants() {
        let line = format!("{}\t{}\t{}", grant.0, grant.1, grant.2);
        let reasons: Vec<&&str> = rows.iter().filter(|row| needs_no_test(row, &grant)).collect();
        if used.contains(&*line) {
            // A row for all functions may concern some only.
            let own = reasons.iter().find(|row| !row.starts_with(['*', '~']));
            assert!(own.is_none(), "needed, and listed as if it were not: {line}");
        } else if reasons.is_empty() {
            writeln!(unused, "{line}").expect("a string takes text");
        }
        excused.extend(reasons);
    }
    assert!(
        unused.is_empty(),
        "no test needs these, and no reason is listed:\n{unused}"
    );
    for row in &rows {
        assert!(excused.contains(&row), "a reason for nothing: {row}");
    }
}
