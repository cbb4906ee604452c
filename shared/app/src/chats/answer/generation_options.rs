//! Options of a request that control how it is answered.

use domain::ChatbotSettings;
use llm::ReasoningEffort;

/// Options for an answer, beyond the settings of the chatbot or conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GenerationOptions {
    /// Instructions, appended to those of the chatbot if there is one.
    pub system: Option<String>,
    /// Maximum answer length in tokens, including reasoning; never above the chatbot's.
    pub max_tokens: Option<u32>,
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f32>,
    /// Reasoning effort, for models that support it.
    pub reasoning_effort: Option<ReasoningEffort>,
}

impl GenerationOptions {
    /// Returns the reasoning allowance in addition to the answer's tokens: 0 if the caller has limited the total.
    pub(crate) fn thinking_tokens(&self) -> u32 {
        if self.max_tokens.is_some() { 0 } else { u32::MAX }
    }

    /// Returns a chatbot's settings with these options applied.
    pub(crate) fn of_chatbot(self, settings: ChatbotSettings) -> ChatbotSettings {
        let system = [settings.system_prompt, self.system];
        let system: Vec<String> = system.into_iter().flatten().collect();
        ChatbotSettings {
            system_prompt: (!system.is_empty()).then(|| system.join("\n\n")),
            max_tokens: self
                .max_tokens
                .map_or(settings.max_tokens, |most| most.min(settings.max_tokens)),
            temperature: self.temperature.or(settings.temperature),
            ..settings
        }
    }

    /// Returns the settings of an answer without a chatbot.
    pub(crate) fn alone(self, max_tokens: u32) -> ChatbotSettings {
        ChatbotSettings {
            system_prompt: self.system,
            max_tokens: self.max_tokens.unwrap_or(max_tokens),
            temperature: self.temperature,
            ..ChatbotSettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chatbot_is_asked_for_less_but_never_for_more() {
        let bot = || ChatbotSettings {
            system_prompt: Some("Be kind.".to_owned()),
            max_tokens: 500,
            temperature: Some(0.2),
            ..ChatbotSettings::default()
        };
        let options = |max_tokens, system: Option<&str>| GenerationOptions {
            system: system.map(str::to_owned),
            max_tokens,
            ..GenerationOptions::default()
        };
        assert_eq!(GenerationOptions::default().of_chatbot(bot()), bot());
        let tuned = options(Some(9_000), Some("In French.")).of_chatbot(bot());
        assert_eq!(
            (tuned.max_tokens, tuned.system_prompt.as_deref(), tuned.temperature),
            (500, Some("Be kind.\n\nIn French."), Some(0.2))
        );
        assert_eq!(options(Some(9), None).of_chatbot(bot()).max_tokens, 9);
        assert_eq!(options(Some(9_000), None).alone(4_096).max_tokens, 9_000);
        assert_eq!(options(None, None).alone(4_096).max_tokens, 4_096);
    }
}
