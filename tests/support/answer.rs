//! An answer of the API, with what tests want to know of it.

use reqwest::{Response, StatusCode, Url, header::HeaderMap};
use serde_json::Value;

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What was asked for.
    url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        for name in ["link", "location"] {
            let values = headers.get_all(name).iter();
            let leads_out = |value: &str| value.trim_start_matches('<').starts_with('/');
            assert!(
                !values.filter_map(|value| value.to_str().ok()).any(leads_out),
                "an absolute path leads out of the stage: {headers:?}"
            );
        }
        Self {
            url: response.url().clone(),
            status,
            headers,
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.expect(200)
    }

    #[track_caller]
    pub(crate) fn created(self) -> Self {
        self.expect(201)
    }

    /// A problem (RFC 9457) with this status and code, complete and telling nothing internal.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"].as_str(), Some(answer.header("x-request-id")));
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 5),
            "{problem}"
        );
        problem
    }

    /// The pointers of a 422.
    #[track_caller]
    pub(crate) fn invalid(self) -> Vec<String> {
        let problem = self.problem(422, "invalid");
        problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A text field of the body.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> String {
        self.json()[field]
            .as_str()
            .unwrap_or_else(|| panic!("no text {field} in {}", self.json()))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// Where a reference in this answer leads.
    #[track_caller]
    pub(crate) fn resolve(&self, reference: &str) -> String {
        self.url.join(reference).unwrap().to_string()
    }

    /// The URL in the `Link` with this relation (RFC 8288), if there is one.
    pub(crate) fn link(&self, relation: &str) -> Option<String> {
        let (reference, parameters) = self.header("link").strip_prefix('<')?.split_once('>')?;
        let is_it = parameters
            .split(';')
            .any(|one| one.trim() == format!("rel=\"{relation}\""));
        is_it.then(|| self.resolve(reference))
    }

    /// The URL of the next page, if there is one.
    pub(crate) fn next(&self) -> Option<String> {
        self.link("next")
    }

    /// The data of an event stream's frames.
    pub(crate) fn frames(&self) -> Vec<String> {
        let text = String::from_utf8(self.body.clone()).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(str::to_owned)
            .collect()
    }
}
