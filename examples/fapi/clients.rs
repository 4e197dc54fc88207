//! The clients, each with another way to prove who it is.

use std::error::Error;

use regrant::client::{CertificateName, RecoverableSecret};
use regrant::{Client, Scope, StaticClients};

use crate::Profile;
use crate::jwks::{Jwks, keys_of};

pub(crate) const KEY: &str = "key-client";
pub(crate) const MTLS: &str = "mtls-client";
pub(crate) const CA: &str = "ca-client";
pub(crate) const SIGNED: &str = "signed-client";
pub(crate) const BROWSER: &str = "browser-client";
pub(crate) const OLDER: &str = "older-client";
// For trying out only.
const OLDER_SECRET: &str = "older-secret-for-trying-out-only-please";

/// Those that `--jwks` is for.
pub(crate) const WITH_KEYS: [&str; 4] = [KEY, MTLS, SIGNED, OLDER];

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

pub(crate) fn clients(
    jwks: &[Jwks],
    scope: &Scope,
    default: &Scope,
    profile: Profile,
) -> Result<StaticClients, Box<dyn Error>> {
    // Signs what it sends, and has tokens that are of use to its key alone. It may run as many processes on one login.
    let key = Client::confidential(KEY)
        .keys(keys_of(KEY, jwks)?)
        .private_key_jwt(true)
        .require_dpop(true)
        .require_pushed_authorization_requests(true)
        .resync(true);
    // Known by the key of its certificate, whoever issued that.
    let mtls = Client::confidential(MTLS)
        .keys(keys_of(MTLS, jwks)?)
        .self_signed_tls_client_auth(true)
        .certificate_bound_tokens(true);
    // Known by the name in its certificate, since its issuer is trusted. So it may renew that.
    let ca = Client::confidential(CA)
        .tls_client_auth(CertificateName::subject("CN=ca-client")?)
        .certificate_bound_tokens(true);
    let signed = Client::confidential(SIGNED)
        .keys(keys_of(SIGNED, jwks)?)
        .private_key_jwt(true)
        .require_signed_request_object(true);
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
    let mut all = vec![key, mtls, ca, signed]
        .into_iter()
        .map(|client| client.grant_type("client_credentials"))
        .collect::<Vec<_>>();
    if profile == Profile::None {
        all.extend([browser, older]);
    }
    let mut clients = StaticClients::new();
    for client in all {
        let client = client
            .grant_type("authorization_code")
            .grant_type("refresh_token")
            .redirect_uri(REDIRECT_URI)
            .require_pkce(true)
            .scope(scope.clone())
            .default_scope(default.clone());
        clients = clients.with(client.build()?)?;
    }
    Ok(clients)
}
