//! Permissions: the embedded services do for a function what its role in `template.yaml` allows, and nothing else.
//!
//! The access key ID that signed the request identifies the caller: each function has credentials of its own, and those
//! of the developer have all permissions. Resource policies and AWS managed policies are ignored; no role of ours
//! relies on them.

mod dynamodb;
mod names;
mod policy;
mod refusal;
pub(super) mod s3;
pub(crate) mod sources;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response, header::AUTHORIZATION};
use bytes::Bytes;
use serde::Deserialize;

use self::names::Names;
pub(crate) use self::policy::Access;
use self::policy::{Decision, Policy};
use super::wire::target;
use super::{ACCESS_KEY_ID, ACCOUNT, APPLICATION_ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use crate::template::{Template, TemplateError};

/// Prefix of the access key ID of a function.
const FUNCTION: &str = "function-";

/// Returns the access key ID of a function.
pub fn access_key_id_of(function: &str) -> String {
    format!("{FUNCTION}{function}")
}

/// Returns the function that an access key ID belongs to; `None` if it is the developer's.
pub fn function_of(access_key_id: &str) -> Option<&str> {
    access_key_id.strip_prefix(FUNCTION)
}

/// Returns the access key ID in the signature that a request has in a header.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>
pub(super) fn access_key_id<T>(request: &Request<T>) -> Option<&str> {
    let signature = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = signature.split_once("Credential=")?;
    credential.split('/').next()
}

/// Returns the function that signed a request; `None` if the developer did, or it is not signed.
pub(super) fn caller<T>(request: &Request<T>) -> Option<&str> {
    access_key_id(request).and_then(function_of)
}

/// A permission of a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The crate of the function.
    pub function: String,
    /// Such as `dynamodb:GetItem`.
    pub action: String,
    /// As written in the template: `IdentityTable.Arn`.
    pub resource: String,
}

/// An access that a function was denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The crate of the function.
    pub function: String,
    /// Such as `dynamodb:GetItem`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
}

/// The roles of all functions, and what they were denied. Without roles no permission is checked.
#[derive(Debug, Default)]
pub struct Iam {
    roles: BTreeMap<&'static str, Role>,
    denials: Mutex<BTreeSet<Denial>>,
}

#[derive(Debug)]
struct Role {
    /// The ARN of a function's session under its role.
    session: String,
    policy: Policy,
}

/// A denial, in the words of AWS.
#[derive(Debug)]
pub(crate) struct AccessDenied {
    /// The ARN of the caller.
    session: String,
    action: String,
    resource: String,
    explicit: bool,
}

impl Iam {
    /// Reads the roles of `template.yaml`. `environment`: the functions' variables, such as the names of tables;
    /// `parameters`: those that differ from the template's defaults.
    ///
    /// # Errors
    /// A role has an unsupported element.
    /// A role has something that is not understood here.
    pub fn of_template(
        environment: &HashMap<String, String>,
        parameters: &[(&str, String)],
    ) -> Result<Self, TemplateError> {
        let template = Template::embedded()?;
        let names = Names::new(template, environment, parameters);
        let roles = template.functions.iter().map(|function| {
            let name = function.crate_name.as_str();
            let role = Role {
                session: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{name}", function.role),
                policy: Policy::compile(&function.statements, &names, &template.conditions)?,
            };
            Ok((name, role))
        });
        Ok(Self {
            roles: roles.collect::<Result<_, TemplateError>>()?,
            denials: Mutex::default(),
        })
    }

    /// Returns the secret of an access key; `None` if it is unknown.
    pub(super) fn secret_of(&self, access_key_id: &str) -> Option<&'static str> {
        let is_known = match function_of(access_key_id) {
            Some(function) => self.roles.is_empty() || self.roles.contains_key(function),
            None => [ACCESS_KEY_ID, APPLICATION_ACCESS_KEY_ID].contains(&access_key_id),
        };
        is_known.then_some(SECRET_ACCESS_KEY)
    }

    /// Checks whether a function may do all of this. What it may not do is logged and [recorded](Self::take_denials).
    pub(crate) fn authorize(&self, function: &str, accesses: &[Access]) -> Result<(), AccessDenied> {
        if self.roles.is_empty() {
            return Ok(());
        }
        let role = self.roles.get(function);
        for access in accesses {
            let decision = role.map_or(Decision::NotAllowed, |role| role.policy.decide(access));
            if decision != Decision::Allowed {
                return Err(self.deny(function, access, decision == Decision::AccessDenied));
            }
        }
        Ok(())
    }

    fn deny(&self, function: &str, access: &Access, explicit: bool) -> AccessDenied {
        let (action, resource) = (&access.action, &access.resource);
        tracing::error!(function, action, resource, context = ?access.context, "iam.denied: template.yaml does not allow it");
        self.denials
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Denial {
                function: function.to_owned(),
                action: action.clone(),
                resource: resource.clone(),
            });
        let unknown = || format!("arn:aws:sts::{ACCOUNT}:assumed-role/unknown/{function}");
        AccessDenied {
            session: self
                .roles
                .get(function)
                .map_or_else(unknown, |role| role.session.clone()),
            action: action.clone(),
            resource: resource.clone(),
            explicit,
        }
    }

    /// Returns what functions were denied since the last call.
    pub fn take_denials(&self) -> BTreeSet<Denial> {
        std::mem::take(&mut self.denials.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns all permissions, and whether each was ever needed.
    pub fn grants(&self) -> BTreeMap<Grant, bool> {
        let mut grants = BTreeMap::new();
        for (function, role) in &self.roles {
            for rule in role.policy.grants() {
                let grant = Grant {
                    function: (*function).to_owned(),
                    action: rule.action.clone(),
                    resource: rule.reference.clone(),
                };
                *grants.entry(grant).or_default() |= rule.is_used();
            }
        }
        grants
    }

    /// Checks a request to one of the JSON services. Returns the error response if it is denied.
    pub(super) fn check_json<T>(&self, function: &str, request: &Request<T>, body: &Bytes) -> Option<Response<Body>> {
        let (service, operation) = target(request);
        let accesses = match service {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => dynamodb::accesses(operation, body),
            "AmazonSQS" => queue_access(operation, body),
            "secretsmanager" => secret_access(operation, body),
            _ => return None,
        };
        // The service itself refuses an invalid body before it does anything.
        let accesses = accesses.ok()?;
        let denied = self.authorize(function, &accesses).err()?;
        Some(match service {
            "AmazonSQS" => refusal::of_queues(&denied),
            "secretsmanager" => refusal::of_secrets(&denied, body),
            _ => refusal::of_tables(&denied),
        })
    }
}

impl std::error::Error for AccessDenied {}

impl std::fmt::Display for AccessDenied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            session,
            action,
            resource,
            ..
        } = self;
        write!(
            f,
            "User: {session} is not authorized to perform: {action} on resource: {resource} {}",
            self.reason()
        )
    }
}

impl AccessDenied {
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
    fn reason(&self) -> String {
        if self.explicit {
            "with an explicit deny in an identity-based policy".to_owned()
        } else {
            format!("because no identity-based policy allows the {} action", self.action)
        }
    }
}

/// Batches need the permission of the single operation.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>
fn queue_access(operation: &str, body: &[u8]) -> Result<Vec<Access>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Queue {
        queue_url: Option<String>,
        queue_name: Option<String>,
    }
    let Queue { queue_url, queue_name } = serde_json::from_slice(body)?;
    let name = queue_url.or(queue_name);
    let name = name.as_deref().and_then(|url| url.rsplit('/').next());
    let action = operation.strip_suffix("Batch").unwrap_or(operation);
    let resource = name.map_or_else(|| "*".to_owned(), names::queue);
    Ok(vec![Access::new(format!("sqs:{action}"), resource)])
}

fn secret_access(operation: &str, body: &[u8]) -> Result<Vec<Access>, serde_json::Error> {
    let resource = secret_of(body)?.map_or_else(
        || "*".to_owned(),
        |id| super::secrets::arn(super::secrets::name_of(&id)),
    );
    Ok(vec![Access::new(format!("secretsmanager:{operation}"), resource)])
}

/// Returns the secret as the request names it.
fn secret_of(body: &[u8]) -> Result<Option<String>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Secret {
        secret_id: Option<String>,
        name: Option<String>,
    }
    let Secret { secret_id, name } = serde_json::from_slice(body)?;
    Ok(secret_id.or(name))
}
