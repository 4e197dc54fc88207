//! Authorization responses as JWTs: JWT Secured Authorization Response Mode (JARM) section 2.1.

use serde_json::{Map, Value};

use super::compact::{self, SigningFailed};
use super::key::SigningKey;

/// Signs the members of an answer for one client. They are ours, so none of them is called as a claim is.
pub(crate) fn sign_answer<'a>(
    key: &SigningKey,
    issuer: &str,
    client_id: &str,
    expires_at: u64,
    members: impl Iterator<Item = (&'static str, &'a str)>,
) -> Result<String, SigningFailed> {
    let mut claims: Map<String, Value> = members.map(|(name, value)| (name.to_owned(), value.into())).collect();
    claims.insert("iss".into(), issuer.into());
    claims.insert("aud".into(), client_id.into());
    claims.insert("exp".into(), expires_at.into());
    let header = format!(r#"{{"alg":"{}","typ":"JWT","kid":"{}"}}"#, key.algorithm(), key.kid());
    compact::write(&header, &claims, |message| key.sign_token(message, expires_at))
}
