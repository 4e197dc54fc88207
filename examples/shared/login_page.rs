//! The pages that a person sees.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use regrant::AuthorizationRequest;
use regrant::engine::ShownError;
use regrant::jwt::IdTokenHint;

use crate::html::{page, told};

/// Why the login page is shown again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    WrongPassword,
    /// The form was not shown to this browser, or not for this request.
    AnotherBrowser,
}

/// Asks who it is, and whether the client may have what it asks for. The form carries the handle of the request, and the token
/// that binds it to the browser.
pub(crate) fn login(
    asked: &AuthorizationRequest<'_>,
    handle: &str,
    form_token: &str,
    username: Option<&str>,
    problem: Option<Problem>,
) -> Response {
    let client = asked.client().id();
    // Who mistyped the password need not type the name again.
    let hinted = asked.id_token_hint().map(IdTokenHint::subject);
    let username = username.or(asked.parameter("username")).or(hinted).or(asked.parameter("login_hint"));
    let was_wrong = problem == Some(Problem::WrongPassword);
    let (invalid, described_by) = (was_wrong.then_some("true"), was_wrong.then_some("wrong"));
    let content = html! {
        h1 { "Log in to continue to " (client) }
        @match problem {
            Some(Problem::WrongPassword) => {
                p #wrong role="alert" { "The user name or the password is wrong. Please try again." }
            }
            Some(Problem::AnotherBrowser) => {
                p role="alert" {
                    "This form was not shown to this browser, or the browser has dropped its cookie. Please log in here."
                }
            }
            None => {}
        }
        @if asked.client().is_stranger() {
            p {
                "Nobody here has checked this application. You will be sent on to "
                strong { (asked.destination().as_str()) } ". "
                strong { "Cancel, if you have not just begun to log in there." }
            }
        }
        form method="post" action="authorize" {
            input type="hidden" name="interaction" value=(handle);
            input type="hidden" name="form_token" value=(form_token);
            label for="username" { "User name" }
            input #username name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required
                value=[username] autofocus[username.is_none()]
                aria-invalid=[invalid] aria-describedby=[described_by];
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" required
                autofocus[username.is_some()] aria-invalid=[invalid] aria-describedby=[described_by];
            p { strong { (client) } " asks for:" }
            ul {
                @for scope in asked.scope().iter() {
                    li { (meaning(scope)) }
                }
            }
            button name="decision" value="allow" { "Log in and allow" }
            button name="decision" value="deny" formnovalidate { "Cancel" }
        }
    };
    let status = if problem.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    // The title is what a screen reader says first.
    let title = if problem.is_some() { "Error: log in to " } else { "Log in to " };
    page(status, &format!("{title}{client}"), &content)
}

/// What a scope lets an application do, in words where there are some.
fn meaning(scope: &str) -> &str {
    match scope {
        "openid" => "know who you are",
        "offline_access" => "go on while you are away, after you have logged out too",
        other => other,
    }
}

/// Says that the link does not work. Nobody is sent anywhere: there is no address that could be trusted.
pub(crate) fn error(error: &ShownError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content = html! {
        h1 { "This link does not work" }
        @if error.status() == 503 {
            p { "Something is wrong on our side. Please try again later." }
        } @else {
            p { "The application that sent you here made a mistake: " (error.description()) "." }
        }
        p { code { (error.code().as_str()) } }
    };
    page(status, "This link does not work", &content)
}

/// The form was sent by a page of somebody else's.
pub(crate) fn from_elsewhere() -> Response {
    told(StatusCode::FORBIDDEN, "Nothing was done", "The form was sent by another site than this one.")
}

pub(crate) fn expired() -> Response {
    told(StatusCode::BAD_REQUEST, "The page has expired", "Nothing was done. Please begin anew at the application.")
}

pub(crate) fn answered() -> Response {
    let text = "It counts once. If the application did not hear of it, please begin anew there.";
    told(StatusCode::BAD_REQUEST, "This was answered already", text)
}

pub(crate) fn too_long() -> Response {
    let text = "The application that sent you here made a mistake: its request is longer than a page can carry.";
    told(StatusCode::PAYLOAD_TOO_LARGE, "This link does not work", text)
}
