//! The order of checks where a client is not at hand: what it presents comes first.
//!
//! ```text
//! shape → key id known → record → MAC → kind → the client id is the record's → registry, which may fetch →
//! client authentication → the rest
//! ```
//!
//! A client that is known by a document has to be fetched, after a restart too, from where its id says. Anybody can send that
//! id, so nothing is fetched for the id alone: a genuine code or token of a grant of this client's is the licence. Another server's
//! token, where the host knows those, is none: for it a client is fetched as for an authorization request. Whatever its
//! generation and age, somebody let the client in. Those are judged afterwards, as of any client, by a record that is loaded
//! again: a fetch takes seconds, and a grant may be ended meanwhile.

use super::{Authenticated, Occasion, read};
use crate::client::{AUTHORIZATION_CODE, Clients, Purpose, REFRESH_TOKEN};
use crate::engine::Engine;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::grants::is_record_of;
use crate::engine::refusal::{ClientRefusal, GrantRefusal, Refusal, RequestRefusal, Unavailable};
use crate::engine::resource::Asking;
use crate::engine::time::Time;
use crate::store::{BoxFuture, TokenStore};
use crate::token::{GrantToken, TokenKind};
use crate::wire::{BasicCredentials, Form, Parameters, Request};

impl Failure {
    /// Whether the client may be one that has to be fetched, and the request has shown nothing yet that allows it.
    pub(in crate::engine) fn is_unlicensed(&self) -> bool {
        self.why == Refusal::Unavailable(Unavailable::ClientNotAtHand)
    }

    /// Whether it is a genuine token, but another client's.
    pub(in crate::engine) fn is_of_another_client(&self) -> bool {
        self.why == Refusal::Grant(GrantRefusal::AnotherClient)
    }

    /// Whether it is the token that is refused, not the request or its client.
    pub(in crate::engine) fn is_about_a_token(&self) -> bool {
        matches!(self.why, Refusal::Grant(_) | Refusal::Resource(_))
    }
}

// Boxed futures: the requests of all other clients must not be larger for these.
impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The client of a token request whose client is not at hand. Codes and refresh tokens are licences; for other grants a
    /// client is not fetched, since nobody let it in.
    pub(in crate::engine) fn authenticate_by_grant<'e: 'a, 'a>(
        &'e self,
        request: &'a Request<'_>,
        parameters: &'a Parameters<'_>,
        form: &'a Form<'_>,
        time: &'a Time<'_>,
    ) -> BoxFuture<'a, Result<Authenticated<'e>, Failure>> {
        Box::pin(async move {
            let (text, kind) = match parameters.grant_type() {
                None => return Err(RequestRefusal::MissingParameter.into()),
                Some(grant_type) if grant_type == REFRESH_TOKEN.as_bytes() => {
                    (parameters.refresh_token(), TokenKind::Refresh)
                }
                Some(grant_type) if grant_type == AUTHORIZATION_CODE.as_bytes() => {
                    (form.single("code").ok().flatten().map(str::as_bytes), TokenKind::Code)
                }
                Some(_) => return Err(ClientRefusal::UnauthorizedClient.into()),
            };
            let text = text.ok_or(RequestRefusal::MissingParameter)?;
            let mut basic = BasicCredentials::unread();
            let credentials = read(request, parameters, &mut basic)?;
            // No code has a prefix, and none does it any harm.
            let licensed = match self.grant_token(text) {
                Some(token) => self.license(&token, kind, credentials.client_id()).await,
                None => Err(GrantRefusal::Shape.into()),
            };
            let purpose = match licensed {
                Err(failure) if kind == TokenKind::Refresh => self.purpose_without_licence(failure)?,
                licensed => licensed.map(|()| Purpose::Licensed)?,
            };
            self.authenticate(request, parameters, Occasion::to_write(time).with_purpose(purpose)).await
        })
    }

    /// The client of a request to revoke or introspect, where it is not at hand. The token that it is about is the licence.
    pub(in crate::engine) fn authenticate_by_token<'e: 'a, 'a>(
        &'e self,
        request: &'a Request<'_>,
        parameters: &'a Parameters<'_>,
        form: &'a Form<'_>,
        time: &'a Time<'_>,
    ) -> BoxFuture<'a, Result<Authenticated<'e>, Failure>> {
        Box::pin(async move {
            let text = form.single("token").ok().flatten().ok_or(RequestRefusal::MissingParameter)?;
            let mut basic = BasicCredentials::unread();
            let credentials = read(request, parameters, &mut basic)?;
            let client_id = credentials.client_id();
            let token = self.grant_token(text.as_bytes());
            let licensed = match &token {
                Some(token) => self.license(token, TokenKind::Refresh, client_id).await,
                None if text.contains('.') => self.license_by_jwt(text, client_id).await,
                None => self.license_by_access_token(text, client_id).await,
            };
            let purpose = match licensed {
                Ok(()) => Purpose::Licensed,
                Err(failure) if failure.is_of_another_client() => {
                    return Err(self.another_clients(text, token.as_ref(), failure, time).await);
                }
                Err(failure) => self.purpose_without_licence(failure)?,
            };
            self.authenticate(request, parameters, Occasion::to_look(time).with_purpose(purpose)).await
        })
    }

    /// What a client is looked up for whose token is none of ours. It may be another server's: the host, which knows, has to be told whose
    /// it says it is. So it may be fetched, within the limits of what anybody may cause.
    fn purpose_without_licence(&self, failure: Failure) -> Result<Purpose, Failure> {
        #[cfg(feature = "root-secret")]
        if self.may_be_foreign(&failure) || self.may_be_foreign_jwt(&failure) {
            return Ok(Purpose::Authorization);
        }
        #[cfg(not(feature = "root-secret"))]
        let _ = self;
        Err(failure)
    }

    /// What is said of a genuine token that is another client's: the same as where the one that sends it is at hand. One that has expired, or
    /// was voided, is invalid whoever sends it (RFC 7009 section 2.2).
    async fn another_clients(
        &self,
        text: &str,
        refresh_token: Option<&GrantToken>,
        failure: Failure,
        time: &Time<'_>,
    ) -> Failure {
        let looked_at = match refresh_token {
            Some(token) => match self.store.load(token.grant_id()).await {
                Ok(Some(grant)) => {
                    self.check_grant(&grant, grant.access_epoch, grant.refresh_expires_at, time).await.map(drop)
                }
                Ok(None) => Err(GrantRefusal::NoGrant.into()),
                Err(error) => Err(error.into()),
            },
            None => self.live_access(text, time, Asking::Revocation).await.map(drop),
        };
        match looked_at {
            Ok(()) => failure,
            // Its client is gone, and with it what it had: nothing that is said of the one that asks.
            Err(dead) if matches!(dead.why, Refusal::Client(_)) => GrantRefusal::NoGrant.into(),
            Err(dead) => dead,
        }
    }

    async fn license(&self, token: &GrantToken, kind: TokenKind, client_id: &str) -> Result<(), Failure> {
        match kind {
            TokenKind::Refresh => self.knows_key_of_refresh(token.key_id())?,
            _ => self.knows_key(token.key_id())?,
        }
        let grant = self.store.load(token.grant_id()).await?.ok_or(GrantRefusal::NoGrant)?;
        self.prove(&grant, token, kind, client_id)
    }

    async fn license_by_access_token(&self, text: &str, client_id: &str) -> Result<(), Failure> {
        let token = self.access_token(text).ok_or(GrantRefusal::Shape)?;
        self.knows_key(token.key_id())?;
        let grant = self.store.load(token.grant_id()).await?.ok_or(GrantRefusal::NoGrant)?;
        is_record_of(&grant, token.grant_id())?;
        if !token.is_genuine(self.key_of(&grant, token.key_id())?, &grant.salt) {
            return Err(GrantRefusal::Mac.into());
        }
        if grant.client_id() != client_id {
            return Err(of_grant(&grant, GrantRefusal::AnotherClient));
        }
        Ok(())
    }
}
