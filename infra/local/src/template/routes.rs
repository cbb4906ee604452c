//! Which function a path of the gateway leads to.

use super::{Function, Route, TemplateError};

/// The paths of the gateway. The most specific one matches: literal parts before parameters, and those before a
/// parameter that matches the rest of the path.
#[derive(Debug)]
pub(super) struct Paths(matchit::Router<(usize, usize)>);

impl Paths {
    pub(super) fn of(functions: &[Function]) -> Result<Self, TemplateError> {
        let mut paths = matchit::Router::new();
        for (at, function) in functions.iter().enumerate() {
            for (index, route) in function.routes.iter().enumerate() {
                // In the gateway's syntax of a parameter that matches the rest of the path.
                let path = match route.path.rsplit_once("/{") {
                    Some((folder, rest)) if rest.ends_with("+}") => format!("{folder}/{{*{}", rest.replace("+}", "}")),
                    _ => route.path.clone(),
                };
                let added = paths.insert(path, (at, index));
                added
                    .map_err(|error| TemplateError::new(format!("route {} of {}: {error}", route.path, function.id)))?;
            }
        }
        Ok(Self(paths))
    }

    /// Returns the function of a path and its route.
    pub(super) fn find<'a>(&self, functions: &'a [Function], path: &str) -> Option<(&'a Function, &'a Route)> {
        // `/documents/` is the same resource as `/documents`, as everywhere.
        let path = Some(path.trim_end_matches('/')).filter(|path| !path.is_empty());
        let (function, route) = *self.0.at(path.unwrap_or("/")).ok()?.value;
        let function = functions.get(function)?;
        Some((function, function.routes.get(route)?))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::Template;

    #[test]
    fn a_path_leads_to_the_function_that_the_template_names() {
        let template = Template::embedded().unwrap();
        for (path, function, streaming) in [
            ("/api/v1/documents", "documents", false),
            ("/api/v1/documents/", "documents", false),
            ("/api/v1/orgs/o_1/members", "orgs", false),
            ("/api/v1/auth/login", "auth", false),
            ("/api/v1/auth/stats", "usage", false),
            ("/api/v1/auth/stats/more", "auth", false),
            ("/api/v1/ai/chat", "ai", true),
            ("/api/v1/ai/usage", "usage", false),
            ("/api/v1/billing/webhook/stripe", "stripe_webhook", false),
            ("/v1/models/gpt", "ai", true),
            ("/v1/models/compatible/meta-llama/llama-3", "ai", true),
            ("/v1/models", "ai", true),
            ("/", "console", false),
            ("/nothing/here", "console", false),
        ] {
            let (found, route) = template.route(path).unwrap();
            assert_eq!(
                (found.crate_name.as_str(), route.streaming),
                (function, streaming),
                "{path}"
            );
        }
    }
}
