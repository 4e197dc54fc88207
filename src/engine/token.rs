//! The token endpoint: RFC 6749 section 3.2.

use std::error::Error;

use smol_str::SmolStr;

use super::Engine;
use super::event::{Cause, Event};
use super::refusal::Refusal;
use crate::client::{AUTHORIZATION_CODE, Clients, REFRESH_TOKEN};
use crate::grant::{GrantId, Timestamp};
use crate::store::{StoreError, TokenStore};
use crate::wire::{ErrorCode, Form, Header, Parameters, Request, Response, is_form_urlencoded};

/// A refusal on its way out, with what is known of the request.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: Refusal,
    pub(super) client_id: Option<SmolStr>,
    pub(super) grant: Option<GrantId>,
    pub(super) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(super) fn of_client(self, client_id: SmolStr) -> Self {
        Self { client_id: Some(client_id), ..self }
    }
}

impl From<Refusal> for Failure {
    fn from(why: Refusal) -> Self {
        Self { why, client_id: None, grant: None, cause: None }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let why = Refusal::from(&error);
        Self { cause: Some(error.into()), ..why.into() }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request to the token endpoint (RFC 6749 sections 3.2, 5.1 and 5.2). Every outcome is a response:
    /// refusals are 400 or 401, 405 and 413; a store, a registry, a handler or a hook that fails is 503, and the same
    /// request may then be sent again.
    ///
    /// `now` is the time of the request, and the only clock that counts: read it when the body is there, or a client that
    /// sends its body slowly chooses the time that its token is judged by. The future may be dropped at any await: what
    /// it leaves, a retry of the client makes good.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # async fn serve() -> Result<(), regrant::BuildError> {
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let request = Request::new("POST", b"grant_type=refresh_token&refresh_token=...&client_id=app")
    ///     .header("content-type", b"application/x-www-form-urlencoded");
    /// let response = engine.token(&request, Timestamp::now()).await;
    /// assert_eq!(response.status(), 401); // no such client
    /// # Ok(())
    /// # }
    /// ```
    pub async fn token(&self, request: &Request<'_>, now: Timestamp) -> Response {
        match self.try_token(request, now).await {
            Ok(body) => Response::ok(body),
            Err(failure) => self.refuse(&failure),
        }
    }

    async fn try_token(&self, request: &Request<'_>, now: Timestamp) -> Result<Vec<u8>, Failure> {
        Self::check_head(request)?;
        let mut form = Form::unread();
        form.read(request.body(), &self.limits).map_err(Refusal::Form)?;
        let mut parameters = Parameters::none();
        parameters.read(&form).map_err(Refusal::from)?;
        let client = self.authenticate(request, &parameters).await?;
        let answered = match parameters.grant_type() {
            None => Err(Refusal::MissingParameter.into()),
            Some(grant_type) if grant_type == AUTHORIZATION_CODE.as_bytes() => self.redeem(&client, &form, now).await,
            Some(grant_type) if grant_type != REFRESH_TOKEN.as_bytes() => {
                self.login(grant_type, &client, &form, &parameters, now).await
            }
            Some(_) if client.may_refresh() => self.refresh(&client, &parameters, now).await,
            Some(_) => Err(Refusal::UnauthorizedClient.into()),
        };
        answered.map_err(|failure| failure.of_client(client.shared_id()))
    }

    /// Method and content type.
    pub(super) fn check_head(request: &Request<'_>) -> Result<(), Refusal> {
        if request.method() != "POST" {
            return Err(Refusal::Method);
        }
        match request.content_type() {
            Header::One(content_type) if is_form_urlencoded(content_type) => Ok(()),
            _ => Err(Refusal::ContentType),
        }
    }

    /// Tells the host, and answers the client.
    pub(super) fn refuse(&self, failure: &Failure) -> Response {
        self.tell(failure);
        let why = failure.why;
        let code = why.code();
        let response = Response::error(self.style, why.status(), code, why.description());
        match (why, code) {
            (Refusal::Method, _) => response.with_header("allow", "POST"),
            (_, ErrorCode::InvalidClient) => response.with_challenge(self.basic_challenge.clone()),
            _ => response,
        }
    }

    /// The event of a refusal.
    pub(super) fn tell(&self, failure: &Failure) {
        let Failure { why, grant, .. } = *failure;
        let client_id = failure.client_id.as_deref();
        self.emit(&match why.code() {
            // A replay has an event of its own.
            _ if why == Refusal::Replay => return,
            ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError => {
                let cause = failure.cause.as_deref().map(|cause| Cause(cause));
                Event::Failed { client_id, grant, why, cause }
            }
            _ => Event::Refused { client_id, grant, why },
        });
    }
}
