//! A function may do what it does, and nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use local::template::{Function, Statement};

use super::template;

/// The only wildcards: objects of tenants, archives of people, and models that callers name: their names are not known
/// beforehand.
const WILDCARDS: [&str; 4] = [
    "${UploadsBucket.Arn}/t/*",
    "${UploadsBucket.Arn}/exports/*",
    "arn:${AWS::Partition}:bedrock:*::foundation-model/*",
    "arn:${AWS::Partition}:bedrock:*:${AWS::AccountId}:inference-profile/*",
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

/// All permissions on one page, so that a change of one is a change somebody reviews.
#[test]
fn permissions_are_the_reviewed_ones() {
    let mut page = String::new();
    let mut grants = grants();
    grants.sort();
    let mut last = None;
    for (function, action, resource) in &grants {
        if last != Some(function) {
            writeln!(page, "{function}").expect("a string takes text");
            last = Some(function);
        }
        writeln!(page, "  {action:<30} {resource}").expect("a string takes text");
    }
    insta::assert_snapshot!(page);
}
