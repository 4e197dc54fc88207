//! What is tested, and how much: one TOML file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The file.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// What it is called in the results.
    pub(crate) name: String,
    /// The version of what is tested.
    #[serde(default)]
    pub(crate) version: String,
    /// What has to be said of its settings, for who reads the results.
    #[serde(default)]
    pub(crate) settings: String,
    /// The token endpoint; several where several nodes serve the same logins.
    pub(crate) token_endpoints: Vec<String>,
    pub(crate) client: Client,
    pub(crate) login: Login,
    #[serde(default)]
    pub(crate) server: Server,
    #[serde(default)]
    pub(crate) load: Load,
}

/// Who the client is.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) auth: Auth,
}

/// How it authenticates (RFC 6749 section 2.3.1).
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auth {
    #[default]
    Basic,
    Post,
    /// A public client, which says its id alone.
    None,
}

/// How one comes by a refresh token: one of the three.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Login {
    /// A form that is posted. Its answer is the token response, or a redirect with a code.
    Form {
        url: String,
        fields: BTreeMap<String, String>,
        /// Whether the client authenticates there, as at the token endpoint.
        #[serde(default)]
        authenticates: bool,
        /// What is sent with the code.
        #[serde(default)]
        redeem: BTreeMap<String, String>,
    },
    /// A command that prints one JSON object for each login: a `refresh_token`, or a `code` and whatever else is sent with it.
    Script { command: Vec<String> },
    /// A file with refresh tokens, one a line. Each is one login.
    Tokens { file: PathBuf },
}

/// The server, where this program starts it.
#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    /// The command of each node; it has to be the server itself, since signals go to it, and the nodes are in the order of the token
    /// endpoints. Without one the server is there already, and is neither restarted nor killed. Clocks that differ are a command that begins
    /// with `faketime`.
    #[serde(default)]
    pub(crate) start: Vec<Vec<String>>,
    /// Where it runs.
    #[serde(default)]
    pub(crate) folder: Option<PathBuf>,
    /// Its process, where this program does not start it: then its memory is looked at.
    #[serde(default)]
    pub(crate) pid: Option<u32>,
    /// Whether logins outlive the process, so that a restart can be survived at all.
    #[serde(default)]
    pub(crate) durable: bool,
}

/// How much.
#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Load {
    /// People who are logged in at the same time.
    pub(crate) people: u32,
    /// Refreshes of each, for each fault.
    pub(crate) refreshes: u32,
    /// One of so many refreshes meets the fault.
    pub(crate) one_in: u32,
    /// How long a client waits before it asks again, in milliseconds.
    pub(crate) again_after_ms: u64,
    /// How long a slow client waits before it asks again, in seconds: most time-outs are 30 to 60.
    pub(crate) slow_after_s: u64,
    /// When a thief or an owner is late, in seconds: longer than any window of the server.
    pub(crate) late_after_s: u64,
    /// Requests that race.
    pub(crate) racers: u32,
    /// Logins that a thief tries himself at, for each attack.
    pub(crate) thefts: u32,
    /// Refreshes of one login, for the memory that they leave behind.
    pub(crate) growth: u32,
    /// Restarts, and kills.
    pub(crate) restarts: u32,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            people: 50,
            refreshes: 20,
            one_in: 5,
            again_after_ms: 200,
            slow_after_s: 35,
            late_after_s: 130,
            racers: 4,
            thefts: 20,
            growth: 5_000,
            restarts: 3,
        }
    }
}
