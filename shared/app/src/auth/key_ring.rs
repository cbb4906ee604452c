//! The key ring in the secret `ENCRYPTION_KEYS`: a JSON object of keys by ID, which also names the encrypting key.
//!
//! ```json
//! {"current": "2", "previous": "1", "1": "...", "2": "...", "legacy-1": "..."}
//! ```
//!
//! CloudFormation creates the first key (`GenerateSecretString`), and `parlance admin rotate-secret` adds further ones.
//! Keys are never removed: anything encrypted under one stays readable.

use std::collections::BTreeMap;

use domain::{Error, Result, Secret};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::auth::key_derivation::{Key, derive};

/// ID prefix of keys from before there was a ring, when all were derived from the secret that signs tokens.
const LEGACY: &str = "legacy-";
/// Derivation purpose of a root key, the same as in releases without a ring.
const PURPOSE: &[u8] = b"sealing";
const SALT: &[u8] = b"parlance";

/// Keys by ID. `Debug` shows IDs only.
#[derive(Debug, Clone, Deserialize)]
pub struct KeyRing {
    current: String,
    #[serde(default)]
    previous: Option<String>,
    #[serde(flatten)]
    keys: BTreeMap<String, Secret>,
}

impl KeyRing {
    /// Maximum length of a key's ID, in bytes.
    pub(crate) const MAX_ID_BYTES: usize = 32;

    /// Returns a ring with one key.
    pub fn new(key: Secret) -> Self {
        Self {
            current: "1".to_owned(),
            previous: None,
            keys: BTreeMap::from([("1".to_owned(), key)]),
        }
    }

    /// Parses the secret.
    ///
    /// # Errors
    /// Returns [`Error::Internal`], which quotes no part of the secret, if it is not a key ring.
    pub fn parse(text: &Secret) -> Result<Self> {
        // The library's error may quote the text.
        let ring: Self = serde_json::from_str(text.expose()).map_err(|_| broken("is no JSON object of texts"))?;
        let held = [Some(&ring.current), ring.previous.as_ref()];
        if held.into_iter().flatten().any(|id| !ring.keys.contains_key(id)) {
            return Err(broken("names a key that it does not contain"));
        }
        let is_id =
            |id: &String| (1..=Self::MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        if !ring.keys.keys().all(is_id) || ring.keys.values().any(|key| key.expose().len() < 16) {
            return Err(broken("contains a key with an invalid ID, or one that is too short"));
        }
        Ok(ring)
    }

    /// Returns the secret's text.
    pub fn to_json(&self) -> Secret {
        let text = |text: &str| Value::String(text.to_owned());
        let mut ring = Map::from_iter([("current".to_owned(), text(&self.current))]);
        if let Some(previous) = &self.previous {
            ring.insert("previous".to_owned(), text(previous));
        }
        ring.extend(self.keys.iter().map(|(id, key)| (id.clone(), text(key.expose()))));
        Secret::new(Value::Object(ring).to_string())
    }

    /// Returns the ID of the encrypting key.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Returns the ID of the previous key, which encrypts until every process knows the current one.
    pub(crate) fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    /// Returns the ring with an additional key, which encrypts from now on. `is_known`: whether every process knows the
    /// current key; if not, the previous one continues until they know both.
    #[must_use]
    pub fn rotated(&self, key: Secret, is_known: bool) -> Self {
        let numbers = self.keys.keys().filter_map(|id| id.parse::<u64>().ok());
        let id = (numbers.max().unwrap_or(0) + 1).to_string();
        let mut keys = self.keys.clone();
        keys.insert(id.clone(), key);
        Self {
            previous: Some(match &self.previous {
                Some(previous) if !is_known => previous.clone(),
                _ => self.current.clone(),
            }),
            current: id,
            keys,
        }
    }

    /// Returns whether it contains the keys used before there was a ring.
    pub fn has_legacy_keys(&self) -> bool {
        self.keys.keys().any(|id| id.starts_with(LEGACY))
    }

    /// Returns the ring with the keys that earlier releases derived from these values of `JWT_SECRET`, so that the
    /// secret can be changed.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the crypto library fails.
    pub fn with_legacy_keys(&self, signing: &[&Secret]) -> Result<Self> {
        let mut keys = self.keys.clone();
        for (number, secret) in (1..).zip(signing) {
            keys.insert(format!("{LEGACY}{number}"), Secret::new(hex::encode(root(secret)?)));
        }
        Ok(Self { keys, ..self.clone() })
    }

    /// Returns the root keys by ID. Those of earlier releases are separate, because their ciphertexts name no key.
    pub(crate) fn roots(&self) -> Result<(BTreeMap<String, Key>, Vec<Key>)> {
        let (mut roots, mut legacy) = (BTreeMap::new(), Vec::new());
        for (id, key) in &self.keys {
            if id.starts_with(LEGACY) {
                let mut bytes = [0; 32];
                let decoded = hex::decode_to_slice(key.expose(), &mut bytes);
                decoded.map_err(|_| broken("contains a key of an earlier release that is not 32 bytes in hex"))?;
                legacy.push(bytes);
            } else {
                roots.insert(id.clone(), root(key)?);
            }
        }
        Ok((roots, legacy))
    }
}

/// Returns the root key from which the keys for single purposes are derived.
pub(crate) fn root(secret: &Secret) -> Result<Key> {
    derive(secret.expose().as_bytes(), SALT, PURPOSE)
}

fn broken(how: &str) -> Error {
    Error::internal(format!("the secret ENCRYPTION_KEYS {how}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failing step is the test's failure")]
mod tests {
    use super::*;

    fn key(text: &str) -> Secret {
        Secret::new(text.repeat(32))
    }

    #[test]
    fn a_rotation_adds_a_key_and_keeps_all_others() {
        let mut ring = KeyRing::new(key("a")).with_legacy_keys(&[&key("z")]).unwrap();
        for number in 2..=40 {
            ring = ring.rotated(key("b"), true);
            ring = KeyRing::parse(&ring.to_json()).unwrap();
            assert_eq!(
                (ring.current(), ring.keys.len()),
                (number.to_string().as_str(), number + 1)
            );
            assert_eq!(ring.previous(), Some((number - 1).to_string().as_str()));
        }
        let hurried = ring.rotated(key("c"), false);
        assert_eq!((hurried.current(), hurried.previous()), ("41", Some("39")));
        let (roots, legacy) = ring.roots().unwrap();
        assert_eq!(
            (roots["1"], legacy),
            (root(&key("a")).unwrap(), vec![root(&key("z")).unwrap()])
        );
    }

    #[test]
    fn what_is_no_ring_is_refused_without_a_word_of_it() {
        for text in [
            "hunter2",
            r#""hunter2hunter2hunter2""#,
            "{}",
            r#"{"1":"hunter2hunter2hunter2"}"#,
            r#"{"current":"2","1":"hunter2hunter2hunter2"}"#,
            r#"{"current":"1","previous":"0","1":"hunter2hunter2hunter2"}"#,
            r#"{"current":"1","1":"hunter2"}"#,
            r#"{"current":"1","1":7}"#,
            r#"{"current":"","":"hunter2hunter2hunter2"}"#,
        ] {
            let refused = KeyRing::parse(&Secret::new(text)).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
        }
        let ring = r#"{"current":"1","1":"hunter2hunter2hunter2","legacy-1":"hunter2hunter2hunter2"}"#;
        assert!(KeyRing::parse(&Secret::new(ring)).unwrap().roots().is_err());
    }
}
