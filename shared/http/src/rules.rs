//! Validation rules that several inputs share.

/// For `#[garde(custom(not_blank))]`: the text holds more than white space.
///
/// # Errors
/// When it does not.
pub fn not_blank(text: &str, (): &()) -> garde::Result {
    if text.trim().is_empty() {
        Err(garde::Error::new("must not be empty"))
    } else {
        Ok(())
    }
}
