//! The HTTP server.

use std::{collections::BTreeMap, sync::Arc};

use async_stream::stream;
use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, State},
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::{
    Call, Counts, End, Finish, Protocol, Quirk, ReceivedRequest, Script, Shared, Step, books::Running,
    compress::Compressor, script::Refusal,
};

/// Characters of a prompt that the double counts as one token.
const CHARACTERS_A_TOKEN: usize = 4;
/// What an image of a page costs: that of `gpt-4o`.
const TOKENS_OF_AN_IMAGE: usize = 1_105;

type App = State<Arc<Shared>>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new()
        .route("/v1/messages", post(anthropic))
        .route("/model/{model}/{operation}", post(bedrock))
        .route("/openai/deployments/{model}/chat/completions", post(azure))
        .route("/openai/deployments/{model}/embeddings", post(azure_embeddings))
        .route("/v2/embed", post(cohere_embeddings))
        .route("/v2/rerank", post(cohere_rerank))
        .route("/compatibility/v1/chat/completions", post(openai))
        .route("/ledger", get(ledger));
    for prefix in ["", "/v1", "/v1beta"] {
        router = router
            .route(&format!("{prefix}/chat/completions"), post(openai))
            .route(&format!("{prefix}/embeddings"), post(embeddings))
            .route(&format!("{prefix}/models/{{operation}}"), post(gemini));
    }
    router.layer(DefaultBodyLimit::disable()).with_state(shared)
}

async fn openai(State(shared): App, uri: Uri, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let asked = Protocol::OpenAi.asked(&body, None, None);
    answer(shared, asked, &uri, &headers, body).await
}

async fn azure(
    State(shared): App,
    Path(model): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let asked = Protocol::OpenAi.asked(&body, Some(&model), None);
    answer(shared, asked, &uri, &headers, body).await
}

async fn anthropic(State(shared): App, uri: Uri, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let asked = Protocol::Anthropic.asked(&body, None, None);
    answer(shared, asked, &uri, &headers, body).await
}

async fn gemini(
    State(shared): App,
    Path(operation): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let (model, method) = operation.split_once(':').unwrap_or((&operation, ""));
    if method == "batchEmbedContents" {
        return embed(shared, Form::Gemini, model, &uri, &headers, body).await;
    }
    let asked = Protocol::Gemini.asked(&body, Some(model), Some(method == "streamGenerateContent"));
    answer(shared, asked, &uri, &headers, body).await
}

async fn bedrock(
    State(shared): App,
    Path((model, operation)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if operation == "invoke" && model.contains("rerank") {
        return rerank(shared, Form::Cohere, &model, &uri, &headers, body).await;
    }
    if operation == "invoke" {
        let form = if model.contains("cohere.") {
            Form::Cohere
        } else {
            Form::Titan
        };
        return embed(shared, form, &model, &uri, &headers, body).await;
    }
    let asked = Protocol::Bedrock.asked(&body, Some(&model), Some(operation == "converse-stream"));
    answer(shared, asked, &uri, &headers, body).await
}

async fn embeddings(State(shared): App, uri: Uri, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    embed(shared, Form::OpenAi, &model, &uri, &headers, body).await
}

async fn azure_embeddings(
    State(shared): App,
    Path(model): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    embed(shared, Form::OpenAi, &model, &uri, &headers, body).await
}

async fn cohere_embeddings(State(shared): App, uri: Uri, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    embed(shared, Form::CohereApi, &model, &uri, &headers, body).await
}

async fn cohere_rerank(State(shared): App, uri: Uri, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    rerank(shared, Form::CohereApi, &model, &uri, &headers, body).await
}

/// The vendors' forms of requests for vectors, and of vectors.
#[derive(Clone, Copy)]
enum Form {
    OpenAi,
    Gemini,
    Titan,
    /// Cohere's models on Bedrock.
    Cohere,
    CohereApi,
}

impl Form {
    /// The texts of a request, and the requested length of the vectors.
    fn texts(self, body: &Value) -> (Value, Option<u64>) {
        match self {
            Self::OpenAi => (body["input"].clone(), body["dimensions"].as_u64()),
            Self::Gemini => {
                let requests = body["requests"].as_array().cloned().unwrap_or_default();
                let dimensions = requests
                    .first()
                    .and_then(|first| first["outputDimensionality"].as_u64());
                let texts = requests
                    .iter()
                    .map(|request| request["content"]["parts"][0]["text"].clone());
                (texts.collect(), dimensions)
            }
            Self::Titan => (body["inputText"].clone(), body["dimensions"].as_u64()),
            Self::Cohere | Self::CohereApi => (body["texts"].clone(), body["output_dimension"].as_u64()),
        }
    }

    fn answer(self, model: &str, vectors: Vec<Vec<f64>>, tokens: u64) -> Value {
        match self {
            Self::OpenAi => {
                let data = vectors.into_iter().enumerate();
                let data = data
                    .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
                    .collect::<Vec<_>>();
                let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
                json!({"object": "list", "data": data, "model": model, "usage": usage})
            }
            Self::Gemini => {
                let values: Vec<Value> = vectors.into_iter().map(|vector| json!({"values": vector})).collect();
                json!({"embeddings": values})
            }
            Self::Titan => json!({"embedding": vectors.into_iter().next(), "inputTextTokenCount": tokens}),
            Self::Cohere => json!({"embeddings": {"float": vectors}, "response_type": "embeddings_by_type"}),
            Self::CohereApi => {
                let meta = json!({"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}});
                json!({"id": "e", "embeddings": {"float": vectors}, "texts": [], "meta": meta})
            }
        }
    }
}

/// The texts ordered by how many words of the question they contain.
async fn rerank(shared: Arc<Shared>, form: Form, model: &str, uri: &Uri, headers: &HeaderMap, body: Value) -> Response {
    let mut texts = vec![body["query"].clone()];
    texts.extend(body["documents"].as_array().cloned().unwrap_or_default());
    let most = body["top_n"].as_u64().and_then(|most| usize::try_from(most).ok());
    let asked = Protocol::Embeddings.asked(&json!({"input": texts}), Some(model), None);
    let script = shared.script(&asked);
    let running = begin(&shared, &asked, uri, headers, body);
    if let Some(gate) = &script.before {
        gate.pass().await;
    }
    if let Some(refusal) = script.refusal {
        return refuse(running, Protocol::Embeddings, &refusal);
    }
    running.read(prompt_tokens(&asked));
    let words = |text: &str| -> Vec<String> {
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let (query, documents) = asked
        .texts
        .split_first()
        .map_or((Vec::new(), &[][..]), |(query, documents)| (words(query), documents));
    let score = |document: &String| {
        let own = words(document);
        let held = query.iter().filter(|word| own.contains(word)).count();
        f64::from(u32::try_from(held).unwrap_or(0)) / f64::from(u32::try_from(query.len().max(1)).unwrap_or(1))
    };
    let mut results: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    results.sort_by(|a, b| b.1.total_cmp(&a.1));
    results.truncate(most.unwrap_or(usize::MAX));
    let results: Vec<Value> = results
        .into_iter()
        .map(|(index, score)| json!({"index": index, "relevance_score": score}))
        .collect();
    running.end(End::Complete);
    Json(match form {
        Form::CohereApi => json!({
            "id": "r", "results": results,
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }),
        _ => json!({"results": results}),
    })
    .into_response()
}

/// One vector for each text, made of its meanings if the owner has said which words mean the same, else of its bytes: the
/// same text has the same vector.
async fn embed(shared: Arc<Shared>, form: Form, model: &str, uri: &Uri, headers: &HeaderMap, body: Value) -> Response {
    let (texts, dimensions) = form.texts(&body);
    let asked = Protocol::Embeddings.asked(&json!({"input": texts}), Some(model), None);
    let script = shared.script(&asked);
    let running = begin(&shared, &asked, uri, headers, body);
    if let Some(gate) = &script.before {
        gate.pass().await;
    }
    if let Some(refusal) = script.refusal {
        return refuse(running, Protocol::Embeddings, &refusal);
    }
    let tokens = prompt_tokens(&asked);
    running.read(tokens);
    let size = dimensions
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(8)
        .max(1);
    let meanings = shared.meanings();
    let vector = |text: &String| {
        let mut vector = vec![0.0_f64; size];
        let noise = if meanings.is_empty() { 256.0 } else { 1e6 };
        for (place, byte) in text.bytes().enumerate() {
            vector[place % size] += f64::from(byte) / noise;
        }
        let text = text.to_lowercase();
        for (place, words) in meanings.iter().enumerate() {
            if words.iter().any(|word| text.contains(word)) {
                vector[place % size] += 1.0;
            }
        }
        let length = vector.iter().map(|part| part * part).sum::<f64>().sqrt();
        let length = length.max(f64::MIN_POSITIVE);
        vector.into_iter().map(|part| part / length).collect()
    };
    let vectors = asked.texts.iter().map(vector).collect();
    let said = script.usage.map_or(tokens, |usage| usage.prompt);
    running.end(End::Complete);
    Json(form.answer(model, vectors, said)).into_response()
}

async fn ledger(State(shared): App) -> Json<Value> {
    let totals = shared.books.totals();
    Json(json!({
        "calls": totals.calls, "prompt_tokens": totals.prompt_tokens,
        "completion_tokens": totals.completion_tokens, "running": totals.running,
    }))
}

fn prompt_tokens(asked: &ReceivedRequest) -> u64 {
    let characters: usize = asked.texts.iter().map(|text| text.chars().count()).sum();
    (characters.div_ceil(CHARACTERS_A_TOKEN) + asked.images.len() * TOKENS_OF_AN_IMAGE) as u64
}

fn begin(shared: &Arc<Shared>, asked: &ReceivedRequest, uri: &Uri, headers: &HeaderMap, body: Value) -> Running {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let call = Call {
        protocol: asked.protocol,
        model: asked.model.clone(),
        path: uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers,
        body,
        counts: Counts {
            prompt: prompt_tokens(asked),
            ..Counts::default()
        },
        end: None,
    };
    Running::begin(shared, call)
}

fn refuse(running: Running, protocol: Protocol, refusal: &Refusal) -> Response {
    running.end(End::Refused(refusal.status));
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match &refusal.body {
        Some((media_type, body)) => (status, [(CONTENT_TYPE, *media_type)], body.clone()).into_response(),
        None => (status, Json(protocol.refusal(refusal.status, &refusal.code))).into_response(),
    };
    let amazon = (protocol == Protocol::Bedrock && !refusal.code.is_empty())
        .then(|| ("x-amzn-errortype".to_owned(), refusal.code.clone()));
    for (name, value) in refusal.headers.iter().cloned().chain(amazon) {
        if let (Ok(name), Ok(value)) = (name.parse::<axum::http::HeaderName>(), value.parse()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn answer(shared: Arc<Shared>, asked: ReceivedRequest, uri: &Uri, headers: &HeaderMap, body: Value) -> Response {
    let script = shared.script(&asked);
    let running = begin(&shared, &asked, uri, headers, body);
    if let Some(gate) = &script.before {
        gate.pass().await;
    }
    if let Some(refusal) = &script.refusal {
        return refuse(running, asked.protocol, refusal);
    }
    let counts = Counts {
        prompt: prompt_tokens(&asked),
        ..Counts::default()
    };
    running.read(counts.prompt);
    let content_type = match script.quirk {
        Some(Quirk::Whole | Quirk::StreamAsJson) => "application/json",
        _ => asked.protocol.content_type(),
    };
    if !asked.stream || matches!(script.quirk, Some(Quirk::Whole | Quirk::WholeAsStream)) {
        let mut response = whole(running, &asked, &script, counts);
        if let (true, Ok(media_type)) = (asked.stream, content_type.parse()) {
            response.headers_mut().insert(CONTENT_TYPE, media_type);
        }
        return response;
    }
    let encoding = match script.quirk {
        Some(Quirk::Compressed(encoding)) => Some(encoding),
        _ => None,
    };
    let mut compressor = encoding.map(Compressor::new);
    let bytes = play(running, asked, script, counts).map(move |bytes| match (&mut compressor, bytes) {
        (Some(compressor), Ok(bytes)) => Ok(Bytes::from(compressor.push(&bytes))),
        (_, bytes) => bytes,
    });
    let mut response = ([(CONTENT_TYPE, content_type)], Body::from_stream(bytes)).into_response();
    if let Some(Ok(encoding)) = encoding.map(|encoding| encoding.name().parse()) {
        response.headers_mut().insert(CONTENT_ENCODING, encoding);
    }
    response
}

/// An answer that is not streamed: the texts of the script, as far as they go.
fn whole(running: Running, asked: &ReceivedRequest, script: &Script, mut counts: Counts) -> Response {
    let (mut text, mut thinking, mut finish) = (String::new(), String::new(), script.finish);
    for step in &script.steps {
        let is_thought = matches!(step, Step::Thought(_));
        if let Step::Text(piece) | Step::Thought(piece) = step {
            if asked.max_tokens.is_some_and(|limit| counts.completion >= limit) {
                finish = Finish::Length;
                break;
            }
            running.wrote(is_thought);
            counts.completion += 1;
            counts.reasoning += u64::from(is_thought);
            if is_thought { &mut thinking } else { &mut text }.push_str(piece);
        }
    }
    let answer = asked
        .protocol
        .whole(&asked.model, &thinking, &text, finish, script.usage.unwrap_or(counts));
    running.end(End::Complete);
    Json(answer).into_response()
}

/// The stream. It is dropped when the client leaves, and `running` with it.
fn play(
    running: Running,
    asked: ReceivedRequest,
    script: Script,
    mut counts: Counts,
) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    let broken = || std::io::Error::other("the script breaks the answer off");
    stream! {
        let (protocol, model) = (asked.protocol, asked.model.as_str());
        let mut so_far = String::new();
        let odd = |bytes: Vec<u8>, so_far: &str| match script.quirk {
            Some(quirk) => quirk.apply(protocol, &bytes, so_far),
            None => bytes,
        };
        if script.quirk == Some(Quirk::Bom) && protocol != Protocol::Bedrock {
            yield Ok(Bytes::from_static("\u{feff}".as_bytes()));
        }
        let mut finish = script.finish;
        let stated = |counts: Counts| script.usage.unwrap_or(counts);
        yield Ok(Bytes::from(odd(protocol.begin(model, stated(counts)), "")));
        for step in &script.steps {
            match step {
                Step::Text(text) | Step::Thought(text) => {
                    if asked.max_tokens.is_some_and(|limit| counts.completion >= limit) {
                        finish = Finish::Length;
                        break;
                    }
                    let is_thought = matches!(step, Step::Thought(_));
                    counts.completion += 1;
                    counts.reasoning += u64::from(is_thought);
                    running.wrote(is_thought);
                    if !is_thought {
                        so_far.push_str(text);
                    }
                    let style = is_thought.then_some(script.thinking_style);
                    yield Ok(Bytes::from(odd(protocol.piece(model, text, style), &so_far)));
                }
                Step::Wait(gate) => gate.pass().await,
                Step::Pause(pause) => wait(*pause).await,
                Step::Raw(bytes) => yield Ok(Bytes::from(bytes.clone())),
                Step::Event(data) => yield Ok(Bytes::from(protocol.any(data))),
                Step::End => {
                    running.end(End::Complete);
                    return;
                }
                Step::Ping => yield Ok(Bytes::from(protocol.ping())),
                Step::Error(code) => {
                    running.end(End::Failed);
                    yield Ok(Bytes::from(protocol.error(code)));
                    return;
                }
                Step::Cut => {
                    running.end(End::Failed);
                    // What was said before leaves before the connection breaks.
                    tokio::task::yield_now().await;
                    yield Err(broken());
                    return;
                }
                Step::Hang => std::future::pending().await,
                Step::Babble => loop {
                    yield Ok(Bytes::from_static(b":"));
                    yield Ok(Bytes::from_static(b"\n"));
                },
            }
        }
        let usage = (script.says_usage && asked.wants_usage).then(|| stated(counts));
        let end = odd(protocol.end(model, finish, usage), &so_far);
        running.end(End::Complete);
        yield Ok(Bytes::from(end));
    }
}

#[expect(clippy::disallowed_methods, reason = "a slow model takes real time")]
async fn wait(pause: std::time::Duration) {
    tokio::time::sleep(pause).await;
}
