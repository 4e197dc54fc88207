//! The pages that a person sees: no script, no frame, no word of where they came from.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use regrant::{AuthorizationRequest, ShownError};

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

/// Asks who it is, and whether the client may have what it asks for.
pub(crate) fn login(asked: &AuthorizationRequest<'_>, was_wrong: bool) -> Response {
    let client = asked.client().id();
    // Who mistyped the password need not type the name again.
    let username = asked.parameter("username").or(asked.parameter("login_hint"));
    let (invalid, described_by) = (was_wrong.then_some("true"), was_wrong.then_some("wrong"));
    let content = html! {
        h1 { "Log in to continue to " (client) }
        @if was_wrong {
            p #wrong role="alert" { "The user name or the password is wrong. Please try again." }
        }
        form method="post" action="authorize" {
            @for (name, value) in asked.carried() {
                input type="hidden" name=(name) value=(value);
            }
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
    let status = if was_wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
    // The title is what a screen reader says first.
    let title = if was_wrong { "Error: log in to " } else { "Log in to " };
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
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    (status, headers, Html(whole.into_string())).into_response()
}
