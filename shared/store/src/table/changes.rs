//! Changes of an item's attributes, as an update expression.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, builders::UpdateBuilder},
};

/// Attributes to set and to remove. They are written as placeholders, so that none is a reserved word. A path such as
/// `settings.model` names an attribute inside a map, so that concurrent changes of its neighbors do not overwrite each
/// other.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    set: Vec<(&'static str, AttributeValue)>,
    removed: Vec<&'static str>,
}

impl Changes {
    /// Sets an attribute.
    pub(crate) fn set(self, path: &'static str, value: AttributeValue) -> Self {
        self.set_if(path, Some(value))
    }

    /// Sets an attribute if there is a value.
    pub(crate) fn set_if(mut self, path: &'static str, value: Option<AttributeValue>) -> Self {
        self.set.extend(value.map(|value| (path, value)));
        self
    }

    /// Removes an attribute.
    pub(crate) fn remove(mut self, path: &'static str) -> Self {
        self.removed.push(path);
        self
    }

    /// Adds the changes to an update, as its expression.
    pub(crate) fn on<U: Update>(self, mut update: U) -> U {
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for (number, (path, value)) in self.set.into_iter().enumerate() {
            let (changed, names) = placeholders(update, path, number);
            update = changed.value(format!(":v{number}"), value);
            set.push(format!("{names} = :v{number}"));
        }
        for (number, path) in self.removed.into_iter().enumerate() {
            let (changed, names) = placeholders(update, path, set.len() + number);
            update = changed;
            remove.push(names);
        }
        let clause =
            |word: &str, parts: Vec<String>| (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")));
        let clauses = [clause("SET", set), clause("REMOVE", remove)];
        update.expression(clauses.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// Names the parts of a path in the update, and returns the path as it is written in an expression.
fn placeholders<U: Update>(mut update: U, path: &'static str, number: usize) -> (U, String) {
    let mut names = Vec::new();
    for (depth, name) in path.split('.').enumerate() {
        let placeholder = format!("#n{number}_{depth}");
        update = update.name(placeholder.clone(), name);
        names.push(placeholder);
    }
    (update, names.join("."))
}

/// An update, alone or as a part of a transaction.
pub(crate) trait Update: Sized {
    fn name(self, placeholder: String, name: &str) -> Self;
    fn value(self, placeholder: String, value: AttributeValue) -> Self;
    fn expression(self, expression: String) -> Self;
}

impl Update for UpdateItemFluentBuilder {
    fn name(self, placeholder: String, name: &str) -> Self {
        self.expression_attribute_names(placeholder, name)
    }

    fn value(self, placeholder: String, value: AttributeValue) -> Self {
        self.expression_attribute_values(placeholder, value)
    }

    fn expression(self, expression: String) -> Self {
        self.update_expression(expression)
    }
}

impl Update for UpdateBuilder {
    fn name(self, placeholder: String, name: &str) -> Self {
        self.expression_attribute_names(placeholder, name)
    }

    fn value(self, placeholder: String, value: AttributeValue) -> Self {
        self.expression_attribute_values(placeholder, value)
    }

    fn expression(self, expression: String) -> Self {
        self.update_expression(expression)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::Update;

    use super::*;
    use crate::table::item::s;

    #[test]
    fn attributes_are_named_by_placeholders_one_for_each_step_of_a_path() {
        let changes = Changes::default()
            .set("name", s("a"))
            .set_if("settings.model", Some(s("b")))
            .set_if("color", None)
            .remove("size");
        let update = changes.on(Update::builder());
        let expression = update.get_update_expression().clone().unwrap_or_default();
        assert_eq!(expression, "SET #n0_0 = :v0, #n1_0.#n1_1 = :v1 REMOVE #n2_0");
        let names = update.get_expression_attribute_names().clone().unwrap_or_default();
        let attribute = |placeholder: &str| names.get(placeholder).map(String::as_str);
        assert_eq!(
            ["#n0_0", "#n1_0", "#n1_1", "#n2_0"].map(attribute),
            [Some("name"), Some("settings"), Some("model"), Some("size")]
        );
    }
}
