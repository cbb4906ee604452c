//! The route table: one line per operation, and the line is the documentation.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    routing::{MethodFilter, MethodRouter, on},
};
use http::{Method, StatusCode, Uri};
use serde_json::json;

use crate::{
    Backend, Describe, Problem,
    api_style::ApiStyle,
    describe::{Authorize, OperationDoc},
    middleware, openai_error,
    query::QueryParameters,
};

/// A handler whose signature describes the operation. Every `async fn` of extractors and a reply is one.
pub trait Operate<T, S>: axum::handler::Handler<T, S> {
    /// Adds what the signature means for the operation.
    fn describe(doc: &mut OperationDoc<'_>);

    /// Adds the query parameters that the signature reads.
    fn query(parameters: &mut QueryParameters);

    /// The permissions that the signature proves.
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
}

pub(crate) struct Route<S> {
    pub(crate) operation: Operation,
    pub(crate) summary: &'static str,
    /// None for assets and aliases.
    pub(crate) describe: Option<fn(&mut OperationDoc<'_>)>,
    /// Whether an `Idempotency-Key` means anything to it.
    pub(crate) repeatable: bool,
    query: fn(&mut QueryParameters),
    authorize: Vec<Authorize>,
    /// The path as the router writes it: `{*name}` takes the rest of a path.
    template: String,
    handler: MethodRouter<S>,
}

/// What is said of a route.
struct Documents {
    summary: &'static str,
    describe: Option<fn(&mut OperationDoc<'_>)>,
    query: fn(&mut QueryParameters),
    authorize: Vec<Authorize>,
}

/// What the border has to know of a route before its handler runs.
pub(crate) struct Rules {
    /// Whether an `Idempotency-Key` means anything to it.
    pub(crate) repeatable: bool,
    /// Adds the query parameters that it reads.
    pub(crate) query: fn(&mut QueryParameters),
    /// The permissions that it asks for.
    pub(crate) authorize: Vec<Authorize>,
}

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// `GET`, `POST` ...
    pub method: String,
    /// Template, as in `/api/v1/documents/{document_id}`. A last parameter may take the rest of the path, slashes
    /// included: it is `{*name}` in the table, and `{name}` here.
    pub path: String,
    /// The handler's name, with `_api` under `/api`: unique in the whole system.
    pub id: String,
    /// The group it is listed under.
    pub group: &'static str,
    /// Whether the `OpenAPI` document has it; the assets of pages and aliases are left out.
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
    /// An empty table for the operations of `group`. Paths are absolute until [`Api::at`] or [`Api::on_both_prefixes`].
    pub fn new(group: &'static str) -> Self {
        Self {
            group,
            prefixes: vec![String::new()],
            routes: Vec::new(),
        }
    }

    /// The operations that follow are served on both surfaces: `/api/v1` in `snake_case`, `/api` in `camelCase`.
    #[must_use]
    pub fn on_both_prefixes(self) -> Self {
        Self {
            prefixes: vec!["/api/v1".to_owned(), "/api".to_owned()],
            ..self
        }
    }

    /// The operations that follow are served below `prefix` only; `""` for the root.
    #[must_use]
    pub fn at(self, prefix: impl AsRef<str>) -> Self {
        Self {
            prefixes: vec![prefix.as_ref().to_owned()],
            ..self
        }
    }

    methods!(get = GET, post = POST, put = PUT, patch = PATCH, delete = DELETE);

    /// Serves GET on `path`: a page for people, or for a path that ends in `.json` a file for programs.
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

    /// Serves GET on `path` without a place in the `OpenAPI` document: what pages load.
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

    /// The operation before this takes no `Idempotency-Key`. Its answers are never kept because they are secrets for
    /// someone who is not signed in yet, or it is a webhook, whose events have ids of their own and whose function may
    /// not look up credentials.
    #[must_use]
    pub fn non_idempotent(mut self) -> Self {
        for route in self.routes.iter_mut().rev().take(self.prefixes.len()) {
            route.repeatable = false;
        }
        self
    }

    /// Serves everything so far below `path` below `alias` too. The `OpenAPI` document has the operations once, at
    /// `path`.
    #[must_use]
    pub fn alias(self, path: &str, alias: &str) -> Self {
        self.serve_also(path, alias, "_alias", false)
    }

    /// Serves everything so far below `path` below `own` too, where the caller stands in for the parameter that is
    /// missing. The `OpenAPI` document has both.
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

    /// Adds the operations of another table.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self
    }

    /// The operations, in the order of the table.
    pub fn operations(&self) -> Vec<Operation> {
        self.routes.iter().map(|route| route.operation.clone()).collect()
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
    /// The service: routes, extractors' state and everything that `middleware` adds around them.
    pub fn finish(self, host: S) -> Router {
        let mut router = Router::new();
        let mut rules = HashMap::new();
        for route in self.routes {
            router = router.route(&route.template, route.handler);
            let rule = Rules {
                repeatable: route.repeatable,
                query: route.query,
                authorize: route.authorize,
            };
            rules.insert((route.operation.method, route.template), rule);
        }
        let router = router.fallback(unknown_route).method_not_allowed_fallback(wrong_method);
        middleware::middleware_stack(router.with_state(host.clone()), Arc::new(host), Arc::new(rules))
    }
}

async fn unknown_route(uri: Uri) -> Problem {
    let detail = openai_error::instead_of(uri.path())
        .unwrap_or("There is nothing at this path; `openapi.json` at the root of the API lists what there is.");
    Problem::new(StatusCode::NOT_FOUND, "unknown_route", detail)
}

async fn wrong_method() -> Problem {
    let detail = "This path does not know the method; the `Allow` header lists those it knows.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// The name of a handler function.
fn name_of<H>() -> &'static str {
    let path = std::any::type_name::<H>();
    path.rsplit("::").next().unwrap_or(path)
}
