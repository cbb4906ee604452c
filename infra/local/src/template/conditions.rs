//! Conditions of the template, which depend on its parameters.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html>

use std::collections::HashMap;

use serde_json::Value;

use super::TemplateError;

/// The conditions by name.
#[derive(Debug, Default)]
pub struct Conditions(HashMap<String, Value>);

impl Conditions {
    pub(super) fn read(section: &Value) -> Self {
        let conditions = section.as_object().into_iter().flatten();
        Self(conditions.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Whether a condition holds. `parameter`: the value of a parameter.
    ///
    /// # Errors
    /// The condition does not exist, or is made of something that is not known here.
    pub fn hold(&self, name: &str, parameter: &dyn Fn(&str) -> Option<String>) -> Result<bool, TemplateError> {
        match self.0.get(name) {
            Some(condition) => self.evaluate(condition, parameter),
            None => Err(TemplateError(format!("there is no condition {name}"))),
        }
    }

    fn evaluate(&self, condition: &Value, parameter: &dyn Fn(&str) -> Option<String>) -> Result<bool, TemplateError> {
        let unknown = || TemplateError(format!("the condition {condition} is not known here"));
        let (function, argument) = condition
            .as_object()
            .and_then(|object| object.iter().next())
            .ok_or_else(unknown)?;
        let all = argument.as_array().map_or(&[][..], Vec::as_slice);
        match (function.as_str(), all) {
            ("Condition", _) => self.hold(argument.as_str().ok_or_else(unknown)?, parameter),
            ("Fn::Not", [inner]) => Ok(!self.evaluate(inner, parameter)?),
            ("Fn::Equals", [left, right]) => {
                let text = |value: &Value| match value["Ref"].as_str() {
                    Some(name) => parameter(name).ok_or_else(unknown),
                    None => value.as_str().map(str::to_owned).ok_or_else(unknown),
                };
                Ok(text(left)? == text(right)?)
            }
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_follows_its_parameter() {
        let conditions = Conditions::read(&json!({
            "HasRegion": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Region"}, ""]}]},
            "HasNone": {"Fn::Not": [{"Condition": "HasRegion"}]},
            "Odd": {"Fn::Length": []},
        }));
        for (region, has) in [("", false), ("eu-central-1", true)] {
            let parameter = |name: &str| (name == "Region").then(|| region.to_owned());
            assert_eq!(conditions.hold("HasRegion", &parameter).unwrap(), has);
            assert_eq!(conditions.hold("HasNone", &parameter).unwrap(), !has);
        }
        for unknown in ["Odd", "NoSuch", "HasRegion"] {
            assert!(conditions.hold(unknown, &|_| None).is_err(), "{unknown}");
        }
    }
}
