//! What a grant keeps of the authorization request that it began with.

use smol_str::SmolStr;

/// What a grant keeps of its authorization request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CodeDetails {
    /// The claim `s_hash` of all ID tokens to come, as they write it.
    pub(crate) state_hash: Option<SmolStr>,
    /// The claim `nonce` of the first ID token. Gone once the code is redeemed.
    pub(crate) nonce: Option<SmolStr>,
    /// Whether a redemption hands out a refresh token.
    pub(crate) with_refresh_token: bool,
    /// Gone with the first refresh after the code has expired.
    /// Boxed, so that what is left afterwards is small.
    pub(crate) binding: Option<Box<CodeBinding>>,
}

/// What a request must know to redeem a code, besides the code; kept as digests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CodeBinding {
    /// Of the redirect URI that the code was sent to.
    pub(crate) redirect_uri: [u8; 32],
    /// Whether the authorization request named it; then the token request has to (RFC 6749 section 4.1.3).
    pub(crate) redirect_uri_named: bool,
    /// `code_challenge`, which by method `S256` is the digest of the verifier (RFC 7636 section 4.2).
    pub(crate) challenge: Option<[u8; 32]>,
}
