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

const STYLE: &str = "\
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif }
main { max-width: 24rem; margin: 4rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
label { display: block; margin: 1rem 0 .25rem }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem }
button { font: inherit; padding: .5rem 1.25rem; margin: 1.5rem .75rem 0 0 }
[role=alert] { border-left: .25rem solid #c00; padding: .25rem .75rem }";

/// Asks who it is, and whether the client may have what it asks for.
pub(crate) fn login(asked: &AuthorizationRequest<'_>, was_wrong: bool) -> Response {
    let client = asked.client().id();
    let content = html! {
        h1 { "Log in to continue to " (client) }
        @if was_wrong {
            p role="alert" { "The user name or the password is wrong. Please try again." }
        }
        form method="post" action="/oauth2/authorize" {
            @for (name, value) in asked.carried() {
                input type="hidden" name=(name) value=(value);
            }
            label for="username" { "User name" }
            input id="username" name="username" autocomplete="username" required autofocus
                value=(asked.parameter("login_hint").unwrap_or_default());
            label for="password" { "Password" }
            input id="password" name="password" type="password" autocomplete="current-password" required;
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
    page(status, &format!("Log in to {client}"), &content)
}

/// Says that the link does not work. Nobody is sent anywhere: there is no address that could be trusted.
pub(crate) fn error(error: &ShownError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content = html! {
        h1 { "This link does not work" }
        p { "The application that sent you here made a mistake: " (error.description()) "." }
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
