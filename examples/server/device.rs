//! The page where a person types the code that their television shows, and lets it in or not (RFC 8628 section 3.3).
//!
//! First who it is and which code, then the question: which application, what it asks for, and whether it was this person who began. Whoever
//! sends somebody else a link with a code in it gets no further than to that question (section 5.4).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use maud::html;
use regrant::Authorization;
use regrant::engine::{DeviceError, DeviceLogin};
use regrant::event::ThrottleRefusal;
use regrant::http::read_body;
use regrant::throttle::Guessed;
use subtle::ConstantTimeEq;

use crate::bank::{Bank, PASSWORD, USERNAME, unread};
use crate::guard::{Browser, Sender};
use crate::html::{page, told};
use crate::page as pages;
use crate::throttling::{peer, too_often};

pub(crate) async fn device(State(bank): State<Arc<Bank>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body, bank.engine.limits()).await {
        Ok(body) => body,
        Err(error) => return unread(&bank.engine, error),
    };
    let form = Form::read(&parts, &body);
    if parts.method == Method::POST {
        bank.answer_device(&parts, &form).await
    } else {
        ask_code(&bank.guard.browser(&parts.headers), &form, None)
    }
}

/// What a person filled in, and what the page had in it.
#[derive(Default)]
struct Form<'a> {
    token: Cow<'a, str>,
    user_code: Cow<'a, str>,
    username: Cow<'a, str>,
    password: Cow<'a, str>,
    decision: Cow<'a, str>,
}

impl<'a> Form<'a> {
    /// The link that a device shows has the code in its query; nothing else of a query counts.
    fn read(parts: &'a Parts, body: &'a [u8]) -> Self {
        let mut form = Self::default();
        let media_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        let is_form = media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let sent = match parts.method == Method::POST {
            true if is_form => body,
            true => &[],
            false => parts.uri.query().unwrap_or_default().as_bytes(),
        };
        for (name, value) in form_urlencoded::parse(sent) {
            let field = match &*name {
                "user_code" => &mut form.user_code,
                "form_token" if parts.method == Method::POST => &mut form.token,
                "username" if parts.method == Method::POST => &mut form.username,
                "password" if parts.method == Method::POST => &mut form.password,
                "decision" if parts.method == Method::POST => &mut form.decision,
                _ => continue,
            };
            if field.is_empty() {
                *field = value;
            }
        }
        form
    }

    fn is_right(&self) -> bool {
        let (username, password) = (self.username.as_bytes(), self.password.as_bytes());
        bool::from(username.ct_eq(USERNAME.as_bytes()) & password.ct_eq(PASSWORD.as_bytes()))
    }
}

/// Why the page asks again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Password,
    Code,
    AnotherBrowser,
}

/// What the first form is about.
const FIRST: &str = "log a device in";

/// What the question is about: this code, and a person whose password was right.
fn question(login: &DeviceLogin<'_>) -> String {
    format!("log a device in\n{}\n{}", login.user_code(), login.subject())
}

impl Bank {
    async fn answer_device(&self, parts: &Parts, form: &Form<'_>) -> Response {
        let (headers, from) = (&parts.headers, peer(parts));
        if self.guard.sender(headers) == Sender::Stranger {
            return pages::from_elsewhere();
        }
        let browser = self.guard.browser(headers);
        let is_program = self.guard.is_program(headers, &browser);
        if form.password.is_empty() {
            return self.decide_device(&browser, form, from).await;
        }
        if !browser.was_shown(FIRST, &form.token) && !is_program {
            return ask_code(&browser, form, Some(Again::AnotherBrowser));
        }
        match self.judge_password(form, from) {
            Err(refused) => return too_often(refused),
            Ok(false) => return ask_code(&browser, form, Some(Again::Password)),
            Ok(true) => {}
        }
        match self.engine.device_login(&form.user_code, USERNAME, from, || self.clock.read()).await {
            Ok(login) => match &*form.decision {
                "" => self.ask_device(&login),
                decision => self.end_device(&login, decision).await,
            },
            Err(DeviceError::UnknownCode) => ask_code(&browser, form, Some(Again::Code)),
            Err(error) => failed(error),
        }
    }

    /// The answer to the question, by the browser that it was asked in. Its token says that the password was right.
    async fn decide_device(&self, browser: &Browser, form: &Form<'_>, from: Option<IpAddr>) -> Response {
        // Before the code is looked at: only who is logged in tries one.
        let about = format!("{FIRST}\n{}\n{USERNAME}", form.user_code);
        if !browser.was_shown(&about, &form.token) {
            let again = (!form.token.is_empty() || !form.decision.is_empty()).then_some(Again::AnotherBrowser);
            return ask_code(browser, form, again);
        }
        match self.engine.device_login(&form.user_code, USERNAME, from, || self.clock.read()).await {
            Ok(login) => self.end_device(&login, &form.decision).await,
            Err(DeviceError::UnknownCode) => failed(DeviceError::Answered),
            Err(error) => failed(error),
        }
    }

    async fn end_device(&self, login: &DeviceLogin<'_>, decision: &str) -> Response {
        let clock = || self.clock.read();
        if decision != "allow" {
            return match self.engine.deny_device(login, clock).await {
                Ok(()) => told(StatusCode::OK, "The device is not logged in", "You can close this window."),
                Err(error) => failed(error),
            };
        }
        let person = Authorization::of(login.subject()).with_authenticated_at(clock());
        match self.engine.approve_device(login, person, clock).await {
            Ok(_) => told(StatusCode::OK, "The device is logged in", "It goes on by itself in a few seconds."),
            Err(error) => failed(error),
        }
    }

    /// Counted before it is looked at, by the counters of the login page.
    fn judge_password(&self, form: &Form<'_>, from: Option<IpAddr>) -> Result<bool, ThrottleRefusal> {
        let guess = self.engine.guess(Guessed::Password(&form.username), from, self.clock.read())?;
        let is_right = form.is_right();
        if is_right {
            guess.right();
        }
        Ok(is_right)
    }

    /// Whether to let it in. In a browser that is new from here on: who laid a cookie there before has no part in the answer.
    fn ask_device(&self, login: &DeviceLogin<'_>) -> Response {
        let browser = self.guard.new_browser();
        let client = login.client();
        let name = client.name().unwrap_or(client.id());
        let minutes = self.clock.read().since(login.began_at()).as_secs() / 60;
        let content = html! {
            h1 { "Let this device in?" }
            p {
                "A device on which you have opened " strong { (name) } " asks to be logged in as "
                strong { (login.subject()) } ". It began "
                @match minutes { 0 => "less than a minute ago.", 1 => "a minute ago.", _ => { (minutes) " minutes ago." } }
            }
            p { "It has to show this code: " strong #shown { (login.user_code()) } }
            p role="alert" {
                "Did somebody send you here, or can you not see the device? Then say no: it would be logged in as you."
            }
            p { strong { (name) } " asks for:" }
            ul {
                @for scope in login.scope().iter() {
                    li { (scope) }
                }
            }
            form method="post" {
                input type="hidden" name="form_token" value=(browser.token(&question(login)));
                input type="hidden" name="user_code" value=(login.user_code());
                button name="decision" value="allow" { "Let it in" }
                button name="decision" value="deny" { "No" }
            }
        };
        let mut response = page(StatusCode::OK, &format!("Let {name} in?"), &content);
        browser.keep(response.headers_mut());
        response
    }
}

/// Which code, and who it is.
fn ask_code(browser: &Browser, form: &Form<'_>, again: Option<Again>) -> Response {
    let (wrong_code, wrong_password) = (again == Some(Again::Code), again == Some(Again::Password));
    let invalid = |wrong: bool| wrong.then_some("true");
    let described = |wrong: bool| wrong.then_some("wrong");
    let content = html! {
        h1 { "Log a device in" }
        @match again {
            Some(Again::Password) => {
                p #wrong role="alert" { "The user name or the password is wrong. Please try again." }
            }
            Some(Again::Code) => {
                p #wrong role="alert" { "No device shows this code, or no longer. Please look at the device again." }
            }
            Some(Again::AnotherBrowser) => {
                p role="alert" {
                    "This form was not shown to this browser, or the browser has dropped its cookie. Please log in here."
                }
            }
            None => {}
        }
        form method="post" {
            input type="hidden" name="form_token" value=(browser.token(FIRST));
            label for="user_code" { "Code on the device" }
            input #user_code name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required
                maxlength="64" placeholder="WDJB-MJHT" value=(form.user_code)
                autofocus[form.user_code.is_empty() || wrong_code]
                aria-invalid=[invalid(wrong_code)] aria-describedby=[described(wrong_code)];
            label for="username" { "User name" }
            input #username name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required
                value=(form.username) autofocus[!form.user_code.is_empty() && again.is_none()]
                aria-invalid=[invalid(wrong_password)] aria-describedby=[described(wrong_password)];
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" required
                autofocus[wrong_password]
                aria-invalid=[invalid(wrong_password)] aria-describedby=[described(wrong_password)];
            p { "You will be asked whether to let the device in." }
            button { "Continue" }
        }
    };
    let status = match again {
        None => StatusCode::OK,
        Some(Again::Code) => StatusCode::BAD_REQUEST,
        Some(Again::Password | Again::AnotherBrowser) => StatusCode::FORBIDDEN,
    };
    let title = if again.is_some() { "Error: log a device in" } else { "Log a device in" };
    let mut response = page(status, title, &content);
    browser.keep(response.headers_mut());
    response
}

fn failed(error: DeviceError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match error {
        DeviceError::Throttled(refused) => too_often(refused),
        DeviceError::UnknownCode | DeviceError::Answered => {
            let text =
                "It was answered before, or it waits no longer. If it is not logged in, please begin anew on it.";
            told(status, "This device does not wait", text)
        }
        _ => told(status, "Nothing was done", "Something is wrong on our side. Please try again in a moment."),
    }
}
