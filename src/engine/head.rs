//! What every endpoint that authenticates its client begins with. What is cheap comes first, and nothing of it asks anybody:
//!
//! ```text
//! method → content type → form → parameters → proof: shape, algorithm, key, htm, htu, nonce → client …
//! ```
//!
//! The whole order, and why it is this one, is in `docs/design.md`; the tests are tables of two faults (`tests/kit/order.rs`).

use super::Engine;
use super::binding::Presented;
use super::failure::Failure;
use super::refusal::RequestRefusal;
use crate::client::Clients;
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::wire::{Form, Header, Parameters, Request, is_form_urlencoded};

/// Where a request that authenticates its client came to: a proof of possession is for one of them (RFC 9449 section 4.3, item 9).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Desk {
    Token,
    /// Where requests are pushed.
    #[cfg_attr(not(feature = "root-secret"), expect(dead_code, reason = "the feature is off"))]
    Push,
    /// Where devices begin.
    #[cfg_attr(not(feature = "root-secret"), expect(dead_code, reason = "the feature is off"))]
    Device,
    /// Where tokens are revoked, or asked about: nothing is made there, so no proof is looked at.
    AboutToken,
}

/// What every endpoint that takes a form checks first: method and content type.
pub(super) fn check_head(request: &Request<'_>) -> Result<(), RequestRefusal> {
    if request.method() != "POST" {
        return Err(RequestRefusal::Method);
    }
    match request.content_type() {
        Header::One(content_type) if is_form_urlencoded(content_type) => Ok(()),
        _ => Err(RequestRefusal::ContentType),
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Reads a request as far as it can be judged before anybody is authenticated. A request without the nonce of now is sent again as it
    /// is, so it hears of that here, before anything is looked up, counted or spent (RFC 9449 section 8).
    ///
    /// All are read in place: a form is large, and a move of it costs time.
    #[inline]
    pub(super) fn read_head<'f, 'r>(
        &self,
        request: &Request<'r>,
        (form, parameters, presented): (&'f mut Form<'r>, &mut Parameters<'f>, &mut Presented<'r>),
        desk: Desk,
        now: Timestamp,
    ) -> Result<&'f Form<'r>, Failure> {
        check_head(request)?;
        form.read(request.body(), self.limits()).map_err(RequestRefusal::Form)?;
        parameters.read(form).map_err(RequestRefusal::from)?;
        self.present(presented, request, desk, now)?;
        Ok(form)
    }
}
