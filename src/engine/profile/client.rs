//! What a client of a profile must be. Judged at run time, at every use: a registry may say anything.

use std::time::Duration;

use super::Profile;
use super::build::ATPROTO;
use crate::client::{ApplicationType, AuthMethod, Client, ClientMetadata, MetadataFault};
use crate::grant::{Lifetimes, Rotation};
use crate::proof::JwsAlgorithm;
use crate::wire::{ErrorCode, read_uri, web_host};

/// Why a client does not keep to the engine's [profile](crate::EngineBuilder::profile). It is refused at every endpoint, and the host
/// hears why.
///
/// ```
/// use regrant::event::{ClientRefusal, ProfileFault};
/// use regrant::wire::ErrorCode;
/// assert_eq!(ClientRefusal::Profile(ProfileFault::Public).code(), ErrorCode::InvalidClient);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileFault {
    /// A public client (FAPI 2.0 section 5.3.2.1: confidential ones alone).
    #[error("a public client, and the profile has confidential ones alone")]
    Public,
    /// A way to authenticate that the profile does not have: a secret, or in atproto a certificate.
    #[error("a client that may authenticate in a way that the profile does not have")]
    AuthMethod,
    /// Its assertions may name the token endpoint as their audience
    /// ([`danger_token_endpoint_as_audience`](crate::client::ClientBuilder::danger_token_endpoint_as_audience)).
    #[error("a client whose assertions may name another audience than the issuer")]
    Audience,
    /// It was said to rotate its refresh tokens (FAPI 2.0 section 5.3.2.1).
    #[error("a client whose refresh tokens are to rotate")]
    Rotation,
    /// It registered an algorithm that the profile forbids, or has ID tokens by a secret of its own (FAPI 2.0 section 5.4.1).
    #[error("a client with an algorithm that the profile forbids")]
    Algorithm,
    /// It may not have the scope `atproto`.
    #[error("a client that may not have the scope atproto")]
    Scope,
    /// Its document does not say `"dpop_bound_access_tokens": true` (atproto, "Client ID Metadata Document").
    #[error("a client whose document does not say that its tokens are bound")]
    Unbound,
    /// A client id that is a URL with a port.
    #[error("a client id that is a URL with a port")]
    ClientId,
    /// A redirect URI that atproto does not allow to a client of this id ("Request Fields").
    #[error("a client with a redirect URI that its id does not allow")]
    RedirectUri,
    /// A home page that is not at the host of the client id.
    #[error("a client whose home page is elsewhere than its id")]
    ClientUri,
    /// Its subjects are pairwise, and an account of atproto is known by its DID to all ("Identity Authentication").
    #[error("a client with pairwise subjects, and in the profile everybody knows an account by one name")]
    PairwiseSubjects,
    /// Lifetimes of its own that are longer than atproto allows ("Tokens and Session Lifetime").
    #[error("a client with longer lifetimes than the profile allows")]
    Lifetimes,
}

impl ProfileFault {
    /// What the response says.
    pub(crate) const fn code(self) -> ErrorCode {
        match self {
            Self::Public | Self::AuthMethod => ErrorCode::InvalidClient,
            Self::Audience
            | Self::Rotation
            | Self::Algorithm
            | Self::Scope
            | Self::Unbound
            | Self::ClientId
            | Self::RedirectUri
            | Self::ClientUri
            | Self::PairwiseSubjects
            | Self::Lifetimes => ErrorCode::UnauthorizedClient,
        }
    }
}

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// Less than half an hour in all situations (atproto, "Tokens and Session Lifetime").
const ACCESS_TOKEN: Duration = Duration::from_secs(30 * MINUTE - 1);
/// The same of tokens that no revocation reaches.
const ACCESS_TOKEN_FOR_GOOD: Duration = Duration::from_secs(15 * MINUTE);
/// Two weeks, for session and refresh token, of public clients that nobody knows.
const OF_UNTRUSTED: Duration = Duration::from_secs(14 * DAY);
/// A refresh token of all others.
const REFRESH_TOKEN: Duration = Duration::from_secs(180 * DAY);

/// Whom a client's lifetimes are judged by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Trust {
    /// A public client that nobody made by hand.
    Untrusted,
    Trusted,
}

impl Trust {
    const fn of(client: &Client) -> Self {
        if client.is_public() && client.is_stranger() { Self::Untrusted } else { Self::Trusted }
    }
}

/// The lifetimes, cut to what atproto allows.
pub(in crate::engine) fn capped(lifetimes: Lifetimes, trust: Trust, revocable: bool) -> Lifetimes {
    let access = if revocable { ACCESS_TOKEN } else { ACCESS_TOKEN_FOR_GOOD };
    let cut = lifetimes.with_access_token(lifetimes.access_token().min(access));
    match trust {
        Trust::Trusted => cut.with_idle(cut.idle().min(REFRESH_TOKEN)),
        Trust::Untrusted => {
            let absolute = cut.absolute().map_or(OF_UNTRUSTED, |own| own.min(OF_UNTRUSTED));
            cut.with_idle(cut.idle().min(OF_UNTRUSTED)).with_absolute(Some(absolute))
        }
    }
}

impl Profile {
    /// Whether a client keeps to the profile.
    pub(in crate::engine) fn check_client(self, client: &Client) -> Result<(), ProfileFault> {
        use AuthMethod::{
            ClientSecretBasic, ClientSecretJwt, ClientSecretPost, SelfSignedTlsClientAuth, TlsClientAuth,
        };
        let allows = |methods: &[AuthMethod]| methods.iter().any(|method| client.allows(*method));
        if allows(&[ClientSecretBasic, ClientSecretPost, ClientSecretJwt]) {
            return Err(ProfileFault::AuthMethod);
        }
        if client.takes_token_endpoint_as_audience() {
            return Err(ProfileFault::Audience);
        }
        match self {
            Self::Fapi2Security => self.check_client_of_fapi(client),
            Self::Atproto if allows(&[TlsClientAuth, SelfSignedTlsClientAuth]) => Err(ProfileFault::AuthMethod),
            Self::Atproto => check_client_of_atproto(client),
        }
    }

    /// Whether what a client registers with is within the profile: it would be refused at every endpoint else, and register again. Of
    /// FAPI 2.0; atproto has no clients that register.
    pub(in crate::engine) fn check_registration(self, metadata: &ClientMetadata) -> Result<(), MetadataFault> {
        let forbids = |name: Option<&str>| {
            name.and_then(JwsAlgorithm::from_name).is_some_and(|algorithm| !self.allows(algorithm))
        };
        if metadata.auth_method() != AuthMethod::PrivateKeyJwt {
            return Err(MetadataFault::AuthMethod);
        }
        if forbids(metadata.token_endpoint_auth_signing_alg()) {
            return Err(MetadataFault::SigningAlgorithm);
        }
        if forbids(metadata.request_object_signing_alg()) {
            return Err(MetadataFault::RequestSigningAlgorithm);
        }
        Ok(())
    }

    fn check_client_of_fapi(self, client: &Client) -> Result<(), ProfileFault> {
        if client.is_public() {
            return Err(ProfileFault::Public);
        }
        if client.said_rotation() == Some(Rotation::Always) {
            return Err(ProfileFault::Rotation);
        }
        let algorithms: [Option<JwsAlgorithm>; 2] = [client.assertion_algorithm(), client.request_algorithm()];
        if client.signs_id_tokens() || algorithms.into_iter().flatten().any(|algorithm| !self.allows(algorithm)) {
            return Err(ProfileFault::Algorithm);
        }
        Ok(())
    }
}

fn check_client_of_atproto(client: &Client) -> Result<(), ProfileFault> {
    if !client.scope().contains(ATPROTO) {
        return Err(ProfileFault::Scope);
    }
    if client.is_pairwise() {
        return Err(ProfileFault::PairwiseSubjects);
    }
    // Tokens that are JWTs to be believed by their signature alone are cut where they are made.
    if client.lifetimes().is_some_and(|own| capped(*own, Trust::of(client), true) != *own) {
        return Err(ProfileFault::Lifetimes);
    }
    // What a host wrote itself is its own; what is known by a document has nothing but its id to stand for it.
    match client.metadata() {
        Some(metadata) => check_document(client.id(), metadata),
        None => Ok(()),
    }
}

/// "Client ID Metadata Document" and "Request Fields".
fn check_document(id: &str, metadata: &ClientMetadata) -> Result<(), ProfileFault> {
    if !metadata.dpop_bound_access_tokens() {
        return Err(ProfileFault::Unbound);
    }
    let uri = read_uri(id).ok_or(ProfileFault::ClientId)?;
    let (Some((host, true)), Some(authority)) = (web_host(&uri), uri.authority()) else {
        return Err(ProfileFault::ClientId);
    };
    if authority.port().is_some() {
        return Err(ProfileFault::ClientId);
    }
    if metadata.redirect_uris().any(|uri| !may_go_to(host, metadata.application_type(), uri)) {
        return Err(ProfileFault::RedirectUri);
    }
    let has_home = |home: &str| read_uri(home).is_some_and(|home| web_host(&home).is_some_and(|(own, _)| own == host));
    match metadata.client_uri() {
        Some(home) if !has_home(home) => Err(ProfileFault::ClientUri),
        _ => Ok(()),
    }
}

/// Whether a client whose id is at this host may have this redirect URI. A page of the web is wherever the document says; an app is
/// sent to what only who holds the host can claim: the host itself, or the host turned round as a scheme.
fn may_go_to(host: &str, kind: ApplicationType, redirect_uri: &str) -> bool {
    let Some(uri) = read_uri(redirect_uri) else { return false };
    match web_host(&uri) {
        Some((_, is_https)) if kind == ApplicationType::Web => is_https,
        // The loopback addresses are for `http://localhost` ids alone.
        Some((own, is_https)) => {
            let port = uri.authority().and_then(|authority| authority.port());
            is_https && own == host && port.is_none_or(|port| port.as_str() == "443")
        }
        None => {
            let reversed = host.rsplit('.').collect::<Vec<_>>().join(".");
            let path = redirect_uri.strip_prefix(&*reversed).and_then(|rest| rest.strip_prefix(":/"));
            path.is_some_and(|path| !path.starts_with('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Request Fields": a scheme of the reversed host, one colon, one slash, a path; https of the same origin.
    #[test]
    fn an_app_is_sent_to_what_only_its_host_can_claim() {
        let (web, native) = (ApplicationType::Web, ApplicationType::Native);
        for (kind, uri, fits) in [
            (native, "com.example.app:/callback", true),
            (native, "com.example.app:/", true),
            (native, "com.example.app://callback", false),
            (native, "com.example.app.evil:/callback", false),
            (native, "com.example:/callback", false),
            (native, "app.example.com:/callback", false),
            (native, "cursor:/callback", false),
            (native, "https://app.example.com/cb", true),
            (native, "https://app.example.com:443/cb", true),
            (native, "https://app.example.com:8443/cb", false),
            (native, "https://www.example.com/cb", false),
            (native, "http://127.0.0.1/cb", false),
            (native, "http://localhost/cb", false),
            (web, "https://app.example.com/cb", true),
            (web, "https://www.example.com:8443/cb", true),
            (web, "http://127.0.0.1/cb", false),
            (web, "com.example.app:/callback", true),
        ] {
            assert_eq!(may_go_to("app.example.com", kind, uri), fits, "{kind:?} {uri}");
        }
    }

    #[test]
    fn lifetimes_are_cut_to_what_the_profile_allows() {
        let secs = Duration::from_secs;
        let long = Lifetimes::default().with_access_token(secs(DAY)).with_idle(secs(400 * DAY)).with_absolute(None);
        let trusted = capped(long, Trust::Trusted, true);
        assert_eq!((trusted.idle(), trusted.absolute()), (secs(180 * DAY), None));
        assert!(trusted.access_token() < secs(30 * MINUTE));
        assert_eq!(capped(long, Trust::Trusted, false).access_token(), secs(15 * MINUTE));
        let untrusted = capped(long, Trust::Untrusted, true);
        assert_eq!((untrusted.idle(), untrusted.absolute()), (secs(14 * DAY), Some(secs(14 * DAY))));
        let short = Lifetimes::default().with_access_token(secs(60)).with_idle(secs(60)).with_absolute(Some(secs(60)));
        assert_eq!(capped(short, Trust::Untrusted, false), short);
    }
}
