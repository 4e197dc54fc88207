//! An engine on a faulty store, its clients, its one handler and its clock.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use regrant::engine::{GrantChanges, HookError, IssueDecision, IssueHook, IssueKind, IssueRequest, RenewalPolicy};
use regrant::grant::Rotation;
use regrant::{
    Access, Authorization, BearerError, Client, ClientSecret, Engine, EngineBuilder, GrantError, GrantHandler, GrantId,
    GrantRequest, Key, Lifetimes, Request, Resource, ResponseFields, RootSecret, Scope, StaticClients, Timestamp,
    TokenStore,
};

use super::codes::REDIRECT_URI;
use crate::kit::events::Recorder;
use crate::kit::foreign::OldServer;
use crate::kit::schedule::{pause, run};
use crate::kit::store::faulty::{Faulty, Shelf};
use crate::kit::wire::{Answer, Call, secret};

/// A confidential client.
pub(crate) const APP: &str = "app";
/// Another one, with the same rights.
pub(crate) const OTHER: &str = "other";
/// A public client.
pub(crate) const PUBLIC: &str = "public-app";
/// A confidential client that does not rotate.
pub(crate) const KEEPER: &str = "keeper";
/// What each client may have.
pub(crate) const SCOPE: &str = "read write admin";
/// What a login asks for, unless a test says otherwise: less than the client may have.
pub(crate) const GRANTED: &str = "read write";

/// How an engine is to be.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) window: Duration,
    pub(crate) skew: Duration,
    pub(crate) access_token: Duration,
    pub(crate) idle: Duration,
    pub(crate) absolute: Option<Duration>,
    /// How many logins somebody may have at a client.
    pub(crate) most: Option<u32>,
    pub(crate) renewal: RenewalPolicy,
    pub(crate) sign: Key,
    pub(crate) accept: Vec<Key>,
    pub(crate) hook: Option<Hook>,
    pub(crate) realm: Option<&'static str>,
    pub(crate) resources: Option<SomeResources>,
    pub(crate) foreign: Option<OldServer>,
}

/// What tokens can be for.
#[derive(Clone, Copy)]
pub(crate) struct SomeResources {
    pub(crate) all: &'static [&'static str],
    pub(crate) default: &'static str,
    /// What the default was until then, in seconds.
    pub(crate) earlier: Option<(&'static str, u64)>,
    /// Which of them each login and each code is for, and its access tokens. None: what the request of a test names.
    pub(crate) named: &'static [&'static str],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            skew: Duration::from_secs(5),
            access_token: Duration::from_secs(300),
            idle: Duration::from_secs(3_600),
            absolute: Some(Duration::from_secs(20_000)),
            most: None,
            renewal: RenewalPolicy::Always,
            sign: Key::from_bytes(1, &[0x11; 32]),
            accept: Vec::new(),
            hook: None,
            realm: None,
            resources: None,
            foreign: None,
        }
    }
}

impl Setup {
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default()
            .with_access_token(self.access_token)
            .with_idle(self.idle)
            .with_absolute(self.absolute)
            .with_most_per_owner(self.most)
    }

    fn client(&self, id: &str) -> Client {
        let client = match id {
            PUBLIC => Client::public(id),
            KEEPER => Client::confidential(id).rotation(Rotation::Never),
            _ => Client::confidential(id),
        };
        let client =
            if id == PUBLIC { client } else { client.secret(ClientSecret::new(&secret(id)).expect("a secret")) };
        client
            .grant_type("password")
            .grant_type("refresh_token")
            .grant_type("authorization_code")
            .redirect_uri(REDIRECT_URI)
            .scope(Scope::parse(SCOPE).expect("a scope"))
            .default_scope(Scope::parse(GRANTED).expect("a scope"))
            .retry_window(self.window)
            .build()
            .expect("a client")
    }
}

/// Everyone has the right password. `host_says=no` makes a grant that is not renewable.
pub(crate) struct Anyone;

impl GrantHandler for Anyone {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        pause().await;
        let username = request.required("username")?;
        let renewable = request.parameter("host_says")? != Some("no");
        let fields = ResponseFields::new().with("name", username).map_err(GrantError::failed)?;
        Ok(Authorization::of(username).with_fields(fields).with_renewable(renewable))
    }
}

/// A hook that a test can turn, and that counts.
#[derive(Clone, Default)]
pub(crate) struct Hook {
    calls: Arc<AtomicUsize>,
    says: Arc<Mutex<Says>>,
}

/// What a [`Hook`] says.
#[derive(Clone, Default, Debug)]
pub(crate) enum Says {
    #[default]
    Allow,
    /// Gives this as the field `name`.
    Rename(String),
    Refuse,
    Fail,
}

impl Hook {
    pub(crate) fn say(&self, says: Says) {
        *self.says.lock() = says;
    }

    /// How often it was asked since the last call.
    pub(crate) fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }
}

impl IssueHook for Hook {
    /// Has its say in refreshes; logins are what the histories begin with.
    async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        if matches!(request.kind(), IssueKind::Code | IssueKind::Handler) {
            return Ok(IssueDecision::Allow);
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        pause().await;
        let says = self.says.lock().clone();
        match says {
            Says::Allow => Ok(IssueDecision::Allow),
            Says::Rename(name) => ResponseFields::new()
                .with("name", &name)
                .map(|fields| IssueDecision::AllowWith(GrantChanges::new().with_fields(fields)))
                .map_err(HookError::new),
            Says::Refuse => Ok(IssueDecision::Refuse),
            Says::Fail => Err(HookError::new("the account service is down")),
        }
    }
}

/// The engine and all around it.
pub(crate) struct World<S: TokenStore> {
    pub(crate) engine: Engine<Arc<Faulty<S>>, StaticClients>,
    pub(crate) store: Shelf<S>,
    pub(crate) events: Recorder,
    pub(crate) setup: Setup,
    now: Cell<Timestamp>,
    /// For what is done in one way and in another, by turns.
    turn: Cell<usize>,
}

impl<S: TokenStore> World<S> {
    pub(crate) fn new(store: Shelf<S>, setup: Setup) -> Self {
        let clients = [APP, OTHER, PUBLIC, KEEPER]
            .into_iter()
            .fold(StaticClients::new(), |clients, id| clients.with(setup.client(id)).expect("ids that differ"));
        let events = Recorder::default();
        let builder = Engine::builder(Arc::clone(&store), clients)
            .key(setup.sign.clone())
            .lifetimes(setup.lifetimes())
            .renewal(setup.renewal.clone())
            .clock_skew(setup.skew)
            .grant_handler(Anyone)
            .issuer("https://id.example")
            .root_secret(RootSecret::from_bytes(1, &[0x77; 32]))
            .authorization_code()
            .events(events.clone());
        let builder = setup.accept.iter().cloned().fold(builder, EngineBuilder::accept_key);
        let builder = match setup.realm {
            Some(realm) => builder.realm(realm),
            None => builder,
        };
        let builder = match &setup.hook {
            Some(hook) => builder.on_issue(hook.clone()),
            None => builder,
        };
        let builder = match &setup.foreign {
            Some(foreign) => builder.foreign_tokens(foreign.clone()),
            None => builder,
        };
        let builder = match setup.resources {
            Some(some) => {
                let all = some.all.iter().map(|uri| Resource::new(uri));
                let builder = all.fold(builder, EngineBuilder::resource).default_resource(some.default);
                let moved = |builder: EngineBuilder<_, _>, (uri, until)| {
                    builder.earlier_default_resource(uri, Timestamp::from_secs(until))
                };
                some.earlier.into_iter().fold(builder, moved)
            }
            None => builder,
        };
        let engine = builder.build().expect("an engine");
        Self {
            engine,
            store,
            events,
            setup,
            now: Cell::new(Timestamp::from_millis(1_700_000_000_321)),
            turn: Cell::new(0),
        }
    }

    fn turn(&self) -> usize {
        self.turn.replace(self.turn.get() + 1)
    }

    /// What each login, each code and each access token is for.
    pub(super) fn named(&self) -> &'static [&'static str] {
        self.setup.resources.map_or(&[], |some| some.named)
    }

    /// Logins and redemptions name it all, refreshes by turns.
    fn naming(&self, call: Call) -> Call {
        let resources = match call.grant_type().as_deref() {
            Some("password" | "authorization_code") => self.named(),
            Some("refresh_token") if self.turn() % 2 == 1 => self.named(),
            _ => &[],
        };
        resources.iter().fold(call, |call, resource| call.with("resource", resource))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now.get()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now.set(self.now() + by);
    }

    pub(crate) fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    /// A request, made now and answered when it is polled.
    pub(crate) fn call(&self, call: Call) -> impl Future<Output = Answer> + '_ {
        let (now, call) = (self.now(), self.naming(call));
        async move { Answer::of(&self.engine.token(&call.request(), now).await) }
    }

    /// A request to a resource, made now; by turns to each that the token is for.
    pub(crate) fn check<'a>(&'a self, token: &str) -> impl Future<Output = Result<Access, BearerError>> + use<'a, S> {
        let now = self.now();
        let header = format!("Bearer {token}");
        let resource = self.named().get(self.turn() % self.named().len().max(1));
        async move {
            let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
            match resource {
                Some(resource) => self.engine.bearer_for(resource).check(&request, now).await,
                None => self.engine.bearer(&request, &Scope::empty(), now).await,
            }
        }
    }

    /// A request alone.
    pub(crate) fn send(&self, call: Call) -> Answer {
        run(self.call(call))
    }

    /// A login that goes well.
    pub(crate) fn login(&self, client_id: &str) -> Answer {
        let answer = self.send(Call::login(client_id, "alice"));
        assert!(answer.is_ok(), "{answer:?}");
        answer
    }

    pub(crate) fn refresh(&self, client_id: &str, token: &str) -> Answer {
        self.send(Call::refresh(client_id, token))
    }

    /// Whether an access token lets anyone into this resource.
    pub(crate) fn lets_into(&self, resource: &str, access_token: &str) -> bool {
        let header = format!("Bearer {access_token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        run(self.engine.bearer_for(resource).check(&request, self.now())).is_ok()
    }

    /// Whether an access token lets anyone in.
    pub(crate) fn lets_in(&self, access_token: &str) -> bool {
        run(self.check(access_token)).is_ok()
    }
}

/// The grant that a token of either kind is of: what is written at its beginning.
pub(crate) fn grant_of(token: &str) -> GrantId {
    let bytes = decode(token);
    GrantId::from_u64(u64::from_be_bytes(bytes[1..9].try_into().expect("eight bytes")))
}

/// A token as bytes.
pub(crate) fn decode(token: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).expect("base64url")
}

/// Bytes as a token.
pub(crate) fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
