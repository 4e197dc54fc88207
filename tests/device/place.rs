//! An engine that logs devices in, and its clock.

use std::cell::Cell;
use std::time::Duration;

use regrant::engine::{DeviceAuthorization, DeviceError, DeviceLogin};
use regrant::{
    Authorization, Client, ClientSecret, Endpoints, Engine, EngineBuilder, GrantId, Key, MemoryStore, Request,
    Response, RootSecret, Scope, StaticClients, Timestamp, TokenStore,
};
use serde_json::{Value, json};

use crate::kit::events::Events;
use crate::kit::schedule::run;
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::wire::{Answer, secret};

pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const TV: &str = "client_id=public-tv";
pub(crate) const BOX: &str = "client_id=box&client_secret=box-secret-0123456789-0123456789-0123456789";

/// Nobody made it by hand.
pub(crate) const ANYBODY: &str = "client_id=public-anybody";

/// It is not registered for refresh tokens.
pub(crate) const LAMP: &str = "client_id=public-lamp";

/// Its refresh tokens do not rotate.
pub(crate) const KIOSK: &str = "client_id=kiosk&client_secret=kiosk-secret-0123456789-0123456789-0123456789";

pub(crate) type Tv<S = MemoryStore> = Engine<S, StaticClients>;

pub(crate) struct Place<S = MemoryStore> {
    pub(crate) engine: Tv<S>,
    pub(crate) events: Events,
    now: Cell<Timestamp>,
}

/// What a device got, and shows.
pub(crate) struct Begun {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
}

impl Begun {
    pub(crate) fn of(response: &Response) -> Self {
        assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
        let json: Value = serde_json::from_slice(response.body()).unwrap();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        Self { device_code: text("device_code"), user_code: text("user_code") }
    }
}

pub(crate) fn settings() -> DeviceAuthorization {
    DeviceAuthorization::new("/device").with_public_clients(true)
}

pub(crate) fn clients() -> StaticClients {
    let finish = |client: regrant::client::ClientBuilder| {
        let scope = Scope::parse("read write").unwrap();
        client.grant_type(DEVICE_CODE).grant_type("refresh_token").scope(scope).build().unwrap()
    };
    let other = Client::public("public-other").scope(Scope::parse("read write").unwrap()).build().unwrap();
    StaticClients::new()
        .with(finish(Client::public("public-tv").name("Living room TV")))
        .unwrap()
        .with(finish(Client::public("public-anybody").stranger(true).danger_grant_type_of_stranger(DEVICE_CODE)))
        .unwrap()
        .with(finish(Client::confidential("box").secret(ClientSecret::new(&secret("box")).unwrap())))
        .unwrap()
        .with(finish(
            Client::confidential("kiosk")
                .secret(ClientSecret::new(&secret("kiosk")).unwrap())
                .rotation(regrant::grant::Rotation::Never),
        ))
        .unwrap()
        .with(finish(
            Client::confidential("robot")
                .keys(Signer::new("one").keys())
                .private_key_jwt(true)
                .rotation(regrant::grant::Rotation::Never),
        ))
        .unwrap()
        .with(other)
        .unwrap()
        .with(Client::public("public-lamp").grant_type(DEVICE_CODE).build().unwrap())
        .unwrap()
}

/// What the robot sends: it has a key, and its assertions are good for an hour.
pub(crate) fn of_robot(body: &str, jti: &str) -> String {
    let exp = 1_700_003_000_u64;
    let claims = json!({"iss": "robot", "sub": "robot", "aud": "https://id.example", "jti": jti, "exp": exp});
    with_assertion(body, &Signer::new("one").jwt(&Signer::new("one").header("EdDSA"), &claims))
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::of(settings(), |builder| builder)
    }

    pub(crate) fn of(
        settings: DeviceAuthorization,
        more: impl FnOnce(EngineBuilder<MemoryStore, StaticClients>) -> EngineBuilder<MemoryStore, StaticClients>,
    ) -> Self {
        Self::on(MemoryStore::new(), settings, more)
    }
}

impl<S: TokenStore> Place<S> {
    pub(crate) fn on(
        store: S,
        settings: DeviceAuthorization,
        more: impl FnOnce(EngineBuilder<S, StaticClients>) -> EngineBuilder<S, StaticClients>,
    ) -> Self {
        Self::with_clients(store, clients(), settings, more)
    }

    pub(crate) fn with_clients(
        store: S,
        clients: StaticClients,
        settings: DeviceAuthorization,
        more: impl FnOnce(EngineBuilder<S, StaticClients>) -> EngineBuilder<S, StaticClients>,
    ) -> Self {
        let events = Events::default();
        let builder = Engine::builder(store, clients)
            .key(Key::from_bytes(1, &[0x11; 32]))
            .root_secret(RootSecret::from_bytes(1, &[0x77; 32]))
            .issuer("https://id.example")
            .endpoints(Endpoints::new().with_token("/token").with_device_authorization("/device_authorization"))
            .device_authorization(settings)
            .events(events.clone());
        let engine = more(builder).build().unwrap();
        Self { engine, events, now: Cell::new(Timestamp::from_millis(1_700_000_000_321)) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now.get()
    }

    pub(crate) fn advance(&self, secs: u64) {
        self.now.set(self.now() + Duration::from_secs(secs));
    }

    pub(crate) fn post(&self, body: &str, peer: Option<&str>) -> Response {
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        let request = match peer {
            Some(peer) => request.with_peer(peer.parse().unwrap()),
            None => request,
        };
        run(self.engine.begin_device(&request, self.now()))
    }

    pub(crate) fn begin(&self, body: &str) -> Begun {
        Begun::of(&self.post(body, None))
    }

    pub(crate) fn token(&self, body: &str) -> Answer {
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        Answer::of(&run(self.engine.token(&request, self.now())))
    }

    pub(crate) fn poll(&self, client: &str, device_code: &str) -> Answer {
        self.token(&format!("grant_type={DEVICE_CODE}&device_code={device_code}&{client}"))
    }

    pub(crate) fn refresh(&self, client: &str, token: &str) -> Answer {
        self.token(&format!("grant_type=refresh_token&refresh_token={token}&{client}"))
    }

    pub(crate) fn find(&self, user_code: &str, subject: &str) -> Result<DeviceLogin<'_>, DeviceError> {
        run(self.engine.device_login(user_code, subject, None, self.now()))
    }

    pub(crate) fn approve(&self, login: &DeviceLogin<'_>) -> Result<GrantId, DeviceError> {
        run(self.engine.approve_device(login, Authorization::of(login.subject()), self.now()))
    }

    pub(crate) fn deny(&self, login: &DeviceLogin<'_>) -> Result<(), DeviceError> {
        run(self.engine.deny_device(login, self.now()))
    }

    /// Begins, and lets it in at once.
    pub(crate) fn let_in(&self, client: &str, subject: &str) -> Begun {
        let begun = self.begin(client);
        self.approve(&self.find(&begun.user_code, subject).unwrap()).unwrap();
        begun
    }
}
