//! Filters of lists.

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::AttributeValue};

/// A filter in addition to a key condition.
#[derive(Debug, Default)]
pub(crate) struct ListFilter {
    /// Conditions that all hold.
    pub(crate) conditions: Vec<&'static str>,
    /// Placeholders of attributes whose names are reserved words.
    pub(crate) names: Vec<(&'static str, &'static str)>,
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

impl ListFilter {
    /// Returns a filter of one condition without placeholders of names.
    pub(crate) fn of(condition: &'static str, values: Vec<(&'static str, AttributeValue)>) -> Self {
        Self {
            conditions: vec![condition],
            names: Vec::new(),
            values,
        }
    }

    /// Adds a condition on the value of an attribute, both by placeholders.
    pub(crate) fn and(
        mut self,
        condition: &'static str,
        name: (&'static str, &'static str),
        value: (&'static str, AttributeValue),
    ) -> Self {
        self.conditions.push(condition);
        self.names.push(name);
        self.values.push(value);
        self
    }

    pub(crate) fn apply(&self, mut query: QueryFluentBuilder) -> QueryFluentBuilder {
        if self.conditions.is_empty() {
            return query;
        }
        query = query.filter_expression(format!("({})", self.conditions.join(") AND (")));
        for (name, attribute) in &self.names {
            query = query.expression_attribute_names(*name, *attribute);
        }
        for (name, value) in &self.values {
            query = query.expression_attribute_values(*name, value.clone());
        }
        query
    }
}
