//! The token endpoint: RFC 6749 section 3.2.

#[cfg(feature = "proof")]
mod assertion;
mod code;
mod custom;
#[cfg(feature = "root-secret")]
mod device;
#[cfg(feature = "jwt")]
mod exchange;
mod hook;
#[cfg(feature = "proof")]
mod once;
mod refresh;
mod source;

use std::pin::pin;

use super::Engine;
use super::binding::Presented;
use super::client_auth::Occasion;
use super::failure::Failure;
use super::head::Desk;
use super::host::Clock;
use super::refusal::{ClientRefusal, RequestRefusal};
use super::time::Time;
#[cfg(feature = "root-secret")]
use crate::client::DEVICE_CODE;
#[cfg(feature = "jwt")]
use crate::client::TOKEN_EXCHANGE;
use crate::client::{AUTHORIZATION_CODE, Clients, REFRESH_TOKEN};
#[cfg(feature = "proof")]
use crate::client::{JWT_BEARER, Lookup, Purpose};
use crate::store::TokenStore;
use crate::token::GrantToken;
use crate::wire::{Form, Parameters, Request, Response};
use source::Ours;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request to the token endpoint (RFC 6749 sections 3.2, 5.1 and 5.2). Every outcome is a response:
    /// refusals are 400 or 401, 405 and 413; a store, a registry, a handler or a hook that fails is 503, and the same
    /// request may then be sent again.
    ///
    /// Where a client is known by a [document](crate::fetch::DocumentClients) that cannot be had now, it is 503 too, with `Retry-After`
    /// where that is known.
    ///
    /// `clock` is where the time is read, [`Timestamp::now`](crate::Timestamp::now) or another [`Clock`]. Call this when the body is there, or a
    /// client that sends its body slowly chooses the time that its token is judged by. The future may be dropped at any await: what
    /// it leaves, a retry of the client makes good.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// # async fn serve() -> Result<(), regrant::BuildError> {
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let request = Request::new("POST", b"grant_type=refresh_token&refresh_token=...&client_id=app")
    ///     .with_header("content-type", b"application/x-www-form-urlencoded");
    /// let response = engine.token(&request, Timestamp::now).await;
    /// assert_eq!(response.status(), 401); // no such client
    /// # Ok(())
    /// # }
    /// ```
    pub async fn token(&self, request: &Request<'_>, clock: impl Clock) -> Response {
        let time = self.time(&clock);
        match time.watch(pin!(self.try_token(request, &time))).await {
            // Made where it is returned: a response is large, and a move of it costs time.
            Ok(body) if !self.takes_proofs() => Response::ok(body),
            Ok(body) => self.with_nonce(request, Response::ok(body), time.now()),
            Err(failure) => self.with_nonce(request, self.refuse(&failure), time.now()),
        }
    }

    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    fn try_token(&self, request: &Request<'_>, time: &Time<'_>) -> impl Future<Output = Result<Vec<u8>, Failure>> {
        async move {
            let (mut form, mut parameters, mut presented) =
                (Form::unread(), Parameters::unread(), Presented::default());
            let read = (&mut form, &mut parameters, &mut presented);
            let form = self.read_head(request, read, Desk::Token, time.now())?;
            // The store hears what is coming before the client's secret is hashed. Read where it stays, as all that is large here: what is moved
            // as soon as it is written keeps the processor waiting.
            let mut token = GrantToken::unread();
            let is_read = parameters.refresh_token().is_some_and(|text| self.read_grant_token(text, &mut token));
            if is_read {
                self.store.expect_load(token.grant_id());
            }
            let mut client = self.authenticate(request, &parameters, Occasion::to_write(time)).await;
            if client.as_ref().is_err_and(Failure::is_unlicensed) {
                client = self.authenticate_by_grant(request, &parameters, form, time).await;
            }
            // Borrowed in place: what is moved as soon as it is written keeps the processor waiting.
            let client = match client {
                Ok(ref client) => client,
                Err(failure) => return Err(failure),
            };
            presented
                .check_marked(client, self.takes_proofs())
                .map_err(|why| Failure::from(why).of_client(client.shared_id()))?;
            #[cfg(feature = "proof")]
            if let Some(profile) = self.profile() {
                // The token was genuine, or the keys are at hand: it has authenticated by them.
                let lookup = Lookup::of(Purpose::Licensed, request.peer());
                let checked = Box::pin(self.check_under(profile, client, &presented, lookup, time.now())).await;
                checked.map_err(|failure| failure.of_client(client.shared_id()))?;
            }
            let answered = match parameters.grant_type() {
                None => Err(RequestRefusal::MissingParameter.into()),
                Some(grant_type) if grant_type == AUTHORIZATION_CODE.as_bytes() => {
                    self.redeem(client, form, &mut presented, time).await
                }
                Some(grant_type) if grant_type != REFRESH_TOKEN.as_bytes() => {
                    #[cfg(feature = "root-secret")]
                    if let Some(device) = self.device.as_deref().filter(|_| grant_type == DEVICE_CODE.as_bytes()) {
                        // Boxed, so that no other request is larger for it.
                        let polled = Box::pin(self.poll_device(device, client, form, &mut presented, time)).await;
                        return polled.map_err(|failure| failure.of_client(client.shared_id()));
                    }
                    #[cfg(feature = "proof")]
                    if let Some(bearer) = self.jwt_bearer.as_deref().filter(|_| grant_type == JWT_BEARER.as_bytes()) {
                        let asked =
                            Box::pin(self.grant_by_assertion(bearer, client, form, &mut presented, request, time));
                        return asked.await.map_err(|failure| failure.of_client(client.shared_id()));
                    }
                    #[cfg(feature = "jwt")]
                    if let Some(policy) = self.host.exchange().filter(|_| grant_type == TOKEN_EXCHANGE.as_bytes()) {
                        // Boxed, so that no other request is larger for it.
                        let exchanged =
                            Box::pin(self.exchange(policy, client, form, &mut presented, request, time)).await;
                        return exchanged.map_err(|failure| failure.of_client(client.shared_id()));
                    }
                    self.grant_by_handler(client, form, &parameters, &mut presented, request, time).await
                }
                Some(_) if client.may_refresh() => {
                    let named = is_read.then_some(&token);
                    match self.refresh(client, form, &parameters, &mut presented, time, (Ours, named)).await {
                        #[cfg(feature = "root-secret")]
                        Err(why) if self.may_be_foreign(&why) => {
                            // Boxed, so that no other request is larger for it.
                            let from = (request.peer(), time);
                            Box::pin(self.refresh_foreign(client, form, &parameters, &mut presented, from, why)).await
                        }
                        answered => answered,
                    }
                }
                Some(_) => Err(ClientRefusal::UnauthorizedClient.into()),
            };
            answered.map_err(|failure| failure.of_client(client.shared_id()))
        }
    }
}
