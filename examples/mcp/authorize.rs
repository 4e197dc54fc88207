//! The authorization endpoint and the form of its page.
//!
//! The page carries the request along as the engine sealed it, the interaction handle. A POST with a handle decides, and what
//! else of a request is in it does not count; one without begins an authorization, and may come from anywhere: from a page of another site
//! it goes on as a GET.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use regrant::engine::{self, InteractionError, ShownError};
use regrant::event::ThrottleRefusal;
use regrant::http::{BodyError, read_body};
use regrant::throttle::Guessed;
use regrant::{Authorization, AuthorizationError, AuthorizationRequest, Denial, HostData, Timestamp};

use crate::account::Seen;
use crate::app::{App, McpEngine};
use crate::guard::{Browser, Sender};
use crate::page::{self, Problem};
use crate::people::{self, Person};
use crate::throttling::{peer, too_often};

pub(crate) async fn authorize(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body, app.engine.limits()).await {
        Ok(body) => body,
        Err(error) => return unread(&app.engine, error),
    };
    let form = Form::read(&parts.headers, &body);
    match form.interaction.as_deref() {
        Some(handle) => app.decide(&parts, handle, &form).await,
        None => app.begin(&parts, &body).await,
    }
}

/// What a person filled in, and what the page had in it.
#[derive(Default)]
pub(crate) struct Form<'a> {
    interaction: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    username: Option<Cow<'a, str>>,
    password: Option<Cow<'a, str>>,
    decision: Option<Cow<'a, str>>,
    /// Of the account page.
    pub(crate) csrf: Option<Cow<'a, str>>,
    pub(crate) id: Option<Cow<'a, str>>,
}

impl<'a> Form<'a> {
    /// Of a request that has one; a GET has no body.
    pub(crate) fn read(headers: &HeaderMap, body: &'a [u8]) -> Self {
        let mut form = Self::default();
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return form;
        }
        for (name, value) in form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
            let field = match &*name {
                "interaction" => &mut form.interaction,
                "form_token" => &mut form.token,
                "username" => &mut form.username,
                "password" => &mut form.password,
                "decision" => &mut form.decision,
                "csrf" => &mut form.csrf,
                "id" => &mut form.id,
                _ => continue,
            };
            field.get_or_insert(value);
        }
        form
    }
}

impl App {
    async fn begin(&self, parts: &Parts, body: &[u8]) -> Response {
        // The handle carries all that there is of a request, and a password is none of it.
        let body = body.split(|&byte| byte == b'&').filter(|pair| !pair.starts_with(b"password=")).collect::<Vec<_>>();
        let body = body.join(&b'&');
        let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, &body);
        let request = match peer(parts) {
            Some(peer) => request.with_peer(peer),
            None => request,
        };
        let browser = self.guard.browser(&parts.headers);
        let asked = match self.engine.authorize(&request, Timestamp::now()).await {
            Ok(asked) => asked,
            Err(error) => return refused(error, self.logins.of(&browser, Timestamp::now())),
        };
        if parts.method == Method::POST && self.guard.sender(&parts.headers) == Sender::Stranger {
            // The cookie does not come with it (`SameSite=Lax`), and a new one would take its place: any page could log people out.
            return again_by_get(&body);
        }
        let person = self.person(&asked, &browser);
        if asked.prompt().none {
            // The page is always shown, so nothing goes on without it, and no person stands behind this answer.
            let denial = if person.is_some() { Denial::ConsentRequired } else { Denial::LoginRequired };
            return finish(self.engine.deny(&asked, denial, engine::Person::Nobody, Timestamp::now).await);
        }
        self.show(&asked, &browser, None, None)
    }

    async fn decide(&self, parts: &Parts, handle: &str, form: &Form<'_>) -> Response {
        let headers = &parts.headers;
        if self.guard.sender(headers) == Sender::Stranger {
            return page::from_elsewhere();
        }
        let Ok(interaction) = self.engine.open_interaction(handle, Timestamp::now()) else { return page::expired() };
        // The client may have to be fetched, out of what this address may cause.
        let interaction = match peer(parts) {
            Some(peer) => interaction.with_peer(peer),
            None => interaction,
        };
        let browser = self.guard.browser(headers);
        let asked = match self.engine.resume(&interaction).await {
            Ok(asked) => asked,
            Err(error) => return refused(error, self.logins.of(&browser, Timestamp::now())),
        };
        let was_shown = browser.was_shown(handle, form.token.as_deref().unwrap_or_default());
        if !was_shown && !self.guard.is_program(headers, &browser) {
            // Nothing that was filled in counts, not even the name.
            return self.show(&asked, &browser, None, Some(Problem::AnotherBrowser));
        }
        self.answer(parts, &asked, &browser, form).await
    }

    async fn answer(
        &self,
        parts: &Parts,
        asked: &AuthorizationRequest<'_>,
        browser: &Browser,
        form: &Form<'_>,
    ) -> Response {
        let headers = &parts.headers;
        let username = form.username.as_deref();
        // Counted before it is looked at.
        let known = |password: &str| {
            let (username, now) = (username.unwrap_or_default(), Timestamp::now());
            let guess = self.engine.guess(Guessed::Password(username), peer(parts), now)?;
            let person = people::log_in(username, password, now);
            if person.is_some() {
                guess.right();
            }
            Ok::<_, ThrottleRefusal>(person)
        };
        if form.decision.as_deref() == Some("deny") {
            // Whoever pressed the button, the page has said which client hears of it.
            let by_password = || known(form.password.as_deref()?).ok().flatten();
            let person = self.person(asked, browser).or_else(by_password);
            let person = person.map_or(engine::Person::AtThePage, |person| engine::Person::LoggedIn(person.name));
            return finish(self.engine.deny(asked, Denial::AccessDenied, person, Timestamp::now).await);
        }
        let Some(password) = form.password.as_deref() else {
            return match self.person(asked, browser) {
                Some(person) if form.decision.as_deref() == Some("allow") => self.approve(headers, asked, person).await,
                _ => self.show(asked, browser, username, None),
            };
        };
        let person = match known(password) {
            Ok(Some(person)) => person,
            Ok(None) => return self.show(asked, browser, username, Some(Problem::WrongPassword)),
            Err(refused) => return too_often(refused),
        };
        // Another cookie than the one that was there before the password was.
        let now_known = self.guard.new_browser();
        self.logins.forget(browser);
        self.logins.remember(&now_known, person);
        let mut response = if form.decision.as_deref() == Some("allow") {
            self.approve(headers, asked, person).await
        } else {
            self.show(asked, &now_known, None, None)
        };
        now_known.keep(response.headers_mut());
        response
    }

    async fn approve(&self, headers: &HeaderMap, asked: &AuthorizationRequest<'_>, person: Person) -> Response {
        let device = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let Ok(seen) = HostData::of(&Seen::new(asked, device)) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let authorization =
            Authorization::of(person.name).with_authenticated_at(person.since).with_host_data(seen).with_page_shown();
        finish(self.engine.approve(asked, authorization, Timestamp::now).await.map(|approval| approval.response))
    }

    /// Who is logged in in this browser, if the request goes with that.
    fn person(&self, asked: &AuthorizationRequest<'_>, browser: &Browser) -> Option<Person> {
        let now = Timestamp::now();
        let person = self.logins.of(browser, now)?;
        (asked.accepts_subject(person.name) && asked.accepts_login_of(person.since, now)).then_some(person)
    }

    fn show(
        &self,
        asked: &AuthorizationRequest<'_>,
        browser: &Browser,
        username: Option<&str>,
        problem: Option<Problem>,
    ) -> Response {
        let handle = match self.engine.interaction_handle(asked, Timestamp::now()) {
            Ok(handle) => handle,
            Err(InteractionError::TooLong) => return page::too_long(),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
        let person = self.person(asked, browser);
        let mut response = page::consent(asked, &handle, &browser.token(&handle), person, username, problem);
        browser.keep(response.headers_mut());
        response
    }
}

/// Sends a browser to the same request in a query, with which its cookie comes. The place is relative, as in the form: a proxy may have
/// taken the path of the issuer off.
fn again_by_get(form: &[u8]) -> Response {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(form_urlencoded::parse(form)).finish();
    let headers = [(LOCATION, format!("authorize?{query}")), (CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// What a request is answered with that does not hold. Where anybody can register a redirect URI, nobody is sent anywhere before they
/// are logged in (RFC 9700 section 4.11.2), and to a stranger's not even then.
fn refused(error: AuthorizationError, person: Option<Person>) -> Response {
    let response = match error {
        AuthorizationError::Redirect(response) => response,
        AuthorizationError::Show(error) => {
            let person = person.map(|person| engine::Person::LoggedIn(person.name));
            let Some(response) = person.and_then(|person| error.redirect_for(person)) else {
                return page::error(&error);
            };
            response
        }
    };
    regrant::http::response(response).into_response()
}

/// Sends the person back to the client; who cannot be sent there stays here, and is told.
fn finish(answer: Result<regrant::Response, ShownError>) -> Response {
    match answer {
        Ok(response) => regrant::http::response(response).into_response(),
        Err(error) => page::error(&error),
    }
}

/// What a body that was not read is answered with. Where the connection broke nobody sees it.
pub(crate) fn unread(engine: &McpEngine, error: BodyError) -> Response {
    match error {
        BodyError::TooLarge => regrant::http::response(engine.body_too_large()).into_response(),
        _ => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
