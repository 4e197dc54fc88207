//! The compact form (RFC 7515 section 3.1): three parts in base64url without padding, two dots between.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// The key could not sign. Keys prove themselves when they are made, so the backend is at fault, not the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the token could not be signed")]
pub(crate) struct SigningFailed;

/// Writes a token: `sign` gives the signature over the first two parts and the dot between them.
pub(super) fn write(
    header: &str,
    claims: &impl Serialize,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, SigningFailed>,
) -> Result<String, SigningFailed> {
    write_behind(&encode(header), claims, sign)
}

/// The same behind a header that is [encoded](encode) already.
pub(super) fn write_behind(
    header: &str,
    claims: &impl Serialize,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, SigningFailed>,
) -> Result<String, SigningFailed> {
    // Room for what most tokens say.
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, claims).map_err(|_| SigningFailed)?;
    // And for a signature of RSA with 2048 bits.
    let mut token = String::with_capacity(header.len() + (json.len() + 256) / 3 * 4 + 12);
    token.push_str(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(json, &mut token);
    let signature = sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// A part as it is written.
pub(super) fn encode(part: &str) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// The parts of a token as they are written.
pub(crate) struct Parts<'a> {
    /// What the signature is over.
    pub(crate) message: &'a str,
    pub(crate) header: &'a str,
    pub(crate) claims: &'a str,
    pub(crate) signature: &'a str,
}

/// Takes a token apart; `None` where it has not three parts.
pub(crate) fn split(token: &str) -> Option<Parts<'_>> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    (!claims.contains('.')).then_some(Parts { message, header, claims, signature })
}

/// The bytes of a part. One byte string has one text: padding, white space and stray trailing bits are refused.
pub(crate) fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
