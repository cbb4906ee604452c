//! Slack's API and the platform's app there, from the environment. Its secrets are not included.

/// Slack's API and the platform's app there.
#[derive(Debug, Clone)]
pub struct SlackSettings {
    /// `SLACK_BASE_URL`: by default Slack's.
    pub base_url: String,
    /// `SLACK_CLIENT_ID`: the platform's app. Without it, organizations connect apps of their own.
    pub client_id: Option<String>,
}

impl SlackSettings {
    /// Reads the settings from the environment, through `get`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        Self {
            base_url: get("SLACK_BASE_URL").unwrap_or_else(|| slack::BASE_URL.to_owned()),
            client_id: get("SLACK_CLIENT_ID"),
        }
    }
}
