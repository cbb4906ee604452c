//! Functions, their triggers and their permissions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::TemplateError;
use super::cloudformation::{list, logical_id, reference, text};

/// The gateway's default timeout, in milliseconds.
const BUFFERED_MILLIS: u64 = 29_000;

/// An `AWS::Serverless::Function` with its role.
#[derive(Debug)]
pub struct Function {
    /// Its logical id.
    pub id: String,
    /// The crate whose binary it runs.
    pub crate_name: String,
    /// Paths of the gateway that it handles.
    pub routes: Vec<Route>,
    /// Queues that trigger it.
    pub sources: Vec<QueueSource>,
    /// Tables whose changes trigger it.
    pub streams: Vec<StreamSource>,
    /// Schedule expressions, such as `rate(5 minutes)`.
    pub schedules: Vec<String>,
    /// The logical id of its role.
    pub role: String,
    /// The statements of its role's inline policies.
    pub statements: Vec<Statement>,
    /// Environment variables, including those of `Globals`.
    pub environment: BTreeMap<String, String>,
    /// The timeout of one invocation.
    pub timeout_seconds: u64,
    /// The memory of an instance, in MB.
    pub memory_mb: u64,
}

/// One path of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// With its placeholders, such as `/api/v1/orgs/{org_id}`.
    pub path: String,
    /// In capitals; `ANY` for every method.
    pub method: String,
    /// Whether the response is streamed.
    pub streaming: bool,
    /// The gateway's timeout for the response.
    pub timeout: Duration,
}

/// A queue that triggers a function.
#[derive(Debug)]
pub struct QueueSource {
    /// The logical id of the queue.
    pub queue: String,
    /// Maximum messages per invocation.
    pub batch_size: u64,
    /// Maximum concurrent invocations; `None` without a limit.
    pub max_concurrency: Option<u64>,
    /// Whether single messages of a batch may fail.
    pub partial_failures: bool,
}

/// A table whose changes trigger a function.
#[derive(Debug)]
pub struct StreamSource {
    /// The logical id of the table.
    pub table: String,
    /// Where a new mapping begins.
    pub from: String,
    /// Whether the function may report the record from which a batch failed.
    pub partial_failures: bool,
    /// Whether a failed batch is split in two.
    pub bisects: bool,
    /// Concurrent batches per shard.
    pub parallel: u64,
    /// Batching window in seconds.
    pub window_seconds: u64,
    /// Maximum retries of a batch; `None` until its records expire.
    pub retries: Option<u64>,
    /// The logical ID of the queue that receives abandoned batches.
    pub gives_up_to: String,
    /// Patterns of records, one of which has to match.
    pub filters: Vec<Value>,
}

/// A statement of a role's policy. References are written as `Resource.Attribute`, `Resource`, or the text of a `!Sub`.
#[derive(Debug)]
pub struct Statement {
    /// `Allow` or `Deny`.
    pub effect: String,
    /// Such as `dynamodb:GetItem`.
    pub actions: Vec<String>,
    /// The resources of the actions.
    pub resources: Vec<String>,
    /// Conditions, all of which have to hold.
    pub conditions: Vec<Condition>,
    /// The [condition](super::Conditions) of the template on which the statement depends.
    pub only_if: Option<String>,
}

/// One line of a statement's `Condition`.
#[derive(Debug)]
pub struct Condition {
    /// Such as `ForAllValues:StringLike`.
    pub operator: String,
    /// Such as `dynamodb:LeadingKeys`.
    pub key: String,
    /// Values, one of which has to match.
    pub values: Vec<String>,
}

impl Function {
    /// `role`: the properties of a role by its logical id.
    pub(super) fn read<'a>(
        id: &str,
        properties: &Value,
        globals: &Value,
        role: impl FnOnce(&str) -> &'a Value,
    ) -> Result<Self, TemplateError> {
        let code = text(&properties["CodeUri"]);
        let role_id = logical_id(&properties["Role"]);
        let setting = |name: &str| properties[name].as_u64().or(globals[name].as_u64());
        let mut function = Self {
            id: id.to_owned(),
            crate_name: code
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned(),
            routes: vec![],
            sources: vec![],
            streams: vec![],
            schedules: vec![],
            statements: statements(role(&role_id))?,
            role: role_id,
            environment: [globals, properties].into_iter().flat_map(environment).collect(),
            // https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
            timeout_seconds: setting("Timeout").unwrap_or(3),
            memory_mb: setting("MemorySize").unwrap_or(128),
        };
        for (name, event) in properties["Events"].as_object().into_iter().flatten() {
            function.add_event(name, event)?;
        }
        function.routes.sort();
        Ok(function)
    }

    fn add_event(&mut self, name: &str, event: &Value) -> Result<(), TemplateError> {
        let properties = &event["Properties"];
        match event["Type"].as_str() {
            Some("Api") => self.routes.push(Route {
                path: text(&properties["Path"]),
                method: text(&properties["Method"]).to_uppercase(),
                streaming: properties["ResponseTransferMode"] == "RESPONSE_STREAM",
                timeout: Duration::from_millis(properties["TimeoutInMillis"].as_u64().unwrap_or(BUFFERED_MILLIS)),
            }),
            Some("SQS") => self.sources.push(QueueSource {
                queue: logical_id(&properties["Queue"]),
                batch_size: properties["BatchSize"].as_u64().unwrap_or(10),
                max_concurrency: properties["ScalingConfig"]["MaximumConcurrency"].as_u64(),
                partial_failures: reports_failures(properties),
            }),
            Some("DynamoDB") => self.streams.push(StreamSource::read(properties)),
            Some("ScheduleV2") => self.schedules.push(text(&properties["ScheduleExpression"])),
            other => {
                let other = other.unwrap_or("none");
                return Err(TemplateError(format!(
                    "event {name} of {} has the unknown type {other}",
                    self.id
                )));
            }
        }
        Ok(())
    }
}

impl StreamSource {
    fn read(properties: &Value) -> Self {
        let filters = list(&properties["FilterCriteria"]["Filters"]).into_iter();
        Self {
            table: logical_id(&properties["Stream"]),
            from: text(&properties["StartingPosition"]),
            partial_failures: reports_failures(properties),
            bisects: properties["BisectBatchOnFunctionError"] == true,
            parallel: properties["ParallelizationFactor"].as_u64().unwrap_or(1),
            window_seconds: properties["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0),
            retries: properties["MaximumRetryAttempts"].as_u64(),
            gives_up_to: logical_id(&properties["DestinationConfig"]["OnFailure"]["Destination"]),
            filters: filters
                .map(|filter| serde_json::from_str(&text(&filter["Pattern"])).unwrap_or_default())
                .collect(),
        }
    }
}

fn reports_failures(source: &Value) -> bool {
    let kinds = list(&source["FunctionResponseTypes"]);
    kinds.into_iter().any(|kind| kind == "ReportBatchItemFailures")
}

fn environment(properties: &Value) -> Vec<(String, String)> {
    let variables = properties["Environment"]["Variables"].as_object();
    variables
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), reference(value)))
        .collect()
}

fn statements(role: &Value) -> Result<Vec<Statement>, TemplateError> {
    list(&role["Policies"])
        .iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]))
        .map(|statement| match statement["Fn::If"].as_array().map(Vec::as_slice) {
            None => Ok(Statement::read(statement, None)),
            Some([Value::String(name), statement, otherwise]) if otherwise["Ref"] == "AWS::NoValue" => {
                Ok(Statement::read(statement, Some(name.clone())))
            }
            Some(_) => Err(TemplateError(format!("a statement is one of two: {statement}"))),
        })
        .collect()
}

impl Statement {
    fn read(statement: &Value, only_if: Option<String>) -> Self {
        let references = |value: &Value| list(value).into_iter().map(reference).collect();
        Self {
            effect: text(&statement["Effect"]),
            actions: references(&statement["Action"]),
            resources: references(&statement["Resource"]),
            conditions: conditions(&statement["Condition"]),
            only_if,
        }
    }
}

fn conditions(block: &Value) -> Vec<Condition> {
    let operators = block.as_object().into_iter().flatten();
    operators
        .flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| Condition {
                operator: operator.clone(),
                key: key.clone(),
                values: list(values).into_iter().map(reference).collect(),
            })
        })
        .collect()
}
