//! The functions as they are deployed: each has its own app, created by its first call. Functions share no memory, and
//! each calls AWS with its own credentials.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use app::App;
use axum::{
    Router,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use tower::ServiceExt as _;

use crate::{
    functions,
    template::{Template, TemplateError},
};

/// Creates the app of the function with this name.
type NewApp = dyn Fn(&'static str) -> domain::Result<App> + Send + Sync;

/// All functions. Clones share them.
#[derive(Clone)]
pub struct Deployment(Arc<Inner>);

struct Inner {
    new_app: Box<NewApp>,
    instances: Mutex<BTreeMap<&'static str, Instance>>,
}

/// A function that has been called.
#[derive(Clone)]
struct Instance {
    app: App,
    /// The router of a function behind the gateway, after its first request.
    router: Option<Router>,
}

impl Deployment {
    /// Creates a deployment whose apps are created by `new_app`, by function name.
    pub fn new(new_app: impl Fn(&'static str) -> domain::Result<App> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            new_app: Box::new(new_app),
            instances: Mutex::default(),
        }))
    }

    /// Creates a deployment whose functions share an app, for tests and measurements.
    pub fn sharing(app: &App) -> Self {
        let app = app.clone();
        Self::new(move |_| Ok(app.clone()))
    }

    /// Returns the app of a function.
    ///
    /// # Errors
    /// The function does not exist, or its app cannot be created.
    pub fn app(&self, function: &str) -> domain::Result<App> {
        let deployed = Template::embedded()
            .map_err(domain::Error::internal)?
            .function(function);
        let deployed = deployed.ok_or_else(|| domain::Error::internal(format!("there is no function {function}")))?;
        self.instance(&deployed.crate_name, |instance| instance.app.clone())
    }

    /// Returns a router of every path of the gateway to the function that `template.yaml` names.
    ///
    /// # Errors
    /// The template cannot be read.
    pub fn router(&self) -> Result<Router, TemplateError> {
        let template = Template::embedded()?;
        let deployment = self.clone();
        let serve = move |request: Request| {
            let found = template.route(request.uri().path());
            let function = found.map_or("", |(function, _)| &function.crate_name);
            let service = deployment.router_of(function);
            async move {
                match service {
                    Ok(service) => service
                        .oneshot(request)
                        .await
                        .unwrap_or_else(|never: Infallible| match never {}),
                    Err(error) => unavailable(function, &error),
                }
            }
        };
        Ok(Router::new().fallback(serve))
    }

    /// Waits until all work that has outlived its request or message has ended.
    pub async fn idle(&self) {
        for app in self.apps() {
            app.idle().await;
        }
    }

    fn apps(&self) -> Vec<App> {
        let instances = self.0.instances.lock().unwrap_or_else(PoisonError::into_inner);
        instances.values().map(|instance| instance.app.clone()).collect()
    }

    fn router_of(&self, function: &'static str) -> domain::Result<Router> {
        self.instance(function, |instance| {
            let app = &instance.app;
            let router = instance.router.get_or_insert_with(|| match functions::group(function) {
                Some(api) => api.finish(app.clone()),
                None => Router::new(),
            });
            router.clone()
        })
    }

    fn instance<T>(&self, function: &'static str, with: impl FnOnce(&mut Instance) -> T) -> domain::Result<T> {
        let mut instances = self.0.instances.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(instance) = instances.get_mut(function) {
            return Ok(with(instance));
        }
        let app = (self.0.new_app)(function)?;
        let mut instance = Instance { app, router: None };
        let result = with(&mut instance);
        instances.insert(function, instance);
        Ok(result)
    }
}

fn unavailable(function: &str, error: &domain::Error) -> Response {
    tracing::error!(
        function,
        error = error as &dyn std::error::Error,
        "local.function_not_started"
    );
    StatusCode::BAD_GATEWAY.into_response()
}
