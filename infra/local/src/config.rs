//! The configuration of the functions, which `template.yaml` sets on AWS.

use std::net::SocketAddr;

use app::{AnswerLimits, BillingConfig, ClerkConfig, Config, EmbeddingModel, Providers, SlackSettings};
use domain::Queue;
use store::QueueUrls;

use crate::{
    cloud::Cloud,
    options::Options,
    provision,
    stack::StartError,
    template::{Template, TemplateError},
};

/// Returns the configuration. `address`: where the API listens.
pub(crate) fn new(options: &Options, cloud: &Cloud, address: SocketAddr) -> Result<Config, StartError> {
    Ok(Config {
        tables: provision::tables(),
        bucket: provision::BUCKET.to_owned(),
        queues: QueueUrls::read(|queue| Ok::<_, StartError>(provision::queue_url(cloud, queue)))?,
        secrets_prefix: String::new(),
        key_mode: domain::KeyMode::Test,
        mail_from: options.variable("MAIL_FROM").unwrap_or_default().to_owned(),
        public_url: options.variable("PUBLIC_URL").map_or_else(
            || {
                let stage = options.stage.as_ref().map(|stage| format!("/{stage}"));
                format!("http://localhost:{}{}", address.port(), stage.unwrap_or_default())
            },
            |url| url.trim_end_matches('/').to_owned(),
        ),
        providers: Providers::read(|name| match (name, options.variable(name)) {
            // Permissions are checked on the way.
            ("BEDROCK_BASE_URL", Some(_)) => Some(cloud.endpoint()),
            (_, value) => value.map(str::to_owned),
        }),
        answers: AnswerLimits::read(|name| options.variable(name).map(str::to_owned))?,
        fall_back_to_local_model: true,
        clerk: ClerkConfig::read(|name| options.variable(name).map(str::to_owned)),
        reading: reading(options)?,
        sql: sql(options)?,
        billing: BillingConfig::read(
            |name| match (name, options.variable(name)) {
                ("BROWSER_ORIGINS", _) => Some(options.browser_origins(address.port()).join(",")),
                (_, value) => value.map(str::to_owned),
            },
            domain::KeyMode::Test,
        )?,
        slack: SlackSettings::read(|name| options.variable(name).map(str::to_owned)),
        embedding: EmbeddingModel::read(|name| options.variable(name).map(str::to_owned)),
        private_hosts: Config::read_private_hosts(|name| options.variable(name).map(str::to_owned))?,
    })
}

/// Returns the settings as on Lambda, with the memory of the function that executes queries.
fn sql(options: &Options) -> Result<sql_engine::Settings, TemplateError> {
    let functions = &Template::embedded()?.functions;
    let queries = functions.iter().find(|function| function.crate_name == "query");
    let memory_mb = queries.map_or(0, |function| function.memory_mb);
    let mut settings = sql_engine::Settings::for_function(memory_mb * 1024 * 1024);
    if let Some(program) = &options.reader {
        settings.program.clone_from(program);
    }
    Ok(settings)
}

/// Returns the settings as on Lambda, with the memory of the function that reads documents.
fn reading(options: &Options) -> Result<reading::Settings, TemplateError> {
    let functions = &Template::embedded()?.functions;
    let reads = functions
        .iter()
        .find(|function| function.crate_name == Queue::IndexDocuments.name());
    let memory_mb = reads.map_or(0, |function| function.memory_mb);
    let mut settings = reading::Settings::for_function(memory_mb * 1024 * 1024);
    if let Some(program) = &options.reader {
        settings.program.clone_from(program);
    }
    settings.limits = options.reader_limits.unwrap_or(settings.limits);
    Ok(settings)
}
