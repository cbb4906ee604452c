//! Query parameters: which ones an operation reads, and how they are deserialized.
//!
//! An unknown parameter is rejected instead of ignored: its client expects something other than the default,
//! and would mistake the default for it.

use serde::de::DeserializeOwned;

use crate::{
    Result,
    api_style::ApiStyle,
    body::{clip, decode_pairs},
    case_mapping::{Shape, fold},
    invalid::{self, escape},
};

/// Aliases of parameters, which clients often try first. They are accepted where an operation reads the parameter and
/// has none with the alias as its name.
const SYNONYMS: [(&str, &[&str]); 3] = [
    ("q", &["search", "query"]),
    ("from", &["start_date", "start", "since"]),
    ("to", &["end_date", "end", "until"]),
];
/// Prefixes that no parameter has: clients add such names to bypass caches, and to track links.
const IGNORED: [&str; 2] = ["_", "utm_"];

/// The query parameters that an operation reads.
#[derive(Debug, Default)]
pub struct QueryParameters {
    names: Vec<String>,
    takes_others: bool,
}

impl QueryParameters {
    /// Adds the fields of a type.
    pub(crate) fn add(&mut self, shape: &Shape) {
        self.names.extend(shape.names().map(str::to_owned));
    }

    /// Accepts other parameters, which the handler interprets itself.
    pub fn allow_others(&mut self) {
        self.takes_others = true;
    }

    fn knows(&self, name: &str) -> bool {
        let is_known = |name: &str| self.names.iter().any(|known| fold(known) == fold(name));
        let is_ignored = |start: &&str| {
            name.get(..start.len())
                .is_some_and(|name| name.eq_ignore_ascii_case(start))
        };
        is_known(name) || IGNORED.iter().any(is_ignored) || meanings(name).any(is_known)
    }
}

/// Returns the parameter that a name is an alias of.
fn meanings(name: &str) -> impl Iterator<Item = &'static str> {
    let folded = fold(name);
    let means = move |words: &[&str]| words.iter().any(|word| fold(word) == folded);
    SYNONYMS
        .iter()
        .filter(move |(_, words)| means(words))
        .map(|(meant, _)| *meant)
}

/// Rejects a query with parameters that the operation does not read.
///
/// # Errors
/// 422 that names each of them, and the known ones.
pub(crate) fn require_known(style: ApiStyle, query: &str, add: fn(&mut QueryParameters)) -> Result<()> {
    let mut parameters = QueryParameters::default();
    add(&mut parameters);
    if parameters.takes_others {
        return Ok(());
    }
    parameters.names.sort_unstable();
    let known: Vec<&str> = parameters.names.iter().map(String::as_str).collect();
    let mut unknown: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        let pointer = format!("/{}", escape(&clip(&name)));
        if !name.is_empty() && !parameters.knows(&name) && !unknown.iter().any(|(other, _)| *other == pointer) {
            unknown.push((pointer, known.clone()));
        }
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(invalid::unknown(style, unknown, "query parameters").into())
    }
}

/// Deserializes the parameters that `shape` has.
pub(crate) fn decode<T: DeserializeOwned>(shape: &Shape, query: &str) -> Result<T> {
    let mut given = form_urlencoded::Serializer::new(String::new());
    let pairs = form_urlencoded::parse(query.as_bytes());
    // An empty filter filters nothing.
    for (name, value) in pairs.filter(|(_, value)| !value.trim().is_empty()) {
        let meant = || meanings(&name).find_map(|meant| shape.canonical(meant));
        // Other extractors read what is no field of this type.
        if let Some(field) = shape.canonical(&name).or_else(meant) {
            given.append_pair(field, &value);
        }
    }
    decode_pairs(shape, given.finish().as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::{Value, json};

    use crate::{Api, Json, Listing, Message, Paging, Query, Result, SignedBody, testing::Server};

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Filter {
        q: Option<String>,
        from: Option<u8>,
        to: Option<u8>,
        group_by: Option<String>,
    }

    #[derive(Deserialize, JsonSchema)]
    struct Own {
        /// Has another meaning here.
        search: Option<u8>,
        q: Option<String>,
    }

    async fn filtered(Query(filter): Query<Filter>) -> Json<Filter> {
        Json(filter)
    }

    async fn own(Query(own): Query<Own>) -> Json<(Option<u8>, Option<String>)> {
        Json((own.search, own.q))
    }

    async fn listed(Query(filter): Query<Filter>, page: Paging) -> Result<Listing<u16>> {
        drop(filter);
        page.answer(domain::Page {
            items: vec![page.limit],
            next: None,
        })
    }

    async fn plain() -> Message {
        Message("plain")
    }

    async fn called(_: SignedBody) -> Message {
        Message("called")
    }

    fn server() -> Server {
        let api = Api::new("Test")
            .get("/filtered", filtered, "")
            .get("/own", own, "")
            .get("/listed", listed, "")
            .get("/api/listed", listed, "")
            .get("/v1/listed", listed, "")
            .get("/plain", plain, "")
            .post("/plain", plain, "")
            .post("/called", called, "");
        Server::new(api.alias("/listed", "/also-listed").page("/page", plain, ""))
    }

    fn details(problem: &Value) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = problem["errors"].as_array().into_iter().flatten();
        errors
            .map(|error| (text(&error["pointer"]), text(&error["detail"])))
            .collect()
    }

    #[tokio::test]
    async fn an_unknown_parameter_is_rejected_with_the_names_of_the_known_ones() {
        for (path, known) in [
            ("/listed", "`cursor`, `from`, `group_by`, `limit`, `q`, `to`"),
            ("/also-listed", "`cursor`, `from`, `group_by`, `limit`, `q`, `to`"),
            ("/api/listed", "`cursor`, `from`, `groupBy`, `limit`, `q`, `to`"),
        ] {
            let problem = server().get(&format!("{path}?limti=5&limit=5&limti=6&x/y=")).await;
            let detail = format!("is unknown; known query parameters are {known}");
            let expected = [("/limti".to_owned(), detail.clone()), ("/x~1y".to_owned(), detail)];
            assert_eq!(details(&problem.problem(422, "invalid")), expected);
        }
        let problem = server().get("/plain?limit=5").await.problem(422, "invalid");
        let detail = "is unknown; there are no query parameters".to_owned();
        assert_eq!(details(&problem), [("/limit".to_owned(), detail)]);
        let answer = server().get("/v1/listed?limti=5").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["param"]),
            (400, &json!("limti"))
        );
    }

    #[tokio::test]
    async fn it_is_refused_whatever_the_method() {
        server().post("/plain?dry_run=1", "{}").await.problem(422, "invalid");
        let head = server().call(Request::head("/plain?x=1"), Body::empty()).await;
        assert_eq!(head.status, 422);
        server()
            .post("/listed?x=1", "{}")
            .await
            .problem(405, "method_not_allowed");
        server().get("/nothing?x=1").await.problem(404, "unknown_route");
    }

    #[tokio::test]
    async fn parameters_of_caches_trackers_webhooks_and_pages_are_ignored() {
        for query in ["_=1712", "_x=1&utm_source=a&UTM_Medium=b&utmCampaign=", "", "&", "="] {
            let wanted = if query.contains("utmCampaign") { 422 } else { 200 };
            assert_eq!(server().get(&format!("/plain?{query}")).await.status, wanted, "{query}");
        }
        assert_eq!(server().post("/called?anything=1", "{}").await.status, 200);
        assert_eq!(server().get("/page?anything=1").await.status, 200);
    }

    #[tokio::test]
    async fn aliases_are_accepted_where_the_operation_reads_the_parameter() {
        let expected = json!({"q": "a", "from": 1, "to": 2, "group_by": null});
        for query in [
            "q=a&from=1&to=2",
            "search=a&start_date=1&end_date=2",
            "Search=a&startDate=1&endDate=2",
        ] {
            assert_eq!(server().get(&format!("/filtered?{query}")).await.json(), expected);
        }
        assert_eq!(server().get("/own?search=1&q=a").await.json(), json!([1, "a"]));
        let twice = server().get("/filtered?q=a&search=b").await.problem(422, "invalid");
        assert_eq!(details(&twice)[0].0, "/q");
        server().get("/plain?search=a").await.problem(422, "invalid");
    }

    #[tokio::test]
    async fn a_parameter_without_a_value_is_omitted() {
        for (query, expected) in [
            ("cursor=&limit=", 50),
            ("cursor&limit", 50),
            ("limit=7&cursor=&q=", 7),
            ("from=&to=%20&group_by=", 50),
        ] {
            assert_eq!(
                server().get(&format!("/listed?{query}")).await.json(),
                json!([expected]),
                "{query}"
            );
        }
    }
}
