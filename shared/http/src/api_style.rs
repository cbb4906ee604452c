//! The two spellings of one API: `camelCase` under `/api/` outside `/api/v1/`, `snake_case` everywhere else.

/// The spelling that a path uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ApiStyle {
    /// `/api/v1/*` and everything else.
    Snake,
    /// `/api/*`.
    Camel,
}

impl ApiStyle {
    /// Returns the style of a path. **Invariant:** nothing else decides on spelling.
    pub(crate) fn of(path: &str) -> Self {
        match path.strip_prefix("/api/") {
            Some(rest) if rest != "v1" && !rest.starts_with("v1/") => Self::Camel,
            _ => Self::Snake,
        }
    }

    /// Returns `name`, which is in `snake_case`, in this style.
    pub(crate) fn spelling(self, name: &str) -> String {
        match self {
            Self::Snake => name.to_owned(),
            Self::Camel => camel(name),
        }
    }
}

/// Returns whether a path is for clients of `OpenAI`'s API.
pub(crate) fn speaks_openai(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Returns `display_name` as `displayName`. Leading underscores stay.
pub(crate) fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut raise = false;
    for letter in name.chars() {
        if letter == '_' && !out.is_empty() && !out.ends_with('_') {
            raise = true;
        } else if raise {
            out.extend(letter.to_uppercase());
            raise = false;
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides_the_spelling() {
        for path in [
            "/api/v1/documents",
            "/api/v1",
            "/health",
            "/v1/models",
            "/apikeys",
            "/api",
        ] {
            assert_eq!(ApiStyle::of(path), ApiStyle::Snake, "{path}");
        }
        for path in ["/api/documents", "/api/v10/x", "/api/auth/register"] {
            assert_eq!(ApiStyle::of(path), ApiStyle::Camel, "{path}");
        }
    }

    #[test]
    fn only_paths_under_v1_are_for_clients_of_openai() {
        assert!(["/v1", "/v1/models"].into_iter().all(speaks_openai));
        assert!(
            !["/api/v1/models", "/v10", "/v1beta/models", "/"]
                .into_iter()
                .any(speaks_openai)
        );
    }

    #[test]
    fn snake_case_becomes_camel_case_and_nothing_else_changes() {
        for (snake, expected) in [
            ("display_name", "displayName"),
            ("id", "id"),
            ("a_b_c", "aBC"),
            ("alreadyCamel", "alreadyCamel"),
            ("_private_part", "_privatePart"),
            ("page_2", "page2"),
        ] {
            assert_eq!(camel(snake), expected);
        }
    }
}
