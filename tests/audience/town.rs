//! Two resources of one engine, and who asks for tokens.

use std::sync::Arc;

use regrant::client::ClientBuilder;
use regrant::engine::{BearerErrorKind, ClientCredentials};
use regrant::{Access, BearerError, Client, EngineBuilder, Request, Resource, Scope, StaticClients, Timestamp};

use crate::kit::bank::{CHALLENGE, ISSUER, Query, VERIFIER};
use crate::kit::{Password, Reply, SECRET, Shelf, World, basic, form, scope, secret};

pub(crate) const MCP: &str = "https://mcp.example/mcp";
pub(crate) const FILES: &str = "https://mcp.example/files";
/// Registered by nobody.
pub(crate) const OTHER: &str = "https://other.example/";

const AGENT_URI: &str = "http://127.0.0.1/cb";
const WHOLE: &str = "openid mcp:read mcp:write mcp:admin files:read files:write";

pub(crate) type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

pub(crate) fn mcp() -> Resource {
    Resource::new(MCP).with_scopes(scope("mcp:read mcp:write mcp:admin"))
}

pub(crate) fn files() -> Resource {
    Resource::new(FILES).with_scopes(scope("files:read files:write"))
}

/// Public, with codes.
fn agent() -> ClientBuilder {
    Client::public("agent")
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(AGENT_URI)
        .scope(scope(WHOLE))
        .default_scope(scope("mcp:read mcp:write files:read"))
}

/// Confidential, for itself and by password.
fn machine() -> ClientBuilder {
    Client::confidential("machine")
        .secret(secret(SECRET))
        .grant_type("client_credentials")
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(scope(WHOLE))
        .default_scope(scope("mcp:read files:read"))
}

fn server(id: &str) -> ClientBuilder {
    Client::confidential(id).secret(secret(SECRET)).resource_server(true)
}

/// What an engine has before it knows of resources.
pub(crate) fn plain(builder: Builder) -> Builder {
    builder
        .key(regrant::Key::from_bytes(1, &[1; 32]))
        .issuer(ISSUER)
        .authorization_code()
        .grant_handler(Password)
        .grant_handler(ClientCredentials)
}

/// With both; `/mcp` is the default one.
pub(crate) fn both(builder: Builder) -> Builder {
    plain(builder).resource(mcp()).resource(files()).default_resource(MCP)
}

pub(crate) fn world(change: impl FnOnce(Builder) -> Builder) -> World {
    let guards = |id: &str, resource: &str| server(id).guards(resource);
    World::new([agent(), machine(), server("api"), guards("mcp-server", MCP), guards("files-server", FILES)], change)
}

pub(crate) fn town() -> World {
    world(both)
}

/// The same clients on the same store, with another engine.
pub(crate) fn rebuilt(world: &World, change: impl FnOnce(Builder) -> Builder) -> World {
    let clients = [agent(), machine(), server("api")]
        .into_iter()
        .fold(StaticClients::new(), |all, client| all.with(client.build().unwrap()).unwrap());
    let builder = regrant::Engine::builder(Arc::clone(&world.store), clients).events(world.events.clone());
    World {
        engine: Arc::new(change(builder).build().unwrap()),
        store: Arc::clone(&world.store),
        events: world.events.clone(),
    }
}

/// The agent's authorization request.
pub(crate) fn query(asked: Option<&str>, resources: &[&str]) -> Query {
    let query = Query::of(&[
        ("response_type", "code"),
        ("client_id", "agent"),
        ("redirect_uri", AGENT_URI),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let query = asked.into_iter().fold(query, |query, scope| query.and("scope", scope));
    resources.iter().fold(query, |query, resource| query.and("resource", resource))
}

/// `&resource=…` for each.
pub(crate) fn named(resources: &[&str]) -> String {
    let pair = |resource: &&str| {
        format!("&{}", form_urlencoded::Serializer::new(String::new()).append_pair("resource", resource).finish())
    };
    resources.iter().map(pair).collect()
}

impl World {
    /// A code for these resources.
    #[track_caller]
    pub(crate) fn agent_code(&self, asked: Option<&str>, resources: &[&str], now: Timestamp) -> String {
        self.authorize(&query(asked, resources), now).code()
    }

    #[track_caller]
    pub(crate) fn agent_redeem(&self, code: &str, resources: &[&str], now: Timestamp) -> Reply {
        let body = format!(
            "grant_type=authorization_code&client_id=agent&code={code}&code_verifier={VERIFIER}&redirect_uri={AGENT_URI}{}",
            named(resources)
        );
        self.send(&form(body), now)
    }

    /// A refresh by the agent; `more` stands behind.
    #[track_caller]
    pub(crate) fn agent_refresh(&self, token: &str, resources: &[&str], more: &str, now: Timestamp) -> Reply {
        let body = format!("grant_type=refresh_token&client_id=agent&refresh_token={token}{}{more}", named(resources));
        self.send(&form(body), now)
    }

    /// A request of the machine.
    #[track_caller]
    pub(crate) fn machine(&self, body: &str, resources: &[&str], now: Timestamp) -> Reply {
        self.send(&form(format!("{body}{}", named(resources))).authorization(basic("machine", SECRET)), now)
    }

    /// At a resource that wants nothing of the scope.
    pub(crate) fn at(&self, resource: &str, token: &str, now: Timestamp) -> Result<Access, BearerError> {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        poll(self.engine.bearer_for(resource).check(&request, now))
    }

    /// At the default one.
    pub(crate) fn at_default(&self, token: &str, now: Timestamp) -> Result<Access, BearerError> {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        poll(self.engine.bearer(&request, &Scope::empty(), now))
    }

    /// The scope that a token has at `/mcp` and at `/files`; `None` where it is not let in.
    #[track_caller]
    pub(crate) fn lets_into(&self, token: &str, now: Timestamp) -> [Option<String>; 2] {
        [MCP, FILES].map(|resource| match self.at(resource, token, now) {
            Ok(access) => {
                assert!(access.resources().any(|own| own == resource));
                Some(access.scope().to_string())
            }
            Err(refused) => {
                assert_eq!(refused.kind(), BearerErrorKind::InvalidToken);
                None
            }
        })
    }
}

pub(crate) fn only_mcp(scope: &str) -> [Option<String>; 2] {
    [Some(scope.to_owned()), None]
}

pub(crate) fn only_files(scope: &str) -> [Option<String>; 2] {
    [None, Some(scope.to_owned())]
}

/// What is ready at once.
pub(crate) fn poll<F: Future>(future: F) -> F::Output {
    crate::kit::schedule::run(future)
}
