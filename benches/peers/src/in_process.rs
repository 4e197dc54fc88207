//! A refresh without sockets: the same router, called in this process.

use std::time::{Duration, Instant};

use crate::client::Way;
use crate::peer::{Peer, Result};
use crate::process::time_of;
use crate::server::router;

/// Microseconds of the processor for a refresh, among so many sessions. What the client does for it (a body, an answer read) is in it for all of them.
pub async fn measure(peer: &'static Peer, sessions: usize, time: Duration) -> Result<f64> {
    let mut way = Way::Router(router(peer.name, 1).await?);
    let mut tokens = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        tokens.push(way.login(peer.login).await?);
    }
    let (mut at, mut count) = (0, 0_u32);
    let (begin, before) = (Instant::now(), time_of("self")?);
    while begin.elapsed() < time {
        for _ in 0..100 {
            at = (at + 7_919) % sessions;
            tokens[at] = way.refresh(&tokens[at]).await?.refresh_token()?;
        }
        count += 100;
    }
    // Not of the clock on the wall: this machine may have others on it.
    Ok(time_of("self")?.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(count))
}
