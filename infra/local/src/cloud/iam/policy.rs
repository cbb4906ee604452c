//! The permissions of a role: the statements of its policies, compiled so that a request costs a look-up.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::names::Names;
use crate::template::{Conditions, Statement, TemplateError};

/// One access of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// Such as `dynamodb:GetItem`.
    pub(crate) action: String,
    /// The ARN of the resource.
    pub(crate) resource: String,
    /// Values of condition keys, such as `dynamodb:LeadingKeys`.
    pub(crate) context: Vec<(&'static str, Vec<String>)>,
}

impl Access {
    pub(crate) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            context: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, key: &'static str, values: Vec<String>) -> Self {
        self.context.push((key, values));
        self
    }

    fn values(&self, key: &str) -> Option<&[String]> {
        let found = self.context.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
        found.map(|(_, values)| values.as_slice())
    }
}

/// The decision on an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    AccessDenied,
}

/// The statements of a role by action, in lower case.
#[derive(Debug, Default)]
pub(crate) struct Policy(HashMap<String, Vec<Rule>>);

/// One action on one resource.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) action: String,
    /// As written in the template.
    pub(crate) reference: String,
    denies: bool,
    resource: Pattern,
    conditions: Vec<Condition>,
    used: AtomicBool,
}

impl Rule {
    /// Returns whether it ever allowed an access.
    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }
}

impl Policy {
    /// # Errors
    /// A statement has an unsupported element, which would otherwise be assumed to hold.
    pub(crate) fn compile(
        statements: &[Statement],
        names: &Names,
        conditions: &Conditions,
    ) -> Result<Self, TemplateError> {
        let mut rules: HashMap<String, Vec<Rule>> = HashMap::new();
        let parameter = |name: &str| names.value(name);
        for statement in statements {
            if let Some(name) = &statement.only_if
                && !conditions.hold(name, &parameter)?
            {
                continue;
            }
            let denies = match statement.effect.as_str() {
                "Allow" => false,
                "Deny" => true,
                other => {
                    return Err(TemplateError::new(format!(
                        "a statement has the unknown effect {other:?}"
                    )));
                }
            };
            for action in &statement.actions {
                if action.contains(['*', '?']) {
                    return Err(TemplateError::new(format!(
                        "{action}: actions are named one by one here"
                    )));
                }
                for reference in &statement.resources {
                    rules.entry(action.to_ascii_lowercase()).or_default().push(Rule {
                        action: action.clone(),
                        reference: reference.clone(),
                        denies,
                        resource: Pattern::new(&names.arn(reference)?),
                        conditions: statement
                            .conditions
                            .iter()
                            .map(Condition::compile)
                            .collect::<Result<_, _>>()?,
                        used: AtomicBool::new(false),
                    });
                }
            }
        }
        Ok(Self(rules))
    }

    /// Decides, and records the rule that allowed the access.
    pub(crate) fn decide(&self, access: &Access) -> Decision {
        let rules = self.0.get(&access.action.to_ascii_lowercase());
        let mut fitting = rules.into_iter().flatten().filter(|rule| {
            rule.resource.matches(&access.resource) && rule.conditions.iter().all(|condition| condition.holds(access))
        });
        let Some(first) = fitting.next() else {
            return Decision::NotAllowed;
        };
        if first.denies || fitting.any(|rule| rule.denies) {
            return Decision::AccessDenied;
        }
        first.used.store(true, Ordering::Relaxed);
        Decision::Allowed
    }

    /// Returns all rules that allow something.
    pub(crate) fn grants(&self) -> impl Iterator<Item = &Rule> {
        self.0.values().flatten().filter(|rule| !rule.denies)
    }
}

/// A text with `*` for any characters and `?` for one.
#[derive(Debug)]
struct Pattern(String);

impl Pattern {
    fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut at, mut next) = (0, 0);
        // The position of the last star, and how much of the text it matches.
        let mut star = None;
        while next < text.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, next));
                    at += 1;
                }
                Some(&wanted) if wanted == b'?' || wanted == text[next] => {
                    at += 1;
                    next += 1;
                }
                _ => {
                    let Some((star_at, taken)) = star else { return false };
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    next = taken + 1;
                }
            }
        }
        pattern[at..].iter().all(|rest| *rest == b'*')
    }
}

/// One line of a statement's `Condition`.
#[derive(Debug)]
struct Condition {
    key: String,
    quantity: Quantity,
    values: Vec<Pattern>,
}

/// Which of a key's values have to match.
#[derive(Debug, Clone, Copy)]
enum Quantity {
    /// The single value.
    One,
    /// Every value, even if there is none.
    All,
    /// At least one value.
    Any,
}

/// The supported condition keys.
const KEYS: [&str; 2] = ["dynamodb:LeadingKeys", "s3:prefix"];

impl Condition {
    fn compile(line: &crate::template::Condition) -> Result<Self, TemplateError> {
        let (quantity, operator) = match line.operator.split_once(':') {
            Some(("ForAllValues", operator)) => (Quantity::All, operator),
            Some(("ForAnyValue", operator)) => (Quantity::Any, operator),
            _ => (Quantity::One, line.operator.as_str()),
        };
        let wildcards = match operator {
            "StringLike" => true,
            "StringEquals" => false,
            _ => {
                return Err(TemplateError::new(format!(
                    "the condition {} is not known here",
                    line.operator
                )));
            }
        };
        if !KEYS.contains(&line.key.as_str()) {
            return Err(TemplateError::new(format!(
                "the condition key {} is not known here",
                line.key
            )));
        }
        if !wildcards && line.values.iter().any(|value| value.contains(['*', '?'])) {
            return Err(TemplateError::new(format!("{}: wildcards need StringLike", line.key)));
        }
        Ok(Self {
            key: line.key.clone(),
            quantity,
            values: line.values.iter().map(|value| Pattern::new(value)).collect(),
        })
    }

    fn holds(&self, access: &Access) -> bool {
        let fits = |value: &String| self.values.iter().any(|pattern| pattern.matches(value));
        let values = access.values(&self.key);
        match self.quantity {
            // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
            Quantity::All => values.unwrap_or_default().iter().all(fits),
            Quantity::Any => values.unwrap_or_default().iter().any(fits),
            Quantity::One => matches!(values, Some([value]) if fits(value)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn statement(effect: &str, actions: &[&str], resources: &[&str]) -> Statement {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Statement {
            effect: effect.to_owned(),
            actions: owned(actions),
            resources: owned(resources),
            conditions: vec![],
            only_if: None,
        }
    }

    fn when(mut statement: Statement, operator: &str, key: &str, values: &[&str]) -> Statement {
        statement.conditions.push(crate::template::Condition {
            operator: operator.to_owned(),
            key: key.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        });
        statement
    }

    fn policy(statements: &[Statement]) -> Policy {
        Policy::compile(statements, &Names::default(), &Conditions::default()).unwrap()
    }

    #[test]
    fn only_what_a_statement_allows_is_allowed_and_a_denial_wins() {
        let policy = policy(&[
            statement("Allow", &["s3:GetObject", "s3:PutObject"], &["arn:aws:s3:::b/t/*"]),
            statement("Deny", &["s3:PutObject"], &["arn:aws:s3:::b/t/locked"]),
        ]);
        let decide = |action: &str, key: &str| policy.decide(&Access::new(action, format!("arn:aws:s3:::b/{key}")));
        assert_eq!(decide("s3:GetObject", "t/one"), Decision::Allowed);
        assert_eq!(decide("s3:getobject", "t/one"), Decision::Allowed);
        assert_eq!(decide("s3:GetObject", "u/one"), Decision::NotAllowed);
        assert_eq!(decide("s3:DeleteObject", "t/one"), Decision::NotAllowed);
        assert_eq!(decide("s3:PutObject", "t/locked"), Decision::AccessDenied);
        let used: Vec<_> = policy
            .grants()
            .filter(|rule| rule.is_used())
            .map(|rule| &rule.action)
            .collect();
        assert_eq!(used, ["s3:GetObject"]);
    }

    #[test]
    fn stars_and_question_marks_stand_for_any_characters_and_for_one() {
        for (pattern, text, fits) in [
            ("arn:*:table/a", "arn:aws:dynamodb:table/a", true),
            ("arn:*:table/a", "arn:aws:dynamodb:table/ab", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c2b", false),
            ("secret-??????", "secret-abc123", true),
            ("secret-??????", "secret-abc12", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_condition_on_leading_keys_has_to_hold_for_every_item() {
        let allow = statement("Allow", &["dynamodb:PutItem"], &["arn:t"]);
        let policy = policy(&[when(
            allow,
            "ForAllValues:StringLike",
            "dynamodb:LeadingKeys",
            &["U#*", "O#*"],
        )]);
        let decide = |keys: &[&str]| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            policy.decide(&Access::new("dynamodb:PutItem", "arn:t").with("dynamodb:LeadingKeys", keys))
        };
        assert_eq!(decide(&["U#ada", "O#acme"]), Decision::Allowed);
        assert_eq!(decide(&["U#ada", "K#key"]), Decision::NotAllowed);
        // As on AWS: a missing value always matches.
        assert_eq!(decide(&[]), Decision::Allowed);
    }

    #[test]
    fn a_condition_on_one_value_does_not_hold_without_it() {
        let allow = statement("Allow", &["s3:ListBucket"], &["arn:b"]);
        let policy = policy(&[when(allow, "StringLike", "s3:prefix", &["t/*"])]);
        let list = Access::new("s3:ListBucket", "arn:b");
        assert_eq!(policy.decide(&list), Decision::NotAllowed);
        let below = |prefix: &str| list.clone().with("s3:prefix", vec![prefix.to_owned()]);
        assert_eq!(policy.decide(&below("t/acme/")), Decision::Allowed);
        assert_eq!(policy.decide(&below("exports/")), Decision::NotAllowed);
    }

    #[test]
    fn what_is_not_understood_is_refused_rather_than_believed() {
        let allow = || statement("Allow", &["dynamodb:GetItem"], &["arn:t"]);
        for unknown in [
            when(allow(), "NumericLessThan", "dynamodb:LeadingKeys", &["1"]),
            when(allow(), "StringEquals", "aws:SourceIp", &["127.0.0.1"]),
            when(allow(), "StringEquals", "dynamodb:LeadingKeys", &["U#*"]),
            statement("Allow", &["dynamodb:*"], &["arn:t"]),
            statement("Allow", &["dynamodb:GetItem"], &["NoSuchTable.Arn"]),
            statement("Maybe", &["dynamodb:GetItem"], &["arn:t"]),
        ] {
            let compiled = Policy::compile(
                std::slice::from_ref(&unknown),
                &Names::default(),
                &Conditions::default(),
            );
            assert!(compiled.is_err(), "{unknown:?}");
        }
    }
}
