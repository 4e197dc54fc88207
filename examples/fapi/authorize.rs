//! The authorization endpoint and the form of its page, which carries the request along as the engine sealed it. A POST with that
//! handle decides, and what else of a request is in it does not count; one without begins an authorization.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use regrant::engine::{InteractionError, Person, ShownError};
use regrant::event::ThrottleRefusal;
use regrant::http::read_body;
use regrant::throttle::Guessed;
use regrant::{Authorization, AuthorizationError, AuthorizationRequest, Denial, Timestamp};
use subtle::ConstantTimeEq;

use crate::app::{App, unread};
use crate::guard::{Browser, Sender};
use crate::page::{self, Problem};
use crate::throttling::{peer, too_often};

// For trying out only.
pub(crate) const USERNAME: &str = "alice";
pub(crate) const PASSWORD: &str = "wonderland";

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
struct Form<'a> {
    interaction: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    username: Option<Cow<'a, str>>,
    password: Option<Cow<'a, str>>,
    decision: Option<Cow<'a, str>>,
}

impl<'a> Form<'a> {
    /// Of a request that has one; a GET has no body.
    fn read(headers: &HeaderMap, body: &'a [u8]) -> Self {
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
                _ => continue,
            };
            field.get_or_insert(value);
        }
        form
    }

    /// Here there is one user. A real host keeps a slow hash, and verifies it off the async runtime.
    fn is_right(&self) -> bool {
        let given = |field: &Option<Cow<'a, str>>| field.clone().unwrap_or_default();
        let (username, password) = (given(&self.username), given(&self.password));
        bool::from(username.as_bytes().ct_eq(USERNAME.as_bytes()) & password.as_bytes().ct_eq(PASSWORD.as_bytes()))
    }
}

impl App {
    async fn begin(&self, parts: &Parts, body: &[u8]) -> Response {
        let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, body);
        let request = peer(parts).map_or(request, |peer| request.with_peer(peer));
        let asked = match self.engine.authorize(&request, Timestamp::now()).await {
            Ok(asked) => asked,
            Err(error) => return refused(error),
        };
        if asked.prompt().none {
            // Nobody is remembered, so nobody is logged in.
            return finish(self.engine.deny(&asked, Denial::LoginRequired, Person::Nobody, Timestamp::now).await);
        }
        self.show(&asked, &self.guard.browser(&parts.headers), None, None)
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
        let guess = self.engine.guess(Guessed::Password(username), from, Timestamp::now())?;
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
        let username = form.username.as_deref();
        if form.decision.as_deref() == Some("deny") {
            // Whoever pressed the button, the page has said which client hears of it.
            let is_known = form.password.is_some() && self.judge(form, from).unwrap_or(false);
            let person = if is_known { Person::LoggedIn(&self.subject) } else { Person::AtThePage };
            finish(self.engine.deny(asked, Denial::AccessDenied, person, Timestamp::now).await)
        } else if form.password.is_none() || form.decision.as_deref() != Some("allow") {
            self.show(asked, browser, username, None)
        } else {
            match self.judge(form, from) {
                Ok(true) => {
                    let person = Authorization::of(&self.subject);
                    let person = person.with_authenticated_at(Timestamp::now()).with_page_shown();
                    finish(self.engine.approve(asked, person, Timestamp::now).await.map(|approval| approval.response))
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
        let handle = match self.engine.interaction_handle(asked, Timestamp::now()) {
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

/// Sends the person back to the client, by a redirect or by a form; who cannot be sent there stays here, and is told.
fn finish(answer: Result<regrant::Response, ShownError>) -> Response {
    answer.map_or_else(|error| page::error(&error), |response| regrant::http::response(response).into_response())
}
