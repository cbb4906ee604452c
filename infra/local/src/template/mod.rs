//! Access to `template.yaml`, which deploys the product: functions with their routes, event sources and permissions;
//! queues; tables; secrets. The local stack reads from here what AWS reads from there.

mod cloudformation;
mod conditions;
mod function;
mod gateway;
mod resources;
mod routes;

use std::sync::LazyLock;

use serde_json::Value;

use cloudformation::{list, logical_id};
pub use conditions::Conditions;
pub use function::{Condition, Function, QueueSource, Route, Statement, StreamSource};
pub use gateway::{CorsRule, GatewayResponse};
pub use resources::{Index, Keys, Queue, Secret, Table};

/// The template as it was when this program was built.
const EMBEDDED: &str = include_str!("../../../../template.yaml");

/// The template is invalid for this reader, as one sentence.
#[derive(Debug, Clone, thiserror::Error)]
#[error("template.yaml: {0}")]
pub struct TemplateError(String);

impl TemplateError {
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }
}

/// What the template deploys.
#[derive(Debug)]
pub struct Template {
    /// Parameters with a default, and the default.
    pub parameters: Vec<(String, String)>,
    /// Its conditions.
    pub conditions: Conditions,
    /// Every `AWS::Serverless::Function`.
    pub functions: Vec<Function>,
    /// Every `AWS::DynamoDB::Table`.
    pub tables: Vec<Table>,
    /// Every `AWS::SQS::Queue`, dead-letter queues included.
    pub queues: Vec<Queue>,
    /// Every `AWS::SecretsManager::Secret`.
    pub secrets: Vec<Secret>,
    /// Logical IDs of the log groups.
    pub log_groups: Vec<String>,
    /// Logical IDs of the queues whose depth triggers an alarm.
    pub alarmed_queues: Vec<String>,
    /// The gateway's own responses.
    pub gateway_responses: Vec<GatewayResponse>,
    /// The CORS rules of the bucket, for the origins of `BrowserOrigins`.
    pub bucket_cors: Vec<CorsRule>,
    paths: routes::Paths,
}

impl Template {
    /// Returns the template that is part of this program, read once per process.
    ///
    /// # Errors
    /// The template has an element that this reader does not support.
    pub fn embedded() -> Result<&'static Self, TemplateError> {
        static PARSED: LazyLock<Result<Template, TemplateError>> = LazyLock::new(|| Template::parse(EMBEDDED));
        PARSED.as_ref().map_err(Clone::clone)
    }

    fn parse(text: &str) -> Result<Self, TemplateError> {
        let document = cloudformation::parse(text)?;
        let Some(resources) = document["Resources"].as_object() else {
            return Err(TemplateError("it has no resources".to_owned()));
        };
        let of_type = |wanted: &'static str| {
            resources
                .iter()
                .filter(move |(_, resource)| resource["Type"] == wanted)
                .map(|(id, resource)| (id.as_str(), resource))
        };
        let globals = &document["Globals"]["Function"];
        let role = |id: &str| &document["Resources"][id]["Properties"];
        let parameters = document["Parameters"].as_object().into_iter().flatten();
        let functions = of_type("AWS::Serverless::Function")
            .map(|(id, resource)| Function::read(id, &resource["Properties"], globals, role))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            paths: routes::Paths::of(&functions)?,
            parameters: parameters
                .filter_map(|(name, parameter)| Some((name.clone(), parameter["Default"].as_str()?.to_owned())))
                .collect(),
            conditions: Conditions::read(&document["Conditions"]),
            functions,
            tables: of_type("AWS::DynamoDB::Table")
                .map(|(id, resource)| Table::read(id, &resource["Properties"]))
                .collect(),
            queues: of_type("AWS::SQS::Queue")
                .map(|(id, resource)| Queue::read(id, &resource["Properties"]))
                .collect(),
            secrets: of_type("AWS::SecretsManager::Secret")
                .map(|(id, resource)| Secret::read(id, resource))
                .collect(),
            log_groups: of_type("AWS::Logs::LogGroup").map(|(id, _)| id.to_owned()).collect(),
            alarmed_queues: of_type("AWS::CloudWatch::Alarm")
                .flat_map(|(_, resource)| list(&resource["Properties"]["Dimensions"]))
                .filter(|dimension| dimension["Name"] == "QueueName")
                .map(|dimension| logical_id(&dimension["Value"]))
                .collect(),
            gateway_responses: of_type("AWS::Serverless::Api")
                .flat_map(|(_, resource)| GatewayResponse::read_all(&resource["Properties"]))
                .collect(),
            bucket_cors: of_type("AWS::S3::Bucket")
                .flat_map(|(_, resource)| CorsRule::read_all(&resource["Properties"]))
                .collect(),
        })
    }

    /// Returns the function that runs a crate.
    pub fn function(&self, crate_name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.crate_name == crate_name)
    }

    /// Returns the function that handles a path of the gateway, and its route.
    pub fn route(&self, path: &str) -> Option<(&Function, &Route)> {
        self.paths.find(&self.functions, path)
    }

    /// Returns the gateway's own response of this type, or the default one of its class.
    pub fn gateway_response(&self, kind: &str, status: u16) -> Option<&GatewayResponse> {
        let of_kind = |wanted: &str| self.gateway_responses.iter().find(|response| response.kind == wanted);
        let default = if status < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
        of_kind(kind).or_else(|| of_kind(default))
    }

    /// Returns the queue with this logical ID.
    pub fn queue(&self, id: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.id == id)
    }

    /// Returns the queue with this name, such as `index_documents`.
    pub fn queue_named(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }
}

/// Returns a physical name without the stack's name in front, which local names do not have: `send_mail` for
/// `${AWS::StackName}-send_mail`, `JWT_SECRET` for `${AWS::StackName}/JWT_SECRET`.
fn name_in_stack(name: &Value) -> String {
    let name = cloudformation::reference(name);
    let own = name
        .strip_prefix("${AWS::StackName}")
        .and_then(|name| name.strip_prefix(['-', '/']));
    own.unwrap_or(&name).to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_read_with_its_queue_and_its_limits() {
        let template = Template::parse(
            r#"
Globals: { Function: { Timeout: 29, MemorySize: 512 } }
Resources:
  PurgeFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/purge/
      Role: !GetAtt PurgeRole.Arn
      Timeout: 900
      Events:
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt PurgeQueue.Arn
            BatchSize: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: { MaximumConcurrency: 2 }
  PurgeRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - Effect: Allow
                Action: dynamodb:GetItem
                Resource: [!GetAtt T.Arn, !Sub "${T.Arn}/index/by_id"]
                Condition: { "ForAllValues:StringLike": { dynamodb:LeadingKeys: ["U#*", "O#*"] } }
  PurgeQueue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub ${AWS::StackName}-purge
      VisibilityTimeout: 5400
      RedrivePolicy: { deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 5 }
"#,
        )
        .unwrap();
        let purge = template.function("purge").unwrap();
        assert_eq!((purge.timeout_seconds, purge.memory_mb), (900, 512));
        let source = &purge.sources[0];
        assert_eq!((source.batch_size, source.max_concurrency), (1, Some(2)));
        let queue = template.queue(&source.queue).unwrap();
        assert_eq!((&*queue.name, queue.visibility_timeout_seconds), ("purge", 5400));
        assert_eq!(queue.dead_letters, Some(("DeadLetters".to_owned(), 5)));
        let statement = &purge.statements[0];
        assert_eq!(statement.actions, ["dynamodb:GetItem"]);
        assert_eq!(statement.resources, ["T.Arn", "${T.Arn}/index/by_id"]);
        let condition = &statement.conditions[0];
        assert_eq!(condition.operator, "ForAllValues:StringLike");
        assert_eq!(condition.key, "dynamodb:LeadingKeys");
        assert_eq!(condition.values, ["U#*", "O#*"]);
    }

    #[test]
    fn the_embedded_template_deploys_every_function_with_permissions() {
        let template = Template::embedded().unwrap();
        assert!(
            template
                .functions
                .iter()
                .all(|function| !function.statements.is_empty())
        );
        assert!(template.secrets.iter().any(|secret| secret.name == "JWT_SECRET"));
        assert!(template.queue_named("index_documents").is_some());
    }
}
