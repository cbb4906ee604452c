//! The HTTP layer of every function: route tables, extractors that prove permission, problem responses, paging,
//! streams, idempotency and the `OpenAPI` document.
//!
//! **Invariants:** a handler's signature describes its operation completely: permission, input, status and
//! documentation come from types. Every error is a problem (RFC 9457; under `/v1/` in `OpenAI`'s format,
//! `openai_error`). Spelling is decided in one place (`api_style`), statuses in one (`problem`), and the order of the
//! middleware in one (`middleware`).
//!
//! ```ignore
//! pub fn api() -> Api {
//!     Api::new("Chatbots")
//!         .both()
//!         .post("/chatbots", create_chatbot, "Create a chatbot.")
//!         .get("/chatbots/{chatbot_id}", get_chatbot, "Get one chatbot.")
//! }
//!
//! async fn get_chatbot(app: Ctx, member: May<ReadChatbots>, Path(id): Path<ChatbotId>) -> Result<Json<ChatbotView>> {
//!     Ok(Json(app.chatbot(&member.org.org, &id).await?.into()))
//! }
//! ```

mod access_log;
mod answer_frame;
mod api;
mod api_root;
mod api_style;
mod backend;
mod body;
mod caller;
mod case_mapping;
mod client_origin;
mod ctx;
mod describe;
mod disposition;
mod drain;
mod examples;
mod headers;
mod idempotency;
mod in_org;
mod invalid;
mod middleware;
mod openai_error;
mod openapi;
mod paging;
mod params;
mod problem;
mod prompt_row;
mod query;
mod query_time;
mod quota_view;
mod rate_limit;
mod request_context;
mod responses;
mod schema_style;
mod schemas;
mod self_or_admin;
mod served_file;
mod service;
mod stream;
#[cfg(test)]
mod testing;
mod upload;
mod validator_patterns;
mod validators;
mod webhook_body;
mod website;

pub use answer_frame::AnswerFrame;
pub use api::{Api, Operate, Operation, unknown_route};
pub use api_root::ApiRoot;
pub use backend::Backend;
pub use body::{Body, FormOrJson, Input, MAX_JSON_BYTES};
pub use caller::{Caller, May, Member, PlatformAdmin};
pub use client_origin::{Origin, SourceAddress};
pub use ctx::Ctx;
pub use describe::{Authorize, Describe, OperationDoc};
pub use disposition::{attachment, plain_file_name};
pub use in_org::InOrg;
pub use openapi::{Spelling, openapi};
pub use paging::{Paging, Rest};
pub use params::{LastEventId, MAX_WAIT, Path, Query, Wait, WantsJson, WantsStream};
pub use problem::{Problem, Result};
pub use prompt_row::{NewPrompt, PromptView};
pub use query::QueryParameters;
pub use query_time::QueryTime;
pub use quota_view::QuotaView;
pub use responses::{
    Accepted, Attachment, Created, CsvFile, Either, Exposition, Json, Listing, Message, NoContent, Output, SeeOther,
    Sheet, Transcript, Unavailable, WithRest,
};
pub use self_or_admin::SelfOrAdmin;
pub use served_file::ServedFile;
pub use service::{Scraper, Service};
pub use stream::EventStream;
pub use upload::{NoFields, Upload, UploadedFile, Uploads};
pub use validator_patterns::{MEDIA_TYPE, NOT_BLANK, OPTIONAL_NAME, Pattern, READABLE_NAME, READABLE_TEXT};
pub use validators::{media_type, not_blank, optional_name, readable_name, readable_text};
pub use webhook_body::SignedBody;
pub use website::{OnWebsite, VisitorToken};
