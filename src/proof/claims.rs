//! What stands in a JWT of a stranger.

use std::time::Duration;

use serde_json::Value;

use super::json::Object;
use crate::grant::Timestamp;

/// What is wrong with a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimFault {
    /// It must be there, and is not, or is empty.
    #[error("a claim is missing")]
    Missing,
    /// It is of another type, or longer than is taken.
    #[error("a claim is of another type, or too long")]
    Type,
}

/// How long a `jti` may be, in bytes: it is hashed, never kept as it is.
pub(super) const MAX_JTI_BYTES: usize = 256;

/// How far ahead of this clock another may be: the FAPI 2.0 Security Profile, section 5.3.2.1, has up to 10 s accepted and more than 60 s
/// refused.
pub(super) const MOST_AHEAD: Duration = Duration::from_secs(60);

/// How long after its end a JWT is still taken, since clocks differ.
pub(super) const LEEWAY: Duration = Duration::from_secs(10);

/// The claims of a JWT.
pub(super) struct Claims(pub(super) Object);

impl Claims {
    /// A text that may be left out.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ClaimFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ClaimFault::Type),
        }
    }

    /// A text that must be there, and is not empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, ClaimFault> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or(ClaimFault::Missing)
    }

    /// The claim `jti`, 1 to 256 bytes.
    pub(super) fn jti(&self) -> Result<&str, ClaimFault> {
        let jti = self.required("jti")?;
        if jti.len() > MAX_JTI_BYTES { Err(ClaimFault::Type) } else { Ok(jti) }
    }

    /// A `NumericDate` (RFC 7519 section 2): seconds since the epoch, and parts of one.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ClaimFault> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        if let Some(secs) = value.as_u64() {
            return Ok(Some(Timestamp::from_secs(secs)));
        }
        let secs = value.as_f64().filter(|secs| *secs >= 0.0).ok_or(ClaimFault::Type)?;
        Ok(Some(Timestamp::EPOCH + Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)))
    }

    /// Whether the JWT is for this one alone: a string (RFC 7523, successor draft, section 4), or where `array` is, an array of it.
    pub(super) fn is_only_for(&self, name: &str, array: bool) -> bool {
        match self.0.get("aud") {
            Some(Value::String(one)) => one == name,
            Some(Value::Array(several)) if array => matches!(&**several, [Value::String(one)] if one == name),
            _ => false,
        }
    }

    /// Whether it is for this one, and perhaps for others: a string, or an array with it.
    pub(super) fn is_for(&self, name: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(one)) => one == name,
            Some(Value::Array(several)) => several.iter().any(|one| one == name),
            _ => false,
        }
    }

    /// Whether `iat` and `nbf` are not ahead of this clock by more than it may be behind.
    pub(super) fn has_begun(&self, now: Timestamp) -> Result<bool, ClaimFault> {
        let latest = now + MOST_AHEAD;
        let begins = [self.time("iat")?, self.time("nbf")?];
        Ok(begins.into_iter().flatten().all(|time| time <= latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims(super::super::json::read_object(json.as_bytes()).unwrap())
    }

    #[test]
    fn times_are_seconds_with_or_without_parts() {
        for (json, time) in [
            (r#"{"t":1597240260}"#, Ok(Some(1_597_240_260_000))),
            (r#"{"t":1597240260.25}"#, Ok(Some(1_597_240_260_250))),
            (r#"{"t":1.59724026e9}"#, Ok(Some(1_597_240_260_000))),
            (r#"{"t":0}"#, Ok(Some(0))),
            (r#"{"t":1e300}"#, Ok(Some(Timestamp::MAX.as_millis()))),
            (r#"{"t":18446744073709551615}"#, Ok(Some(Timestamp::MAX.as_millis()))),
            ("{}", Ok(None)),
            (r#"{"t":-1}"#, Err(ClaimFault::Type)),
            (r#"{"t":-0.5}"#, Err(ClaimFault::Type)),
            (r#"{"t":"1597240260"}"#, Err(ClaimFault::Type)),
            (r#"{"t":null}"#, Err(ClaimFault::Type)),
            (r#"{"t":[1]}"#, Err(ClaimFault::Type)),
        ] {
            assert_eq!(claims(json).time("t").map(|time| time.map(Timestamp::as_millis)), time, "{json}");
        }
    }

    #[test]
    fn an_audience_is_one() {
        for (json, string, array) in [
            (r#"{"aud":"a"}"#, true, true),
            (r#"{"aud":["a"]}"#, false, true),
            (r#"{"aud":["a","a"]}"#, false, false),
            (r#"{"aud":["a","b"]}"#, false, false),
            (r#"{"aud":[["a"]]}"#, false, false),
            (r#"{"aud":[]}"#, false, false),
            (r#"{"aud":"a/"}"#, false, false),
            (r#"{"aud":"A"}"#, false, false),
            (r#"{"aud":{"a":1}}"#, false, false),
            ("{}", false, false),
        ] {
            let claims = claims(json);
            assert_eq!((claims.is_only_for("a", false), claims.is_only_for("a", true)), (string, array), "{json}");
        }
    }
}
