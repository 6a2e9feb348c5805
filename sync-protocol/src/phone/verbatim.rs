//! JSON that is kept byte for byte: ops as sealed, answers and entities as served.

use serde_json::value::RawValue;
use std::sync::Arc;

/// JSON as it was written. Cheap to clone; equal where the bytes are.
#[derive(Clone, Debug)]
pub struct Verbatim(Arc<RawValue>);

impl Verbatim {
    /// The JSON as text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// The JSON, to be written into other JSON as it is.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.text().len()
    }

    /// An op as sealed.
    pub(super) fn sealed(sent: Vec<u8>) -> Self {
        let text = String::from_utf8(sent).expect("a sealed op is UTF-8");
        RawValue::from_string(text).expect("a sealed op is JSON").into()
    }
}

impl From<Box<RawValue>> for Verbatim {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }
}

impl PartialEq for Verbatim {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Verbatim {}
