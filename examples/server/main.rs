//! A token server to try regrant out: the second system, a loyalty marketplace's endpoint, at `POST /token`.
//!
//! ```text
//! cargo run --release --example server
//! ```

mod marketplace;
mod walk;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;

/// An OAuth 2.0 token server on a store in memory, for trying out only: its secrets are in its source.
#[derive(Parser, Debug)]
struct Options {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How long an access token works, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=16_777_215))]
    access_ttl: u64,
    /// How long a login lasts without a refresh, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2_592_000, value_parser = clap::value_parser!(u64).range(1..=3_153_600_000))]
    refresh_ttl: u64,
    /// How long a lost response is answered again, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry_window: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let app = marketplace::router(&marketplace::Settings {
        access_token: Duration::from_secs(options.access_ttl),
        idle: Duration::from_secs(options.refresh_ttl),
        retry_window: Duration::from_secs(options.retry_window),
    })?;
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    walk::print(listener.local_addr()?);
    let served = axum::serve(listener, app).with_graceful_shutdown(stop());
    tokio::select! {
        ended = served.into_future() => ended?,
        // A client that never finishes its request must not keep the server.
        () = async { stop().await; tokio::time::sleep(Duration::from_secs(3)).await } => {}
    }
    println!("Stopped. What was in memory is gone.");
    Ok(())
}

/// Waits for Ctrl-C, or for the signal that service managers send.
async fn stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} },
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
