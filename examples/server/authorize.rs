//! The authorization endpoint and the form of its page.
//!
//! The page carries the request along as the engine sealed it, the interaction handle. A POST with a handle decides, and what
//! else of a request is in it does not count; one without begins an authorization, and may come from anywhere (OpenID Connect
//! Core section 3.1.2.1). Programs, which are no browser and have no cookie, may send the request with user name and password at
//! once: nobody can be lured into that.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use regrant::engine::{InteractionError, Person, ShownError};
use regrant::event::ThrottleRefusal;
use regrant::http::read_body;
use regrant::throttle::Guessed;
use regrant::{Authorization, AuthorizationError, AuthorizationRequest, Denial, Timestamp};
use subtle::ConstantTimeEq;

use crate::bank::{Bank, PASSWORD, USERNAME, unread};
use crate::guard::{Browser, Sender};
use crate::logout::in_session;
use crate::page::{self, Problem};
use crate::throttling::{peer, too_often};

pub(crate) async fn authorize(State(bank): State<Arc<Bank>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Not axum's `Bytes`: that takes memory by the number of frames, up to 2 MB of one byte each.
    let body = match read_body(&parts.headers, body, bank.engine.limits()).await {
        Ok(body) => body,
        Err(error) => return unread(&bank.engine, error),
    };
    let form = Form::read(&parts, &body);
    match form.interaction.as_deref() {
        Some(handle) => bank.decide(&parts, handle, &form).await,
        None => bank.begin(&parts, &body, &form).await,
    }
}

/// What a person filled in, and what the page had in it.
#[derive(Default)]
struct Form<'a> {
    interaction: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    username: Option<Cow<'a, str>>,
    password: Option<Cow<'a, str>>,
    decision: Option<Cow<'a, str>>,
}

impl<'a> Form<'a> {
    fn read(parts: &Parts, body: &'a [u8]) -> Self {
        let mut form = Self::default();
        let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if parts.method != Method::POST || !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return form;
        }
        for (name, value) in form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
            let field = match &*name {
                "interaction" => &mut form.interaction,
                "form_token" => &mut form.token,
                "username" => &mut form.username,
                "password" => &mut form.password,
                "decision" => &mut form.decision,
                _ => continue,
            };
            field.get_or_insert(value);
        }
        form
    }

    fn says_no(&self) -> bool {
        self.decision.as_deref() == Some("deny")
    }

    /// Users and their passwords: here, one of each. A real host keeps a slow hash, and verifies it off the async
    /// runtime.
    fn is_right(&self) -> bool {
        let given = |field: &Option<Cow<'a, str>>| field.clone().unwrap_or_default();
        let (username, password) = (given(&self.username), given(&self.password));
        bool::from(username.as_bytes().ct_eq(USERNAME.as_bytes()) & password.as_bytes().ct_eq(PASSWORD.as_bytes()))
    }
}

impl Bank {
    async fn begin(&self, parts: &Parts, body: &[u8], form: &Form<'_>) -> Response {
        // The handle carries all that there is of a request, and a password is none of it.
        let body = body.split(|&byte| byte == b'&').filter(|pair| !pair.starts_with(b"password=")).collect::<Vec<_>>();
        let body = body.join(&b'&');
        let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, &body);
        let asked = match self.engine.authorize(&request, Timestamp::now()).await {
            Ok(asked) => asked,
            Err(error) => return refused(error),
        };
        if asked.prompt().none {
            // Nobody is remembered, so nobody is logged in.
            return finish(self.engine.deny(&asked, Denial::LoginRequired, Person::Nobody, || self.clock.read()).await);
        }
        let browser = self.guard.browser(&parts.headers);
        // A program that knows the password needs no page.
        if (form.password.is_some() || form.says_no()) && self.guard.is_program(&parts.headers, &browser) {
            return self.answer(&asked, &browser, form, peer(parts)).await;
        }
        self.show(&asked, &browser, None, None)
    }

    async fn decide(&self, parts: &Parts, handle: &str, form: &Form<'_>) -> Response {
        let headers = &parts.headers;
        if self.guard.sender(headers) == Sender::Stranger {
            return page::from_elsewhere();
        }
        let Ok(interaction) = self.engine.open_interaction(handle, self.clock.read()) else { return page::expired() };
        let asked = match self.engine.resume(&interaction).await {
            Ok(asked) => asked,
            Err(error) => return refused(error),
        };
        let browser = self.guard.browser(headers);
        let was_shown = browser.was_shown(handle, form.token.as_deref().unwrap_or_default());
        if !was_shown && !self.guard.is_program(headers, &browser) {
            // Nothing that was filled in counts, not even the name.
            return self.show(&asked, &browser, None, Some(Problem::AnotherBrowser));
        }
        self.answer(&asked, &browser, form, peer(parts)).await
    }

    /// Whether name and password are right; counted before they are looked at.
    fn judge(&self, form: &Form<'_>, from: Option<IpAddr>) -> Result<bool, ThrottleRefusal> {
        let username = form.username.as_deref().unwrap_or_default();
        let guess = self.engine.guess(Guessed::Password(username), from, self.clock.read())?;
        let is_right = form.is_right();
        if is_right {
            guess.right();
        }
        Ok(is_right)
    }

    async fn answer(
        &self,
        asked: &AuthorizationRequest<'_>,
        browser: &Browser,
        form: &Form<'_>,
        from: Option<IpAddr>,
    ) -> Response {
        let clock = || self.clock.read();
        let username = form.username.as_deref();
        if form.says_no() {
            // Whoever pressed the button, the page has said which client hears of it. The "no" of somebody whom nobody knows is
            // not remembered: anybody could fill the store with them.
            let is_known = form.password.is_some() && self.judge(form, from).unwrap_or(false);
            let person = if is_known { Person::LoggedIn(USERNAME) } else { Person::AtThePage };
            finish(self.engine.deny(asked, Denial::AccessDenied, person, clock).await)
        } else if form.password.is_none() {
            self.show(asked, browser, username, None)
        } else {
            match self.judge(form, from) {
                Ok(true) => {
                    // Of a session that begins here: whoever has laid a cookie into the browser has no part in it.
                    let session = self.sessions.new_browser();
                    let person = Authorization::of(USERNAME).with_authenticated_at(clock()).with_page_shown();
                    let person = in_session(person, &session, clock());
                    let mut response =
                        finish(self.engine.approve(asked, person, clock).await.map(|approval| approval.response));
                    session.keep(response.headers_mut());
                    response
                }
                Ok(false) => self.show(asked, browser, username, Some(Problem::WrongPassword)),
                Err(refused) => too_often(refused),
            }
        }
    }

    fn show(
        &self,
        asked: &AuthorizationRequest<'_>,
        browser: &Browser,
        username: Option<&str>,
        problem: Option<Problem>,
    ) -> Response {
        let handle = match self.engine.interaction_handle(asked, self.clock.read()) {
            Ok(handle) => handle,
            Err(InteractionError::TooLong) => return page::too_long(),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
        let mut response = page::login(asked, &handle, &browser.token(&handle), username, problem);
        browser.keep(response.headers_mut());
        response
    }
}

fn refused(error: AuthorizationError) -> Response {
    match error {
        AuthorizationError::Redirect(response) => regrant::http::response(response).into_response(),
        AuthorizationError::Show(error) => page::error(&error),
    }
}

/// Sends the person back to the client; who cannot be sent there stays here, and is told. No client here is a stranger's, so that is
/// whoever answers a second time.
fn finish(answer: Result<regrant::Response, ShownError>) -> Response {
    answer.map_or_else(|_| page::answered(), |response| regrant::http::response(response).into_response())
}
