//! How to get in: RFC 6750 section 3, RFC 9449 section 7.1, RFC 9470 section 3, RFC 9728 section 5.1.

use std::sync::Arc;

use smol_str::SmolStr;

use super::BearerErrorKind;
use super::guard::Wanted;
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::documents::metadata_url;
use crate::engine::resources::Resource;
use crate::grant::members::is_acr;
use crate::store::TokenStore;

/// By which scheme a token came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Scheme {
    Bearer,
    Dpop,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What RFC 6750 section 3 wants, and, in an engine with resources, on 401 and 403, where the client finds out how to get in (RFC 9728
    /// section 5.1).
    ///
    /// Of two schemes the one that the request used comes first, and says what was wrong; without a token it is Bearer, unless
    /// the resource refuses that. Clients look at how the header begins.
    pub(super) fn challenge(
        &self,
        kind: BearerErrorKind,
        scheme: Scheme,
        guarded: Option<&Resource>,
        wanted: &Wanted,
    ) -> Arc<str> {
        let plain = &self.settings.bearer_challenge;
        if kind == BearerErrorKind::Unavailable {
            return plain.clone();
        }
        let details = details(kind, guarded, wanted);
        let Some(algorithms) = self.proof_algorithms().filter(|_| matches!(kind.status(), 401 | 403)) else {
            return if details.is_empty() { plain.clone() } else { format!("{plain}{details}").into() };
        };
        let dpop = plain.replacen("Bearer", "DPoP", 1);
        match scheme {
            _ if self.demands_proofs(guarded) => format!("{dpop}{details}, algs=\"{algorithms}\""),
            Scheme::Bearer => format!("{plain}{details}, {dpop}, algs=\"{algorithms}\""),
            Scheme::Dpop => format!("{dpop}{details}, algs=\"{algorithms}\", {plain}"),
        }
        .into()
    }
}

/// What was wrong, and what is wanted.
fn details(kind: BearerErrorKind, guarded: Option<&Resource>, wanted: &Wanted) -> String {
    let resource = guarded.filter(|_| matches!(kind.status(), 401 | 403));
    let metadata = resource.and_then(metadata_url);
    let error = kind.code().map(|code| format!(", error=\"{code}\"")).unwrap_or_default();
    // Both, whichever it was that lacked: one login is to do for all.
    let is_step_up = kind == BearerErrorKind::InsufficientUserAuthentication;
    let acr = wanted.acr.iter().map(SmolStr::as_str).filter(|acr| is_step_up && is_acr(acr)).collect::<Vec<_>>();
    let acr = if acr.is_empty() { String::new() } else { format!(", acr_values=\"{}\"", acr.join(" ")) };
    let max_age = wanted.max_age.filter(|_| is_step_up);
    let max_age = max_age.map(|most| format!(", max_age=\"{}\"", most.as_secs())).unwrap_or_default();
    let says_scope = kind == BearerErrorKind::InsufficientScope || resource.is_some() && !wanted.scope.is_empty();
    let scope = if says_scope { format!(", scope=\"{}\"", wanted.scope) } else { String::new() };
    let metadata = metadata.map(|url| format!(", resource_metadata=\"{url}\"")).unwrap_or_default();
    [error, acr, max_age, scope, metadata].concat()
}
