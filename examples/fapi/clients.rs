//! The clients, each with another way to prove who it is.

use std::error::Error;

use regrant::client::{
    CertificateName, ClientBuilder, ClientFeatures, ClientRef, ClientsError, Lookup, RecoverableSecret,
};
use regrant::fetch::DocumentClients;
use regrant::{Client, ClientSecret, Clients, Scope, StaticClients};

use crate::Profile;
use crate::documents::{Documents, Instead};
use crate::jwks::{Jwks, keys_of};

pub(crate) const KEY: &str = "key-client";
pub(crate) const MTLS: &str = "mtls-client";
pub(crate) const CA: &str = "ca-client";
pub(crate) const SIGNED: &str = "signed-client";
pub(crate) const BROWSER: &str = "browser-client";
pub(crate) const OLDER: &str = "older-client";
// For trying out only.
const OLDER_SECRET: &str = "older-secret-for-trying-out-only-please";

/// No client: whoever vouches for people (`https://idp.example`), by assertions that are grants.
pub(crate) const IDP: &str = "idp";
/// RFC 7523 section 2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Those that `--jwks` is for.
pub(crate) const WITH_KEYS: [&str; 5] = [KEY, MTLS, SIGNED, OLDER, IDP];

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// Those made by hand, and under the atproto profile those that are known by a document.
pub(crate) enum Known {
    ByHand(StaticClients),
    ByDocument(Box<DocumentClients<StaticClients>>),
}

impl Clients for Known {
    async fn find(&self, client_id: &str, lookup: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        match self {
            Self::ByHand(clients) => clients.find(client_id, lookup).await,
            Self::ByDocument(clients) => clients.find(client_id, lookup).await,
        }
    }

    fn decoy(&self) -> Option<&ClientSecret> {
        match self {
            Self::ByHand(clients) => clients.decoy(),
            Self::ByDocument(clients) => clients.decoy(),
        }
    }

    fn knows_scope(&self, token: &str) -> bool {
        match self {
            Self::ByHand(clients) => clients.knows_scope(token),
            Self::ByDocument(clients) => clients.knows_scope(token),
        }
    }

    fn lets_strangers_in(&self) -> bool {
        match self {
            Self::ByHand(clients) => clients.lets_strangers_in(),
            Self::ByDocument(clients) => clients.lets_strangers_in(),
        }
    }

    fn features(&self) -> ClientFeatures {
        match self {
            Self::ByHand(clients) => clients.features(),
            Self::ByDocument(clients) => clients.features(),
        }
    }
}

/// Who there is under a profile, with what each may ask for, and what it gets where it asks for nothing.
pub(crate) fn clients(
    jwks: &[Jwks],
    documents: &[Instead],
    (scope, default): (&Scope, &Scope),
    profile: Profile,
) -> Result<Known, Box<dyn Error>> {
    let mut by_hand = StaticClients::new();
    for client in made_by_hand(jwks, profile)? {
        let client = client
            .grant_type("authorization_code")
            .grant_type("refresh_token")
            .redirect_uri(REDIRECT_URI)
            .scope(scope.clone())
            .default_scope(default.clone());
        by_hand = by_hand.with(client.build()?)?;
    }
    Ok(match profile {
        Profile::None | Profile::Fapi2 => Known::ByHand(by_hand),
        Profile::Atproto => Known::ByDocument(Box::new(
            DocumentClients::new(by_hand, Documents::new(documents)?)
                .with_scope(scope.clone())
                .with_default_scope(default.clone())
                .with_private_key_jwt(true),
        )),
    })
}

fn made_by_hand(jwks: &[Jwks], profile: Profile) -> Result<Vec<ClientBuilder>, Box<dyn Error>> {
    // Signs what it sends, and has tokens that are of use to its key alone. It may run as many processes on one login.
    let key = Client::confidential(KEY)
        .keys(keys_of(KEY, jwks)?)
        .private_key_jwt(true)
        .require_dpop(true)
        .require_pushed_authorization_requests(true)
        .resync(true);
    let signed = Client::confidential(SIGNED)
        .keys(keys_of(SIGNED, jwks)?)
        .private_key_jwt(true)
        .require_signed_request_object(true);
    // Known by the key of its certificate, whoever issued that.
    let mtls = Client::confidential(MTLS)
        .keys(keys_of(MTLS, jwks)?)
        .self_signed_tls_client_auth(true)
        .certificate_bound_tokens(true);
    // Known by the name in its certificate, since its issuer is trusted. So it may renew that.
    let ca = Client::confidential(CA)
        .tls_client_auth(CertificateName::subject("CN=ca-client")?)
        .certificate_bound_tokens(true);
    // Its tokens are bound where it sends a proof, and bearer tokens where it does not. The browser keeps its key, and gives it
    // to nobody (`extractable: false` of the Web Cryptography API), so tabs that are behind may catch up.
    let browser = Client::public(BROWSER).resync(true);
    // Assertions as they once were: under the MAC of a secret, and for the token endpoint. Do not begin with either.
    let older = Client::confidential(OLDER)
        .recoverable_secret(RecoverableSecret::new(OLDER_SECRET)?)
        .client_secret_basic(false)
        .client_secret_post(false)
        .client_secret_jwt(true)
        .keys(keys_of(OLDER, jwks)?)
        .private_key_jwt(true)
        .danger_token_endpoint_as_audience(true);
    // For themselves, and for those whom others vouch for, where a profile has such grants.
    let for_itself = |client: ClientBuilder| client.grant_type("client_credentials").grant_type(JWT_BEARER);
    Ok(match profile {
        Profile::None => [key, signed, mtls, ca, older].map(for_itself).into_iter().chain([browser]).collect(),
        Profile::Fapi2 => [key, signed, mtls, ca].map(for_itself).into(),
        Profile::Atproto => vec![key, signed, browser],
    })
}
