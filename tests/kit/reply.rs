//! A response, and what holds for every one of the token endpoint.

use serde_json::{Map, Value};

/// A response, from the engine itself or over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case, in the order they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn of(response: &regrant::Response) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().map(|(name, value)| (name.into(), value.into())).collect(),
            body: response.body().to_vec(),
        }
    }

    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value).collect()
    }

    /// The members of the body.
    pub(crate) fn json(&self) -> Map<String, Value> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(members)) => members,
            other => panic!("not a JSON object: {other:?} in {:?}", String::from_utf8_lossy(&self.body)),
        }
    }

    /// A member that is a string.
    pub(crate) fn text(&self, member: &str) -> String {
        match self.json().get(member) {
            Some(Value::String(text)) => text.clone(),
            other => panic!("{member} is {other:?} in {:?}", String::from_utf8_lossy(&self.body)),
        }
    }

    pub(crate) fn refresh_token(&self) -> String {
        self.text("refresh_token")
    }

    pub(crate) fn access_token(&self) -> String {
        self.text("access_token")
    }

    /// The status and the error code, if it is an error.
    pub(crate) fn outcome(&self) -> (u16, Option<String>) {
        (self.status, self.json().get("error").and_then(Value::as_str).map(String::from))
    }

    #[track_caller]
    pub(crate) fn assert_ok(&self) -> &Self {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.outcome(), (status, Some(code.to_owned())), "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

/// What holds for every response of the token endpoint, errors too (RFC 6749 sections 5.1 and 5.2).
#[track_caller]
pub(crate) fn check(reply: &Reply) {
    assert_eq!(reply.header("content-type"), ["application/json"]);
    assert_eq!(reply.header("cache-control"), ["no-store"]);
    assert_eq!(reply.header("pragma"), ["no-cache"]);
    let members = reply.json();
    let is_error = reply.status != 200;
    assert_eq!(members.contains_key("error"), is_error, "{members:?}");
    assert_eq!(!members.contains_key("access_token"), is_error, "{members:?}");
    // Both a 401 of RFC 6749 section 5.2 and a 405 of RFC 9110 section 15.5.6 say how it is done right; others do not.
    assert_eq!(reply.header("www-authenticate").len(), usize::from(reply.status == 401));
    assert_eq!(reply.header("allow"), if reply.status == 405 { &["POST"][..] } else { &[] });
    for (name, value) in &members {
        if name == "error" || name == "error_description" {
            // The characters of RFC 6749 section 5.2.
            let text = value.as_str().unwrap();
            assert!(text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{text:?}");
        } else {
            assert!(!is_error, "an error says nothing of {name}");
        }
    }
}
