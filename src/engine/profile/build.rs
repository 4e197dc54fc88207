//! What an engine of a profile must have, and must not.

use fluent_uri::pct_enc::EStr;

use super::{Profile, ProfileGap};
use crate::client::{ClientFeatures, Clients};
use crate::engine::binding::Dpop;
use crate::engine::documents::Endpoints;
use crate::engine::host::Host;
use crate::engine::settings::Settings;
use crate::wire::{read_uri, web_host};

/// The scope of every session of atproto.
pub(super) const ATPROTO: &str = "atproto";

/// RFC 6749 section 4.3.
const PASSWORD: &str = "password";

/// FAPI 2.0 Security Profile section 5.3.2.2: less than this.
const PUSHED_LIFETIME_SECS: u64 = 600;

/// What a host may have said, and the profile judges.
pub(in crate::engine) struct Described<'a, C> {
    pub(in crate::engine) settings: &'a Settings,
    pub(in crate::engine) endpoints: &'a Endpoints,
    pub(in crate::engine) host: &'a Host,
    pub(in crate::engine) clients: &'a C,
    pub(in crate::engine) dpop: &'a Dpop,
    pub(in crate::engine) has_root: bool,
    pub(in crate::engine) has_fetch: bool,
    pub(in crate::engine) has_other_grants: bool,
    pub(in crate::engine) has_registration: bool,
}

impl Profile {
    /// What is on with it, whatever the host said.
    pub(in crate::engine) fn turn_on(self, settings: &mut Settings, dpop: &mut Option<Dpop>) {
        settings.authorization_code = true;
        settings.pushed_requests = true;
        settings.requires_pushed = true;
        dpop.get_or_insert_with(|| Dpop::new().with_algorithms(self.algorithms()));
        if self == Self::Fapi2Security {
            // Section 5.3.2.1: no rotation.
            settings.rotation = crate::grant::Rotation::Never;
        }
    }

    pub(in crate::engine) fn check<C: Clients>(self, engine: &Described<'_, C>) -> Result<(), ProfileGap> {
        let Described { settings, endpoints, host, clients, dpop, has_root, has_fetch, .. } = engine;
        self.check_issuer(settings.issuer.as_deref())?;
        if !has_root {
            return Err(ProfileGap::RootSecret);
        }
        endpoints.gap().map_or(Ok(()), Err)?;
        let features = clients.features();
        if !self.is_served_by(features) {
            return Err(ProfileGap::ClientMethod);
        }
        let is_fit = dpop.algorithms().all(|algorithm| self.allows(algorithm));
        let has_es256 = dpop.algorithms().any(|algorithm| algorithm == crate::proof::JwsAlgorithm::Es256);
        match self {
            Self::Fapi2Security if !is_fit => Err(ProfileGap::ProofAlgorithm),
            Self::Fapi2Security if host.grant_types().any(|name| name == PASSWORD) => Err(ProfileGap::PasswordGrant),
            Self::Fapi2Security if settings.pushed_lifetime.as_secs() >= PUSHED_LIFETIME_SECS => {
                Err(ProfileGap::PushedRequestLifetime)
            }
            Self::Atproto if !has_es256 => Err(ProfileGap::ProofAlgorithm),
            Self::Atproto if host.grant_types().next().is_some() || engine.has_other_grants => {
                Err(ProfileGap::GrantHandler)
            }
            Self::Atproto if !dpop.demands_resource_nonces() => Err(ProfileGap::ResourceNonces),
            Self::Atproto if !features.client_id_metadata_documents || !features.private_key_jwt => {
                Err(ProfileGap::ClientDocuments)
            }
            Self::Atproto if !endpoints.scopes().contains(ATPROTO) || !clients.knows_scope(ATPROTO) => {
                Err(ProfileGap::Scope)
            }
            Self::Atproto if engine.has_registration => Err(ProfileGap::Registration),
            Self::Atproto if !has_fetch => Err(ProfileGap::Fetch),
            Self::Fapi2Security | Self::Atproto => Ok(()),
        }
    }

    /// Whether there can be a client at all.
    const fn is_served_by(self, features: ClientFeatures) -> bool {
        let by_certificate = features.tls_client_auth || features.self_signed_tls_client_auth;
        match self {
            Self::Fapi2Security => features.private_key_jwt || by_certificate,
            // Its gap has a name of its own.
            Self::Atproto => true,
        }
    }

    /// Section 5.2.2 of FAPI 2.0, and "Server Metadata" of atproto.
    fn check_issuer(self, issuer: Option<&str>) -> Result<(), ProfileGap> {
        let uri = issuer.and_then(read_uri).ok_or(ProfileGap::Issuer)?;
        match web_host(&uri) {
            // Without TLS for this machine alone, to try it out.
            Some((_, true) | ("127.0.0.1" | "[::1]" | "localhost", false)) => {}
            _ => return Err(ProfileGap::Issuer),
        }
        let port = uri.authority().and_then(|authority| authority.port()).map(EStr::as_str);
        // The issuer has a host, so what follows it is the path.
        let is_origin = uri.path().is_empty() && !matches!(port, Some("443"));
        if self == Self::Atproto && !is_origin { Err(ProfileGap::IssuerPath) } else { Ok(()) }
    }
}
