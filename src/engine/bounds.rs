//! What a client may have now, which bounds what its grants still give.
//!
//! A grant keeps the scope that it was made with, for its whole life. A client that is narrowed keeps its grants, and gets
//! of them what it may still have: an access token may have fewer permissions than the resource owner authorized (RFC 6749
//! section 1.5). Where the client is widened again, so are its next tokens.

use crate::client::{Client, digest};
use crate::engine::refusal::GrantRefusal;
use crate::grant::{Grant, Scope};

/// Of what the mask selects from this scope of a grant, the part that the client may have now. `None` where nothing is left
/// of it. From an empty scope nothing can be taken.
pub(super) fn left_to(client: &Client, scope: &Scope, mask: u64) -> Option<u64> {
    let kept = client.mask_of_kept(scope);
    if kept == Scope::WHOLE {
        return Some(mask);
    }
    let left = mask & kept;
    (left != 0 || mask == 0).then_some(left)
}

/// Whether a code that the record would redeem may still be redeemed by its client: the redirect URI that it was sent to
/// is registered, and it has a challenge where the client's codes now need one.
pub(super) fn check_code(client: &Client, grant: &Grant, named_uri: Option<&str>) -> Result<(), GrantRefusal> {
    let binding = grant.code.as_ref().and_then(|code| code.binding.as_deref());
    let is_registered = client.redirect_uris().iter().any(|uri| match named_uri {
        // It has been compared with the binding; the port of a loopback address is in it alone.
        Some(named) => uri.matches(named),
        None => binding.is_some_and(|binding| binding.redirect_uri == digest(uri.as_str().as_bytes())),
    });
    if !is_registered {
        return Err(GrantRefusal::RedirectUri);
    }
    if client.requires_pkce() && binding.is_none_or(|binding| binding.challenge.is_none()) {
        return Err(GrantRefusal::Verifier);
    }
    Ok(())
}
