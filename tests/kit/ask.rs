//! A request, as it is written down in a table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regrant::Request;

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A request that can be changed and sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A POST of a form, without credentials.
pub(crate) fn form(body: impl AsRef<[u8]>) -> Ask {
    Ask { method: "POST", headers: vec![("content-type", FORM.into())], body: body.as_ref().to_vec() }
}

/// The value of an `Authorization: Basic` header, nothing encoded but the base64.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

impl Ask {
    pub(crate) fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Adds a header; one of that name stays.
    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    /// Puts this content type in the place of the one there is.
    pub(crate) fn content_type(self, value: &str) -> Self {
        self.without_content_type().header("content-type", value)
    }

    pub(crate) fn without_content_type(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != "content-type");
        self
    }

    pub(crate) fn authorization(self, value: impl AsRef<[u8]>) -> Self {
        self.header("authorization", value)
    }

    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        self.authorization(basic(id, secret))
    }

    pub(crate) fn request(&self) -> Request<'_> {
        let request = Request::new(self.method, &self.body);
        self.headers.iter().fold(request, |request, (name, value)| request.with_header(name, value))
    }
}
