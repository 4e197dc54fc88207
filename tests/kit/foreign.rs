//! Another server, of which nothing is left but its table of refresh tokens.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use regrant::engine::{ForeignLogin, ForeignToken, ForeignTokens, HookError};
use regrant::{Authorization, Client, Timestamp};

use super::schedule::pause;

/// The token of the second system's document.
pub(crate) const UUID: &str = "88642e36-ef83-49fe-baf9-40afda247059";

/// The table, which a test can change, and which counts who asks.
#[derive(Clone)]
pub(crate) struct OldServer(Arc<Mutex<Table>>);

struct Table {
    rows: HashMap<(String, String), ForeignLogin>,
    asked: Vec<String>,
    until: Timestamp,
    fails: bool,
    /// Whether its answers take a while.
    waits: bool,
}

impl Default for OldServer {
    fn default() -> Self {
        let (rows, asked) = (HashMap::new(), Vec::new());
        Self(Arc::new(Mutex::new(Table { rows, asked, until: Timestamp::MAX, fails: false, waits: true })))
    }
}

impl OldServer {
    /// One that has this token, of this client and person.
    pub(crate) fn with(self, token: &str, client_id: &str, subject: &str, began_at: Timestamp) -> Self {
        self.with_login(token, client_id, ForeignLogin::new(Authorization::of(subject), began_at, Timestamp::MAX))
    }

    pub(crate) fn with_login(self, token: &str, client_id: &str, login: ForeignLogin) -> Self {
        self.0.lock().rows.insert((client_id.to_owned(), token.to_owned()), login);
        self
    }

    /// Its answers are there at once, for an engine that is polled once.
    pub(crate) fn ready(self) -> Self {
        self.0.lock().waits = false;
        self
    }

    /// Nothing counts from then on.
    pub(crate) fn until(self, until: Timestamp) -> Self {
        self.0.lock().until = until;
        self
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.0.lock().fails = fails;
    }

    /// The tokens that were asked about since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().asked)
    }
}

impl ForeignTokens for OldServer {
    async fn find(&self, token: &ForeignToken<'_>, client: &Client) -> Result<Option<ForeignLogin>, HookError> {
        let waits = self.0.lock().waits;
        if waits {
            pause().await;
        }
        assert_eq!(format!("{token:?}"), "ForeignToken(..)", "no token in logs");
        let mut table = self.0.lock();
        table.asked.push(token.as_str().to_owned());
        if table.fails {
            return Err(HookError::new("the old database is down"));
        }
        Ok(table.rows.get(&(client.id().to_owned(), token.as_str().to_owned())).cloned())
    }

    fn until(&self) -> Timestamp {
        self.0.lock().until
    }
}
