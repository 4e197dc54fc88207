//! A client sends the person here to log out: OpenID Connect RP-Initiated Logout 1.0.

use std::fmt;

use crate::client::{Client, ClientRef, Clients, Lookup, Purpose};
use crate::engine::Engine;
use crate::engine::authorization_endpoint::ShownError;
use crate::engine::failure::Failure;
use crate::engine::head::check_head;
use crate::engine::id_token_hint::{IdTokenHint, IdTokenHintError};
use crate::engine::refusal::{RequestRefusal, Unavailable};
use crate::engine::subjects::Subjects;
use crate::store::TokenStore;
use crate::wire::{Form, Parameters, Request, Response, location};

/// A client's request to log the person out (OpenID Connect RP-Initiated Logout 1.0 section 2), for a page of the host's:
///
/// 1. Where it [needs a question](Self::needs_question), ask the person whether they want to log out. The form carries
///    [`carried`](Self::carried), and is guarded as that of a login is: another site must not be able to answer it.
/// 2. End the host's own session, then [`Engine::log_out`], and send the notices.
/// 3. Send the person [back](Self::way_back), or show a page that says that they are logged out.
///
/// ```
/// # async fn log_out<S: regrant::TokenStore, C: regrant::Clients>(
/// #     engine: &regrant::Engine<S, C>, request: &regrant::Request<'_>, cookie: &str,
/// # ) -> Result<Option<regrant::Response>, Box<dyn std::error::Error>> {
/// use regrant::engine::LogoutConsent;
/// let asked = engine.end_session_request(request).await?;
/// if asked.needs_question(Some(("alice", cookie))) {
///     return Ok(None); // … show the page …
/// }
/// let logged_out = engine.log_out("alice", cookie, regrant::Timestamp::now).await?;
/// // … end the session of the cookie, and post the notices …
/// let consent = LogoutConsent::Session { subject: "alice", name: cookie };
/// # let _ = logged_out;
/// Ok(asked.way_back(consent))
/// # }
/// ```
pub struct LogoutRequest<'a> {
    client: Option<ClientRef<'a>>,
    hint: Option<IdTokenHint>,
    redirect_uri: Option<String>,
    fault: Option<LogoutFault>,
    form: Form<'a>,
    subjects: Option<&'a Subjects>,
}

/// What is wrong with a request to log out. The person can log out all the same, and is sent nowhere (section 4).
///
/// ```
/// assert_eq!(regrant::engine::LogoutFault::RedirectUri.to_string(), "a URI to return to that is not registered for the client");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutFault {
    /// The `id_token_hint` is none of this engine's, or not for the client.
    #[error("an id_token_hint that is not an ID token of this engine for the client")]
    Hint,
    /// A client that is not known.
    #[error("a client that is not known")]
    UnknownClient,
    /// A `post_logout_redirect_uri` that is not registered for the client, to the character, or that no client was named for.
    #[error("a URI to return to that is not registered for the client")]
    RedirectUri,
}

/// Why a person may be sent back to a client.
///
/// ```
/// use regrant::engine::LogoutConsent;
/// fn consent<'a>(pressed_yes: bool, cookie: &'a str) -> LogoutConsent<'a> {
///     if pressed_yes { LogoutConsent::Asked } else { LogoutConsent::Session { subject: "alice", name: cookie } }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogoutConsent<'a> {
    /// The page has asked, and the person wants to log out.
    Asked,
    /// Nobody was asked: the browser has this session, which the client's `id_token_hint` is to be of.
    Session {
        /// Who is logged in there.
        subject: &'a str,
        /// The name of the session, as it was [given](crate::Authorization::with_session).
        name: &'a str,
    },
}

impl fmt::Debug for LogoutConsent<'_> {
    /// Without the person and the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "Asked",
            Self::Session { .. } => "Session { .. }",
        })
    }
}

/// The parameters of section 2.
const CARRIED: [&str; 6] =
    ["id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

impl LogoutRequest<'_> {
    /// The client that asks, if it says which it is; anybody can say so, unless there is a [hint](Self::id_token_hint).
    ///
    /// ```
    /// fn name<'r>(asked: &'r regrant::engine::LogoutRequest<'_>) -> Option<&'r str> {
    ///     asked.client()?.name()
    /// }
    /// ```
    pub fn client(&self) -> Option<&Client> {
        self.client.as_deref()
    }

    /// The ID token that the client had; perhaps expired.
    ///
    /// ```
    /// fn has_one(asked: &regrant::engine::LogoutRequest<'_>) -> bool {
    ///     asked.id_token_hint().is_some()
    /// }
    /// ```
    pub const fn id_token_hint(&self) -> Option<&IdTokenHint> {
        self.hint.as_ref()
    }

    /// What is wrong with it, if something is: then nobody is sent back.
    ///
    /// ```
    /// fn says(asked: &regrant::engine::LogoutRequest<'_>) -> Option<String> {
    ///     asked.fault().map(|fault| fault.to_string())
    /// }
    /// ```
    pub const fn fault(&self) -> Option<LogoutFault> {
        self.fault
    }

    /// Whom the client means, in words of its own: `logout_hint`. Anybody can have written it.
    ///
    /// ```
    /// fn hint<'r>(asked: &'r regrant::engine::LogoutRequest<'_>) -> Option<&'r str> {
    ///     asked.logout_hint()
    /// }
    /// ```
    pub fn logout_hint(&self) -> Option<&str> {
        self.form.single("logout_hint").ok().flatten()
    }

    /// The languages that the person reads, the best first: `ui_locales`.
    ///
    /// ```
    /// fn wants_portuguese(asked: &regrant::engine::LogoutRequest<'_>) -> bool {
    ///     asked.ui_locales().any(|language| language.starts_with("pt"))
    /// }
    /// ```
    pub fn ui_locales(&self) -> impl Iterator<Item = &str> {
        let words = self.form.single("ui_locales").ok().flatten().unwrap_or_default();
        words.split(' ').filter(|word| !word.is_empty())
    }

    /// Whether the person has to be asked (sections 2 and 6): unless the client showed an ID token of the very session that the browser has. Given is who is
    /// logged in there and the [name of the session](crate::Authorization::with_session); nobody for a browser without one, where there is
    /// nothing to end, but to be sent on still needs a yes.
    ///
    /// ```
    /// fn ask(asked: &regrant::engine::LogoutRequest<'_>, cookie: &str) -> bool {
    ///     asked.needs_question(Some(("alice", cookie)))
    /// }
    /// ```
    pub fn needs_question(&self, browser: Option<(&str, &str)>) -> bool {
        !browser.is_some_and(|(subject, name)| self.is_of(subject, name))
    }

    fn is_of(&self, subject: &str, name: &str) -> bool {
        let (Some(hint), Some(subjects)) = (&self.hint, self.subjects) else { return false };
        let Some(keys) = subjects.sessions(subject, name).filter(|_| self.fault.is_none()) else { return false };
        hint.sid().is_some_and(|sid| subjects.is_sid(sid, &keys, hint.client_id()))
    }

    /// The answer that sends the person back, with the client's `state`: a redirect to its `post_logout_redirect_uri`. `None` where it
    /// named none, where something [is wrong](Self::fault), and where nobody was asked who had to be.
    ///
    /// ```
    /// use regrant::engine::{LogoutConsent, LogoutRequest};
    /// fn after_yes(asked: &LogoutRequest<'_>) -> Option<regrant::Response> {
    ///     asked.way_back(LogoutConsent::Asked)
    /// }
    /// ```
    pub fn way_back(&self, consent: LogoutConsent<'_>) -> Option<Response> {
        let may_go = match consent {
            LogoutConsent::Asked => true,
            LogoutConsent::Session { subject, name } => self.is_of(subject, name),
        };
        let uri = self.redirect_uri.as_deref().filter(|_| may_go && self.fault.is_none())?;
        Some(Response::see_other(match self.form.single("state").ok().flatten() {
            Some(state) => location(uri, [("state", state)]),
            None => uri.to_owned(),
        }))
    }

    /// The parameters that make up the request, for hidden fields of the page's form: escape them, they are a stranger's.
    ///
    /// ```
    /// fn fields(asked: &regrant::engine::LogoutRequest<'_>, escape: fn(&str) -> String) -> String {
    ///     let field = |(name, value)| format!("<input type=hidden name=\"{name}\" value=\"{}\">", escape(value));
    ///     asked.carried().map(field).collect()
    /// }
    /// ```
    pub fn carried(&self) -> impl Iterator<Item = (&str, &str)> {
        self.form.iter().filter(|(name, _)| CARRIED.contains(name))
    }
}

impl fmt::Debug for LogoutRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = self.client.as_deref().map(Client::id);
        f.debug_struct("LogoutRequest").field("client_id", &client).field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Reads a request to the logout page (OpenID Connect RP-Initiated Logout 1.0 section 2): the query of a GET, or the form of a
    /// POST. A hint is verified as [`verify_id_token_hint`](Self::verify_id_token_hint) has it, may have expired, and has to be for
    /// `client_id` where that is there; one by a key that is gone counts as none. What is wrong is in [`LogoutRequest::fault`]: the page
    /// asks all the same. Nothing ends here.
    ///
    /// # Errors
    ///
    /// A [`ShownError`] for a page: what cannot be read at all, or has a parameter twice; or the client registry failed.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let request = Request::new("GET", b"").with_query(b"post_logout_redirect_uri=https://evil.example");
    /// let asked = engine.end_session_request(&request).await?;
    /// assert!(asked.needs_question(None) && asked.fault().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_session_request<'a>(&'a self, request: &Request<'a>) -> Result<LogoutRequest<'a>, ShownError> {
        self.read_logout(request).await.map_err(|failure| {
            self.tell(&failure);
            ShownError::new(failure.why, None)
        })
    }

    async fn read_logout<'a>(&'a self, request: &Request<'a>) -> Result<LogoutRequest<'a>, Failure> {
        let sent = match request.method() {
            "GET" | "HEAD" => request.query_string(),
            "POST" => {
                check_head(request)?;
                request.body()
            }
            _ => return Err(RequestRefusal::GetOrPost.into()),
        };
        let form = Form::parse(sent, self.limits()).map_err(RequestRefusal::Form)?;
        Parameters::check_defined(&form).map_err(RequestRefusal::from)?;
        // What the list of defined parameters does not have.
        for name in ["post_logout_redirect_uri", "logout_hint"] {
            form.single(name).map_err(|_| RequestRefusal::RepeatedParameter)?;
        }
        let mut asked = LogoutRequest {
            client: None,
            hint: None,
            redirect_uri: None,
            fault: None,
            form,
            subjects: self.subjects.as_deref(),
        };
        let (client, hint, fault) = self.who_asks(&asked.form).await?;
        let redirect_uri = asked.form.single("post_logout_redirect_uri").ok().flatten().map(str::to_owned);
        asked.fault = fault.or_else(|| match (&redirect_uri, client.as_deref()) {
            (Some(uri), Some(client)) if !client.may_return_to(uri) => Some(LogoutFault::RedirectUri),
            (Some(_), None) => Some(LogoutFault::RedirectUri),
            _ => None,
        });
        (asked.client, asked.hint, asked.redirect_uri) = (client, hint, redirect_uri);
        Ok(asked)
    }

    /// The client that a request is from, as far as it says so, and its hint.
    async fn who_asks<'a>(
        &'a self,
        form: &Form<'_>,
    ) -> Result<(Option<ClientRef<'a>>, Option<IdTokenHint>, Option<LogoutFault>), Failure> {
        let parameter = |name: &str| form.single(name).ok().flatten();
        let (named, hint) = (parameter("client_id"), parameter("id_token_hint"));
        let found = match named {
            Some(client_id) => self.find_client(client_id, Lookup::new(Purpose::IdTokenHint)).await,
            None => Ok(None),
        };
        let client = match found {
            Ok(None) if named.is_some() => return Ok((None, None, Some(LogoutFault::UnknownClient))),
            Ok(client) => client,
            Err(error) if error.is_not_at_hand() => return Ok((None, None, Some(LogoutFault::UnknownClient))),
            Err(error) => return Err(error.into()),
        };
        let Some(hint) = hint else { return Ok((client, None, None)) };
        match self.verify_id_token_hint(hint, named).await {
            Ok(hint) if client.is_some() => Ok((client, Some(hint), None)),
            Ok(hint) => match self.find_client(hint.client_id(), Lookup::new(Purpose::IdTokenHint)).await {
                Ok(client) => Ok((client, Some(hint), None)),
                Err(error) if error.is_not_at_hand() => Ok((None, Some(hint), None)),
                Err(error) => Err(error.into()),
            },
            Err(IdTokenHintError::Clients(error)) => Err(Failure::from(Unavailable::from(&error)).by(error)),
            Err(IdTokenHintError::NotOurs)
                if client.as_deref().is_some_and(|client| self.is_hint_by_a_key_that_is_gone(client, hint)) =>
            {
                Ok((client, None, None))
            }
            Err(IdTokenHintError::NotOurs) => Ok((client, None, Some(LogoutFault::Hint))),
        }
    }
}
