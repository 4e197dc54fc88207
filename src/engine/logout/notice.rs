//! What a client is told of a logout: OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.5.

use std::fmt;
use std::time::Duration;

use smol_str::SmolStr;

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::issue::id_token_key;
use crate::engine::refusal::ServerFault;
use crate::engine::subjects::sid;
use crate::grant::members::SessionKey;
use crate::grant::{Grant, Timestamp};
use crate::store::TokenStore;
use crate::token::{LogoutEvents, LogoutToken, base64url, sign_logout_token};

/// Section 2.4 recommends two minutes at most.
pub(in crate::engine) const NOTICE_LIFETIME: Duration = Duration::from_secs(120);

/// A logout token for one client, and where to post it: [`body`](Self::body), as `application/x-www-form-urlencoded`, to
/// [`uri`](Self::uri). The client answers 200 or 204, and 400 where it could not log the person out; follow no redirect, and do not wait
/// long (OpenID Connect Back-Channel Logout 1.0 section 2.5). It is good for two minutes: for a later attempt call
/// [`Engine::log_out`](crate::Engine::log_out) again.
///
/// ```
/// async fn send(notices: &[regrant::engine::LogoutNotice], post: impl AsyncFn(&str, String)) {
///     for notice in notices {
///         post(notice.uri(), notice.body()).await;
///     }
/// }
/// ```
#[derive(Clone)]
pub struct LogoutNotice {
    client_id: SmolStr,
    uri: String,
    token: String,
}

impl LogoutNotice {
    /// Who is told.
    ///
    /// ```
    /// fn line(notice: &regrant::engine::LogoutNotice) -> String {
    ///     format!("telling {}", notice.client_id())
    /// }
    /// ```
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Where: the `backchannel_logout_uri` of the client.
    ///
    /// ```
    /// fn is_encrypted(notice: &regrant::engine::LogoutNotice) -> bool {
    ///     notice.uri().starts_with("https://")
    /// }
    /// ```
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The logout token, a JWT.
    ///
    /// ```
    /// fn length(notice: &regrant::engine::LogoutNotice) -> usize {
    ///     notice.logout_token().len()
    /// }
    /// ```
    pub fn logout_token(&self) -> &str {
        &self.token
    }

    /// The form to post. A JWT has nothing that would have to be encoded.
    ///
    /// ```
    /// fn form(notice: &regrant::engine::LogoutNotice) -> String {
    ///     assert!(notice.body().starts_with("logout_token="));
    ///     notice.body()
    /// }
    /// ```
    pub fn body(&self) -> String {
        format!("logout_token={}", self.token)
    }
}

impl fmt::Debug for LogoutNotice {
    /// Without the token: it is good for a logout.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutNotice")
            .field("client_id", &self.client_id)
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What a client is told of the end of a session; nothing where it does not want to hear of it any more.
    pub(super) fn notice(
        &self,
        client: &Client,
        listener: &Grant,
        session: &SessionKey,
        now: Timestamp,
    ) -> Result<Option<LogoutNotice>, Failure> {
        let (Some(uri), Some(signing), Some(subject)) =
            (client.hears_logouts_at(), self.jwt.signing(), listener.subject())
        else {
            return Ok(None);
        };
        let keys = signing.keys.current();
        let key = id_token_key(&keys, client, now).ok_or(ServerFault::Signing)?;
        let token = LogoutToken {
            iss: self.issuer().unwrap_or_default(),
            sub: &self.sub_of(client, listener.created_at, subject)?,
            aud: client.id(),
            iat: now.as_secs(),
            exp: (now + NOTICE_LIFETIME).as_secs(),
            jti: &base64url(&rand::random()),
            sid: &sid(session, client.id()),
            events: LogoutEvents::new(),
        };
        let token = sign_logout_token(key, &token).map_err(|_| ServerFault::Signing)?;
        Ok(Some(LogoutNotice { client_id: client.shared_id(), uri: uri.to_owned(), token }))
    }
}
