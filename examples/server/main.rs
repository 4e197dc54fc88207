//! A token server to try regrant out: two systems, each an engine of its own with its own clients. A loyalty marketplace's
//! endpoint at `POST /token`, and a bank's identity provider under `/oauth2`.
//!
//! ```text
//! cargo run --release --example server
//! cargo run --release --example server -- --store file:grants.redb --key-file keys.json
//! cargo run --release --example server -- --store file:grants.redb --key-file keys.json --import tokens.csv
//! ```

mod authorize;
mod bank;
#[path = "../shared/cors.rs"]
mod cors;
mod device;
#[allow(dead_code, reason = "nobody is remembered here")]
#[path = "../shared/guard.rs"]
mod guard;
#[path = "../shared/html.rs"]
mod html;
mod import;
#[path = "../shared/key_file.rs"]
mod key_file;
mod logout;
mod marketplace;
mod origin;
#[path = "../shared/login_page.rs"]
mod page;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/serve.rs"]
mod serve;
#[path = "../shared/store.rs"]
mod store;
#[path = "../shared/throttling.rs"]
mod throttling;
mod walk;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::Parser;
use key_file::Keys;
use process::{reachable, stop, with_causes};
use regrant::Timestamp;
use regrant::jwt::SigningAlgorithm;
use store::Place;
use throttling::Throttling;
use tokio::net::TcpListener;

/// An OAuth 2.0 token server for trying out only: its secrets are in its source.
#[derive(Parser, Debug)]
struct Options {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[arg(
        long,
        value_name = "STORE",
        default_value = "memory",
        value_parser = store::PlaceParser,
        help = "Where grants are kept: memory, file:PATH, redis://…, redis-cluster://HOST:PORT,HOST:PORT,… or postgres://…"
    )]
    store: Place,
    /// The keys that tokens are made under, needed where grants outlive the process; made, readable by its owner alone, if
    /// there is none
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// Who the bank's identity provider says it is; behind a proxy, what the world sees [default: http:// and the address]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    #[arg(
        long,
        value_name = "ORIGIN",
        value_parser = origin::origin,
        help = "The origin of pages whose scripts may call the bank's endpoints, as in https://app.example; once for each"
    )]
    cors_origin: Vec<HeaderValue>,
    /// Refresh tokens of the server that the marketplace ran before, as CSV with the header
    /// `refresh_token,client_id,username,scope,login_at`; `refresh_token_sha256` may stand in the first place
    #[arg(long, value_name = "PATH")]
    import: Option<PathBuf>,
    /// Where the bank's client developers.devportal hears of logouts (OpenID Connect Back-Channel Logout)
    #[arg(long, value_name = "URL")]
    backchannel_logout: Option<String>,
    /// Where else that client may have its answers sent than to its callback on this machine; once for each
    #[arg(long, value_name = "URL")]
    redirect_uri: Vec<String>,
    /// How long an access token works, in seconds [default: 3600 of the marketplace, 86400 of the bank]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=16_777_215))]
    access_ttl: Option<u64>,
    /// How long a login lasts without a refresh, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2_592_000, value_parser = clap::value_parser!(u64).range(1..=3_153_600_000))]
    refresh_ttl: u64,
    /// How long a lost response is answered again, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry_window: u64,
    /// Whether it is limited how often anybody may guess
    #[arg(long, value_enum, default_value_t)]
    throttle: Throttling,
}

#[tokio::main]
async fn main() -> ExitCode {
    process::ended(serve(Options::parse()).await)
}

async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let keys = match &options.key_file {
        Some(path) => Keys::read_or_make(path, SigningAlgorithm::Rs256)?,
        None if options.store.outlives_the_process() => return Err(process::KEY_FILE_NEEDED.into()),
        None => Keys::generate(SigningAlgorithm::Rs256)?,
    };
    let imported = match &options.import {
        None => None,
        Some(path) => {
            let imported = import::Imported::open(path, &marketplace::known()?)
                .map_err(|error| format!("nothing is imported from {}: {error}", path.display()))?;
            eprintln!("{} refresh tokens of another server are known.", imported.len());
            Some(imported)
        }
    };
    let store = options
        .store
        .open()
        .await
        .map_err(|error| format!("cannot keep grants {}: {}", options.store, with_causes(&*error)))?;
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let address = listener.local_addr()?;
    let access_token = |default| Duration::from_secs(options.access_ttl.unwrap_or(default));
    let idle = Duration::from_secs(options.refresh_ttl);
    let retry_window = Duration::from_secs(options.retry_window);
    let marketplace = marketplace::Settings {
        store: Arc::clone(&store),
        key: keys.token.clone(),
        access_token: access_token(3_600),
        idle,
        retry_window,
        throttle: options.throttle.throttle(),
        root: keys.root.clone(),
        imported,
    };
    let bank = bank::Settings {
        store: Arc::clone(&store),
        keys,
        issuer: options.issuer.unwrap_or_else(|| format!("http://{}", reachable(address))),
        cors_origins: options.cors_origin,
        backchannel_logout: options.backchannel_logout,
        redirect_uris: options.redirect_uri,
        access_token: access_token(86_400),
        idle,
        retry_window,
        clock: Arc::new(Timestamp::now),
        throttle: options.throttle.throttle(),
    };
    let app = marketplace::router(marketplace).await?.merge(bank::router(bank).await?);
    let purge = tokio::spawn(store::purge(store));
    walk::print(address, &options.store);
    process::serve_until(serve::serve(listener, app, stop())).await;
    purge.abort();
    if options.store.outlives_the_process() {
        println!("Stopped. Grants are kept {}.", options.store);
    } else {
        println!("Stopped. What was in memory is gone.");
    }
    Ok(())
}
