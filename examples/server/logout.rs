//! The page where a person logs out, sent here by an application or not, and what the applications are told.
//!
//! Nothing ends before the person has said so, unless the application shows an ID token of this browser's own session.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maud::html;
use regrant::engine::{LogoutConsent, LogoutNotice, LogoutRequest};
use regrant::http::read_body;
use regrant::{Authorization, Timestamp};

use crate::bank::{Bank, USERNAME, unread};
use crate::guard::{Browser, Sender};
use crate::html::{page, told};
use crate::page as pages;

/// How long a browser stays logged in.
const SESSION: Duration = Duration::from_secs(12 * 3_600);

/// What the session of a browser is called: not what its cookie says, so that no log of it opens anything.
fn name_of(session: &Browser) -> String {
    URL_SAFE_NO_PAD.encode(session.key())
}

/// A login in a session of this browser's, which goes out with the answer: always a new one, so that nobody who laid a cookie there
/// before has a part in it.
pub(crate) fn in_session(login: Authorization, session: &Browser, now: Timestamp) -> Authorization {
    login.with_session(&name_of(session), now + SESSION)
}

pub(crate) async fn logout(State(bank): State<Arc<Bank>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body, bank.engine.limits()).await {
        Ok(body) => body,
        Err(error) => return unread(&bank.engine, error),
    };
    let request = regrant::http::request(&parts.method, &parts.uri, &parts.headers, &body);
    let asked = match bank.engine.end_session_request(&request).await {
        Ok(asked) => asked,
        Err(error) => return pages::error(&error),
    };
    let (token, decision) = answer_in(&parts.method, &body);
    match (token, decision) {
        // Only the page's own form has these; another site's is asked about like any link.
        (Some(token), Some(decision)) => bank.decide_logout(&parts.headers, &asked, &token, &decision).await,
        _ => bank.begin_logout(&parts.headers, &asked).await,
    }
}

/// What the page's form says besides.
fn answer_in(method: &Method, body: &[u8]) -> (Option<String>, Option<String>) {
    let field = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(body).filter(|_| method == Method::POST);
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    (field("form_token"), field("decision"))
}

/// What the form is about: this request, and a logout.
fn about(asked: &LogoutRequest<'_>) -> String {
    let request = form_urlencoded::Serializer::new(String::new()).extend_pairs(asked.carried()).finish();
    format!("log out\n{request}")
}

impl Bank {
    async fn begin_logout(&self, headers: &HeaderMap, asked: &LogoutRequest<'_>) -> Response {
        let session = name_of(&self.sessions.browser(headers));
        if asked.needs_question(Some((USERNAME, &session))) {
            return self.ask_logout(headers, asked, false);
        }
        self.end(headers, asked, LogoutConsent::Session { subject: USERNAME, name: &session }).await
    }

    async fn decide_logout(
        &self,
        headers: &HeaderMap,
        asked: &LogoutRequest<'_>,
        token: &str,
        decision: &str,
    ) -> Response {
        if self.guard.sender(headers) == Sender::Stranger {
            return pages::from_elsewhere();
        }
        if !self.guard.browser(headers).was_shown(&about(asked), token) {
            return self.ask_logout(headers, asked, true);
        }
        match decision {
            "logout" => self.end(headers, asked, LogoutConsent::Asked).await,
            _ => told(StatusCode::OK, "You are still logged in", "Nothing was done."),
        }
    }

    /// Ends the browser's session, and what was logged in to by it. Applications hear of it while the person goes on.
    async fn end(&self, headers: &HeaderMap, asked: &LogoutRequest<'_>, consent: LogoutConsent<'_>) -> Response {
        let session = name_of(&self.sessions.browser(headers));
        let Ok(out) = self.engine.log_out(USERNAME, &session, || self.clock.read()).await else {
            return told(
                StatusCode::SERVICE_UNAVAILABLE,
                "You are not logged out yet",
                "Please try again in a moment.",
            );
        };
        for notice in out.notices {
            tokio::spawn(tell(self.http.clone(), notice));
        }
        let mut response = match asked.way_back(consent) {
            Some(back) => regrant::http::response(back).into_response(),
            None => told(StatusCode::OK, "You are logged out", "You can close this window."),
        };
        self.sessions.new_browser().keep(response.headers_mut());
        response
    }

    fn ask_logout(&self, headers: &HeaderMap, asked: &LogoutRequest<'_>, another_browser: bool) -> Response {
        let browser = self.guard.browser(headers);
        let content = html! {
            h1 { "Log out?" }
            @if another_browser {
                p role="alert" { "This form was not shown to this browser. Please answer here." }
            }
            @match asked.client() {
                Some(client) => p { strong { (client.name().unwrap_or(client.id())) } " asks you to log out." }
                None => p { "You were asked to log out." }
            }
            @if asked.fault().is_some() {
                p { "The application that sent you here made a mistake, so you will not be sent back to it." }
            }
            form method="post" action="logout" {
                @for (name, value) in asked.carried() {
                    input type="hidden" name=(name) value=(value);
                }
                input type="hidden" name="form_token" value=(browser.token(&about(asked)));
                button name="decision" value="logout" { "Log out" }
                button name="decision" value="stay" { "Stay logged in" }
            }
        };
        let status = if another_browser { StatusCode::FORBIDDEN } else { StatusCode::OK };
        let mut response = page(status, "Log out", &content);
        browser.keep(response.headers_mut());
        response
    }
}

/// Tells an application (OpenID Connect Back-Channel Logout section 2.5). A real host tries again where this fails.
async fn tell(http: reqwest::Client, notice: LogoutNotice) {
    let post = http
        .post(notice.uri())
        .header("content-type", "application/x-www-form-urlencoded")
        .timeout(Duration::from_secs(5))
        .body(notice.body());
    match post.send().await {
        Ok(answer) => eprintln!("logout of {}: {}", notice.client_id(), answer.status()),
        Err(error) => eprintln!("logout of {}: {error}", notice.client_id()),
    }
}
