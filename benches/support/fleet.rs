//! An engine with many grants, and the clients that hold their tokens.

use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantRequest, MemoryStore, Request,
    ResponseFields, Scope, StaticClients, Timestamp,
};

use super::{CLIENT_ID, CLIENT_SECRET, REFRESH_LEN, RefreshBody, basic_header, refresh_token_of};

pub type BenchEngine = Engine<MemoryStore, StaticClients>;

/// When everything happens: a fixed time, so that nothing expires.
pub const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Lets everybody in.
struct Anybody(ResponseFields);

impl GrantHandler for Anybody {
    fn grant_type(&self) -> &str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(request.required("username")?).with_fields(self.0.clone()))
    }
}

/// An engine whose logins have this many bytes of extra fields (as JSON).
pub fn engine(extra_bytes: usize) -> BenchEngine {
    let client = Client::confidential(CLIENT_ID)
        .secret(ClientSecret::new(CLIENT_SECRET).unwrap())
        .grant_type("password")
        .grant_type("refresh_token")
        .scope(Scope::parse("scope_1 scope_2 scope_3").unwrap())
        .build()
        .unwrap();
    let fields = match extra_bytes.checked_sub("\"extra\":\"\"".len()) {
        _ if extra_bytes == 0 => ResponseFields::new(),
        Some(len) => ResponseFields::new().with("extra", &"x".repeat(len)).unwrap(),
        None => ResponseFields::new().with("extra", "").unwrap(),
    };
    Engine::builder(MemoryStore::new(), StaticClients::new().with(client).unwrap())
        .grant_handler(Anybody(fields))
        .build()
        .unwrap()
}

/// Sends a body with the client's Basic header; the response's body, if it is a success.
pub fn send(engine: &BenchEngine, header: &[u8], body: &[u8]) -> Vec<u8> {
    let response = post(engine, header, body);
    assert_eq!(response.status(), 200);
    response.into_body()
}

pub fn post(engine: &BenchEngine, header: &[u8], body: &[u8]) -> regrant::Response {
    let request = Request::new("POST", body)
        .with_header("content-type", b"application/x-www-form-urlencoded")
        .with_header("authorization", header);
    engine.blocking().token(&request, NOW).expect("the memory store is ready")
}

/// The subject of the i-th grant: a number of the wanted width.
pub fn subject(i: usize, width: usize) -> String {
    let digits = format!("{i:0width$}");
    digits[digits.len() - width..].to_owned()
}

/// Logs one in.
pub fn login(engine: &BenchEngine, header: &[u8], i: usize, subject_bytes: usize) -> Vec<u8> {
    let body = format!("grant_type=password&password=p&username={}", subject(i, subject_bytes));
    send(engine, header, body.as_bytes())
}

/// An engine and the current refresh token of each of its grants.
pub struct Fleet {
    pub engine: BenchEngine,
    pub header: Vec<u8>,
    pub tokens: Vec<[u8; REFRESH_LEN]>,
}

impl Fleet {
    pub fn new(grants: usize, subject_bytes: usize, extra_bytes: usize, mut progress: impl FnMut(usize)) -> Self {
        let engine = engine(extra_bytes);
        let header = basic_header();
        let mut tokens = Vec::with_capacity(grants);
        for i in 0..grants {
            tokens.push(refresh_token_of(&login(&engine, &header, i, subject_bytes)));
            progress(i);
        }
        Self { engine, header, tokens }
    }

    /// Refreshes the i-th grant, bytes in and bytes out, and keeps its new token.
    pub fn refresh(&mut self, body: &mut RefreshBody, i: usize) {
        self.tokens[i] = refresh(&self.engine, &self.header, body, &self.tokens[i]);
    }
}

/// One refresh.
pub fn refresh(
    engine: &BenchEngine,
    header: &[u8],
    body: &mut RefreshBody,
    token: &[u8; REFRESH_LEN],
) -> [u8; REFRESH_LEN] {
    refresh_token_of(&send(engine, header, body.with(token)))
}
