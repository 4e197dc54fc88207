//! An MCP server and all that its clients need to log in, in one process: an authorization server that lets clients register
//! themselves, and two resources of the Model Context Protocol behind it.
//!
//! ```text
//! cargo run --release --example mcp
//! cargo run --release --example mcp -- --store file:grants.redb --key-file keys.json
//! ```

mod account;
mod app;
mod authorize;
#[path = "../shared/cors.rs"]
mod cors;
#[path = "../shared/client_documents.rs"]
mod documents;
#[path = "../shared/guard.rs"]
mod guard;
#[path = "../shared/html.rs"]
mod html;
#[path = "../shared/key_file.rs"]
mod key_file;
mod page;
mod people;
#[path = "../shared/process.rs"]
mod process;
mod resource;
#[path = "../shared/serve.rs"]
mod serve;
#[path = "../shared/store.rs"]
mod store;
#[path = "../shared/throttling.rs"]
mod throttling;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use app::{MACHINE, MACHINE_SECRET, Settings};
use clap::Parser;
use documents::{Documents, Instead};
use key_file::Keys;
use people::USERS;
use process::{reachable, stop, with_causes};
use regrant::jwt::SigningAlgorithm;
use store::Place;
use throttling::Throttling;
use tokio::net::TcpListener;

/// An MCP server with its authorization server, for trying out only: its users' passwords are in its source.
#[derive(Parser, Debug)]
struct Options {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Who the server says it is; behind a proxy, what the world sees [default: http:// and the address]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    #[arg(
        long,
        value_name = "STORE",
        default_value = "memory",
        value_parser = store::PlaceParser,
        help = "Where grants are kept: memory, file:PATH, redis://…, redis-cluster://HOST:PORT,HOST:PORT,… or postgres://…"
    )]
    store: Place,
    /// The keys that tokens and clients are made under, needed where grants outlive the process; made, readable by its owner
    /// alone, if there is none
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// How long an access token works, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=16_777_215))]
    access_ttl: u64,
    #[arg(
        long,
        value_name = "ID=URL",
        help = "Where the document of a client is fetched from instead, as in \
            https://app.example/client.json=http://127.0.0.1:9000/client.json; once for each"
    )]
    client_document: Vec<Instead>,
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
        Some(path) => Keys::read_or_make(path, SigningAlgorithm::Es256)?,
        None if options.store.outlives_the_process() => return Err(process::KEY_FILE_NEEDED.into()),
        None => Keys::generate(SigningAlgorithm::Es256)?,
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
    let settings = Settings {
        store: Arc::clone(&store),
        keys,
        issuer: options.issuer.unwrap_or_else(|| format!("http://{}", reachable(address))),
        access_token: Duration::from_secs(options.access_ttl),
        documents: Documents::new(&options.client_document)?,
        throttling: options.throttle,
    };
    let issuer = settings.issuer.trim_end_matches('/').to_owned();
    let app = app::router(settings).await?;
    let purge = tokio::spawn(store::purge(store));
    println!(
        "\
regrant MCP example on http://{address}, grants {place}
FOR TRYING OUT ONLY: its clients' secrets and its users' passwords are in its source.

Give an MCP client one of these addresses, and it does the rest:
  {issuer}/mcp
  {issuer}/files
Log in as {users}. What is connected: {issuer}/account

By hand, as a program that acts for itself:
  curl -s -u {MACHINE}:{MACHINE_SECRET} {issuer}/token -d grant_type=client_credentials

Ctrl-C stops it.",
        place = options.store,
        users = USERS.map(|(name, password)| format!("{name}, password {password}")).join(", or "),
    );
    process::serve_until(serve::serve(listener, app, stop())).await;
    purge.abort();
    Ok(())
}
