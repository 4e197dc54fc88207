//! Who is measured, and how each is started.

use std::error::Error;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

pub const SECRET: &str = "a-secret-for-trying-out-only-here";

/// How a session is made.
#[derive(Clone, Copy)]
pub enum Login {
    /// A password grant at the token endpoint.
    Password,
    /// POST /login gives tokens, where an authorization code would.
    Tokens,
    /// POST /login redirects with a code, which is redeemed.
    Code,
}

/// What its process is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This program, with `serve NAME PORT`; measured without sockets too.
    Rust,
    Node,
    Python,
}

pub struct Peer {
    pub name: &'static str,
    pub version: &'static str,
    pub kind: Kind,
    pub login: Login,
    /// How it is set up, in a line.
    pub settings: &'static str,
    /// The program and its arguments, in the folder of the peers; `PORT` stands for the port.
    pub start: &'static [&'static str],
}

pub const FLOOR: &str = "axum alone";

pub const PEERS: &[Peer] = &[
    Peer {
        name: FLOOR,
        version: "0.8",
        kind: Kind::Rust,
        login: Login::Tokens,
        settings: "reads the body and sends an answer that is always the same: what HTTP costs",
        start: &[],
    },
    Peer {
        name: "regrant",
        version: "0.1.0",
        kind: Kind::Rust,
        login: Login::Password,
        settings: "its defaults: rotates, ends a login at a replay, re-sends lost answers for 120 s; MemoryStore",
        start: &[],
    },
    Peer {
        name: "oxide-auth",
        version: "0.6.1",
        kind: Kind::Rust,
        login: Login::Tokens,
        settings: "refresh flow with its TokenMap, which rotates; the client's secret as SHA-256, in place of Argon2, its default",
        start: &[],
    },
    Peer {
        name: "oauth-as",
        version: "1.0.1",
        kind: Kind::Rust,
        login: Login::Code,
        settings: "its defaults: rotates, ends the family at a replay; MemoryStorage",
        start: &[],
    },
    Peer {
        name: "oidc-provider",
        version: "9.13.3",
        kind: Kind::Node,
        login: Login::Tokens,
        settings: "rotateRefreshToken: true, which ends the grant at a replay; no ID token; an adapter on a Map",
        start: &[
            "node",
            "--expose-gc",
            "--import",
            "./gc.mjs",
            "oidc_provider.mjs",
            "PORT",
            "client_secret_basic",
            "rotate",
        ],
    },
    Peer {
        name: "node-oauth2-server",
        version: "5.3.0",
        kind: Kind::Node,
        login: Login::Password,
        settings: "@node-oauth/oauth2-server, its defaults: rotates; its documentation's model on a Map, which forgets the old token",
        start: &["node", "--expose-gc", "--import", "./gc.mjs", "node_oauth.mjs", "PORT"],
    },
    Peer {
        name: "Authlib",
        version: "1.9.6",
        kind: Kind::Python,
        login: Login::Password,
        settings: "in Flask by gunicorn (one process, four threads, keep-alive); INCLUDE_NEW_REFRESH_TOKEN; models in a dict",
        start: &[
            "venv/bin/gunicorn",
            "--bind",
            "127.0.0.1:PORT",
            "--workers",
            "1",
            "--worker-class",
            "gthread",
            "--threads",
            "4",
            "--keep-alive",
            "75",
            "--log-level",
            "error",
            "authlib_server:app",
        ],
    },
];

/// The peer of a name.
pub fn find(name: &str) -> Result<&'static Peer> {
    PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| format!("no peer is called {name}").into())
}
