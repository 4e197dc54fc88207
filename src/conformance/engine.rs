//! A whole engine on the store, and its clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::finding::{Finding, failed};
use super::stage::{Stage, ensure};
use crate::client::{Client, ClientSecret, StaticClients};
use crate::engine::{Authorization, Engine, GrantError, GrantHandler, GrantRequest};
use crate::event::{Event, EventSink};
use crate::grant::{Grant, GrantId, Scope, Timestamp};
use crate::store::{DynTokenStore, StoreError};
use crate::token::Key;
use crate::wire::Request;

const APP: &str = "app";
const SECRET: &str = "a-secret-for-checks-of-32-characters";
const REDIRECT_URI: &str = "https://app.example/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Everyone has the right password.
struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let renewable = request.parameter("renewable")? != Some("no");
        Ok(Authorization::of(request.required("username")?).with_renewable(renewable))
    }
}

/// Counts the steps that were taken, of which a retry is none, and keeps the last error of the store.
#[derive(Clone, Default)]
struct Steps(Arc<AtomicUsize>, Arc<Mutex<Option<Finding>>>);

impl EventSink for Steps {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Refreshed { .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        let Event::Failed { cause: Some(cause), .. } = event else { return };
        if let Some(error) = cause.error().downcast_ref::<StoreError>() {
            *self.1.lock() = Some(failed("in the engine, a call of the store", error));
        }
    }
}

/// The engine.
pub(super) struct World {
    steps: Steps,
    pub(super) stage: Stage,
    pub(super) engine: Engine<Arc<dyn DynTokenStore>, StaticClients>,
}

/// What a token request was answered.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    json: Value,
}

impl Answer {
    pub(super) fn is_invalid_grant(&self) -> bool {
        self.status == 400 && self.text("error") == "invalid_grant"
    }

    pub(super) const fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// The tokens of an answer that should have some.
    pub(super) fn tokens(&self, what: &str) -> Result<Tokens, Finding> {
        ensure!(self.is_ok(), "{what} was answered {} {}", self.status, self.text("error"));
        Ok(Tokens { refresh: self.text("refresh_token").to_owned(), access: self.text("access_token").to_owned() })
    }

    fn text(&self, member: &str) -> &str {
        self.json.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What a client holds.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) refresh: String,
    pub(super) access: String,
}

impl Tokens {
    /// The grant, whose id is written at the beginning of every token.
    pub(super) fn grant(&self) -> Result<GrantId, Finding> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.refresh).map_err(|_| "a refresh token is not base64url")?;
        let id = bytes.get(1..9).and_then(|id| id.try_into().ok()).ok_or("a refresh token is too short")?;
        Ok(GrantId::from_u64(u64::from_be_bytes(id)))
    }
}

impl World {
    pub(super) fn new(stage: &Stage) -> Result<Arc<Self>, Finding> {
        Self::with_key(stage, Key::generate(1))
    }

    pub(super) fn with_key(stage: &Stage, key: Key) -> Result<Arc<Self>, Finding> {
        let app = Client::confidential(APP)
            .secret(ClientSecret::new(SECRET).map_err(|error| error.to_string())?)
            .grant_type("password")
            .grant_type("refresh_token")
            .grant_type("authorization_code")
            .redirect_uri(REDIRECT_URI)
            .scope(Scope::parse("read write").map_err(|error| error.to_string())?)
            .build()
            .map_err(|error| error.to_string())?;
        let clients = StaticClients::new().with(app).map_err(|error| error.to_string())?;
        let steps = Steps::default();
        let engine = Engine::builder(Arc::clone(&stage.store), clients)
            .key(key)
            .issuer("https://id.example")
            .authorization_code()
            .grant_handler(Password)
            .events(steps.clone())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Arc::new(Self { steps, stage: stage.clone(), engine }))
    }

    /// How many refreshes took a step since this was asked.
    pub(super) fn steps(&self) -> usize {
        self.steps.0.swap(0, Ordering::SeqCst)
    }

    /// The store's last error, where it had one; otherwise what was seen.
    fn trouble(&self, seen: &str) -> Finding {
        self.steps.1.lock().take().unwrap_or_else(|| seen.into())
    }

    async fn call(&self, form: &[(&str, &str)], now: Timestamp) -> Result<Answer, Finding> {
        let credentials = [("client_id", APP), ("client_secret", SECRET)];
        let body =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(credentials).extend_pairs(form).finish();
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        let response = self.engine.token(&request, now).await;
        let json = serde_json::from_slice(response.body()).map_err(|_| "an answer was no JSON")?;
        let answer = Answer { status: response.status(), json };
        // A refusal or tokens. Whatever else there is means that the store failed, or that it makes no sense.
        if !answer.is_ok() && !answer.is_invalid_grant() {
            let seen = format!("a token request was answered {} {}", answer.status, answer.text("error"));
            return Err(self.trouble(&seen));
        }
        Ok(answer)
    }

    pub(super) async fn login(&self, subject: &str) -> Result<Tokens, Finding> {
        let form = [("grant_type", "password"), ("username", subject)];
        self.call(&form, self.stage.now).await?.tokens("a login")
    }

    pub(super) async fn login_for_once(&self, subject: &str) -> Result<Tokens, Finding> {
        let form = [("grant_type", "password"), ("username", subject), ("renewable", "no")];
        self.call(&form, self.stage.now).await?.tokens("a login")
    }

    pub(super) async fn refresh(&self, token: &str, now: Timestamp) -> Result<Answer, Finding> {
        self.call(&[("grant_type", "refresh_token"), ("refresh_token", token)], now).await
    }

    /// An authorization code for `subject`, who is logged in and says yes.
    pub(super) async fn code(&self, subject: &str) -> Result<String, Finding> {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("response_type", "code"), ("client_id", APP), ("redirect_uri", REDIRECT_URI)])
            .extend_pairs([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")])
            .finish();
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = self.engine.authorize(&request, self.stage.now).await;
        let asked = asked.map_err(|_| "an authorization request was refused")?;
        let approval = self.engine.approve(&asked, Authorization::of(subject), self.stage.now).await;
        let response = approval.map_err(|_| "an approval was refused")?.response;
        let location = response.headers().find(|(name, _)| *name == "location").map(|(_, value)| value);
        let (_, query) = location.and_then(|location| location.split_once('?')).ok_or("a redirect without a query")?;
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        let code = parameters.find(|(name, _)| name == "code");
        let code = code.ok_or_else(|| self.trouble("an approved request gave no code"))?;
        Ok(code.1.into_owned())
    }

    pub(super) async fn redeem(&self, code: &str) -> Result<Answer, Finding> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.call(&form, self.stage.now).await
    }

    /// Whether an access token lets anyone in.
    async fn lets_in(&self, access_token: &str) -> bool {
        let header = format!("Bearer {access_token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        self.engine.bearer(&request, &Scope::empty(), self.stage.now).await.is_ok()
    }

    /// These tokens are good for nothing any more.
    pub(super) async fn are_dead<'a>(
        &self,
        tokens: impl Iterator<Item = &'a Tokens>,
        when: &str,
    ) -> Result<(), Finding> {
        for tokens in tokens {
            let answer = self.refresh(&tokens.refresh, self.stage.now).await?;
            ensure!(answer.is_invalid_grant(), "a refresh token still worked {when}");
            ensure!(!self.lets_in(&tokens.access).await, "an access token still let in {when}");
        }
        Ok(())
    }

    /// The record of these tokens.
    pub(super) async fn stored(&self, tokens: &Tokens) -> Result<Grant, Finding> {
        self.stage.load(tokens.grant()?).await?.ok_or_else(|| "load found no grant of a login".into())
    }
}
