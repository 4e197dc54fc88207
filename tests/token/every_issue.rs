//! The host's hook, over every way in which tokens are issued: asked once, told whom the token is for, and before anything is written or
//! used up.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use regrant::client::ClientBuilder;
use regrant::engine::{
    AssertionPolicy, AssertionRequest, ClientCredentials, DeviceAuthorization, Dpop, ExchangeDecision, ExchangePolicy,
    ExchangeRequest, ExchangeTerms, HookError, IssueDecision, IssueHook, IssueKind, IssueRequest, JwtBearer,
    TrustedIssuer,
};
use regrant::jwt::JwsAlgorithm;
use regrant::{
    Authorization, Client, Endpoints, Engine, GrantError, GrantHandler, GrantId, GrantRequest, Key, Request, Resource,
    RootSecret, StaticClients, Timestamp,
};
use serde_json::{Value, json};

use crate::kit::anyone::Anyone;
use crate::kit::bank::KEY;
use crate::kit::foreign::{OldServer, UUID};
use crate::kit::portal::{CALLBACK, ISSUER, Landing, PKCE, ScopeAsClaim, redemption};
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::{Events, Reply, Shelf, at, check, form, renewal, scope};

const MCP: &str = "https://mcp.example/mcp";
const FILES: &str = "https://files.example/";
/// Whom the engine knows nothing of.
const VAULT: &str = "urn:example:vault";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const VOUCHER: &str = "urn:example:voucher";
const CLUSTER: &str = "https://cluster.example";

/// What one question was.
#[derive(PartialEq, Debug)]
struct Question {
    kind: IssueKind,
    client: String,
    subject: Option<String>,
    scope: String,
    parameters: [Option<String>; 2],
    audience: Vec<String>,
    /// What was stored then.
    stored: BTreeMap<GrantId, Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Says {
    Allow,
    Refuse,
    Fail,
}

/// Answers as it is told, and notes each question.
#[derive(Clone)]
struct Hook {
    store: Arc<Shelf>,
    told: Arc<Mutex<(Says, Vec<Question>)>>,
}

impl IssueHook for Hook {
    async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        let owned = |text: &str| text.to_owned();
        let mut told = self.told.lock();
        told.1.push(Question {
            kind: request.kind(),
            client: request.client().id().into(),
            subject: request.grant().subject().map(owned),
            scope: request.scope().as_str().into(),
            parameters: ["grant_type", "note"].map(|name| request.parameter(name).map(owned)),
            audience: request.audience().iter().map(owned).collect(),
            stored: self.store.bytes(),
        });
        match told.0 {
            Says::Allow => Ok(IssueDecision::Allow),
            Says::Refuse => Ok(IssueDecision::Refuse),
            Says::Fail => Err(HookError::new("the account service is down")),
        }
    }
}

/// A grant type of the host's own.
struct Voucher;

impl GrantHandler for Voucher {
    fn grant_type(&self) -> &'static str {
        VOUCHER
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of("alice"))
    }
}

/// Whoever is vouched for is alice, and every token may be exchanged for one for everybody.
struct Yes;

impl AssertionPolicy for Yes {
    async fn authorize(&self, _: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of("alice"))
    }
}

impl ExchangePolicy for Yes {
    async fn decide(&self, _: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
        let terms = [MCP, FILES, VAULT].iter().fold(ExchangeTerms::new(), |terms, name| terms.with_audience(name));
        Ok(ExchangeDecision::Allow(terms))
    }
}

/// An engine with all that hands out tokens, and one client that may use it all, which has a key and signs what it says.
struct Place {
    engine: Engine<Arc<Shelf>, StaticClients>,
    store: Arc<Shelf>,
    events: Events,
    hook: Hook,
}

fn may(client: ClientBuilder) -> ClientBuilder {
    let types = ["password", "refresh_token", "authorization_code", "client_credentials"];
    let types = types.into_iter().chain([VOUCHER, DEVICE_CODE, JWT_BEARER, EXCHANGE]);
    types.fold(client, ClientBuilder::grant_type).redirect_uri(CALLBACK).scope(scope("openid read files:read"))
}

impl Place {
    fn new() -> Self {
        let keyed = may(Client::confidential("keyed")).keys(Signer::new("keyed").keys()).private_key_jwt(true);
        let phone = Client::public("phone").grant_type("password").scope(scope("openid read files:read"));
        let clients = [keyed, phone].into_iter().map(|client| client.build().unwrap());
        let clients = clients.fold(StaticClients::new(), |all, client| all.with(client).unwrap());
        let (store, events) = (Arc::new(Shelf::default()), Events::default());
        let told = Arc::new(Mutex::new((Says::Allow, Vec::new())));
        let hook = Hook { store: Arc::clone(&store), told };
        let issuer = TrustedIssuer::by_keys(CLUSTER, [JwsAlgorithm::EdDsa], Signer::new("cluster").keys());
        let engine = Engine::builder(Arc::clone(&store), clients)
            .key(Key::from_bytes(1, &[1; 32]))
            .root_secret(RootSecret::from_bytes(1, &[5; 32]))
            .issuer(ISSUER)
            .endpoints(Endpoints::new().with_token("/token").with_device_authorization("/device").with_jwks("/jwks"))
            .signing_key(KEY.clone())
            .id_tokens(ScopeAsClaim)
            .dpop(Dpop::new().with_markers(true))
            .authorization_code()
            .device_authorization(DeviceAuthorization::new("/tv"))
            .grant_handler(Anyone)
            .grant_handler(Voucher)
            .grant_handler(ClientCredentials)
            .jwt_bearer(JwtBearer::new(Yes).with_issuer(issuer))
            .token_exchange(Yes)
            .foreign_tokens(OldServer::default().ready().with(UUID, "keyed", "alice", at(0)))
            .resource(Resource::new(MCP).with_scopes(scope("read")))
            .resource(Resource::new(FILES).with_scopes(scope("files:read")))
            .default_resource(MCP)
            .on_issue(hook.clone())
            .events(events.clone())
            .build()
            .unwrap();
        Self { engine, store, events, hook }
    }

    fn say(&self, says: Says) {
        self.hook.told.lock().0 = says;
    }

    fn questions(&self) -> Vec<Question> {
        std::mem::take(&mut self.hook.told.lock().1)
    }

    /// What `keyed` proves one request with: an assertion, and a proof of possession.
    fn means(&self, now: Timestamp) -> Means {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let jti = format!("a-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let assertion = Signer::new("keyed").assertion("keyed", &jti, now.since(at(0)).as_secs());
        let proof = || ProofKey::of(3).proof("POST", &format!("{ISSUER}/token")).with("iat", now.as_secs());
        let asked = form("grant_type=none").header("dpop", proof().sign());
        let asked = Reply::of(&run(self.engine.token(&asked.request(), now)));
        let proof = proof().nonce(asked.header("dpop-nonce")[0]).sign();
        self.events.take();
        Means { assertion, proof }
    }

    #[track_caller]
    fn send(&self, body: &str, means: &Means, now: Timestamp) -> Reply {
        let ask = form(with_assertion(body, &means.assertion)).header("dpop", &means.proof);
        let reply = Reply::of(&run(self.engine.token(&ask.request(), now)));
        check(&reply);
        reply
    }

    /// A request that goes well, by means of its own.
    #[track_caller]
    fn sent(&self, body: &str, now: Timestamp) -> Reply {
        let reply = self.send(body, &self.means(now), now);
        reply.assert_ok();
        reply
    }

    fn code(&self) -> String {
        let query = format!(
            "response_type=code&client_id=keyed&redirect_uri={CALLBACK}&scope=openid+files:read&state=s{PKCE}\
             &resource={FILES}"
        );
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = run(self.engine.authorize(&request, at(1))).unwrap();
        let approval = run(self.engine.approve(&asked, Authorization::of("alice").with_page_shown(), at(1))).unwrap();
        Landing::of(&approval.response).get("code").unwrap().to_owned()
    }

    /// A device that somebody has let in.
    fn device_code(&self) -> String {
        let Means { assertion, .. } = self.means(at(1));
        let ask = form(with_assertion(&format!("scope=openid+files:read&resource={FILES}"), &assertion));
        let begun = Reply::of(&run(self.engine.begin_device(&ask.request(), at(1))));
        let login = run(self.engine.device_login(&begun.text("user_code"), "alice", None, at(1))).unwrap();
        run(self.engine.approve_device(&login, Authorization::of("alice"), at(1))).unwrap();
        begun.text("device_code")
    }

    /// The refresh token of a login at both resources.
    fn refresh_token(&self) -> String {
        let body = format!("grant_type=password&username=alice&resource={MCP}&resource={FILES}");
        self.sent(&body, at(1)).refresh_token()
    }

    /// What `phone` has, and sends to `keyed`.
    fn token_of_phone(&self) -> String {
        let body = format!("grant_type=password&username=alice&resource={MCP}&resource={FILES}&client_id=phone");
        Reply::of(&run(self.engine.token(&form(body).request(), at(1)))).access_token()
    }
}

struct Means {
    assertion: String,
    proof: String,
}

struct Row {
    what: &'static str,
    kind: IssueKind,
    /// What has to have happened, and the request.
    request: fn(&Place) -> String,
    subject: Option<&'static str>,
    /// Whom the token is for whose request names nobody.
    unnamed: &'static [&'static str],
    /// What a request may name, and whom that is.
    named: (&'static str, &'static [&'static str]),
    /// A device that asks again proves by a new proof that it has its key (RFC 9449 section 8).
    needs_another_proof: bool,
}

/// As a client may spell it (RFC 3986 section 6.2.2).
const FILES_OTHERWISE: (&str, &[&str]) = ("resource=HTTPS://FILES.example:443", &[FILES]);

fn rows() -> Vec<Row> {
    let usual = Row {
        what: "",
        kind: IssueKind::Handler,
        request: |_| String::new(),
        subject: Some("alice"),
        unnamed: &[MCP],
        named: FILES_OTHERWISE,
        needs_another_proof: false,
    };
    vec![
        Row { what: "a password", request: |_| "grant_type=password&username=alice".into(), ..usual },
        Row { what: "a handler's own", request: |_| format!("grant_type={VOUCHER}"), ..usual },
        Row {
            what: "a client for itself",
            request: |_| "grant_type=client_credentials".into(),
            subject: None,
            ..usual
        },
        Row {
            what: "a code",
            kind: IssueKind::Code,
            request: |place| redemption("keyed", &place.code()),
            unnamed: &[FILES],
            ..usual
        },
        Row {
            what: "a refresh",
            kind: IssueKind::Refresh,
            request: |place| renewal(&place.refresh_token()),
            unnamed: &[MCP, FILES],
            ..usual
        },
        Row {
            what: "a refresh whose answer was lost",
            kind: IssueKind::Retry,
            request: |place| {
                let request = renewal(&place.refresh_token());
                place.sent(&request, at(2));
                request
            },
            unnamed: &[MCP, FILES],
            ..usual
        },
        Row {
            what: "another server's refresh token",
            kind: IssueKind::Refresh,
            request: |_| renewal(UUID),
            named: ("resource=HTTPS://mcp.example/mcp", &[MCP]),
            ..usual
        },
        Row {
            what: "a device",
            kind: IssueKind::Device,
            request: |place| format!("grant_type={DEVICE_CODE}&device_code={}", place.device_code()),
            unnamed: &[FILES],
            ..usual
        },
        Row {
            what: "a device whose answer was lost",
            kind: IssueKind::Retry,
            request: |place| {
                let request = format!("grant_type={DEVICE_CODE}&device_code={}", place.device_code());
                place.sent(&request, at(2));
                request
            },
            unnamed: &[FILES],
            needs_another_proof: true,
            ..usual
        },
        Row {
            what: "an assertion",
            kind: IssueKind::Assertion,
            request: |_| {
                let (iat, exp) = (at(1).as_secs(), at(200).as_secs());
                let claims = json!({"iss": CLUSTER, "sub": "cart", "aud": ISSUER, "iat": iat, "exp": exp, "jti": "1"});
                let cluster = Signer::new("cluster");
                format!("grant_type={JWT_BEARER}&assertion={}", cluster.jwt(&cluster.header("EdDSA"), &claims))
            },
            ..usual
        },
        Row {
            what: "an exchange",
            kind: IssueKind::Exchange,
            request: |place| {
                let token = place.token_of_phone();
                let of_type = "urn:ietf:params:oauth:token-type:access_token";
                format!("grant_type={EXCHANGE}&subject_token={token}&subject_token_type={of_type}")
            },
            named: ("resource=HTTPS://FILES.example:443&audience=urn:example:vault", &[FILES, VAULT]),
            ..usual
        },
    ]
}

/// Refuses and fails it first, and then lets it go on.
fn holds(row: &Row, more: &str, audience: &[&str]) {
    let (place, what) = (Place::new(), format!("{}, {more:?}", row.what));
    let request = format!("{}&note=7&{more}", (row.request)(&place));
    place.questions();
    let stored = place.store.bytes();
    let refused = |says: Says, means: &Means, status: u16, error: &str, event: &str| {
        place.say(says);
        place.send(&request, means, at(3)).assert_error(status, error);
        assert_eq!(place.store.bytes(), stored, "{what}");
        assert_eq!(place.questions().len(), 1, "{what}");
        assert_eq!(place.events.names(), [event], "{what}");
        place.say(Says::Allow);
    };
    // RFC 6749 section 5.2; RFC 8693 section 2.2.2.
    let no = if row.kind == IssueKind::Exchange { "invalid_request" } else { "invalid_grant" };
    let means = place.means(at(3));
    refused(Says::Refuse, &means, 400, no, "Refused");
    // What cannot be decided may be sent again as it is.
    let mut others = place.means(at(3));
    refused(Says::Fail, &others, 503, "temporarily_unavailable", "Failed");
    if row.needs_another_proof {
        place.send(&request, &others, at(4)).assert_error(400, "use_dpop_nonce");
        assert_eq!((place.questions(), place.store.bytes()), (vec![], stored.clone()), "{what}");
        others.proof = place.means(at(4)).proof;
    }
    let reply = place.send(&request, &others, at(4));
    assert_eq!(reply.status, 200, "{what}: {reply:?}");
    let [question] = &place.questions()[..] else { panic!("{what}: asked once") };
    let grant_type = form_urlencoded::parse(request.as_bytes()).next().unwrap().1.into_owned();
    let expected = Question {
        kind: row.kind,
        client: "keyed".into(),
        subject: row.subject.map(Into::into),
        scope: reply.text("scope"),
        parameters: [Some(grant_type), Some("7".into())],
        audience: audience.iter().map(|&name| name.into()).collect(),
        stored: stored.clone(),
    };
    assert_eq!(*question, expected, "{what}");
    // With what came with the refused request something else can be had, which it could not if it had been used.
    let reply_to_another = place.send("grant_type=client_credentials&note=other", &means, at(4));
    assert_eq!(reply_to_another.status, 200, "{what}: {reply_to_another:?}");
    // What the hook was told is what the token is for (RFC 7662 section 2.2).
    let body = format!("token={}", reply.access_token());
    let said = form(with_assertion(&body, &place.means(at(4)).assertion));
    let said = Reply::of(&run(place.engine.introspect(&said.request(), at(4)))).json();
    let said = match &said["aud"] {
        Value::Array(names) => names.clone(),
        one => vec![one.clone()],
    };
    assert_eq!(said, audience, "{what}");
}

#[test]
fn every_answer_with_tokens_is_asked_about_once_before_anything_is_written_or_used_up() {
    for row in rows() {
        holds(&row, "", row.unnamed);
        holds(&row, row.named.0, row.named.1);
    }
}
