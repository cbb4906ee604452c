//! Names of the template's resources in the embedded cloud.

use std::collections::HashMap;

use super::super::{ACCOUNT, REGION, secrets};
use crate::template::{Template, TemplateError};

/// ARNs of resources, and values of parameters.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Values by reference: `IdentityTable.Arn`, `JwtSecret`, `AWS::Region`.
    values: HashMap<String, String>,
}

impl Names {
    /// `environment`: the functions' variables, such as `TABLE_APP`; `parameters`: those that differ from the
    /// template's defaults.
    pub(crate) fn new(
        template: &Template,
        environment: &HashMap<String, String>,
        parameters: &[(&str, String)],
    ) -> Self {
        let mut names = Self::default();
        for (name, value) in [("Region", REGION), ("AccountId", ACCOUNT), ("Partition", "aws")] {
            names.set(format!("AWS::{name}"), value.to_owned());
        }
        for (name, value) in &template.parameters {
            names.set(name.clone(), value.clone());
        }
        for (name, value) in parameters {
            names.set((*name).to_owned(), value.clone());
        }
        // A variable that refers to a resource reveals its local name.
        let told = template.functions.iter().flat_map(|function| &function.environment);
        for (variable, resource) in told {
            let Some(name) = environment.get(variable) else {
                continue;
            };
            if template.tables.iter().any(|table| table.id == *resource) {
                names.set(format!("{resource}.Arn"), table(name));
                names.set(format!("{resource}.StreamArn"), format!("{}/stream/*", table(name)));
            } else if variable == "BUCKET" {
                names.set(format!("{resource}.Arn"), format!("arn:aws:s3:::{name}"));
            }
        }
        for queue in &template.queues {
            names.set(format!("{}.Arn", queue.id), self::queue(&queue.name));
        }
        for secret in &template.secrets {
            names.set(secret.id.clone(), secrets::arn(&secret.name));
        }
        for group in &template.log_groups {
            names.set(
                format!("{group}.Arn"),
                format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"),
            );
        }
        names
    }

    fn set(&mut self, reference: String, value: String) {
        self.values.insert(reference, value);
    }

    /// Returns the value of a parameter.
    pub(crate) fn value(&self, parameter: &str) -> Option<String> {
        self.values.get(parameter).cloned()
    }

    /// Returns the ARN for a reference of a statement.
    ///
    /// # Errors
    /// The reference is unknown.
    pub(crate) fn arn(&self, reference: &str) -> Result<String, TemplateError> {
        if let Some(known) = self.values.get(reference) {
            return Ok(known.clone());
        }
        let mut arn = String::new();
        let mut rest = reference;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let value = self.values.get(name);
            let value = value.ok_or_else(|| TemplateError::new(format!("{reference}: {name} is not known here")))?;
            arn += before;
            arn += value;
            rest = after;
        }
        arn += rest;
        if arn.starts_with("arn:") || arn == "*" {
            return Ok(arn);
        }
        Err(TemplateError::new(format!(
            "{reference} is not the ARN of anything known here"
        )))
    }
}

/// Returns the ARN of a table.
pub(super) fn table(name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
}

/// Returns the ARN of a queue.
pub(super) fn queue(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}
