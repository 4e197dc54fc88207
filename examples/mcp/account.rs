//! What is connected to a person's account, and the end of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use regrant::engine::Session;
use regrant::http::read_body;
use regrant::store::StoreError;
use regrant::{AuthorizationRequest, GrantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::authorize::{Form, unread};
use crate::guard::{Browser, Sender};
use crate::page;
use crate::people::Person;

/// What its forms are about, for the guard.
const ABOUT: &str = "account";
/// How many sessions a page shows.
const SHOWN: usize = 200;
const PAGE: usize = 50;

/// What is kept with a grant for this page: a client that nobody registered by hand is in no list where its name could be
/// looked up.
#[derive(Serialize, Deserialize, Default, Debug)]
pub(crate) struct Seen {
    pub(crate) client: String,
    pub(crate) place: String,
    pub(crate) device: String,
}

impl Seen {
    pub(crate) fn new(asked: &AuthorizationRequest<'_>, device: Option<&str>) -> Self {
        let client = asked.client().name().unwrap_or("An application without a name").to_owned();
        let device = device.unwrap_or("an unnamed program").chars().take(120).collect();
        Self { client, place: page::place(asked.destination()), device }
    }

    pub(crate) fn of(session: &Session) -> Self {
        let seen = session.host_data().and_then(|data| data.read().ok());
        seen.unwrap_or_else(|| Self { client: session.client_id().to_owned(), ..Self::default() })
    }
}

pub(crate) async fn account(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let browser = app.guard.browser(&headers);
    let Some(person) = app.logins.of(&browser, Timestamp::now()) else { return page::nobody() };
    match app.sessions(person).await {
        Ok((sessions, unreadable)) => page::account(person, &sessions, &unreadable, &browser.token(ABOUT)),
        Err(_) => page::unavailable(),
    }
}

pub(crate) async fn end(State(app): State<Arc<App>>, request: Request) -> Response {
    app.change(request, async |app, person, _, form| {
        // Another person's is left alone, so the id is taken as it came.
        match form.id.as_deref().and_then(|id| id.parse::<GrantId>().ok()) {
            Some(id) => app.engine.end_session(person.name, id, regrant::Timestamp::now()).await.map(drop),
            None => Ok(()),
        }
    })
    .await
}

pub(crate) async fn end_all(State(app): State<Arc<App>>, request: Request) -> Response {
    app.change(request, async |app, person, browser, _| {
        // First, so that nobody connects anything by one of them meanwhile.
        app.logins.forget_others(browser, person);
        app.engine.end_sessions_of(person.name, regrant::Timestamp::now()).await.map(drop)
    })
    .await
}

impl App {
    async fn sessions(&self, person: Person) -> Result<(Vec<Session>, Vec<GrantId>), StoreError> {
        let (mut sessions, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.engine.sessions(person.name, after, PAGE, Timestamp::now()).await?;
            sessions.extend(page.sessions);
            unreadable.extend(page.unreadable);
            after = page.next;
            if after.is_none() || sessions.len() + unreadable.len() >= SHOWN {
                return Ok((sessions, unreadable));
            }
        }
    }

    /// Does what a form of the page asks for, if it was sent from there by whom it was shown to.
    async fn change(
        &self,
        request: Request,
        change: impl AsyncFnOnce(&Self, Person, &Browser, &Form<'_>) -> Result<(), StoreError>,
    ) -> Response {
        let (parts, body) = request.into_parts();
        let body = match read_body(&parts.headers, body, self.engine.limits()).await {
            Ok(body) => body,
            Err(error) => return unread(&self.engine, error),
        };
        if self.guard.sender(&parts.headers) == Sender::Stranger {
            return page::from_elsewhere();
        }
        let browser = self.guard.browser(&parts.headers);
        let Some(person) = self.logins.of(&browser, Timestamp::now()) else { return page::nobody() };
        let form = Form::read(&parts.headers, &body);
        if !browser.was_shown(ABOUT, form.csrf.as_deref().unwrap_or_default()) {
            return page::from_elsewhere();
        }
        match change(self, person, &browser, &form).await {
            // Relative: the server may be under a path.
            Ok(()) => Redirect::to("../account").into_response(),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, page::unavailable()).into_response(),
        }
    }
}
