//! Header fields of uploads: those of tus 1.0.0, and the structured fields (RFC 9651) of the IETF
//! draft, of which only integers and booleans occur in requests.

use crate::error::{Error, Result};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saolou_protocol::canonical::Hash;
use std::collections::HashMap;

/// A field as text, where it is there once and readable.
pub(in crate::http) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A structured field that is a non-negative integer; anything else counts as not there.
pub(in crate::http) fn integer(headers: &HeaderMap, name: &str) -> Option<i64> {
    let digits = item(text(headers, name)?);
    let is_integer = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_integer { digits.parse().ok() } else { None }
}

/// A structured field that is a boolean; anything else counts as not there.
pub(in crate::http) fn boolean(headers: &HeaderMap, name: &str) -> Option<bool> {
    match item(text(headers, name)?) {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

/// An item without its parameters.
fn item(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// The SHA-256 of a `Content-Digest` or `Repr-Digest` field (RFC 9530), among whatever else it lists.
pub(in crate::http) fn digest(headers: &HeaderMap, name: &str) -> Option<Hash> {
    let value = text(headers, name)?;
    let listed = value.split(',').find_map(|item| item.trim().strip_prefix("sha-256="))?;
    let encoded = listed.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(encoded).ok()?.try_into().map(Hash).ok()
}

/// `Upload-Metadata` of tus: pairs of a key and base64 between commas; a key may stand alone.
///
/// # Errors
/// `malformed` where a key is empty or doubled, or a value is no base64.
pub(in crate::http) fn metadata(value: &str) -> Result<HashMap<&str, Vec<u8>>> {
    let mut pairs = HashMap::new();
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
        let decoded = STANDARD.decode(encoded.trim());
        let wrong = || Error::Malformed(format!("Upload-Metadata: {key}: expected base64"));
        if pairs.insert(key, decoded.map_err(|_| wrong())?).is_some() {
            return Err(Error::Malformed(format!("Upload-Metadata: {key} is there twice")));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a value"));
        headers
    }

    #[test]
    fn a_structured_field_of_another_type_counts_as_not_there() {
        for (value, read) in [("0", Some(0)), ("42", Some(42)), ("7;a=1", Some(7)), ("-1", None)] {
            assert_eq!(integer(&with("upload-offset", value), "upload-offset"), read, "{value}");
        }
        for value in ["1.0", "\"1\"", "?1", "", "1234567890123456", "0x10"] {
            assert_eq!(integer(&with("upload-offset", value), "upload-offset"), None, "{value}");
        }
        assert_eq!(boolean(&with("upload-complete", "?0"), "upload-complete"), Some(false));
        for value in ["1", "true", "?2", ""] {
            assert_eq!(
                boolean(&with("upload-complete", value), "upload-complete"),
                None,
                "{value}"
            );
        }
    }

    #[test]
    fn metadata_is_read_pair_by_pair() {
        let read = metadata("filename 5rWL6K+VLmpwZw==,is_confidential").expect("metadata");
        assert_eq!(read["filename"], "测试.jpg".as_bytes());
        assert_eq!(read["is_confidential"], b"");
        assert!(metadata("a YQ==,a YQ==").is_err() && metadata("a !!").is_err());
    }
}
