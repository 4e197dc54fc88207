//! What one answer hands out.

use crate::client::Client;
use crate::engine::resources::Target;
use crate::grant::{Confirmation, Grant, Timestamp};
#[cfg(feature = "jwt")]
use crate::token::IdClaims;

/// What is handed out.
pub(in crate::engine) struct Issue<'a> {
    pub(in crate::engine) grant: &'a Grant,
    pub(in crate::engine) client: &'a Client,
    pub(in crate::engine) refresh_token: Option<&'a [u8]>,
    /// It is the one that was presented, to the byte.
    pub(in crate::engine) keeps_token: bool,
    pub(in crate::engine) scope_mask: u64,
    pub(in crate::engine) target: &'a Target<'a>,
    /// What the access token is bound to.
    pub(in crate::engine) bound_to: Option<Confirmation>,
    /// The claim of an ID token that goes with a code.
    pub(in crate::engine) nonce: Option<&'a str>,
    /// What the host says in the ID token, if there is to be one.
    pub(in crate::engine) claims: Claims,
    pub(in crate::engine) now: Timestamp,
}

/// What the host says in an ID token; nothing where there is to be none.
#[derive(Default)]
pub(in crate::engine) struct Claims(#[cfg(feature = "jwt")] pub(super) Option<IdClaims>);

#[cfg(all(feature = "jwt", feature = "root-secret"))]
impl Claims {
    /// Whether there is to be one.
    pub(in crate::engine) const fn are_of_an_id_token(&self) -> bool {
        self.0.is_some()
    }
}
