//! What a server does as a process: its errors on one line, its end, and where it is reached.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

pub(crate) const KEY_FILE_NEEDED: &str = "grants outlive the process on this store, so the keys must as well: say --key-file \
    PATH, and it is made if there is none";

/// What the process ends with: an error is said on one line.
pub(crate) fn ended(served: Result<(), Box<dyn Error>>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// An error and what it came from, on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Where a client on this machine finds a server that listens everywhere.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
}

/// Waits for a server that serves until [`stop`], and a little longer for what is under way.
pub(crate) async fn serve_until(server: impl Future<Output = ()>) {
    tokio::select! {
        () = server => {}
        // A client that never finishes its request must not keep the server.
        () = async { stop().await; tokio::time::sleep(Duration::from_secs(3)).await } => {}
    }
}

/// Waits for Ctrl-C, or for the signal that service managers send.
pub(crate) async fn stop() {
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
