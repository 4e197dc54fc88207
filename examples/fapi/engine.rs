//! The engine.

use std::error::Error;
use std::sync::Arc;

use regrant::engine::{ClientCredentials, Dpop, HookError};
use regrant::event::Event;
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Endpoints, Engine, MemoryStore, Resource, RootSecret, Scope, StaticClients};

use crate::clients::clients;
use crate::jwks::Jwks;
use crate::{Access, Profile};

pub(crate) type FapiEngine = Engine<MemoryStore, StaticClients>;

/// Of the resource.
const SCOPES: &str = "read write";

/// Who the server says it is, what it demands, what keys clients have, whether its connections show their certificates, and what
/// access tokens are.
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) profile: Profile,
    pub(crate) jwks: Vec<Jwks>,
    pub(crate) shows_certificates: bool,
    pub(crate) access: Access,
}

/// The engine, and the URI of its resource.
pub(crate) fn engine(settings: Settings) -> Result<(Arc<FapiEngine>, String), Box<dyn Error>> {
    let resource = format!("{}/resource", settings.issuer);
    let scopes = Scope::parse(SCOPES)?;
    let all = Scope::parse(&format!("openid {SCOPES}"))?;
    let clients = clients(&settings.jwks, &all, &scopes, settings.profile)?;
    let (signing_key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    let mut builder = Engine::builder(MemoryStore::new(), clients)
        .root_secret(RootSecret::generate(1))
        .issuer(&settings.issuer)
        .authorization_code()
        .grant_handler(ClientCredentials)
        .dpop(Dpop::new())
        .pushed_authorization_requests()
        .signed_requests()
        .signed_responses()
        .form_post()
        .resource(Resource::new(&resource).with_scopes(scopes))
        .signing_key(signing_key)
        .id_tokens(Nothing)
        .endpoints(endpoints(all, settings.shows_certificates))
        .challenge_realm("fapi")
        .events(|event: &Event<'_>| eprintln!("{event:?}"));
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

/// ID tokens say who it is, and no more.
struct Nothing;

impl ClaimsProvider for Nothing {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        Ok(IdClaims::new())
    }
}
