//! Fields that a host adds to the token response.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The members that a specification defines for a token response, or that a response style writes itself.
const RESERVED: [&str; 16] = [
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "scope",
    "id_token",
    "state",
    "issued_token_type",
    "authorization_details",
    "error",
    "error_description",
    "error_uri",
    "scopes",
    ".issued",
    ".expires",
    "iss",
];

/// Extra members of a token response (RFC 6749 section 5.1 allows them), given at login and repeated by every later
/// refresh of the grant.
///
/// They are part of the stored record, so they cost its bytes: 8 KiB of JSON at most.
///
/// ```
/// use regrant::ResponseFields;
///
/// let fields = ResponseFields::new()
///     .with("participant_id", "7301")?
///     .with("home_uri", "/")?
///     .with("tier", &3)?;
/// assert_eq!(fields.as_json(), r#""participant_id":"7301","home_uri":"/","tier":3"#);
/// assert!(ResponseFields::new().with("access_token", "mine").is_err());
/// # Ok::<(), regrant::grant::FieldError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ResponseFields(Option<Arc<str>>);

/// Why a field could not be added.
///
/// ```
/// use regrant::grant::FieldError;
/// use regrant::ResponseFields;
/// let twice = ResponseFields::new().with("a", &1)?.with("a", &2);
/// assert!(matches!(twice, Err(FieldError::Repeated)));
/// # Ok::<(), FieldError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// The name is a standard member's, or one that a response style writes.
    #[error("the name belongs to a standard member of the response")]
    Reserved,
    /// The name was given before.
    #[error("a field of this name is there already")]
    Repeated,
    /// More than [`ResponseFields::MAX_BYTES`] of JSON.
    #[error("more than {} bytes of fields", ResponseFields::MAX_BYTES)]
    TooLong,
    /// The value cannot be written as JSON.
    #[error("the value cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

impl ResponseFields {
    /// The most bytes that all fields together can take, as JSON.
    pub const MAX_BYTES: usize = 8 * 1_024;

    /// No fields.
    ///
    /// ```
    /// assert!(regrant::ResponseFields::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self(None)
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.is_empty() && names(self.as_json()).is_ok_and(|names| names.iter().any(|own| own == name))
    }

    /// Adds a field; `value` is anything that serde writes as JSON. Fields are answered in the order they were added.
    ///
    /// # Errors
    ///
    /// [`FieldError`] where the name is a standard member's or was given before, where all of it gets too long, and
    /// where the value cannot be written as JSON.
    ///
    /// ```
    /// use regrant::ResponseFields;
    /// let fields = ResponseFields::new().with("roles", &["buyer", "reader"])?;
    /// assert_eq!(fields.as_json(), r#""roles":["buyer","reader"]"#);
    /// # Ok::<(), regrant::grant::FieldError>(())
    /// ```
    pub fn with<T: Serialize + ?Sized>(self, name: &str, value: &T) -> Result<Self, FieldError> {
        if RESERVED.contains(&name) {
            return Err(FieldError::Reserved);
        }
        let mut json = String::from(self.as_json());
        if !json.is_empty() {
            if names(&json).map_err(FieldError::Json)?.iter().any(|earlier| earlier == name) {
                return Err(FieldError::Repeated);
            }
            json.push(',');
        }
        json.push_str(&serde_json::to_string(name).map_err(FieldError::Json)?);
        json.push(':');
        json.push_str(&serde_json::to_string(value).map_err(FieldError::Json)?);
        if json.len() > Self::MAX_BYTES {
            return Err(FieldError::TooLong);
        }
        Ok(Self(Some(json.into())))
    }

    /// The members as JSON, commas between and no braces around.
    ///
    /// ```
    /// assert_eq!(regrant::ResponseFields::new().as_json(), "");
    /// ```
    pub fn as_json(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(!regrant::ResponseFields::new().with("a", &1)?.is_empty());
    /// # Ok::<(), regrant::grant::FieldError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Reads what [`as_json`](Self::as_json) wrote; `None` where it is not that.
    pub(crate) fn from_json(json: &str) -> Option<Self> {
        if json.is_empty() {
            return Some(Self(None));
        }
        if json.len() > Self::MAX_BYTES {
            return None;
        }
        // Spliced into responses as they are, so a damaged record must not get that far.
        let names = names(json).ok()?;
        let repeated = names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
        if names.is_empty() || repeated || names.iter().any(|name| RESERVED.contains(&name.as_str())) {
            return None;
        }
        Some(Self(Some(json.into())))
    }
}

impl fmt::Debug for ResponseFields {
    /// The length alone: hosts put personal data into these.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseFields({} bytes)", self.as_json().len())
    }
}

/// The names of JSON members that stand without braces, repeated ones repeatedly.
fn names(members: &str) -> Result<Vec<String>, serde_json::Error> {
    struct Names(Vec<String>);

    impl<'de> Deserialize<'de> for Names {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(NamesVisitor)
        }
    }

    struct NamesVisitor;

    impl<'de> Visitor<'de> for NamesVisitor {
        type Value = Names;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("members")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
            let mut names = Vec::new();
            while let Some((name, IgnoredAny)) = map.next_entry()? {
                names.push(name);
            }
            Ok(Names(names))
        }
    }

    serde_json::from_str(&format!("{{{members}}}")).map(|Names(names)| names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spliced into responses as they are: a damaged record must not say what the engine says.
    #[test]
    fn what_was_not_written_as_fields_is_not_read_as_such() {
        let written = ResponseFields::new().with("a", &1).and_then(|fields| fields.with("b", "c")).unwrap();
        assert_eq!(ResponseFields::from_json(written.as_json()), Some(written));
        assert_eq!(ResponseFields::from_json(""), Some(ResponseFields::new()));
        for damaged in [
            " ",
            r#""a":1,"a":2"#,
            r#""access_token":"x""#,
            r#""a":1,"token_type":"x""#,
            r#""a":1}"#,
            r#""a":1},{"b":2"#,
            r#""a""#,
            "null",
        ] {
            assert_eq!(ResponseFields::from_json(damaged), None, "{damaged}");
        }
    }
}
