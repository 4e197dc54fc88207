//! An engine, and two grants of it that are refreshed.

use regrant::grant::Rotation;
use regrant::{Client, ClientSecret, Engine, Key, MemoryStore, Request, Resource, Scope, StaticClients, Timestamp};

use crate::anyone::Anyone;

const SECRET: &str = "a-client-secret-that-is-made-of-43-characters";
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Two refreshes: of grants in two shards, which share nothing, or in one.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) shards: usize,
    /// Of one client, or each of its own.
    one_client: bool,
    scope: &'static str,
    subject: &'static str,
    format: Format,
    /// How many of each are looked at.
    pub(crate) refreshes: u64,
}

#[derive(PartialEq)]
enum Format {
    Opaque,
    /// For a resource (RFC 8707).
    Resource,
}

const PLAIN: Case = Case {
    name: "two shards, a client each",
    shards: 8,
    one_client: false,
    scope: "read write",
    subject: "a-subject-of-20",
    format: Format::Opaque,
    // More than there are between two sweeps of a shard.
    refreshes: 34,
};

pub(crate) const CASES: &[Case] = &[
    PLAIN,
    Case { name: "two shards, one client", one_client: true, ..PLAIN },
    Case {
        name: "two shards, one client, a scope of 40 bytes",
        one_client: true,
        scope: "calendar.read calendar.write mailbox.read",
        ..PLAIN
    },
    Case { name: "two shards, one client, for a resource", one_client: true, format: Format::Resource, ..PLAIN },
    Case { name: "one shard, one client", one_client: true, shards: 1, ..PLAIN },
];

pub(crate) type Bank = Engine<MemoryStore, StaticClients>;

fn client(name: &str, scope: &str) -> Client {
    Client::confidential(name)
        .secret(ClientSecret::new(SECRET).unwrap())
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse(scope).unwrap())
        .rotation(if name == "stays" { Rotation::Never } else { Rotation::Always })
        .build()
        .unwrap()
}

impl Case {
    /// The engine of the case, and the first requests of its two grants.
    pub(crate) fn bank(&self) -> (Bank, [Holder; 2]) {
        let scope = self.scope;
        let engine = bank(self.shards, &["first", "left", "right"], scope, &self.format);
        // Every shard has what it makes at its first login, so that nothing of that lies between the two.
        for number in 0..self.shards * 2 {
            Holder::new(&engine, "first", &format!("somebody-{number}"));
        }
        let other = if self.one_client { "left" } else { "right" };
        let holders = [("left", 'l'), (other, 'r')]
            .map(|(client, side)| Holder::new(&engine, client, &format!("{}-{side}", self.subject)));
        (engine, holders)
    }
}

fn bank(shards: usize, clients: &[&str], scope: &str, format: &Format) -> Bank {
    let clients = clients.iter().fold(StaticClients::new(), |all, name| all.with(client(name, scope)).unwrap());
    let builder = Engine::builder(MemoryStore::builder().shards(shards).build(), clients)
        .issuer("https://id.example")
        .key(Key::from_bytes(1, &[7; 32]))
        .grant_handler(Anyone);
    match format {
        Format::Opaque => builder,
        Format::Resource => builder.resource(Resource::new("https://api.example")),
    }
    .build()
    .unwrap()
}

/// An engine with opaque tokens, and clients of these names; one that is called `stays` keeps its refresh tokens.
pub(crate) fn plain(clients: &[&str]) -> Bank {
    bank(256, clients, PLAIN.scope, &Format::Opaque)
}

/// Who has a grant, and its refresh token.
#[derive(Clone)]
pub(crate) struct Holder {
    client: String,
    token: String,
}

impl Holder {
    pub(crate) fn new(engine: &Bank, client: &str, subject: &str) -> Self {
        let mut holder = Self { client: client.to_owned(), token: String::new() };
        holder.ask(engine, &format!("grant_type=password&username={subject}"));
        holder
    }

    pub(crate) fn refresh(&mut self, engine: &Bank) {
        let form = format!("grant_type=refresh_token&refresh_token={}", self.token);
        self.ask(engine, &form);
    }

    fn ask(&mut self, engine: &Bank, form: &str) {
        let body = format!("{form}&client_id={}&client_secret={SECRET}", self.client);
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        let response = engine.blocking().token(&request, NOW).unwrap();
        let text = std::str::from_utf8(response.body()).unwrap();
        let (_, token) = text.split_once("\"refresh_token\":\"").unwrap_or_else(|| panic!("{text}"));
        self.token.clear();
        self.token.push_str(token.split('"').next().unwrap());
    }
}
