//! How long it takes, and how much memory, to take over the logins of another server.
//!
//! ```text
//! cargo run --release --example import -- --tokens 1000000
//! ```
//!
//! Makes a table of digests of so many refresh tokens (UUIDs, as another server would have made them) and an engine on a memory store that
//! asks it. Then each client comes with its token: once, which takes its login over, and once more, as where the response was lost. Beside
//! them, refreshes of the tokens that came of it. Prints one line of JSON.

#[allow(unreachable_pub, reason = "not part of the crate")]
#[path = "../../benches/support/resident.rs"]
mod resident;

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use clap::Parser;
use regrant::engine::{ForeignLogin, ForeignToken, ForeignTokens, HookError};
use regrant::{
    Authorization, Client, ClientSecret, Engine, MemoryStore, Request, RootSecret, Scope, StaticClients, Timestamp,
};
use resident::resident_bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

const SECRET: &str = "a-secret-of-32-characters-for-trying-out";

/// How long it takes, and how much memory, to take over the logins of another server.
#[derive(Parser, Debug)]
struct Options {
    /// How many refresh tokens the other server has made
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    tokens: u32,
}

/// SHA-256 of each token → the number of its user.
struct Table(HashMap<[u8; 32], u32>);

impl ForeignTokens for Table {
    async fn find(&self, token: &ForeignToken<'_>, _: &Client) -> Result<Option<ForeignLogin>, HookError> {
        let began = Timestamp::from_secs(1_690_000_000);
        let login =
            |user: &u32| ForeignLogin::new(Authorization::of(&format!("user-{user:08}")), began, Timestamp::MAX);
        Ok(self.0.get(token.sha256()).map(login))
    }
}

type Moved = Engine<MemoryStore, StaticClients>;

fn main() -> Result<(), Box<dyn Error>> {
    let tokens = Options::parse().tokens;
    let before = resident_bytes()?;
    let (table, digesting) =
        timed(|| Table((0..tokens).map(|user| (Sha256::digest(uuid(user)).into(), user)).collect()));
    let after_table = resident_bytes()?;

    let app = Client::confidential("app")
        .secret(ClientSecret::new(SECRET)?)
        .grant_type("refresh_token")
        .scope(Scope::parse("read write")?)
        .build()?;
    let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?)
        .root_secret(RootSecret::generate(1))
        .foreign_tokens(table)
        .build()?;
    let (taken, taking) = timed(|| (0..tokens).filter(|&user| refresh(&engine, &uuid(user)).is_some()).count());
    let after = resident_bytes()?;
    assert_eq!((taken, engine.store().len()), (tokens as usize, tokens as usize), "all of them, once");
    let sample = tokens.min(200_000);
    let (own, again) = timed(|| (0..sample).filter_map(|user| refresh(&engine, &uuid(user))).collect::<Vec<_>>());
    assert_eq!(own.len(), sample as usize);
    let (renewed, renewing) = timed(|| own.iter().filter(|token| refresh(&engine, token).is_some()).count());
    assert_eq!(renewed, sample as usize);

    let per_second = |count: u32, time: Duration| (f64::from(count) / time.as_secs_f64()).round();
    let per_token = |bytes: usize| (bytes as u64).div_ceil(u64::from(tokens));
    println!(
        "{}",
        json!({
            "tokens": tokens,
            "digests_per_second": per_second(tokens, digesting),
            "taken_over_per_second": per_second(tokens, taking),
            "lost_responses_per_second": per_second(sample, again),
            "refreshes_per_second": per_second(sample, renewing),
            "table_bytes_per_token": per_token(after_table.saturating_sub(before)),
            "store_bytes_per_login": per_token(after.saturating_sub(after_table)),
            "resident_mib": after / (1 << 20),
        })
    );
    Ok(())
}

/// The same for the same number: so that no list of tokens is counted as memory.
fn uuid(user: u32) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = <[u8; 32]>::from(Sha256::digest(user.to_be_bytes()));
    let [a, b] = [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])];
    let tail = rest.iter().take(6).fold(0_u64, |tail, byte| tail << 8 | u64::from(*byte));
    format!("{a:08x}-{:04x}-4{:03x}-9{:03x}-{tail:012x}", b >> 16, b & 0xfff, (b >> 4) & 0xfff)
}

/// The refresh token that came of this one, through the whole engine: bytes in, bytes out.
fn refresh(engine: &Moved, token: &str) -> Option<String> {
    let body = format!("grant_type=refresh_token&refresh_token={token}&client_id=app&client_secret={SECRET}");
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    let response = engine.blocking().token(&request, Timestamp::now).ok()?;
    let answer: serde_json::Value = serde_json::from_slice(response.body()).ok()?;
    Some(answer.get("refresh_token")?.as_str()?.to_owned())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}
