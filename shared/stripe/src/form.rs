//! Request bodies: `application/x-www-form-urlencoded`, nested values in brackets.

use std::fmt::Display;

/// The parameters of a request, in the order in which they were added. The same calls make the same bytes, which an
/// idempotency key requires.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Adds a parameter, for example `line_items[0][price]`.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Display) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a parameter if there is a value.
    #[must_use]
    pub fn field_if(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Returns the encoded parameters, as a body or a query.
    pub fn encode(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.0);
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_encoded_in_order() {
        let form = Form::default()
            .field("mode", "subscription")
            .field("line_items[0][quantity]", 3)
            .field_if("customer", None::<&str>)
            .field_if("success_url", Some("https://a.example/?x=1&y=ü"));
        assert_eq!(
            form.encode(),
            "mode=subscription&line_items%5B0%5D%5Bquantity%5D=3&success_url=https%3A%2F%2Fa.example%2F%3Fx%3D1%26y%3D%C3%BC"
        );
    }
}
