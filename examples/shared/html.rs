//! What every page has: no script, no frame, and no word to others of where the person was.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

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
ul.sessions { list-style: none; padding: 0 }
.sessions li { border-top: 1px solid GrayText; padding: 1rem 0 .5rem }
.sessions h2 { font-size: 1.125rem; margin: 0 }
.sessions p { margin: .25rem 0 .75rem }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1.25rem; margin: 0 .5rem .75rem 0;
  border: 1px solid GrayText; border-radius: .375rem }
button[value=allow] { background: var(--accent); color: var(--on-accent); border-color: var(--accent) }
:focus-visible { outline: .1875rem solid var(--accent); outline-offset: .125rem }
[role=alert] { border-left: .25rem solid var(--wrong); margin: 0; padding: .25rem .75rem }
@media (max-width: 26rem) { button { width: 100%; margin-right: 0 } }";

/// A page that says one thing.
pub(crate) fn told(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, title, &html! { h1 { (title) } p { (text) } })
}

/// A page, with the headers of every page.
pub(crate) fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
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
