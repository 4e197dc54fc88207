//! Requests as bytes and answers as JSON: how a client sees the engine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::Serializer;
use regrant::{Request, Response};
use serde_json::Value;

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// The secret of a confidential client of these tests.
pub(crate) fn secret(client_id: &str) -> String {
    format!("{client_id}-secret-0123456789-0123456789-0123456789")
}

/// A request to the token endpoint, to be.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    basic: Option<String>,
    body: String,
}

impl Call {
    /// From a client; one whose id begins with `public` sends that id alone.
    pub(crate) fn from(client_id: &str) -> Self {
        if client_id.starts_with("public") {
            return Self { basic: None, body: String::new() }.with("client_id", client_id);
        }
        let credentials = format!("{client_id}:{}", secret(client_id));
        Self { basic: Some(format!("Basic {}", STANDARD.encode(credentials))), body: String::new() }
    }

    /// From nobody yet.
    pub(crate) const fn nobody() -> Self {
        Self { basic: None, body: String::new() }
    }

    /// Adds a parameter, encoded.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        let pair = Serializer::new(String::new()).append_pair(name, value).finish();
        self.with_raw(&pair)
    }

    /// Adds bytes of a body as they are.
    pub(crate) fn with_raw(mut self, pair: &str) -> Self {
        if !self.body.is_empty() && !pair.is_empty() {
            self.body.push('&');
        }
        self.body.push_str(pair);
        self
    }

    pub(crate) fn login(client_id: &str, username: &str) -> Self {
        Self::from(client_id).with("grant_type", "password").with("username", username).with("password", "any")
    }

    pub(crate) fn refresh(client_id: &str, token: &str) -> Self {
        Self::from(client_id).with("grant_type", "refresh_token").with("refresh_token", token)
    }

    /// What it is for, if it says.
    pub(crate) fn grant_type(&self) -> Option<String> {
        let named = form_urlencoded::parse(self.body.as_bytes()).find(|(name, _)| name == "grant_type");
        named.map(|(_, value)| value.into_owned())
    }

    /// The request, borrowed from this.
    pub(crate) fn request(&self) -> Request<'_> {
        let request = Request::new("POST", self.body.as_bytes()).with_header("content-type", FORM);
        match &self.basic {
            Some(header) => request.with_header("authorization", header.as_bytes()),
            None => request,
        }
    }
}

/// What came back.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) json: Value,
}

impl Answer {
    /// Reads a response, and checks what every one of them has.
    pub(crate) fn of(response: &Response) -> Self {
        let headers: Vec<(String, String)> =
            response.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for (name, value) in
            [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")]
        {
            assert!(headers.iter().any(|header| header.0 == name && header.1 == value), "{name} in {headers:?}");
        }
        let json: Value = serde_json::from_slice(response.body()).expect("a JSON body");
        let answer = Self { status: response.status(), headers, json };
        let issues = answer.json.get("access_token").is_some() || answer.json.get("refresh_token").is_some();
        assert_eq!(issues, answer.is_ok(), "tokens in a 200 alone");
        assert_eq!(answer.error().is_some(), !answer.is_ok(), "an error in every other status");
        answer
    }

    pub(crate) const fn is_ok(&self) -> bool {
        self.status == 200
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.json.get("error")?.as_str()
    }

    pub(crate) fn is_invalid_grant(&self) -> bool {
        (self.status, self.error()) == (400, Some("invalid_grant"))
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        (self.status, self.error()) == (503, Some("temporarily_unavailable"))
    }

    fn text(&self, member: &str) -> &str {
        self.json.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("{member} in {}", self.json))
    }

    pub(crate) fn access_token(&self) -> &str {
        self.text("access_token")
    }

    pub(crate) fn refresh_token(&self) -> &str {
        self.text("refresh_token")
    }

    pub(crate) fn scope(&self) -> &str {
        self.text("scope")
    }

    pub(crate) fn expires_in(&self) -> u64 {
        self.json.get("expires_in").and_then(Value::as_u64).expect("expires_in")
    }
}
