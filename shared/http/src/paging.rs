//! Pages of a list: the request has `?limit=` and `?cursor=`, the response `Link: <...>; rel="next"`.

use std::{ops::Deref, sync::Arc};

use app::Cipher;
use axum::extract::FromRequestParts;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Error, Page, PageRequest};
use futures::future::BoxFuture;
use http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Describe, Listing, Problem, Result, WithRest, case_mapping,
    describe::OperationDoc,
    query::{self, QueryParameters},
    request_context::RequestContext,
};

/// The requested page; derefs to [`PageRequest`].
///
/// A cursor is the sort key to continue after, encrypted for the caller, the organization as named in the request and
/// the path. It never contains a partition key, and is rejected for any other caller.
///
/// # Errors
/// 422 for a limit outside 1 to 100, 400 `invalid_cursor`.
pub struct Paging {
    request: PageRequest,
    cipher: Cipher,
    associated_data: String,
    query: String,
}

/// The purpose of the keys that encrypt cursors.
const PURPOSE: &str = "cursor";

#[derive(Deserialize, JsonSchema)]
struct Params {
    /// Maximum number of items, 1 to 100; 50 if omitted.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u16>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
}

impl Paging {
    /// Returns the response with this page, and the link to the next one.
    ///
    /// # Errors
    /// 500 if the cursor cannot be encrypted.
    pub fn answer<T>(&self, page: Page<T>) -> Result<Listing<T>> {
        let next = page.next.map(|key| self.reference_after(&key)).transpose()?;
        Ok(Listing {
            items: page.items,
            next,
        })
    }

    /// Boxed, so that it is compiled once and not for every function.
    fn read(context: Arc<RequestContext>, query: String) -> BoxFuture<'static, Result<Self>> {
        Box::pin(async move {
            let params: Params = query::decode(&case_mapping::input::<Params>(), &without_empty(&query))?;
            let limit = params.limit.unwrap_or(PageRequest::DEFAULT_LIMIT);
            if !(1..=PageRequest::MAX_LIMIT).contains(&limit) {
                return Err(Error::invalid("/limit", "must be between 1 and 100").into());
            }
            let associated_data = associated_data(&caller(&context).await?, &context, &context.path);
            let cipher = context.backend.cipher(b"", PURPOSE).await?;
            let open = |cursor: String| {
                let encrypted = URL_SAFE_NO_PAD.decode(cursor).ok()?;
                String::from_utf8(cipher.decrypt(associated_data.as_bytes(), &encrypted).ok()?).ok()
            };
            let after = match params.cursor {
                None => None,
                Some(cursor) => Some(open(cursor).ok_or_else(|| {
                    let detail = "this cursor belongs to another list; use the one from the `Link` header of the list";
                    Error::bad_request("invalid_cursor", detail)
                })?),
            };
            Ok(Self {
                request: PageRequest { limit, after },
                cipher,
                associated_data,
                query,
            })
        })
    }

    /// Returns this request with a cursor after `key` and all its other parameters, as a reference relative to its
    /// URL, which is valid whatever path the client uses.
    fn reference_after(&self, key: &str) -> Result<String> {
        let encrypted = self.cipher.encrypt(self.associated_data.as_bytes(), key.as_bytes())?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        query.extend_pairs(pairs.filter(|(name, _)| case_mapping::fold(name) != "cursor"));
        query.append_pair("cursor", &URL_SAFE_NO_PAD.encode(encrypted));
        Ok(format!("?{}", query.finish()))
    }
}

/// Links a resource to the rest of a list whose first page its response contains.
pub struct Rest {
    context: Arc<RequestContext>,
    caller: String,
    cipher: Cipher,
}

impl Rest {
    /// Returns the response, with a `Link` to the page after `next` of the list called `list` below this resource.
    ///
    /// # Errors
    /// 500 if the cursor cannot be encrypted.
    pub fn answer<T>(&self, value: T, list: &str, next: Option<String>) -> Result<WithRest<T>> {
        let path = format!("{}/{list}", self.context.path);
        let reference = |key: String| {
            let associated_data = associated_data(&self.caller, &self.context, &path);
            let encrypted = self.cipher.encrypt(associated_data.as_bytes(), key.as_bytes())?;
            let cursor = URL_SAFE_NO_PAD.encode(encrypted);
            Ok::<_, Problem>(self.context.root.to(&format!("{path}?cursor={cursor}")))
        };
        Ok(WithRest {
            value,
            next: next.map(reference).transpose()?,
        })
    }
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rest")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Rest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let context = RequestContext::of(parts)?;
        Ok(Self {
            caller: caller(&context).await?,
            cipher: context.backend.cipher(b"", PURPOSE).await?,
            context,
        })
    }
}

impl Describe for Rest {
    fn describe(_: &mut OperationDoc<'_>) {}
}

/// Returns the query without parameters that have no value: clients leave `cursor=` in the URL of a first page.
fn without_empty(query: &str) -> String {
    let given = query
        .split('&')
        .filter(|pair| pair.split_once('=').is_some_and(|(_, value)| !value.is_empty()));
    given.collect::<Vec<_>>().join("&")
}

/// Returns the owner of a cursor.
async fn caller(context: &RequestContext) -> Result<String> {
    Ok(match context.identity_if_known().await? {
        Some(identity) => identity.map_or_else(String::new, |identity| identity.user.id.0.clone()),
        // It may be a credential of another kind, such as the service key, which the handler has checked.
        None => context.token_digest(),
    })
}

/// Returns what a cursor is bound to.
fn associated_data(caller: &str, context: &RequestContext, path: &str) -> String {
    [caller, context.named_org(), path].join("\n")
}

impl Deref for Paging {
    type Target = PageRequest;

    fn deref(&self) -> &PageRequest {
        &self.request
    }
}

impl std::fmt::Debug for Paging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.request.fmt(f)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default().to_owned();
        Self::read(RequestContext::of(parts)?, query).await
    }
}

impl Describe for Paging {
    fn describe(doc: &mut OperationDoc<'_>) {
        doc.query_parameters::<Params>();
        doc.problem(400);
        doc.problem(422);
    }

    fn query(parameters: &mut QueryParameters) {
        parameters.add(&case_mapping::input::<Params>());
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing link is the test's failure")]
mod tests {
    use axum::body::Body;
    use http::Request;

    use super::*;
    use crate::{Api, testing::Server};

    async fn get_box(rest: Rest) -> Result<WithRest<Vec<u32>>> {
        rest.answer(vec![250, 249], "numbers", Some("249".to_owned()))
    }

    #[tokio::test]
    async fn a_resource_with_the_first_page_of_a_list_links_to_the_second_one() {
        let api = Api::new("Test")
            .get("/api/v1/box", get_box, "")
            .get("/api/v1/box/numbers", list_numbers, "");
        let server = Server::new(api);
        let call = |token: &'static str, url: String| {
            let request = Request::get(url).header("authorization", format!("Bearer {token}"));
            server.call(request, Body::empty())
        };
        for (path, up) in [("/api/v1/box", "../../"), ("/api/v1/box/", "../../../")] {
            let answer = call("ada", path.to_owned()).await;
            assert_eq!(answer.text(), "[250,249]");
            let link = answer.header("link").to_owned();
            let reference = link
                .strip_prefix('<')
                .and_then(|link| link.strip_suffix(">; rel=\"next\""));
            let below = reference.and_then(|reference| reference.strip_prefix(up));
            let url = format!("/{}", below.unwrap_or_else(|| panic!("{link}")));
            let second = call("ada", format!("{url}&limit=2")).await.json();
            assert_eq!(second, serde_json::json!([248, 247]));
            call("eve", url).await.problem(400, "invalid_cursor");
        }
    }

    /// Lists numbers downwards from 250: the sort key is the number itself.
    async fn list_numbers(page: Paging) -> Result<Listing<u32>> {
        let first: u32 = page
            .after
            .as_ref()
            .map_or(250, |after| after.parse::<u32>().unwrap() - 1);
        let items: Vec<u32> = (1..=first).rev().take(page.limit.into()).collect();
        let next = items.last().filter(|last| **last > 1).map(u32::to_string);
        page.answer(Page { items, next })
    }

    fn server() -> Server {
        Server::new(
            Api::new("Test")
                .on_both_prefixes()
                .get("/numbers", list_numbers, "")
                .get("/{other}/numbers", list_numbers, ""),
        )
    }

    /// Returns the path of the page after the one at `path`: the reference replaces its query (RFC 3986 section 5.2.2).
    fn next(path: &str, link: &str) -> String {
        let reference = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        assert!(reference.starts_with('?'), "{reference}");
        format!("{}{reference}", path.split('?').next().unwrap())
    }

    #[tokio::test]
    async fn following_the_links_reads_the_whole_list_once() {
        let server = server();
        let mut url = "/api/v1/numbers/?_tag=a%26b&limit=100".to_owned();
        let mut read: Vec<u32> = Vec::new();
        let mut pages = 0;
        loop {
            let answer = server.get(&url).await;
            read.extend(serde_json::from_slice::<Vec<u32>>(&answer.body).unwrap());
            pages += 1;
            if answer.header("link").is_empty() {
                break;
            }
            url = next(&url, answer.header("link"));
            assert!(
                url.starts_with("/api/v1/numbers/?_tag=a%26b&limit=100&cursor="),
                "{url}"
            );
            assert_eq!(url.matches("cursor").count(), 1);
        }
        assert_eq!((pages, read), (3, (1..=250).rev().collect()));
    }

    #[tokio::test]
    async fn a_page_has_1_to_100_items_and_50_by_default() {
        let server = server();
        for (limit, expected) in [("", 50), ("?limit=", 50), ("?limit=1", 1), ("?Limit=100", 100)] {
            let answer = server.get(&format!("/api/v1/numbers{limit}")).await;
            assert_eq!(answer.json().as_array().unwrap().len(), expected);
        }
        for limit in ["0", "101", "-1", "99999999", "ten"] {
            let problem = server
                .get(&format!("/api/v1/numbers?limit={limit}"))
                .await
                .problem(422, "invalid");
            assert_eq!(problem["errors"][0]["pointer"], "/limit", "{problem}");
        }
    }

    #[tokio::test]
    async fn a_cursor_is_opaque_and_rejected_if_altered_or_foreign() {
        let server = server();
        let call = |token: &'static str, org: &'static str, url: String| {
            let request = Request::get(url)
                .header("authorization", format!("Bearer {token}"))
                .header("x-current-org", org);
            server.call(request, Body::empty())
        };
        let first = call("ada", "acme", "/api/v1/numbers".to_owned()).await;
        let url = next("/api/v1/numbers", first.header("link"));
        assert_eq!(call("ada", "acme", url.clone()).await.status, 200);
        let cursor = url.split("cursor=").nth(1).unwrap();
        let encrypted = URL_SAFE_NO_PAD.decode(cursor).unwrap();
        assert!(
            !encrypted.windows(3).any(|bytes| bytes == b"201"),
            "the sort key is readable"
        );
        call("eve", "acme", url.clone()).await.problem(400, "invalid_cursor");
        call("ada", "personal", url.clone())
            .await
            .problem(400, "invalid_cursor");
        server.get(&url).await.problem(400, "invalid_cursor");
        let elsewhere = url.replace("/v1/numbers", "/v1/x/numbers");
        call("ada", "acme", elsewhere).await.problem(400, "invalid_cursor");
        for at in 0..encrypted.len() {
            let mut altered = encrypted.clone();
            altered[at] ^= 0x40;
            let altered = format!("/api/v1/numbers?cursor={}", URL_SAFE_NO_PAD.encode(altered));
            call("ada", "acme", altered).await.problem(400, "invalid_cursor");
        }
        for forged in ["x", "AQ", "!!!", "MjAx"] {
            call("ada", "acme", format!("/api/v1/numbers?cursor={forged}"))
                .await
                .problem(400, "invalid_cursor");
        }
    }
}
