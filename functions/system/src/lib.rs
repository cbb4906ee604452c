//! Health, readiness and the documentation of the API.

mod assets;
mod docs;
mod metrics;

use http_api::{Api, Ctx, Either, Json, Result, Unavailable};
use schemars::JsonSchema;
use serde::Serialize;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("System")
        .get(
            "/health",
            get_health,
            "Get the health of the API. Responds as soon as requests arrive.",
        )
        .get(
            "/api/v1/health",
            get_api_health,
            "Get the health of the API. Responds as soon as requests arrive.",
        )
        .get(
            "/live",
            get_liveness,
            "Get the health of this process. Nothing else is checked.",
        )
        .get(
            "/ready",
            get_readiness,
            "Get the readiness of the API. Checks every table, the bucket and the queues.",
        )
        .get(
            "/metrics",
            metrics::get_metrics,
            "Get the metrics of the platform. For Prometheus, with the scrape token; the same from every instance. \
             Model usage counts from the first of the month (UTC).",
        )
        .page(
            "/openapi.json",
            docs::openapi_document,
            "Get this document. Describes all operations in both spellings of field names.",
        )
        .asset("/openapi-snake-case.json", docs::openapi_snake_case)
        .asset("/openapi-camel-case.json", docs::openapi_camel_case)
        .page(
            "/docs",
            docs::swagger_page,
            "Read and try the operations. Swagger UI, one spelling of field names at a time.",
        )
        .asset("/docs/{asset}", docs::swagger_asset)
        .page(
            "/redoc",
            docs::redoc_page,
            "Read about the operations. ReDoc, one spelling of field names at a time.",
        )
        .asset("/redoc/{asset}", docs::redoc_asset)
}

/// The health of the API.
#[derive(Serialize, JsonSchema)]
struct HealthView {
    status: &'static str,
}

/// The readiness of everything that the API depends on.
#[derive(Serialize, JsonSchema)]
struct ReadinessView {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// The dependencies.
    dependencies: Vec<DependencyView>,
}

/// The readiness of a dependency.
#[derive(Serialize, JsonSchema)]
struct DependencyView {
    /// For example `table:identity`, `bucket` or `queue:index_documents`.
    name: String,
    /// Whether it responded to this check.
    ok: bool,
}

async fn get_health() -> Result<Json<HealthView>> {
    Ok(Json(HealthView { status: "healthy" }))
}

async fn get_api_health() -> Result<Json<HealthView>> {
    Ok(Json(HealthView { status: "ok" }))
}

async fn get_liveness() -> Result<Json<HealthView>> {
    Ok(Json(HealthView { status: "alive" }))
}

async fn get_readiness(app: Ctx) -> Result<Either<Json<ReadinessView>, Unavailable<ReadinessView>>> {
    let readiness = app.readiness().await;
    let is_ready = readiness.is_ready();
    let dependencies = readiness.dependencies.into_iter();
    let dependencies = dependencies
        .map(|each| DependencyView {
            name: each.name,
            ok: each.ok,
        })
        .collect();
    Ok(if is_ready {
        Either::Left(Json(ReadinessView {
            status: "ready",
            dependencies,
        }))
    } else {
        Either::Right(Unavailable(ReadinessView {
            status: "not_ready",
            dependencies,
        }))
    })
}
