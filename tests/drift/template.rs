//! `template.yaml` as the tests want to ask it: functions with their routes, sources and permissions; tables; queues.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::cloudformation::{self, list, reference};

/// The parts of the template that the code must agree with.
pub(crate) struct Template {
    pub(crate) functions: Vec<Function>,
    pub(crate) tables: Vec<Table>,
    pub(crate) queues: Vec<Queue>,
    /// Names of the queues whose depth raises an alarm.
    pub(crate) alarmed_queues: Vec<String>,
}

/// An `AWS::Serverless::Function` with its role.
pub(crate) struct Function {
    /// Its logical id.
    pub(crate) id: String,
    /// The crate whose binary it runs.
    pub(crate) crate_name: String,
    pub(crate) routes: Vec<Route>,
    pub(crate) sources: Vec<QueueSource>,
    pub(crate) streams: Vec<StreamSource>,
    /// Schedule expressions, such as `rate(5 minutes)`.
    pub(crate) schedules: Vec<String>,
    /// The logical id of its role.
    pub(crate) role: String,
    pub(crate) statements: Vec<Statement>,
    /// Environment variables, those of `Globals` included.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) timeout_seconds: u64,
}

/// One path of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) path: String,
    /// In capitals; `ANY` for every method.
    pub(crate) method: String,
    pub(crate) streaming: bool,
}

/// A queue that feeds a function.
pub(crate) struct QueueSource {
    /// The logical id of the queue.
    pub(crate) queue: String,
    pub(crate) batch_size: u64,
    /// Whether single messages of a batch may fail.
    pub(crate) partial_failures: bool,
}

/// A table whose changes feed a function.
pub(crate) struct StreamSource {
    /// The logical id of the table.
    pub(crate) table: String,
    /// Where a new mapping begins.
    pub(crate) from: String,
    /// Whether it may be told from which record on a batch failed, and halves what fails as a whole.
    pub(crate) partial_failures: bool,
    pub(crate) bisects: bool,
    /// Batches of a shard that are worked on at the same time.
    pub(crate) parallel: u64,
    pub(crate) window_seconds: u64,
    pub(crate) retries: Option<u64>,
    /// The logical id of the queue that is told what was given up.
    pub(crate) gives_up_to: String,
    /// Patterns of records, one of which has to fit.
    pub(crate) filters: Vec<Value>,
}

/// What a role may do. References are written as `Resource.Attribute`, `Resource`, or the text of a `!Sub`.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) effect: String,
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
}

/// An `AWS::DynamoDB::Table`.
pub(crate) struct Table {
    /// The logical id.
    pub(crate) id: String,
    pub(crate) keys: Keys,
    pub(crate) indexes: Vec<Index>,
    /// The TTL attribute.
    pub(crate) ttl: Option<String>,
    /// What the change stream shows.
    pub(crate) stream: Option<String>,
    pub(crate) point_in_time_recovery: bool,
    pub(crate) deletion_protection: bool,
}

/// A global secondary index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) keys: Keys,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub(crate) projection: String,
}

/// Attributes that form the partition key and the sort key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) hash: Vec<String>,
    pub(crate) range: Vec<String>,
}

/// An `AWS::SQS::Queue`.
pub(crate) struct Queue {
    /// The logical id.
    pub(crate) id: String,
    pub(crate) visibility_timeout_seconds: u64,
    /// The logical id of its dead-letter queue, and after how many attempts a message goes there.
    pub(crate) dead_letters: Option<(String, u64)>,
}

/// The folder that holds `template.yaml`.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map_or_else(|| tests.to_owned(), Path::to_owned)
}

impl Template {
    /// Reads `template.yaml`.
    pub(crate) fn read() -> Self {
        let document = cloudformation::read(&root().join("template.yaml"));
        let globals = &document["Globals"]["Function"];
        let Some(resources) = document["Resources"].as_object() else {
            panic!("template.yaml has no resources")
        };
        let of_type = |wanted: &'static str| {
            resources
                .iter()
                .filter(move |(_, resource)| resource["Type"] == wanted)
                .map(|(id, r)| (id.clone(), r))
        };
        Self {
            functions: of_type("AWS::Serverless::Function")
                .map(|(id, r)| function(id, r, globals, &document))
                .collect(),
            tables: of_type("AWS::DynamoDB::Table")
                .map(|(id, r)| table(id, &r["Properties"]))
                .collect(),
            queues: of_type("AWS::SQS::Queue")
                .map(|(id, r)| queue(id, &r["Properties"]))
                .collect(),
            alarmed_queues: of_type("AWS::CloudWatch::Alarm")
                .flat_map(|(_, r)| list(&r["Properties"]["Dimensions"]))
                .filter(|dimension| dimension["Name"] == "QueueName")
                .map(|dimension| resource_of(&dimension["Value"]))
                .collect(),
        }
    }

    /// The function that runs a crate.
    pub(crate) fn function(&self, crate_name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.crate_name == crate_name)
    }

    /// The queue of a logical id.
    pub(crate) fn queue(&self, id: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.id == id)
    }
}

fn function(id: String, resource: &Value, globals: &Value, document: &Value) -> Function {
    let properties = &resource["Properties"];
    let code = text(&properties["CodeUri"]);
    let role = resource_of(&properties["Role"]);
    let mut found = Function {
        id,
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
        statements: statements(&document["Resources"][&role]["Properties"]),
        role,
        environment: [globals, properties].into_iter().flat_map(environment).collect(),
        timeout_seconds: properties["Timeout"]
            .as_u64()
            .or(globals["Timeout"].as_u64())
            .unwrap_or(3),
    };
    for (name, event) in properties["Events"].as_object().into_iter().flatten() {
        let event_properties = &event["Properties"];
        match event["Type"].as_str() {
            Some("Api") => found.routes.push(Route {
                path: text(&event_properties["Path"]),
                method: text(&event_properties["Method"]).to_uppercase(),
                streaming: event_properties["ResponseTransferMode"] == "RESPONSE_STREAM",
            }),
            Some("SQS") => found.sources.push(QueueSource {
                queue: resource_of(&event_properties["Queue"]),
                batch_size: event_properties["BatchSize"].as_u64().unwrap_or(10),
                partial_failures: reports_failures(event_properties),
            }),
            Some("DynamoDB") => found.streams.push(stream(event_properties)),
            Some("ScheduleV2") => found.schedules.push(text(&event_properties["ScheduleExpression"])),
            other => panic!("event {name} of {}: the tests do not know the type {other:?}", found.id),
        }
    }
    found.routes.sort();
    found
}

fn reports_failures(source: &Value) -> bool {
    let kinds = list(&source["FunctionResponseTypes"]);
    kinds.into_iter().any(|kind| kind == "ReportBatchItemFailures")
}

fn stream(source: &Value) -> StreamSource {
    let filters = list(&source["FilterCriteria"]["Filters"]).into_iter();
    StreamSource {
        table: resource_of(&source["Stream"]),
        from: text(&source["StartingPosition"]),
        partial_failures: reports_failures(source),
        bisects: source["BisectBatchOnFunctionError"] == true,
        parallel: source["ParallelizationFactor"].as_u64().unwrap_or(1),
        window_seconds: source["MaximumBatchingWindowInSeconds"].as_u64().unwrap_or(0),
        retries: source["MaximumRetryAttempts"].as_u64(),
        gives_up_to: resource_of(&source["DestinationConfig"]["OnFailure"]["Destination"]),
        filters: filters
            .map(|filter| serde_json::from_str(&text(&filter["Pattern"])).unwrap_or_default())
            .collect(),
    }
}

fn environment(properties: &Value) -> Vec<(String, String)> {
    let variables = properties["Environment"]["Variables"].as_object();
    variables
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), reference(value)))
        .collect()
}

fn statements(role: &Value) -> Vec<Statement> {
    list(&role["Policies"])
        .iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]))
        .map(|statement| Statement {
            effect: text(&statement["Effect"]),
            actions: list(&statement["Action"]).into_iter().map(reference).collect(),
            resources: list(&statement["Resource"]).into_iter().map(reference).collect(),
        })
        .collect()
}

fn table(id: String, properties: &Value) -> Table {
    Table {
        id,
        keys: keys(&properties["KeySchema"]),
        indexes: list(&properties["GlobalSecondaryIndexes"])
            .into_iter()
            .map(|index| Index {
                name: text(&index["IndexName"]),
                keys: keys(&index["KeySchema"]),
                projection: text(&index["Projection"]["ProjectionType"]),
            })
            .collect(),
        ttl: Some(&properties["TimeToLiveSpecification"])
            .filter(|ttl| ttl["Enabled"] == true)
            .map(|ttl| text(&ttl["AttributeName"])),
        stream: properties["StreamSpecification"]["StreamViewType"]
            .as_str()
            .map(str::to_owned),
        point_in_time_recovery: properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] == true,
        deletion_protection: properties["DeletionProtectionEnabled"] == true,
    }
}

fn keys(schema: &Value) -> Keys {
    let of = |kind: &str| {
        let elements = list(schema).into_iter().filter(|element| element["KeyType"] == kind);
        elements.map(|element| text(&element["AttributeName"])).collect()
    };
    Keys {
        hash: of("HASH"),
        range: of("RANGE"),
    }
}

fn queue(id: String, properties: &Value) -> Queue {
    let redrive = &properties["RedrivePolicy"];
    Queue {
        id,
        visibility_timeout_seconds: properties["VisibilityTimeout"].as_u64().unwrap_or(30),
        dead_letters: redrive["maxReceiveCount"]
            .as_u64()
            .map(|attempts| (resource_of(&redrive["deadLetterTargetArn"]), attempts)),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The logical id that a `!Ref` or `!GetAtt` points to.
fn resource_of(value: &Value) -> String {
    reference(value).split('.').next().unwrap_or_default().to_owned()
}
