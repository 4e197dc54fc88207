//! The pages that a person sees: no script, no frame, and no word to others of where the person was.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use regrant::AuthorizationRequest;
use regrant::engine::ShownError;
use regrant::jwt::IdTokenHint;

// `form-action` is left out: browsers apply it to the redirect that follows, which leaves for the client.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

// In units of the reader's own font. What is to be pressed is at least 44 pixels high, and where the focus is can be seen.
const STYLE: &str = "\
:root { color-scheme: light dark; background: Canvas; color: CanvasText; font: 1.0625rem/1.5 system-ui, sans-serif;
  --accent: light-dark(#0b57d0, #a8c7fa); --on-accent: light-dark(#fff, #0b1f40); --wrong: light-dark(#b3261e, #f2b8b5) }
body { margin: 0 }
main { max-width: 24rem; margin: clamp(1rem, 8vh, 4rem) auto; padding: 0 1.25rem; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600 }
input { box-sizing: border-box; width: 100%; min-height: 2.75rem; font: inherit; padding: .5rem .75rem;
  border: 1px solid GrayText; border-radius: .375rem }
form p { margin: 1.25rem 0 0 }
ul { margin: .25rem 0 1.5rem; padding-left: 1.25rem }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1.25rem; margin: 0 .5rem .75rem 0;
  border: 1px solid GrayText; border-radius: .375rem }
button[value=allow] { background: var(--accent); color: var(--on-accent); border-color: var(--accent) }
:focus-visible { outline: .1875rem solid var(--accent); outline-offset: .125rem }
[role=alert] { border-left: .25rem solid var(--wrong); margin: 0; padding: .25rem .75rem }
@media (max-width: 26rem) { button { width: 100%; margin-right: 0 } }";

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
                    li { (scope) }
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

fn told(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, title, &html! { h1 { (title) } p { (text) } })
}

fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    };
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        // Nobody else is told; with `no-referrer` the page's own form would come from the origin `null`.
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    (status, headers, Html(whole.into_string())).into_response()
}
