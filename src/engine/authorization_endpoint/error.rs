//! How an authorization request ends that is not valid, or that nobody may be redirected for.

use std::fmt;

use smol_str::SmolStr;

use super::Person;
use crate::client::Destination;
use crate::engine::refusal::{AuthorizationRefusal, ClientRefusal, Refusal, RequestRefusal};
use crate::wire::{ErrorCode, Response};

/// What to do about an authorization request that is not valid.
///
/// ```
/// use regrant::AuthorizationError;
/// /// The body of the answer, where it has one.
/// fn page(error: &AuthorizationError) -> Option<String> {
///     match error {
///         AuthorizationError::Redirect(_) => None,
///         AuthorizationError::Show(shown) => Some(format!("<h1>This link does not work</h1><p>{}", shown.description())),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "a host has to answer each of them")]
pub enum AuthorizationError {
    /// The client hears of it at once: send this response, a redirect with `error` (RFC 6749 section 4.1.2.1), or a page that sends it on
    /// where the client asked for `response_mode=form_post`.
    #[error("the client is told what is wrong with its request")]
    Redirect(Response),
    /// Nobody is redirected: show the person a page of your own. Either there is no redirect URI that can be trusted, or
    /// the redirect waits for a person ([`ShownError::way_on`]).
    #[error(transparent)]
    Show(ShownError),
}

/// An error for a page of the host's own.
///
/// ```
/// use regrant::{AuthorizationError, Engine, MemoryStore, Request, StaticClients};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), regrant::BuildError> {
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .issuer("https://id.example")
///     .authorization_code()
///     .build()?;
/// let request = Request::new("GET", b"").with_query(b"response_type=code&client_id=unknown");
/// let Err(AuthorizationError::Show(error)) = engine.authorize(&request, regrant::Timestamp::now()).await else { panic!("an unknown client") };
/// assert_eq!((error.status(), error.code().as_str()), (400, "invalid_request"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .why.description())]
pub struct ShownError {
    why: Refusal,
    way_on: Option<Box<WayOn>>,
}

impl ShownError {
    pub(in crate::engine) const fn new(why: Refusal, way_on: Option<Box<WayOn>>) -> Self {
        Self { why, way_on }
    }

    /// The status of the page: 400, 405, 413, 500 or 503.
    ///
    /// ```
    /// fn is_ours(error: &regrant::engine::ShownError) -> bool {
    ///     error.status() >= 500
    /// }
    /// ```
    pub const fn status(&self) -> u16 {
        match of_client(self.why) {
            Some((code, _)) => code.status(),
            None => self.why.status(),
        }
    }

    /// What `Retry-After` of the page says, where it is known when the same link works again.
    ///
    /// ```
    /// fn header(error: &regrant::engine::ShownError) -> Option<String> {
    ///     error.retry_after_secs().map(|secs| secs.to_string())
    /// }
    /// ```
    pub const fn retry_after_secs(&self) -> Option<u32> {
        match self.why {
            Refusal::Unavailable(why) => why.retry_after_secs(),
            Refusal::Throttled(why) => Some(why.retry_after_secs()),
            _ => None,
        }
    }

    /// The error code.
    ///
    /// ```
    /// fn log(error: &regrant::engine::ShownError) {
    ///     eprintln!("{}", error.code().as_str());
    /// }
    /// ```
    pub const fn code(&self) -> ErrorCode {
        match of_client(self.why) {
            Some((code, _)) => code,
            None => self.why.code(),
        }
    }

    /// What to say: fixed text of plain ASCII, with nothing of the request in it.
    ///
    /// ```
    /// fn page(error: &regrant::engine::ShownError) -> String {
    ///     format!("<h1>This link does not work</h1><p>{}", error.description())
    /// }
    /// ```
    pub const fn description(&self) -> &'static str {
        if let Some((_, description)) = of_client(self.why) {
            return description;
        }
        match self.why {
            // What else may be missing is told where the client would hear of it.
            Refusal::Request(RequestRefusal::MissingParameter) if self.way_on.is_none() => {
                "client_id, or a redirect_uri where several are registered, is missing"
            }
            // Said to the person who pressed a button twice.
            Refusal::Authorization(AuthorizationRefusal::Answered) => "the page was answered before, or has expired",
            other => other.description(),
        }
    }

    /// Where the client would hear of it, where there is such a place: for a link on the page, beside
    /// [where it leads](WayOn::destination). There is none where the redirect URI is not the client's, and where the request was
    /// answered before.
    ///
    /// ```
    /// fn link(error: &regrant::engine::ShownError, escape: fn(&str) -> String) -> String {
    ///     let Some(way_on) = error.way_on() else { return String::new() };
    ///     let destination = escape(&way_on.destination().to_string());
    ///     format!("<p>This leads to {destination}: <a href=\"{}\" rel=\"noreferrer\">go on</a>", escape(way_on.url()))
    /// }
    /// ```
    pub fn way_on(&self) -> Option<&WayOn> {
        self.way_on.as_deref()
    }

    /// The redirect that was waiting for somebody to be logged in (RFC 9700 section 4.11.2). `None` where there is none, where nobody is
    /// logged in, and for a client that [nobody made by hand](crate::Client::is_stranger): its error stays on the page.
    ///
    /// Where nobody is logged in, the page may offer to log in, and then send the browser back to the same authorization request.
    ///
    /// ```
    /// use regrant::engine::{Person, ShownError};
    /// fn answer(error: &ShownError, subject: Option<&str>) -> Option<regrant::Response> {
    ///     error.redirect_for(Person::LoggedIn(subject?))
    /// }
    /// ```
    pub fn redirect_for(&self, person: Person<'_>) -> Option<Response> {
        let way_on = self.way_on.as_deref().filter(|way_on| way_on.waits_for_login)?;
        matches!(person, Person::LoggedIn(_)).then(|| way_on.response.clone())
    }
}

/// What a page says where it is the client that is wrong: nobody was to authenticate here, so none of it is `invalid_client`
/// (RFC 6749 section 4.1.2.1).
const fn of_client(why: Refusal) -> Option<(ErrorCode, &'static str)> {
    match why {
        Refusal::Client(ClientRefusal::UnknownClient) => {
            Some((ErrorCode::InvalidRequest, "the client is not registered"))
        }
        #[cfg(feature = "proof")]
        Refusal::Client(ClientRefusal::Profile(_)) => {
            Some((ErrorCode::UnauthorizedClient, "the client is not one that may log people in here"))
        }
        _ => None,
    }
}

/// Where a client would hear of an error that is shown to the person instead.
///
/// `Debug` shows nothing of the request.
#[derive(Clone)]
pub struct WayOn {
    pub(super) url: String,
    pub(super) response: Response,
    pub(super) redirect_uri: SmolStr,
    pub(super) waits_for_login: bool,
}

impl WayOn {
    /// What a link leads to: the client's redirect URI, with the error and the client's `state`. Escape it. A link is no
    /// form, so it has them in the query where the client asked for `response_mode=form_post`, too.
    ///
    /// ```
    /// fn href(way_on: &regrant::engine::WayOn) -> String {
    ///     way_on.url().replace('&', "&amp;")
    /// }
    /// ```
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where that is, to be shown: it may be a site that only looks like one that the person knows.
    ///
    /// ```
    /// fn warning(way_on: &regrant::engine::WayOn) -> String {
    ///     format!("You are about to leave for {}.", way_on.destination())
    /// }
    /// ```
    pub fn destination(&self) -> Destination<'_> {
        Destination::of(&self.redirect_uri)
    }
}

impl fmt::Debug for WayOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WayOn").field("waits_for_login", &self.waits_for_login).finish_non_exhaustive()
    }
}
