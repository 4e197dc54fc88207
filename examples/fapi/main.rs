//! An authorization server whose clients prove who they are: by keys (proofs of possession, `private_key_jwt`, signed requests) and by certificates
//! (mutual TLS), with pushed requests; and a resource behind it.
//!
//! ```text
//! cargo run --release --example fapi -- --jwks key-client=keys.json
//! cargo run --release --example fapi -- --profile fapi2 --tls-cert server.pem --tls-key server.key --client-ca ca.pem
//! ```
//!
//! By hand, as a client with a certificate; certificates by an authority of one's own:
//!
//! ```text
//! openssl req -x509 -nodes -newkey rsa:2048 -subj /CN=authority -keyout ca.key -out ca.pem
//! openssl req -x509 -nodes -newkey rsa:2048 -subj /CN=localhost -keyout server.key -out server.pem -CA ca.pem -CAkey ca.key \
//!   -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE
//! openssl req -x509 -nodes -newkey rsa:2048 -subj /CN=ca-client -keyout client.key -out client.pem -CA ca.pem -CAkey ca.key \
//!   -addext basicConstraints=critical,CA:FALSE
//! curl --cacert ca.pem --cert client.pem --key client.key https://127.0.0.1:8091/token \
//!   -d grant_type=client_credentials -d client_id=ca-client
//! ```

mod app;
mod authorize;
mod clients;
#[path = "../shared/cors.rs"]
mod cors;
#[path = "../shared/client_documents.rs"]
mod documents;
mod engine;
#[allow(dead_code, reason = "nobody is remembered here")]
#[path = "../shared/guard.rs"]
mod guard;
#[path = "../shared/html.rs"]
mod html;
mod identity;
mod jwks;
#[allow(dead_code, reason = "the pages of others are among them")]
#[path = "../shared/login_page.rs"]
mod page;
#[allow(dead_code, reason = "there is no key file here")]
#[path = "../shared/process.rs"]
mod process;
mod resource;
#[path = "../shared/serve.rs"]
mod serve;
#[path = "../shared/throttling.rs"]
mod throttling;
mod tls;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use documents::Instead;
use engine::Settings;
use jwks::Jwks;
use process::{reachable, stop};
use throttling::Throttling;
use tls::Tls;
use tokio::net::TcpListener;

/// An authorization server for clients that prove a key, for trying out only: its user's password is in its source.
#[derive(Parser, Debug)]
struct Options {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
    /// Who the server says it is; behind a proxy, what the world sees [default: http:// or https://, and the address]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What it demands of every client
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    #[arg(
        long,
        value_name = "CLIENT=FILE",
        help = "The JWK set of a client, as in key-client=keys.json; once for each. mtls-client has its certificate in it, as x5c; idp is no \
            client: https://idp.example, whose identity assertions (ID-JAG) are grants"
    )]
    jwks: Vec<Jwks>,
    /// The server's certificate, with what leads to its root, in PEM: https. Clients are asked for a certificate, and may have none
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The certificates, in PEM, of those who may issue certificates to clients
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// What access tokens are
    #[arg(long, value_enum, default_value_t)]
    access: Access,
    #[arg(
        long,
        value_name = "ID=URL",
        help = "Under the atproto profile, where the document of a client, or its JWK set, is fetched from instead, as in \
            https://app.example/client.json=http://127.0.0.1:9000/client.json; once for each"
    )]
    client_document: Vec<Instead>,
    /// Whether it is limited how often anybody may guess
    #[arg(long, value_enum, default_value_t)]
    throttle: Throttling,
}

/// What the server demands of every client.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub(crate) enum Profile {
    /// What each client is registered with
    #[default]
    None,
    /// The FAPI 2.0 Security Profile
    Fapi2,
    /// atproto's
    Atproto,
}

/// What access tokens are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub(crate) enum Access {
    /// Of use to this server alone
    #[default]
    Opaque,
    /// JWTs by RFC 9068
    Jwt,
}

#[tokio::main]
async fn main() -> ExitCode {
    process::ended(serve(Options::parse()).await)
}

async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let tls = match (&options.tls_cert, &options.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::new(certificate, key, options.client_ca.as_deref())?),
        _ => None,
    };
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let address = listener.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut issuer = options.issuer.unwrap_or_else(|| format!("{scheme}://{}", reachable(address)));
    issuer.truncate(issuer.trim_end_matches('/').len());
    let settings = Settings {
        issuer: issuer.clone(),
        profile: options.profile,
        jwks: options.jwks,
        documents: options.client_document,
        shows_certificates: tls.is_some(),
        access: options.access,
        throttling: options.throttle,
    };
    let (engine, resource) = engine::engine(&settings)?;
    let subject = match options.profile {
        Profile::None | Profile::Fapi2 => authorize::USERNAME.to_owned(),
        Profile::Atproto => identity::did(&issuer)?,
    };
    let resource = if resource.ends_with("/resource") { resource } else { format!("{resource}/resource") };
    let app = app::router(app::App::new(engine, &issuer, &resource, subject)?);
    println!(
        "\
regrant FAPI example on {scheme}://{address}, grants in memory
FOR TRYING OUT ONLY: its user's password is in its source.

What a client needs to know:
  {issuer}/.well-known/oauth-authorization-server
The resource: {resource}
Log in as {username}, password {password}.

Ctrl-C stops it.",
        username = authorize::USERNAME,
        password = authorize::PASSWORD,
    );
    process::serve_until(async {
        match tls {
            Some(tls) => tls.serve(listener, app, stop()).await,
            None => serve::serve(listener, app, stop()).await,
        }
    })
    .await;
    Ok(())
}
