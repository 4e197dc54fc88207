//! What of the redirect URIs of native apps a client is allowed, beyond RFC 8252.

use std::sync::Arc;

use smol_str::SmolStr;

/// Redirect URIs of native apps that a client may register besides those of RFC 8252: `http://localhost` with any port, and
/// schemes of one word.
///
/// Both are weaker than what the RFC asks for, and what the largest native clients send. `localhost` may resolve to another
/// address than the loopback (section 8.3), and any app of the machine can claim a scheme without asking anybody (section
/// 8.4), so that PKCE and the page that asks for consent are what stands between a code and another app. Allow what you know
/// to be used.
///
/// ```
/// use regrant::Client;
/// use regrant::client::NativeRedirects;
/// let native = NativeRedirects::new().with_free_localhost_port(true).with_schemes(["cursor", "vscode", "claude"]);
/// let editor = Client::public("editor")
///     .grant_type("authorization_code")
///     .redirect_uri("cursor://anysphere.cursor-mcp/oauth/callback")
///     .redirect_uri("http://localhost/callback")
///     .native_redirects(native)
///     .build()?;
/// # Ok::<(), regrant::client::ClientError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct NativeRedirects {
    free_localhost_port: bool,
    /// One list for all clients that are allowed the same.
    schemes: Option<Arc<[SmolStr]>>,
}

impl NativeRedirects {
    /// None: what RFC 8252 has.
    ///
    /// ```
    /// let native = regrant::client::NativeRedirects::new();
    /// # let _ = native;
    /// ```
    pub const fn new() -> Self {
        Self { free_localhost_port: false, schemes: None }
    }

    /// Whether the port of `http://localhost` is free, as those of `http://127.0.0.1` and `http://[::1]` are (RFC 8252
    /// sections 7.3 and 8.3): `http://localhost/callback` is registered, and a request names
    /// `http://localhost:58135/callback`. Default: no.
    ///
    /// ```
    /// let native = regrant::client::NativeRedirects::new().with_free_localhost_port(true);
    /// # let _ = native;
    /// ```
    pub fn with_free_localhost_port(self, is_free: bool) -> Self {
        Self { free_localhost_port: is_free, ..self }
    }

    /// Adds schemes without a dot, in lower case, as apps register them with the system: `cursor` of
    /// `cursor://anysphere.cursor-mcp/oauth/callback`. Schemes that a browser runs or shows, such as `javascript`, `data`
    /// or `file`, are refused though they stand here; what is no scheme (RFC 3986 section 3.1) allows nothing.
    ///
    /// ```
    /// let native = regrant::client::NativeRedirects::new().with_schemes(["cursor", "vscode", "claude"]);
    /// # let _ = native;
    /// ```
    pub fn with_schemes<'a>(self, schemes: impl IntoIterator<Item = &'a str>) -> Self {
        let earlier = self.schemes.iter().flat_map(|schemes| schemes.iter().cloned());
        let schemes = earlier.chain(schemes.into_iter().map(SmolStr::new)).collect();
        Self { schemes: Some(schemes), ..self }
    }

    pub(super) const fn frees_localhost_port(&self) -> bool {
        self.free_localhost_port
    }

    /// To the character: a scheme in capitals is one that no app registers.
    pub(super) fn allows_scheme(&self, scheme: &str) -> bool {
        self.schemes.iter().flat_map(|schemes| schemes.iter()).any(|allowed| allowed == scheme)
    }
}
