//! The pages that a person sees.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use regrant::client::Destination;
use regrant::engine::{Session, ShownError};
use regrant::fetch::FetchUrl;
use regrant::{AuthorizationRequest, GrantId, Scope, Timestamp};

use crate::account::Seen;
use crate::html::{page, told};
use crate::people::Person;

/// Why the page is shown again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    WrongPassword,
    /// The form was not shown to this browser, or not for this request.
    AnotherBrowser,
}

/// Asks who it is, where nobody is logged in, and whether the client may have what it asks for. The form carries the handle of
/// the request, and the token that binds it to the browser.
pub(crate) fn consent(
    asked: &AuthorizationRequest<'_>,
    handle: &str,
    form_token: &str,
    person: Option<Person>,
    username: Option<&str>,
    problem: Option<Problem>,
) -> Response {
    let client = asked.client();
    let name = client.name().unwrap_or("An application without a name");
    let username = username.or(asked.parameter("login_hint"));
    let was_wrong = problem == Some(Problem::WrongPassword);
    let (invalid, described_by) = (was_wrong.then_some("true"), was_wrong.then_some("wrong"));
    let content = html! {
        h1 { "Connect “" (name) "”?" }
        @match problem {
            Some(Problem::WrongPassword) => {
                p #wrong role="alert" { "The user name or the password is wrong. Please try again." }
            }
            Some(Problem::AnotherBrowser) => {
                p role="alert" {
                    "This form was not shown to this browser, or the browser has dropped its cookie. Please decide here."
                }
            }
            None => {}
        }
        @if client.is_stranger() {
            p {
                "Nobody here has checked this application. "
                @if let Ok(document) = FetchUrl::parse(client.id()) {
                    "It is described at " strong { (document.host()) } ", "
                } @else {
                    "It registered itself, "
                }
                "and the name is what it calls itself. "
                strong { "Cancel, if you have not just started to connect it." }
            }
        }
        p { "Afterwards you are sent to " strong { (place(asked.destination())) } "." }
        (wanted(asked))
        form method="post" action="authorize" {
            input type="hidden" name="interaction" value=(handle);
            input type="hidden" name="form_token" value=(form_token);
            @if let Some(person) = person {
                p { "You are logged in as " strong { (person.name) } "." }
                p {
                    button name="decision" value="allow" { "Allow" }
                    button name="decision" value="deny" { "Cancel" }
                }
            } @else {
                label for="username" { "User name" }
                input #username name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required
                    value=[username] aria-invalid=[invalid] aria-describedby=[described_by];
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="current-password" required
                    aria-invalid=[invalid] aria-describedby=[described_by];
                p {
                    button name="decision" value="allow" { "Log in and allow" }
                    button name="decision" value="deny" formnovalidate { "Cancel" }
                }
            }
        }
    };
    let status = if problem.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    // The title is what a screen reader says first.
    let title = if problem.is_some() { "Error: connect " } else { "Connect " };
    page(status, &format!("{title}{name}"), &content)
}

/// What it wants, by the resource that it wants it at.
fn wanted(asked: &AuthorizationRequest<'_>) -> Markup {
    let list = |scope: Scope| html! { ul { @for token in scope.iter() { li { (meaning(token)) } } } };
    let (there, everywhere): (Vec<_>, Vec<_>) = asked.scope_by_resource().partition(|(resource, _)| resource.is_some());
    html! {
        @for (resource, scope) in there {
            p { "At " code { (resource.unwrap_or_default()) } " it wants to" }
            (list(scope))
        }
        @for (_, scope) in everywhere {
            p { "Besides, it wants to" }
            (list(scope))
        }
    }
}

fn meaning(scope: &str) -> &str {
    match scope {
        "mcp:read" => "read",
        "mcp:write" => "change things",
        "mcp:admin" => "do what only an administrator may do",
        "offline_access" => "go on while you are away",
        other => other,
    }
}

/// Where an answer goes, in words: the part of it that a client cannot make up.
pub(crate) fn place(destination: Destination<'_>) -> String {
    match destination {
        Destination::Site(host) => host.to_owned(),
        here => format!("a program on this device ({here})"),
    }
}

/// A person's sessions, each with a form that ends it.
pub(crate) fn account(person: Person, sessions: &[Session], unreadable: &[GrantId], csrf: &str) -> Response {
    let content = html! {
        h1 { "Connected to " (person.name) }
        @if sessions.is_empty() && unreadable.is_empty() {
            p { "Nothing is connected." }
        } @else {
            ul class="sessions" {
                @for session in sessions {
                    li { (line(session)) (ending(session.id(), csrf)) }
                }
                @for id in unreadable {
                    li { h2 { "Something that cannot be read" } (ending(*id, csrf)) }
                }
            }
            form method="post" action="account/end-all" {
                input type="hidden" name="csrf" value=(csrf);
                button { "Disconnect everything" }
            }
        }
    };
    page(StatusCode::OK, "Connected applications", &content)
}

fn line(session: &Session) -> Markup {
    let seen = Seen::of(session);
    let may = session.scope().iter().map(meaning).collect::<Vec<_>>().join(", ");
    html! {
        h2 { (seen.client) }
        p {
            @for resource in session.resources() { "At " code { (resource) } br; }
            "It may " (may) br;
            "Last used " (time(session.last_refreshed_at())) ", connected " (time(session.created_at())) br;
            @if !seen.place.is_empty() { "By " (seen.place) ", allowed in " (seen.device) br; }
            @if session.is_of_stranger() { "Nobody here has checked it" }
        }
    }
}

fn ending(id: GrantId, csrf: &str) -> Markup {
    html! {
        form method="post" action="account/end" {
            input type="hidden" name="csrf" value=(csrf);
            input type="hidden" name="id" value=(id);
            button { "Disconnect" }
        }
    }
}

/// To the minute.
fn time(time: Timestamp) -> String {
    let date = httpdate::fmt_http_date(time.into());
    // "Sun, 06 Nov 1994 08:49:37 GMT"
    date.get(5..22).map_or(date.clone(), |minute| format!("{minute} UTC"))
}

pub(crate) fn nobody() -> Response {
    let text = "This browser is not logged in. Connect an application first: its page asks for your password.";
    told(StatusCode::UNAUTHORIZED, "Nobody is logged in here", text)
}

pub(crate) fn unavailable() -> Response {
    let text = "Something is wrong on our side. Please try again later.";
    told(StatusCode::SERVICE_UNAVAILABLE, "That did not work", text)
}

/// Says what is wrong. Nobody is sent anywhere, but may go: where the client would hear of it, if there is such a place.
pub(crate) fn error(error: &ShownError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content = html! {
        h1 { "This did not work" }
        @if error.status() >= 500 {
            p { "Something is wrong on our side, or at the application. Please try again later." }
        } @else {
            p { "What the application that sent you here asked for was not done: " (error.description()) "." }
        }
        p { code { (error.code().as_str()) } }
        @if let Some(way_on) = error.way_on() {
            p {
                "If you know " strong { (place(way_on.destination())) } ", you may "
                a href=(way_on.url()) rel="noreferrer" { "go on there" } "."
            }
        }
    };
    page(status, "This did not work", &content)
}

/// The form was sent by a page of somebody else's.
pub(crate) fn from_elsewhere() -> Response {
    told(StatusCode::FORBIDDEN, "Nothing was done", "The form was sent by another site than this one.")
}

pub(crate) fn expired() -> Response {
    told(StatusCode::BAD_REQUEST, "The page has expired", "Nothing was done. Please begin anew at the application.")
}

pub(crate) fn too_long() -> Response {
    let text = "The application that sent you here made a mistake: its request is longer than a page can carry.";
    told(StatusCode::PAYLOAD_TOO_LARGE, "This link does not work", text)
}
