//! A store of one's own: grants in SQLite, by `regrant::TokenStore`. Each run logs in once more, refreshes, and lists the
//! sessions that earlier runs have left.
//!
//! ```text
//! cargo run --example sqlite -- /tmp/grants.sqlite
//! ```

mod store;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use regrant::{
    Authorization, Client, Engine, GrantError, GrantHandler, GrantRequest, Key, Request, StaticClients, Timestamp,
    TokenStore,
};
use store::SqliteStore;

/// Lets anyone in: an example has no users.
struct AnyPassword;

impl GrantHandler for AnyPassword {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(request.required("username")?))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: sqlite PATH")?;
    let store = SqliteStore::open(Path::new(&path), Duration::from_secs(5))?;
    let purged = store.purge_expired(Timestamp::now(), 1_000).await?;

    let app = Client::public("app").grant_type("password").grant_type("refresh_token").build()?;
    // A real one comes from where secrets are kept. That of an example is in its source, and the same each time.
    let key = Key::from_bytes(1, b"an-example-key-that-everyone-has");
    let engine = Engine::builder(store, StaticClients::new().with(app)?).key(key).grant_handler(AnyPassword).build()?;
    engine.check_keys().await?;

    let login = post(&engine, "grant_type=password&client_id=app&username=alice").await?;
    let token = login["refresh_token"].as_str().ok_or("no refresh token")?;
    post(&engine, &format!("grant_type=refresh_token&client_id=app&refresh_token={token}")).await?;

    let page = engine.sessions("alice", None, 100, Timestamp::now()).await?;
    println!("{purged} expired grants were purged; alice has these sessions:");
    for session in &page.sessions {
        println!("{} for {}, until {:?}", session.id(), session.client_id(), session.expires_at());
    }
    Ok(())
}

async fn post(engine: &Engine<SqliteStore, StaticClients>, form: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    let request =
        Request::new("POST", form.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    let response = engine.token(&request, Timestamp::now).await;
    if response.status() != 200 {
        return Err(String::from_utf8_lossy(response.body()).into());
    }
    Ok(serde_json::from_slice(response.body())?)
}
