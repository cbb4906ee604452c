//! The running stack.

use std::{io, sync::Arc, time::Duration};

use app::{App, SignUp};
use domain::{Clock, Email, NewPassword, Queue, Secret};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    cloud::{
        self, Cloud, Data,
        iam::sources,
        mapping::{EventSourceMapping, stream::StreamMapping},
    },
    config, control,
    deployment::Deployment,
    functions, gateway, listener,
    options::Options,
    outbox::Outbox,
    payments::Payments,
    provision, queues,
    template::{Template, TemplateError},
    welcome,
};

/// How often the stand-in for Stripe delivers its events, besides after each payment.
const PAYMENTS_INTERVAL: Duration = Duration::from_secs(5);

/// Why the stack did not start, as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The embedded services did not start.
    #[error(transparent)]
    Cloud(#[from] cloud::StartError),
    /// The API's port cannot be opened.
    #[error("cannot listen on port {0} of 127.0.0.1 for the API: {1}")]
    Listen(u16, #[source] io::Error),
    /// `PARLANCE_ADMIN_EMAIL` or `PARLANCE_ADMIN_PASSWORD` is invalid.
    #[error("PARLANCE_ADMIN_EMAIL or PARLANCE_ADMIN_PASSWORD: {0}")]
    Admin(String),
    /// The template that names the functions cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// An environment variable of the functions is invalid.
    #[error(transparent)]
    Config(#[from] app::ConfigError),
    /// `PARLANCE_FAULTS` is invalid.
    #[error("PARLANCE_FAULTS: {0}")]
    Faults(String),
    /// The stand-in for Stripe did not start.
    #[error("the test payments could not be started: {0}")]
    Payments(#[source] io::Error),
    /// The embedded services refused the product's setup.
    #[error("the local services could not be prepared: {}", told(.0))]
    Prepare(#[from] domain::Error),
}

/// Returns the response of a service of this machine, for the developer, who can act on it.
fn told(error: &domain::Error) -> String {
    match error {
        domain::Error::Unavailable(source) | domain::Error::Internal(source) => source.to_string(),
        error => error.to_string(),
    }
}

/// What remains in the queues and streams after a drain.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Drained {
    /// Failed messages that return after their visibility timeout, and failed changes of tables.
    pub waiting: u64,
    /// Messages that were sent with a delay.
    pub delayed: u64,
}

/// The state that `/_local/*` operates on.
pub(crate) struct Local {
    /// For operations that belong to no function.
    pub(crate) app: App,
    pub(crate) functions: Deployment,
    pub(crate) outbox: Outbox,
    pub(crate) workers: Vec<EventSourceMapping>,
    pub(crate) followers: Vec<StreamMapping>,
    /// The stand-in for Stripe, if there is one.
    pub(crate) payments: Option<Payments>,
}

impl Local {
    pub(crate) fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
        for worker in &self.workers {
            worker.wake();
        }
    }

    pub(crate) async fn drain(&self) -> Result<Drained, String> {
        self.settle_payments().await;
        let mut left = Drained::default();
        // Stream functions also process what workers write, and one of them sends messages. What these lead to is not
        // followed by anyone who sends more.
        for _ in 0..2 {
            left = Drained::default();
            for worker in &self.workers {
                let drained = worker.drain().await.map_err(|error| error.to_string())?;
                left.waiting += drained.waiting;
                left.delayed += drained.delayed;
            }
            for follower in &self.followers {
                left.waiting += follower.drain().await?;
            }
        }
        Ok(left)
    }

    /// Delivers the events of the stand-in for Stripe.
    pub(crate) async fn settle_payments(&self) {
        if let Some(payments) = &self.payments {
            payments.settle().await;
        }
    }

    /// Runs a schedule now; returns `None` if it does not exist.
    pub(crate) async fn run(&self, name: &str) -> Option<domain::Result<()>> {
        let schedule = functions::schedules()
            .into_iter()
            .find(|schedule| schedule.name == name)?;
        Some(self.run_scheduled(schedule).await)
    }

    async fn run_scheduled(&self, schedule: functions::Scheduled) -> domain::Result<()> {
        let app = self.functions.app(schedule.name)?;
        app.run_schedule(schedule.name, (schedule.run)(app.clone())).await
    }
}

/// The whole running stack. Dropping it stops it at once; [`Stack::stop`] lets requests and messages finish.
pub struct Stack {
    port: u16,
    stage: Option<String>,
    local: Arc<Local>,
    cloud: Cloud,
    sdk: aws_config::SdkConfig,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Stack {
    /// Starts the stack. When this returns, the API responds.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        let listen = |error| StartError::Listen(options.port, error);
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let clock = Clock::default();
        clock.advance(options.clock_ahead);
        // Boxed, because the states across these awaits are large.
        let payments = Box::pin(Payments::of_stack(&mut options, address, &clock)).await?;
        let cloud = Box::pin(Cloud::start(cloud::Options {
            port: options.aws_port,
            data: options.data.clone(),
            clock: Arc::new({
                let clock = clock.clone();
                move || clock.now_ms()
            }),
            secrets: options.secrets(),
            faults: options.faults().map_err(StartError::Faults)?,
            iam: provision::iam(&options)?,
            bedrock: options.variable("BEDROCK_BASE_URL").map(str::to_owned),
            browser_origins: options.browser_origins(address.port()),
            timeouts: options.timeouts,
        }))
        .await?;
        let sdk = provision::sdk(&cloud.endpoint()).await;
        Box::pin(provision::create(&cloud, &sdk, &options.data)).await?;

        let outbox = Outbox::open(&options.data, clock.clone())?;
        let config = config::new(&options, &cloud, address)?;
        let own = provision::sdk_of_application(&sdk);
        let app = App::with_mailer(&own, config.clone(), clock.clone(), Arc::new(outbox.clone()))?;
        seed_admin(&options, &app).await?;
        let template = Template::embedded()?;
        queues::create(&cloud, template)?;
        // No request can be running yet, so every outbox entry was left behind by a crash.
        app.relay_outbox(Duration::ZERO).await?;
        let functions = Deployment::new({
            let (sdk, config, outbox) = (sdk.clone(), config.clone(), outbox.clone());
            let (iam, sender) = (Arc::clone(cloud.iam()), provision::sender(&options));
            move |function| {
                let sdk = provision::sdk_of(&sdk, function);
                let mailer = outbox.of_function(function, &sender, Arc::clone(&iam));
                App::with_mailer(&sdk, config.clone(), clock.clone(), Arc::new(mailer))
            }
        });
        let workers = functions::workers(&functions).into_iter();
        let workers = workers.map(|worker| queues::feed(&cloud, template, worker));
        let workers = workers.collect::<Result<_, _>>()?;
        let follow = |follower: functions::Consumer| {
            let file = match &options.data {
                Data::Folder(folder) => Some(folder.join(format!("{}.position", follower.name))),
                Data::Ephemeral => None,
            };
            let (iam, database) = (Arc::clone(cloud.iam()), cloud.dynamodb().clone());
            let handler = sources::table(iam, follower.name, &follower.table, follower.handler);
            StreamMapping::new(database, &follower.table, file, options.timers, handler)
        };
        let local = Arc::new(Local {
            followers: functions::followers(&functions, &config.tables)
                .into_iter()
                .map(follow)
                .collect(),
            app,
            functions,
            outbox,
            workers,
            payments,
        });

        cloud.trim_streams(&local.followers);

        let mut stack = Self {
            port: address.port(),
            stage: options.stage.clone(),
            local,
            cloud,
            sdk,
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        };
        stack.serve(listener, &options)?;
        if options.timers {
            stack.start_timers();
        }
        Ok(stack)
    }

    fn serve(&mut self, listener: TcpListener, options: &Options) -> Result<(), TemplateError> {
        let stage = self.stage.as_deref();
        let api = gateway::around(self.local.functions.router()?, stage)?;
        let router = control::routes(self.local.clone(), stage).fallback_service(api);
        let router = control::for_this_server(router, options.public_hosts());
        let stop = self.stop.clone();
        self.tasks
            .spawn(listener::serve_router(listener, options.timeouts, stop, router));
        Ok(())
    }

    fn start_timers(&mut self) {
        let (local, stop) = (self.local.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let mut timer = tokio::time::interval(PAYMENTS_INTERVAL);
            while stop.run_until_cancelled(timer.tick()).await.is_some() {
                local.settle_payments().await;
            }
        });
        for schedule in functions::schedules() {
            let (local, stop) = (self.local.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                let mut timer = tokio::time::interval(schedule.every);
                while stop.run_until_cancelled(timer.tick()).await.is_some() {
                    if let Err(error) = local.run_scheduled(schedule).await {
                        tracing::warn!(
                            schedule = schedule.name,
                            error = &error as &dyn std::error::Error,
                            "schedule.failed"
                        );
                    }
                }
            });
        }
    }

    /// Returns the URL of the API, including its stage.
    pub fn url(&self) -> String {
        let host = format!("http://127.0.0.1:{}", self.port);
        match &self.stage {
            Some(stage) => format!("{host}/{stage}"),
            None => host,
        }
    }

    /// Returns instructions for a developer.
    pub fn guide(&self, data: &Data) -> String {
        welcome::guide(self.port, self.stage.as_deref(), data)
    }

    /// Returns the endpoint of the embedded AWS services.
    pub fn aws_endpoint(&self) -> String {
        self.cloud.endpoint()
    }

    /// Returns an application on the same services with all permissions; it serves no request.
    pub fn app(&self) -> &App {
        &self.local.app
    }

    /// Returns the functions behind the API, the queues and the schedules.
    pub fn functions(&self) -> &Deployment {
        &self.local.functions
    }

    /// Waits until all work that has outlived its request or message has ended.
    pub async fn idle(&self) {
        self.local.functions.idle().await;
        self.local.app.idle().await;
    }

    /// Returns the embedded services.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Returns the SDK configuration for the embedded services, with the developer's credentials.
    pub fn sdk(&self) -> &aws_config::SdkConfig {
        &self.sdk
    }

    /// Returns the same with the credentials of a function.
    pub fn sdk_of(&self, function: &str) -> aws_config::SdkConfig {
        provision::sdk_of(&self.sdk, function)
    }

    /// Moves all clocks forward.
    pub fn advance(&self, by: Duration) {
        self.local.advance(by);
    }

    /// Waits until no message and no change of a table can be delivered now.
    ///
    /// # Errors
    /// If a queue or a stream cannot be read.
    pub async fn drain(&self) -> Result<Drained, String> {
        self.local.drain().await
    }

    /// Returns environment variables with which a function's binary reaches these services.
    pub fn function_environment(&self) -> Vec<(String, String)> {
        let names = provision::resource_names().into_iter();
        let queues = Queue::ALL.iter().map(|queue| {
            let url = provision::queue_url(&self.cloud, *queue);
            (queue.variable(), url)
        });
        let others = [
            ("KEY_MODE", "test".to_owned()),
            ("AWS_ENDPOINT_URL", self.cloud.endpoint()),
            ("AWS_REGION", cloud::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", cloud::ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", cloud::SECRET_ACCESS_KEY.to_owned()),
            ("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "true".to_owned()),
        ];
        let constant = names.chain(others).map(|(name, value)| (name.to_owned(), value));
        constant.chain(queues).collect()
    }

    /// Stops accepting requests and messages, and waits for running ones.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        // Work that outlives its request must end before the tables close.
        self.idle().await;
        // Now no other owner is left.
        if let Some(local) = Arc::into_inner(self.local) {
            for worker in local.workers {
                worker.stop().await;
            }
            for follower in local.followers {
                follower.stop().await;
            }
        }
        self.cloud.shutdown().await;
    }
}

/// Creates the platform admin that the environment names, so that a developer has one without editing the tables.
async fn seed_admin(options: &Options, app: &App) -> Result<(), StartError> {
    let (email, password) = (
        options.variable("PARLANCE_ADMIN_EMAIL"),
        options.variable("PARLANCE_ADMIN_PASSWORD"),
    );
    let Some((email, password)) = email.zip(password) else {
        return Ok(());
    };
    let unusable = |error: domain::Error| {
        StartError::Admin(match error {
            domain::Error::Invalid(fields) => fields
                .into_iter()
                .map(|field| field.detail)
                .collect::<Vec<_>>()
                .join("; "),
            error => error.to_string(),
        })
    };
    let sign_up = SignUp {
        name: None,
        email: Email::parse(email).map_err(unusable)?,
        password: NewPassword::parse(Secret::new(password), "").map_err(unusable)?,
    };
    Ok(app.seed_platform_admin(sign_up).await?)
}
