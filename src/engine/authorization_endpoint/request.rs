//! A validated authorization request: RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1.

use std::fmt;
use std::time::Duration;

use smol_str::SmolStr;

use super::came::Came;
use super::response_mode::{ResponseMode, ReturnTo};
use crate::client::{Client, ClientRef, Destination};
#[cfg(feature = "jwt")]
use crate::engine::host::RequestedClaims;
use crate::engine::jwt::IdTokenHint;
use crate::engine::resources::Asked;
#[cfg(all(feature = "jwt", feature = "root-secret"))]
use crate::engine::subjects::Subjects;
use crate::grant::{AuthKey, Confirmation, Scope, Timestamp};
use crate::wire::Form;

/// An authorization request that holds: the client is registered, its redirect URI too, and everything else is in order.
/// Show your own login and consent, then hand it to [`Engine::approve`](crate::Engine::approve) or
/// [`Engine::deny`](crate::Engine::deny).
///
/// It borrows the request. A host that shows a page in between has the page carry it: sealed, by `Engine::interaction_handle`
/// (feature `root-secret`), or without that feature by [`carried`](Self::carried) as hidden fields, to be validated again.
///
/// ```
/// # async fn page<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>, query: &[u8])
/// # -> Result<(), regrant::AuthorizationError> {
/// let request = regrant::Request::new("GET", b"").with_query(query);
/// let asked = engine.authorize(&request, regrant::Timestamp::now()).await?;
/// println!("{} asks for {}", asked.client().id(), asked.scope());
/// # Ok(())
/// # }
/// ```
pub struct AuthorizationRequest<'a> {
    pub(super) client: ClientRef<'a>,
    pub(super) form: Form<'a>,
    pub(super) redirect_uri: SmolStr,
    pub(super) redirect_uri_named: bool,
    pub(super) mode: ResponseMode,
    pub(super) came: Came,
    pub(super) scope: Scope,
    pub(super) resources: Option<Asked<'a>>,
    pub(super) challenge: Option<[u8; 32]>,
    /// What the code is to be bound to (RFC 9449 section 10).
    pub(super) code_key: Option<Confirmation>,
    /// What the session is to be bound to of the client's own.
    pub(super) auth_key: Option<AuthKey>,
    pub(super) prompt: Prompt,
    pub(super) max_age: Option<Duration>,
    pub(super) hint: Option<IdTokenHint>,
    #[cfg(feature = "jwt")]
    pub(super) claims: Option<RequestedClaims>,
    /// By which the client may call people.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(super) subjects: Option<&'a Subjects>,
    /// Of a request that came back by a handle, or was pushed.
    #[cfg(feature = "root-secret")]
    pub(super) answering: Option<Answering>,
    /// The parameter by which a login asks for a renewable grant.
    pub(super) opt_in: Option<&'a str>,
}

/// What an authorization request that came back by a handle, or was pushed, is answered as, once.
#[cfg(feature = "root-secret")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Answering {
    pub(super) id: [u8; 16],
    pub(super) expires_at: Timestamp,
}

/// What a client wants the person to be asked, `prompt` of OpenID Connect Core section 3.1.2.1.
///
/// ```
/// let prompt = regrant::engine::Prompt::default();
/// assert!(!prompt.none && !prompt.login && !prompt.consent && !prompt.select_account);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Prompt {
    /// No page may be shown: without a login, [deny](crate::Engine::deny) with `login_required`.
    pub none: bool,
    /// The person has to log in again.
    pub login: bool,
    /// The person has to consent again.
    pub consent: bool,
    /// The person has to choose an account.
    pub select_account: bool,
}

impl Prompt {
    /// Reads the parameter. Unknown values mean nothing here; `none` stands alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut prompt = Self::default();
        for value in text.split(' ') {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => {}
            }
        }
        (!prompt.none || text == "none").then_some(prompt)
    }
}

/// What kind of page a client would like, `display` of OpenID Connect Core section 3.1.2.1.
///
/// ```
/// assert_eq!(regrant::engine::Display::default(), regrant::engine::Display::Page);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Display {
    /// A whole page.
    #[default]
    Page,
    /// A window that it opened.
    Popup,
    /// One for fingers.
    Touch,
    /// One for a telephone of old.
    Wap,
}

/// The parameters that make up an authorization request, RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 8707 section
/// 2, OpenID Connect Core section 3.1.2.1.
const CARRIED: [&str; 20] = [
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "resource",
    "nonce",
    "prompt",
    "max_age",
    "display",
    "ui_locales",
    "claims_locales",
    "claims",
    "acr_values",
    "login_hint",
    "id_token_hint",
];

impl AuthorizationRequest<'_> {
    /// The client that asks.
    ///
    /// ```
    /// fn title(asked: &regrant::AuthorizationRequest<'_>) -> String {
    ///     format!("Log in to {}", asked.client().id())
    /// }
    /// ```
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The scope that it asks for, which it may have; its default scope where it asks for none. What is
    /// [ignored](crate::client::UnknownScopes) is not in it.
    ///
    /// ```
    /// fn asks_for_mail(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.scope().contains("email")
    /// }
    /// ```
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Where the answer goes.
    ///
    /// ```
    /// fn stays_on_this_machine(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.redirect_uri().starts_with("http://127.0.0.1")
    /// }
    /// ```
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Where that leads: what a page shows beside the client's name, since names and links of a [stranger's](Client::is_stranger) are
    /// its own words.
    ///
    /// ```
    /// fn says(asked: &regrant::AuthorizationRequest<'_>) -> String {
    ///     let name = asked.client().name().unwrap_or("An application");
    ///     if asked.client().is_stranger() {
    ///         format!("An application that calls itself {name:?}, which we do not know, at {}", asked.destination())
    ///     } else {
    ///         name.to_owned()
    ///     }
    /// }
    /// ```
    pub fn destination(&self) -> Destination<'_> {
        Destination::of(&self.redirect_uri)
    }

    /// Whether the person has to be asked this time, whatever they consented to before: the answer goes to their own
    /// machine, where any program could have begun this in the client's name (RFC 8252 section 8.6), and the client is a
    /// [stranger's](Client::is_stranger) or one of which it was [said](crate::client::ClientBuilder::ask_each_time).
    /// [`Engine::approve`](crate::Engine::approve) then needs [`with_page_shown`](crate::Authorization::with_page_shown).
    ///
    /// ```
    /// fn needs_a_page(asked: &regrant::AuthorizationRequest<'_>, has_consented: bool) -> bool {
    ///     !has_consented || asked.prompt().consent || asked.is_asked_each_time()
    /// }
    /// ```
    pub fn is_asked_each_time(&self) -> bool {
        self.client.is_asked_each_time(self.destination())
    }

    /// What the person is to be asked.
    ///
    /// ```
    /// fn may_show_a_page(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     !asked.prompt().none
    /// }
    /// ```
    pub const fn prompt(&self) -> Prompt {
        self.prompt
    }

    /// How long ago the person may have logged in, where the client says so. [`Engine::approve`](crate::Engine::approve)
    /// answers `login_required` to a login that is older, and older than a minute.
    ///
    /// ```
    /// fn wants_a_fresh_login(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.max_age().is_some()
    /// }
    /// ```
    pub const fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// Whether a login of that time will do: `prompt=login` wants a new one, `max_age` one that is not older.
    /// [`Engine::approve`](crate::Engine::approve) answers `login_required` where it was not asked here, to a login that is older than a minute.
    ///
    /// ```
    /// use regrant::{AuthorizationRequest, Timestamp};
    /// fn must_log_in(asked: &AuthorizationRequest<'_>, session: Option<Timestamp>, now: Timestamp) -> bool {
    ///     session.is_none_or(|authenticated_at| !asked.accepts_login_of(authenticated_at, now))
    /// }
    /// ```
    pub fn accepts_login_of(&self, authenticated_at: Timestamp, now: Timestamp) -> bool {
        !self.prompt.login && self.max_age.is_none_or(|most| age_of(authenticated_at, now) <= most)
    }

    /// Whether this is the person whom the client means: it is, unless its `id_token_hint`, or a `sub` in its `claims`, says another. Somebody else has to
    /// log in or be chosen; [`Engine::approve`](crate::Engine::approve) answers `login_required` for the wrong one.
    ///
    /// ```
    /// fn may_go_on(asked: &regrant::AuthorizationRequest<'_>, logged_in: &str) -> bool {
    ///     asked.accepts_subject(logged_in)
    /// }
    /// ```
    pub fn accepts_subject(&self, subject: &str) -> bool {
        #[cfg(feature = "jwt")]
        return self.means(subject, self.hint.as_ref());
        #[cfg(not(feature = "jwt"))]
        self.hint.as_ref().is_none_or(|hint| hint.subject() == subject)
    }

    /// The ID token that the client handed back to say whom it means, `id_token_hint` of OpenID Connect Core section 3.1.2.1:
    /// verified, and perhaps expired.
    ///
    /// ```
    /// fn preselected<'r>(asked: &'r regrant::AuthorizationRequest<'_>) -> Option<&'r str> {
    ///     asked.id_token_hint().map(|hint| hint.subject())
    /// }
    /// ```
    #[cfg(feature = "jwt")]
    pub const fn id_token_hint(&self) -> Option<&IdTokenHint> {
        self.hint.as_ref()
    }

    /// Whom the client believes to be there, `login_hint`: a name or an e-mail address for the login page. Anybody can have written it.
    ///
    /// ```
    /// fn filled_in<'r>(asked: &'r regrant::AuthorizationRequest<'_>) -> &'r str {
    ///     asked.login_hint().unwrap_or_default()
    /// }
    /// ```
    pub fn login_hint(&self) -> Option<&str> {
        self.parameter("login_hint")
    }

    /// The languages that the person reads, the best first: `ui_locales`, tags of RFC 5646.
    ///
    /// ```
    /// fn language<'r>(asked: &'r regrant::AuthorizationRequest<'_>, ours: &[&str]) -> Option<&'r str> {
    ///     asked.ui_locales().find(|language| ours.contains(language))
    /// }
    /// ```
    pub fn ui_locales(&self) -> impl Iterator<Item = &str> {
        self.words("ui_locales")
    }

    /// The languages that claims are wanted in, the best first: `claims_locales`.
    ///
    /// ```
    /// fn wants_portuguese(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.claims_locales().any(|language| language.starts_with("pt"))
    /// }
    /// ```
    pub fn claims_locales(&self) -> impl Iterator<Item = &str> {
        self.words("claims_locales")
    }

    /// The kinds of login that the client would like, the best first: `acr_values`. It is a wish (OpenID Connect Core section 5.5.1.1); what
    /// it came to is said by [`with_acr`](crate::Authorization::with_acr).
    ///
    /// ```
    /// fn needs_a_second_factor(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.acr_values().any(|acr| acr == "urn:example:mfa")
    /// }
    /// ```
    pub fn acr_values(&self) -> impl Iterator<Item = &str> {
        self.words("acr_values")
    }

    /// What kind of page the client would like: `display`. Without one, and with one that nobody knows, it is [`Display::Page`].
    ///
    /// ```
    /// fn is_small(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.display() == regrant::engine::Display::Popup
    /// }
    /// ```
    pub fn display(&self) -> Display {
        match self.parameter("display") {
            Some("popup") => Display::Popup,
            Some("touch") => Display::Touch,
            Some("wap") => Display::Wap,
            _ => Display::Page,
        }
    }

    /// The claims that the client asks for by name, `claims` of OpenID Connect Core section 5.5: show them with the scope. `None` where it
    /// sends none, and where the engine [does not read them](crate::jwt::OpenIdProvider::with_claims_parameter).
    ///
    /// ```
    /// fn names<'r>(asked: &'r regrant::AuthorizationRequest<'_>) -> Vec<&'r str> {
    ///     asked.claims().into_iter().flat_map(|claims| claims.userinfo()).map(|claim| claim.name()).collect()
    /// }
    /// ```
    #[cfg(feature = "jwt")]
    pub const fn claims(&self) -> Option<&RequestedClaims> {
        self.claims.as_ref()
    }

    fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameter(name).unwrap_or_default().split(' ').filter(|word| !word.is_empty())
    }

    /// A parameter of the request, such as `login_hint` or one of the host's own; `None` where it is absent, empty or
    /// repeated.
    ///
    /// ```
    /// fn hint<'r>(asked: &'r regrant::AuthorizationRequest<'_>) -> Option<&'r str> {
    ///     asked.parameter("login_hint")
    /// }
    /// ```
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.form.single(name).ok().flatten()
    }

    /// The resources that the client wants tokens for (RFC 8707 section 2): those of the [engine's](crate::EngineBuilder::resource)
    /// that it names, or the default one, each once and as the engine spells it. To approve is to consent to all of them.
    ///
    /// An engine without resources gives what the client wrote, and does not limit tokens to it: there it is the host's to judge, and each has to be
    /// an absolute URI without a fragment that it knows, or the request is [denied](crate::Engine::deny) with
    /// [`Denial::InvalidTarget`](crate::Denial::InvalidTarget).
    ///
    /// ```
    /// fn is_for_files(asked: &regrant::AuthorizationRequest<'_>) -> bool {
    ///     asked.resources().all(|resource| resource == "https://files.example")
    /// }
    /// ```
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        let named = self.resources.is_none().then(|| self.form.all("resource"));
        let known = self.resources.as_ref().map(Asked::uris);
        named.into_iter().flatten().chain(known.into_iter().flatten())
    }

    /// The [scope](Self::scope) by the resources that define it, for the page: first what no resource defines, if there is some, without a
    /// resource, then that of each of [`resources`](Self::resources), which may be empty. In an engine without resources
    /// all of it is the first part.
    ///
    /// ```
    /// fn list(asked: &regrant::AuthorizationRequest<'_>) -> String {
    ///     asked.scope_by_resource().map(|(at, scope)| format!("{}: {scope}\n", at.unwrap_or("your account"))).collect()
    /// }
    /// ```
    pub fn scope_by_resource(&self) -> impl Iterator<Item = (Option<&str>, Scope)> {
        let whole = (self.resources.is_none() && !self.scope.is_empty()).then(|| (None, self.scope.clone()));
        let parts = self.resources.as_ref().map(|resources| resources.parts(&self.scope));
        whole.into_iter().chain(parts.into_iter().flatten())
    }

    /// The parameters that make up the request, for hidden fields of a page's form: escape them, they are a stranger's.
    /// What else came, such as a password or a parameter that the host reads itself, is not among them, but for that of
    /// [`RenewalPolicy::OptIn`](crate::engine::RenewalPolicy::OptIn).
    ///
    /// ```
    /// fn fields(asked: &regrant::AuthorizationRequest<'_>, escape: fn(&str) -> String) -> String {
    ///     let field = |(name, value)| format!("<input type=hidden name=\"{name}\" value=\"{}\">", escape(value));
    ///     asked.carried().map(field).collect()
    /// }
    /// ```
    pub fn carried(&self) -> impl Iterator<Item = (&str, &str)> {
        self.form.iter().filter(|(name, _)| CARRIED.contains(name) || self.opt_in == Some(name))
    }

    /// Whether the client pushed it (RFC 9126), so that nobody could change or read it on its way through the browser.
    ///
    /// ```
    /// fn way(asked: &regrant::AuthorizationRequest<'_>) -> &'static str {
    ///     if asked.was_pushed() { "pushed" } else { "by the browser" }
    /// }
    /// ```
    pub const fn was_pushed(&self) -> bool {
        self.came.pushed
    }

    pub(super) fn return_to(&self) -> ReturnTo<'_> {
        let Self { client, redirect_uri, mode, .. } = self;
        ReturnTo { client, redirect_uri, state: self.state(), mode: *mode }
    }

    pub(super) fn state(&self) -> Option<&str> {
        self.parameter("state")
    }
}

/// How old a login is in whole seconds, which is how a client counts by `auth_time`.
pub(super) fn age_of(authenticated_at: Timestamp, now: Timestamp) -> Duration {
    Duration::from_secs(now.as_secs().saturating_sub(authenticated_at.as_secs()))
}

impl fmt::Debug for AuthorizationRequest<'_> {
    /// No parameters: a page's form may have a password among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field("client_id", &self.client.id())
            .field("scope", &self.scope)
            .field("prompt", &self.prompt)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_stands_alone() {
        let parse = Prompt::parse;
        assert_eq!(parse("none"), Some(Prompt { none: true, ..Prompt::default() }));
        assert_eq!(parse("login consent"), Some(Prompt { login: true, consent: true, ..Prompt::default() }));
        assert_eq!(parse("create select_account"), Some(Prompt { select_account: true, ..Prompt::default() }));
        for bad in ["none login", "login none", "none none", "none ", " none"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
