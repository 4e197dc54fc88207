//! What must hold of an engine's settings.

#[cfg(feature = "root-secret")]
use std::time::Duration;

use smol_str::SmolStr;

use super::BuildError;
#[cfg(feature = "jwt")]
use crate::client::TOKEN_EXCHANGE;
use crate::client::{AUTHORIZATION_CODE, ClientFeatures, REFRESH_TOKEN};
use crate::engine::host::{Host, RenewalPolicy};
use crate::engine::prefix::is_prefix;
use crate::engine::settings::Settings;
use crate::grant::members::is_realm;
#[cfg(feature = "root-secret")]
use crate::secret::root::{RootSecret, SubjectSecret};
use crate::token::Key;
use crate::wire::{is_defined, is_error_text, read_uri, web_host};

/// A token names its key by the id alone.
pub(super) fn key_ids(signing: &Key, accepted: &[Key]) -> Result<(), BuildError> {
    let mut ids: Vec<u8> = accepted.iter().map(Key::id).chain([signing.id()]).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) { Err(BuildError::DuplicateKey) } else { Ok(()) }
}

/// `challenges`: the realm that these name.
pub(super) fn realm(realm: Option<&str>, adopted: &[SmolStr], challenges: &str) -> Result<(), BuildError> {
    match realm {
        _ if !is_error_text(challenges) => Err(BuildError::ChallengeRealm),
        Some(realm) if !is_realm(realm) => Err(BuildError::Realm),
        None if !adopted.is_empty() => Err(BuildError::RealmRequired),
        _ => Ok(()),
    }
}

#[cfg(feature = "root-secret")]
pub(super) fn roots(
    root: Option<&RootSecret>,
    old: Option<&RootSecret>,
    seals_requests: bool,
) -> Result<(), BuildError> {
    match (root, old) {
        (None, _) if seals_requests => Err(BuildError::RootSecretRequired),
        (None, Some(_)) => Err(BuildError::RootSecretRequired),
        (Some(root), Some(old)) if root.id() == old.id() => Err(BuildError::DuplicateRoot),
        _ => Ok(()),
    }
}

/// The one that was kept, or that of the first root secret. Derived from one that has followed another it would be another secret, and an engine
/// without finds no session again. Nobody knows here whether any was ever named, so it is asked of everybody who has an old root secret.
#[cfg(feature = "root-secret")]
pub(super) fn subject_secret(
    kept: Option<SubjectSecret>,
    root: Option<&RootSecret>,
    has_followed: bool,
) -> Result<Option<SubjectSecret>, BuildError> {
    match kept {
        None if has_followed => Err(BuildError::SubjectSecretRequired),
        kept => Ok(kept.or_else(|| root.map(RootSecret::subject_secret))),
    }
}

/// What people are called by at clients that know them by pairwise subjects.
pub(super) const fn pairwise(features: ClientFeatures, has_secret: bool) -> Result<(), BuildError> {
    if features.pairwise_subjects && !has_secret { Err(BuildError::SubjectSecretRequired) } else { Ok(()) }
}

/// What assertions are for, and remembered under.
#[cfg(feature = "proof")]
pub(super) fn assertions(features: ClientFeatures, settings: &Settings, has_root: bool) -> Result<(), BuildError> {
    match features.private_key_jwt || features.client_secret_jwt {
        true if settings.issuer.is_none() => Err(BuildError::IssuerForAssertions),
        true if !has_root => Err(BuildError::RootSecretForAssertions),
        _ => Ok(()),
    }
}

pub(super) fn settings(settings: &Settings) -> Result<(), BuildError> {
    if !settings.lifetimes.get().are_usable() {
        return Err(BuildError::Lifetimes);
    }
    #[cfg(feature = "root-secret")]
    if settings.interaction_lifetime.is_zero() || settings.interaction_lifetime > Duration::from_secs(24 * 3_600) {
        return Err(BuildError::InteractionLifetime);
    }
    #[cfg(feature = "root-secret")]
    if !(1..=600).contains(&settings.pushed_lifetime.as_secs()) || settings.pushed_lifetime.subsec_nanos() > 0 {
        return Err(BuildError::PushedRequestLifetime);
    }
    if settings.token_prefix.as_deref().is_some_and(|prefix| !is_prefix(prefix)) {
        return Err(BuildError::TokenPrefix);
    }
    match &settings.renewal {
        RenewalPolicy::OptIn(parameter) if parameter.is_empty() || is_defined(parameter) => {
            return Err(BuildError::OptInParameter);
        }
        _ => {}
    }
    match settings.issuer.as_deref() {
        Some(issuer) if !is_issuer(issuer) => Err(BuildError::Issuer),
        None if settings.authorization_code => Err(BuildError::IssuerRequired),
        _ => Ok(()),
    }
}

/// Each has one handler, and the engine's own have none.
pub(super) fn grant_types(host: &Host) -> Result<(), BuildError> {
    let grant_types: Vec<&str> = host.grant_types().collect();
    #[cfg(feature = "jwt")]
    if host.exchange().is_some() && grant_types.contains(&TOKEN_EXCHANGE) {
        return Err(BuildError::GrantType);
    }
    for (at, grant_type) in grant_types.iter().enumerate() {
        if grant_type.is_empty()
            || [REFRESH_TOKEN, AUTHORIZATION_CODE].contains(grant_type)
            || grant_types[..at].contains(grant_type)
        {
            return Err(BuildError::GrantType);
        }
    }
    Ok(())
}

/// An issuer as RFC 8414 section 2 has it. Not with two slashes where its path begins or ends: of these there is one to take
/// off for the documents (section 3.1), and what is left would name a host, or another issuer.
fn is_issuer(text: &str) -> bool {
    read_uri(text).is_some_and(|uri| {
        let path = uri.path().as_str();
        web_host(&uri).is_some()
            && !uri.has_query()
            && !uri.has_fragment()
            && !path.starts_with("//")
            && !path.ends_with("//")
    })
}
