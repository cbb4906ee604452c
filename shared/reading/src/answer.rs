//! The child's standard output: one line of JSON, then the segment if there is one.

use retrieval::{ExtractError, IndexedFile};
use serde::{Deserialize, Serialize};

/// Why a file cannot be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable `snake_case` code, see [`ExtractError::code`]; only this crate reports `too_slow`.
    pub code: String,
    /// A sentence for the user who uploaded the file.
    pub detail: String,
}

impl From<&ExtractError> for Failure {
    fn from(error: &ExtractError) -> Self {
        Self {
            code: error.code().to_owned(),
            detail: error.to_string(),
        }
    }
}

/// The result of reading a file.
#[derive(Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// It can be searched.
    Indexed(IndexedFile),
    /// It cannot be read, and another attempt would fail in the same way.
    Refused(Failure),
    /// The child died. The file is the cause unless the machine was short of memory or time, so one more attempt is
    /// allowed.
    Died {
        /// The reason to report if it dies again.
        failure: Failure,
        /// How it died, for the log; contains no content of the file.
        cause: String,
    },
}

/// The line before the segment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Header {
    Indexed { pages: Option<u32>, chunks: u32 },
    Refused(Failure),
}

/// Returns the bytes of the output: the header line, and what follows it.
pub(crate) fn encode(outcome: Result<IndexedFile, ExtractError>) -> serde_json::Result<(Vec<u8>, Vec<u8>)> {
    let (header, segment) = match outcome {
        Ok(file) => (
            Header::Indexed {
                pages: file.pages,
                chunks: file.chunks,
            },
            file.segment,
        ),
        Err(error) => (Header::Refused(Failure::from(&error)), Vec::new()),
    };
    let mut line = serde_json::to_vec(&header)?;
    line.push(b'\n');
    Ok((line, segment))
}

/// Returns the output of a successful child; `None` if the bytes are not a valid output.
pub(crate) fn decode(mut bytes: Vec<u8>) -> Option<ReadOutcome> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let header = serde_json::from_slice(&bytes[..end]).ok()?;
    bytes.drain(..=end);
    match header {
        Header::Indexed { pages, chunks } => Some(ReadOutcome::Indexed(IndexedFile {
            segment: bytes,
            pages,
            chunks,
        })),
        Header::Refused(failure) if bytes.is_empty() => Some(ReadOutcome::Refused(failure)),
        Header::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_understood_as_it_was_meant() {
        let file = IndexedFile {
            segment: b"PLSG\n\0\n".to_vec(),
            pages: Some(3),
            chunks: 7,
        };
        let (line, segment) = encode(Ok(file.clone())).expect("encodes");
        assert_eq!(decode([line, segment].concat()), Some(ReadOutcome::Indexed(file)));
        let (line, nothing) = encode(Err(ExtractError::NoText)).expect("encodes");
        assert!(nothing.is_empty());
        let Some(ReadOutcome::Refused(failure)) = decode(line) else {
            unreachable!("a refusal");
        };
        assert_eq!(failure.code, "no_text");
        assert_eq!(failure.detail, ExtractError::NoText.to_string());
    }

    #[test]
    fn half_an_answer_is_none() {
        for bytes in [&b""[..], b"{}", b"{}\n", b"\n", b"{\"indexed\":{\"pages\":1}}\n"] {
            assert_eq!(decode(bytes.to_vec()), None, "{bytes:?}");
        }
    }
}
