//! What a JWT is bound to: the claim `cnf` (RFC 7800 section 3.1).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grant::Confirmation;
use crate::token::text::{base64url, decode_exact};

/// The claim, with one member: `jkt` (RFC 9449 section 6.1) or `x5t#S256` (RFC 8705 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cnf(pub(crate) Confirmation);

#[derive(Serialize, Deserialize)]
struct Members {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jkt: Option<String>,
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    x5t: Option<String>,
}

impl Serialize for Cnf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |thumbprint: &[u8; 32]| Some(base64url(thumbprint));
        match &self.0 {
            Confirmation::Key(thumbprint) => Members { jkt: text(thumbprint), x5t: None },
            Confirmation::Certificate(thumbprint) => Members { jkt: None, x5t: text(thumbprint) },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cnf {
    /// A token that is bound to what is not understood is no token: it must not be taken for an unbound one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?;
        let bytes = |text: String| text.as_bytes().try_into().ok().and_then(decode_exact::<32, 43>);
        let confirmation = match (members.jkt, members.x5t) {
            (Some(text), None) => bytes(text).map(Confirmation::Key),
            (None, Some(text)) => bytes(text).map(Confirmation::Certificate),
            _ => None,
        };
        confirmation.map(Self).ok_or_else(|| D::Error::custom("an unknown confirmation"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_one_thumbprint_or_none_at_all() {
        for (confirmation, text) in [
            (Confirmation::Key([0; 32]), r#"{"jkt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#),
            (Confirmation::Certificate([0; 32]), r#"{"x5t#S256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#),
        ] {
            assert_eq!(serde_json::to_string(&Cnf(confirmation)).unwrap(), text);
            assert_eq!(serde_json::from_str::<Cnf>(text).unwrap(), Cnf(confirmation));
        }
        for wrong in [
            r"{}",
            r#"{"jwk":{}}"#,
            r#"{"jkt":"AAAA"}"#,
            r#"{"jkt":7}"#,
            r#"{"jkt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"}"#,
            r#"{"jkt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","x5t#S256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        ] {
            assert!(serde_json::from_str::<Cnf>(wrong).is_err(), "{wrong}");
        }
    }
}
