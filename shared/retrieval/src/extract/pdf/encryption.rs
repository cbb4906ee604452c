//! AES-256 of revision 5, the predecessor of the standard's encryption that Acrobat 9 wrote (Adobe Supplement to ISO
//! 32000-1, extension level 3).
//!
//! The parser takes the intermediate key for the file's key there. Its revision 6 (ISO 32000-2, 7.6.4) is right, and
//! differs only in how the file's key is wrapped. So the key is wrapped again, and appended as an update of the file.

use std::fmt::Write as _;

use pdf_oxide::PdfDocument;
use pdf_oxide::crypto::{AesKeySize, HashAlgorithm, Padding, active};
use pdf_oxide::object::Object;

use super::store::{Dictionary, into_dictionary};

/// Nesting of dictionaries that are written.
const MAX_DEPTH: usize = 6;
/// Rounds of the hash of revision 6, with which it ends at the latest.
const MAX_ROUNDS: usize = 64 + 32 + 256;

/// Returns the file with the encryption of revision 6, if it has that of revision 5 and opens without a password.
pub(super) fn upgraded(file: &[u8], document: &PdfDocument) -> Option<Vec<u8>> {
    let trailer = document.trailer().as_dict()?;
    let encrypt = document.resolve_object(trailer.get("Encrypt")?).ok()?;
    let mut encrypt = into_dictionary(document.resolve_references(&encrypt, 4).ok()?)?;
    if encrypt.get("R").and_then(Object::as_integer) != Some(5) {
        return None;
    }
    let user = encrypt.get("U").and_then(Object::as_string)?;
    let (hash, validation_salt, key_salt) = (user.get(..32)?, user.get(32..40)?, user.get(40..48)?);
    if digest(HashAlgorithm::Sha256, &[validation_salt])? != hash {
        return None;
    }
    let wrapped = encrypt.get("UE").and_then(Object::as_string)?.get(..32)?;
    let cipher = active().symmetric();
    let unwrap = digest(HashAlgorithm::Sha256, &[key_salt])?;
    let key = cipher
        .aes_cbc_decrypt(AesKeySize::Aes256, &unwrap, &[0; 16], wrapped, Padding::None)
        .ok()?;
    let wrap = hash_of_revision_6(key_salt)?;
    let wrapped = cipher
        .aes_cbc_encrypt(AesKeySize::Aes256, &wrap, &[0; 16], &key, Padding::None)
        .ok()?;
    let user = [&hash_of_revision_6(validation_salt)?, validation_salt, key_salt].concat();
    encrypt.insert("R".to_owned(), Object::Integer(6));
    encrypt.insert("U".to_owned(), Object::String(user));
    encrypt.insert("UE".to_owned(), Object::String(wrapped));
    updated(file, trailer, encrypt)
}

/// Returns the hash of the empty password (ISO 32000-2, 7.6.4.3.4, algorithm 2.B).
fn hash_of_revision_6(salt: &[u8]) -> Option<Vec<u8>> {
    let mut key = digest(HashAlgorithm::Sha256, &[salt])?;
    for round in 1..=MAX_ROUNDS {
        let (cipher_key, vector) = (key.get(..16)?, key.get(16..32)?);
        let repeated = key.repeat(64);
        let encrypted = active()
            .symmetric()
            .aes_cbc_encrypt(AesKeySize::Aes128, cipher_key, vector, &repeated, Padding::None)
            .ok()?;
        let sum: u32 = encrypted.iter().take(16).map(|byte| u32::from(*byte)).sum();
        let algorithm = match sum % 3 {
            0 => HashAlgorithm::Sha256,
            1 => HashAlgorithm::Sha384,
            _ => HashAlgorithm::Sha512,
        };
        key = digest(algorithm, &[&encrypted])?;
        if round >= 64 && usize::from(*encrypted.last()?) + 32 <= round {
            break;
        }
    }
    key.truncate(32);
    Some(key)
}

fn digest(algorithm: HashAlgorithm, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut hasher = active().hasher(algorithm).ok()?;
    for part in parts {
        hasher.update(part);
    }
    Some(hasher.finalize())
}

/// Appends an encryption dictionary to a file (ISO 32000-2, 7.5.6).
fn updated(file: &[u8], trailer: &Dictionary, encrypt: Dictionary) -> Option<Vec<u8>> {
    let previous = previous_table(file)?;
    let number = trailer.get("Size").and_then(Object::as_integer)?;
    let mut new = file.to_vec();
    new.push(b'\n');
    let object = new.len();
    let mut text = String::new();
    write!(
        text,
        "{number} 0 obj\n{}\nendobj\n",
        written(&Object::Dictionary(encrypt), 0)?
    )
    .ok()?;
    let table = object + text.len();
    write!(
        text,
        "xref\n{number} 1\n{object:010} 00000 n \ntrailer\n<< /Size {} /Prev {previous}",
        number + 1
    )
    .ok()?;
    for key in ["Root", "ID", "Info"] {
        if let Some(value) = trailer.get(key) {
            write!(text, " /{key} {}", written(value, 0)?).ok()?;
        }
    }
    write!(text, " /Encrypt {number} 0 R >>\nstartxref\n{table}\n%%EOF\n").ok()?;
    new.extend_from_slice(text.as_bytes());
    Some(new)
}

/// Returns where the last cross-reference table of a file is.
fn previous_table(file: &[u8]) -> Option<usize> {
    let word = b"startxref";
    let at = file.windows(word.len()).rposition(|window| window == word)?;
    let digits = file.get(at + word.len()..)?.trim_ascii_start();
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

fn written(object: &Object, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match object {
        Object::Null => "null".to_owned(),
        Object::Boolean(value) => value.to_string(),
        Object::Integer(value) => value.to_string(),
        Object::Real(value) => value.to_string(),
        Object::String(bytes) => {
            let mut hex = String::from("<");
            for byte in bytes {
                write!(hex, "{byte:02x}").ok()?;
            }
            hex + ">"
        }
        Object::Name(name) => {
            let mut escaped = String::from("/");
            for byte in name.bytes() {
                if byte.is_ascii_alphanumeric() {
                    escaped.push(char::from(byte));
                } else {
                    write!(escaped, "#{byte:02x}").ok()?;
                }
            }
            escaped
        }
        Object::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| written(item, depth + 1)).collect();
            format!("[{}]", items?.join(" "))
        }
        Object::Dictionary(entries) => {
            let entries: Option<Vec<String>> = entries
                .iter()
                .map(|(key, value)| {
                    Some(format!(
                        "{} {}",
                        written(&Object::Name(key.clone()), depth)?,
                        written(value, depth + 1)?
                    ))
                })
                .collect();
            format!("<< {} >>", entries?.join(" "))
        }
        Object::Reference(reference) => format!("{} {} R", reference.id, reference.r#gen),
        Object::Stream { .. } => return None,
    })
}
