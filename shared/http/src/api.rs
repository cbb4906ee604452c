//! The route table: one line per operation, which is also its documentation.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    routing::{MethodFilter, MethodRouter, any, on},
};
use http::{Method, StatusCode, Uri};
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::{
    Backend, Describe, Problem,
    api_style::ApiStyle,
    case_mapping::Direction,
    describe::{Authorize, OperationDoc},
    middleware, openai_error,
    query::QueryParameters,
    schemas::Schemas,
};

/// A handler whose signature describes the operation: any `async fn` of extractors and a response.
pub trait Operate<T, S>: axum::handler::Handler<T, S> {
    /// Adds what the signature documents to the operation.
    fn describe(doc: &mut OperationDoc<'_>);

    /// Adds the query parameters that the signature reads.
    fn query(parameters: &mut QueryParameters);

    /// Returns the permissions that the signature requires.
    fn authorize() -> Vec<Authorize>;
}

macro_rules! operate {
    ($marker:ident; $($input:ident),*) => {
        impl<F, Fut, S, $marker, $($input),*> Operate<($marker, $($input,)*), S> for F
        where
            F: axum::handler::Handler<($marker, $($input,)*), S> + FnOnce($($input),*) -> Fut,
            Fut: Future,
            Fut::Output: Describe,
            $($input: Describe,)*
        {
            fn describe(doc: &mut OperationDoc<'_>) {
                $($input::describe(doc);)*
                Fut::Output::describe(doc);
            }

            fn query(parameters: &mut QueryParameters) {
                $($input::query(parameters);)*
            }

            fn authorize() -> Vec<Authorize> {
                [$($input::authorize()),*].into_iter().flatten().collect()
            }
        }
    };
}
operate!(M; A);
operate!(M; A, B);
operate!(M; A, B, C);
operate!(M; A, B, C, D);
operate!(M; A, B, C, D, E);
operate!(M; A, B, C, D, E, G);
operate!(M; A, B, C, D, E, G, H);
operate!(M; A, B, C, D, E, G, H, I);

impl<F, Fut, S> Operate<((),), S> for F
where
    F: axum::handler::Handler<((),), S> + FnOnce() -> Fut,
    Fut: Future,
    Fut::Output: Describe,
{
    fn describe(doc: &mut OperationDoc<'_>) {
        Fut::Output::describe(doc);
    }

    fn query(_: &mut QueryParameters) {}

    fn authorize() -> Vec<Authorize> {
        Vec::new()
    }
}

/// The operations of one function.
pub struct Api<S = app::App> {
    group: &'static str,
    prefixes: Vec<String>,
    routes: Vec<Route<S>>,
    events: Vec<EventDoc>,
    fallback: Option<MethodRouter<S>>,
}

/// An event that is sent to webhooks, for the `OpenAPI` document.
pub(crate) struct EventDoc {
    /// Its type.
    pub(crate) name: &'static str,
    /// When it is sent.
    pub(crate) summary: &'static str,
    /// Returns the schema of its data.
    pub(crate) data: fn(&mut Schemas) -> Value,
    /// An example of the body.
    pub(crate) example: Value,
}

pub(crate) struct Route<S> {
    pub(crate) operation: Operation,
    pub(crate) summary: &'static str,
    /// `None` for assets and aliases.
    pub(crate) describe: Option<fn(&mut OperationDoc<'_>)>,
    /// Whether it accepts an `Idempotency-Key`.
    pub(crate) repeatable: bool,
    query: fn(&mut QueryParameters),
    authorize: Vec<Authorize>,
    /// The path in the router's syntax: `{*name}` matches the rest of a path.
    template: String,
    handler: MethodRouter<S>,
}

/// The documentation of a route.
struct Documents {
    summary: &'static str,
    describe: Option<fn(&mut OperationDoc<'_>)>,
    query: fn(&mut QueryParameters),
    authorize: Vec<Authorize>,
}

/// What the middleware needs to know of a route before its handler runs.
pub(crate) struct Rules {
    /// Whether it accepts an `Idempotency-Key`.
    pub(crate) repeatable: bool,
    /// Adds the query parameters that it reads.
    pub(crate) query: fn(&mut QueryParameters),
    /// The permissions that it requires.
    pub(crate) authorize: Vec<Authorize>,
}

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// `GET`, `POST` ...
    pub method: String,
    /// Path template, for example `/api/v1/documents/{document_id}`. The last parameter may match the rest of the path,
    /// slashes included: it is `{*name}` in the table, and `{name}` here.
    pub path: String,
    /// The handler's name, with the suffix `_api` under `/api`: unique in the whole system.
    pub id: String,
    /// The tag that groups it.
    pub group: &'static str,
    /// Whether the `OpenAPI` document contains it; aliases and the assets of pages are omitted.
    pub documented: bool,
}

macro_rules! methods {
    ($($name:ident = $method:ident),* $(,)?) => {$(
        #[doc = concat!("Serves ", stringify!($method), " on `path` below the current prefixes.")]
        #[must_use]
        pub fn $name<H: Operate<T, S>, T: 'static>(self, path: &str, handler: H, summary: &'static str) -> Self {
            let route = on(MethodFilter::$method, handler);
            let documents = Documents {
                summary,
                describe: Some(H::describe),
                query: H::query,
                authorize: H::authorize(),
            };
            self.add(&Method::$method, path, name_of::<H>(), documents, &route)
        }
    )*};
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Creates an empty table for the operations of `group`. Paths are absolute until [`Api::at`] or
    /// [`Api::on_both_prefixes`].
    pub fn new(group: &'static str) -> Self {
        Self {
            group,
            prefixes: vec![String::new()],
            routes: Vec::new(),
            events: Vec::new(),
            fallback: None,
        }
    }

    /// Serves the following operations in both API styles: `/api/v1` in `snake_case`, `/api` in `camelCase`.
    #[must_use]
    pub fn on_both_prefixes(self) -> Self {
        Self {
            prefixes: vec!["/api/v1".to_owned(), "/api".to_owned()],
            ..self
        }
    }

    /// Serves the following operations below `prefix` only; `""` for the root.
    #[must_use]
    pub fn at(self, prefix: impl AsRef<str>) -> Self {
        Self {
            prefixes: vec![prefix.as_ref().to_owned()],
            ..self
        }
    }

    methods!(get = GET, post = POST, put = PUT, patch = PATCH, delete = DELETE);

    /// Serves GET on `path`: a page, or a file if the path ends in `.json`.
    #[must_use]
    pub fn page<H: axum::handler::Handler<T, S>, T: 'static>(
        self,
        path: &str,
        handler: H,
        summary: &'static str,
    ) -> Self {
        let describe: fn(&mut OperationDoc<'_>) = if path.to_ascii_lowercase().ends_with(".json") {
            |doc| doc.response(200, "OK", Some(("application/json", json!({"type": "object"}))))
        } else {
            |doc| doc.response(200, "OK", Some(("text/html", json!({"type": "string"}))))
        };
        let route = on(MethodFilter::GET, handler);
        let documents = Documents {
            summary,
            describe: Some(describe),
            query: QueryParameters::allow_others,
            authorize: Vec::new(),
        };
        self.add(&Method::GET, path, name_of::<H>(), documents, &route)
    }

    /// Serves GET on `path` without an entry in the `OpenAPI` document: files that pages load.
    #[must_use]
    pub fn asset<H: axum::handler::Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        let route = on(MethodFilter::GET, handler);
        let documents = Documents {
            summary: "",
            describe: None,
            query: QueryParameters::allow_others,
            authorize: Vec::new(),
        };
        self.add(&Method::GET, path, name_of::<H>(), documents, &route)
    }

    /// Answers requests to unknown paths by this handler, instead of [`unknown_route`].
    #[must_use]
    pub fn fallback<H: axum::handler::Handler<T, S>, T: 'static>(self, handler: H) -> Self {
        Self {
            fallback: Some(any(handler)),
            ..self
        }
    }

    /// Makes the previous operation ignore `Idempotency-Key`: its responses must not be stored because they contain
    /// secrets for a client that is not signed in yet, or it is a webhook, whose events have IDs of their own and
    /// whose function has no access to credentials.
    #[must_use]
    pub fn non_idempotent(mut self) -> Self {
        for route in self.routes.iter_mut().rev().take(self.prefixes.len()) {
            route.repeatable = false;
        }
        self
    }

    /// Answers preflights of the previous operation by this handler, instead of allowing them to any page.
    #[must_use]
    pub(crate) fn preflight(mut self, handler: &MethodRouter<S>) -> Self {
        let last = self.routes.iter().rev().take(self.prefixes.len());
        let asked: Vec<_> = last
            .map(|route| Route {
                operation: Operation {
                    method: Method::OPTIONS.to_string(),
                    id: format!("preflight_{}", route.operation.id),
                    documented: false,
                    ..route.operation.clone()
                },
                summary: "",
                describe: None,
                repeatable: false,
                query: QueryParameters::allow_others,
                authorize: Vec::new(),
                template: route.template.clone(),
                handler: handler.clone(),
            })
            .collect();
        self.routes.extend(asked);
        self
    }

    /// Also serves all operations so far below `path` below `alias`. The `OpenAPI` document contains them once, at
    /// `path`.
    #[must_use]
    pub fn alias(self, path: &str, alias: &str) -> Self {
        self.serve_also(path, alias, "_alias", false)
    }

    /// Also serves all operations so far below `path` below `own`, where the caller replaces the missing parameter. The
    /// `OpenAPI` document contains both.
    #[must_use]
    pub fn with_me_alias(self, path: &str, own: &str) -> Self {
        let prefix = self.prefixes.concat();
        self.serve_also(&format!("{prefix}{path}"), &format!("{prefix}{own}"), "_me", true)
    }

    fn serve_also(mut self, path: &str, other: &str, suffix: &str, documented: bool) -> Self {
        let below = |route: &Route<S>| {
            let rest = route.operation.path.strip_prefix(path)?;
            let is_below = rest.is_empty() || rest.starts_with('/');
            is_below.then(|| Route {
                operation: Operation {
                    path: format!("{other}{rest}"),
                    id: format!("{}{suffix}", route.operation.id),
                    documented,
                    ..route.operation.clone()
                },
                summary: route.summary,
                repeatable: route.repeatable,
                query: route.query,
                authorize: route.authorize.clone(),
                template: format!("{other}{}", route.template.strip_prefix(path).unwrap_or(rest)),
                describe: route.describe.filter(|_| documented),
                handler: route.handler.clone(),
            })
        };
        let again: Vec<_> = self.routes.iter().filter_map(below).collect();
        self.routes.extend(again);
        self
    }

    /// Describes an event with data of type `T` that is sent to webhooks.
    #[must_use]
    pub fn event<T: JsonSchema>(mut self, name: &'static str, summary: &'static str, example: Value) -> Self {
        self.events.push(EventDoc {
            name,
            summary,
            data: |schemas| schemas.subschema::<T>(ApiStyle::Snake, Direction::Out),
            example,
        });
        self
    }

    /// Adds the operations of another table.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self.events.extend(other.events);
        self
    }

    /// Returns the operations, in the order of the table.
    pub fn operations(&self) -> Vec<Operation> {
        self.routes.iter().map(|route| route.operation.clone()).collect()
    }

    pub(crate) fn events(&self) -> &[EventDoc] {
        &self.events
    }

    pub(crate) fn routes(&self) -> &[Route<S>] {
        &self.routes
    }

    fn add(mut self, method: &Method, path: &str, name: &str, documents: Documents, handler: &MethodRouter<S>) -> Self {
        let Documents {
            summary,
            describe,
            query,
            authorize,
        } = documents;
        for prefix in &self.prefixes {
            let path = format!("{prefix}{path}");
            let suffix = if ApiStyle::of(&path) == ApiStyle::Camel {
                "_api"
            } else {
                ""
            };
            let operation = Operation {
                method: method.to_string(),
                id: format!("{name}{suffix}"),
                path: path.replace("{*", "{"),
                group: self.group,
                documented: describe.is_some(),
            };
            self.routes.push(Route {
                operation,
                summary,
                describe,
                repeatable: true,
                query,
                authorize: authorize.clone(),
                template: path,
                handler: handler.clone(),
            });
        }
        self
    }
}

impl<S: Backend + Clone> Api<S> {
    /// Returns the service: routes, extractors' state, and the middleware around them.
    pub fn finish(self, backend: S) -> Router {
        let mut router = Router::new();
        let mut rules = HashMap::new();
        let own_preflights = self.routes.iter().any(|route| route.operation.method == "OPTIONS");
        for route in self.routes {
            router = router.route(&route.template, route.handler);
            let rule = Rules {
                repeatable: route.repeatable,
                query: route.query,
                authorize: route.authorize,
            };
            rules.insert((route.operation.method, route.template), rule);
        }
        let router = match self.fallback {
            Some(fallback) => router.fallback_service(fallback.with_state(backend.clone())),
            None => router.fallback(unknown_route),
        };
        let router = router.method_not_allowed_fallback(wrong_method);
        let router = router.with_state(backend.clone());
        middleware::middleware_stack(router, Arc::new(backend), Arc::new(rules), own_preflights)
    }
}

/// Returns the error of a path that no function has.
pub async fn unknown_route(uri: Uri) -> Problem {
    let detail = openai_error::instead_of(uri.path())
        .unwrap_or("Path not found. See `openapi.json` at the root of the API for the available paths.");
    Problem::new(StatusCode::NOT_FOUND, "unknown_route", detail)
}

async fn wrong_method() -> Problem {
    let detail = "Method not allowed. See the `Allow` header for the supported methods.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// Returns the name of a handler function.
fn name_of<H>() -> &'static str {
    let path = std::any::type_name::<H>();
    path.rsplit("::").next().unwrap_or(path)
}
