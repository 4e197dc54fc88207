//! The engine.

use std::error::Error;
use std::sync::Arc;

use regrant::engine::{
    self, AssertionPolicy, AssertionProfile, AssertionRequest, ClientCredentials, Dpop, HookError, JwtBearer,
    TrustedIssuer,
};
use regrant::event::Event;
use regrant::jwt::{
    ClaimsProvider, IdClaims, IdTokenRequest, JwsAlgorithm, JwtAccessTokens, SigningAlgorithm, SigningKey,
};
use regrant::{Authorization, Endpoints, Engine, GrantError, MemoryStore, Resource, RootSecret, Scope};

use crate::authorize::USERNAME;
use crate::clients::{IDP, Known, clients};
use crate::documents::{Documents, Instead};
use crate::jwks::{Jwks, keys_of};
use crate::throttling::Throttling;
use crate::{Access, Profile};

pub(crate) type FapiEngine = Engine<MemoryStore, Known>;

/// Who the server says it is, what it demands, what keys clients have, where documents of clients are fetched from, whether its
/// connections show their certificates, what access tokens are, and whether guesses are limited.
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) profile: Profile,
    pub(crate) jwks: Vec<Jwks>,
    pub(crate) documents: Vec<Instead>,
    pub(crate) shows_certificates: bool,
    pub(crate) access: Access,
    pub(crate) throttling: Throttling,
}

/// The engine, and the URI of its resource.
pub(crate) fn engine(settings: &Settings) -> Result<(Arc<FapiEngine>, String), Box<dyn Error>> {
    let profile = settings.profile;
    // A client of atproto begins at the host of somebody's data, which is the resource, and says what it wants of it.
    let (resource, of_resource, of_engine) = match profile {
        Profile::None | Profile::Fapi2 => (format!("{}/resource", settings.issuer), "read write", "openid"),
        Profile::Atproto => (settings.issuer.clone(), "transition:generic transition:email", "atproto"),
    };
    let all = Scope::parse(&format!("{of_engine} {of_resource}"))?;
    let of_resource = Scope::parse(of_resource)?;
    let default = if profile == Profile::Atproto { Scope::parse(of_engine)? } else { of_resource.clone() };
    let clients = clients(&settings.jwks, &settings.documents, (&all, &default), profile)?;
    let (signing_key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    let mut builder = Engine::builder(MemoryStore::new(), clients)
        .root_secret(RootSecret::generate(1))
        .issuer(&settings.issuer)
        .authorization_code()
        .pushed_authorization_requests()
        .signed_requests()
        .signed_responses()
        .form_post()
        .resource(Resource::new(&resource).with_scopes(of_resource))
        .signing_key(signing_key)
        .endpoints(endpoints(all, settings.shows_certificates))
        .challenge_realm("fapi")
        .events(|event: &Event<'_>| eprintln!("{event:?}"));
    // Each turns on what it demands, proofs of possession among it.
    builder = match profile {
        Profile::None => builder.dpop(Dpop::new()).id_tokens(Nothing).grant_handler(ClientCredentials),
        Profile::Fapi2 => {
            builder.profile(engine::Profile::Fapi2Security).id_tokens(Nothing).grant_handler(ClientCredentials)
        }
        Profile::Atproto => builder.profile(engine::Profile::Atproto).fetch(Documents::new(&settings.documents)?),
    };
    // By algorithms that FAPI 2.0 allows as well.
    if profile != Profile::Atproto {
        let algorithms = [JwsAlgorithm::Es256, JwsAlgorithm::Ps256, JwsAlgorithm::Ed25519];
        let provider = TrustedIssuer::by_keys(IDP_ISSUER, algorithms, keys_of(IDP, &settings.jwks)?);
        let provider = provider.with_profile(AssertionProfile::IdJag);
        builder = builder.jwt_bearer(JwtBearer::new(People).with_issuer(provider));
    }
    if let Some(throttle) = settings.throttling.throttle() {
        builder = builder.throttle(throttle);
    }
    if settings.access == Access::Jwt {
        builder = builder.jwt_access_tokens(JwtAccessTokens::new());
    }
    Ok((Arc::new(builder.build()?), resource))
}

fn endpoints(scopes: Scope, shows_certificates: bool) -> Endpoints {
    let endpoints = Endpoints::new()
        .with_authorization("/authorize")
        .with_token("/token")
        .with_pushed_authorization("/par")
        .with_revocation("/revoke")
        .with_introspection("/introspect")
        .with_jwks("/jwks")
        .with_scopes(scopes);
    // Every connection is asked for a certificate, so what clients with one look for is where the rest is.
    let aliases = endpoints.clone();
    if shows_certificates { endpoints.with_mtls_aliases(aliases) } else { endpoints }
}

/// Who vouches for people, and whom it means by what.
const IDP_ISSUER: &str = "https://idp.example";

struct People;

impl AssertionPolicy for People {
    async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
        match (request.issuer(), request.tenant(), request.subject()) {
            (IDP_ISSUER, None, "U019488227") => Ok(Authorization::of(USERNAME)),
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

/// ID tokens say who it is, and no more.
struct Nothing;

impl ClaimsProvider for Nothing {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        Ok(IdClaims::new())
    }
}
