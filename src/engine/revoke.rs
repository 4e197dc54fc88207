//! The revocation endpoint: RFC 7009.

use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::Engine;
use super::event::Event;
use super::grants::{ATTEMPTS, is_record_of};
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, ClientRef, Clients};
use crate::grant::{GrantId, Timestamp, Version};
use crate::store::{StoreErrorKind, Swap, TokenStore};
use crate::token::GrantToken;
use crate::wire::{Form, Parameters, Request, Response};

/// Epochs have 24 bits. Nobody revokes the access tokens of one grant that often; the last time ends it.
const MAX_EPOCH: u32 = (1 << 24) - 1;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request to the revocation endpoint (RFC 7009). The client authenticates as at the token endpoint, public
    /// ones by their id.
    ///
    /// Any refresh token of the client's own, current or not, ends its grant and with it every token there is of it. An
    /// access token that is live revokes the access tokens that were issued for the grant up to now, and leaves the
    /// refresh token. Anything else, another client's token among it, is answered 200 too and changes nothing (section
    /// 2.2). `token_type_hint` is not needed: tokens tell themselves apart.
    ///
    /// 503 where the store fails: the token may be alive, so it has to be sent again.
    ///
    /// ```
    /// use regrant::{Client, Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// let app = Client::public("app").build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).build()?;
    /// let request = Request::new("POST", b"token=anything&client_id=app")
    ///     .header("content-type", b"application/x-www-form-urlencoded");
    /// assert_eq!(engine.blocking().revoke(&request, Timestamp::now())?.status(), 200);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke(&self, request: &Request<'_>, now: Timestamp) -> Response {
        match self.try_revoke(request, now).await {
            Ok(()) => Response::ok(b"{}".to_vec()),
            Err(failure) => self.refuse(&failure),
        }
    }

    async fn try_revoke(&self, request: &Request<'_>, now: Timestamp) -> Result<(), Failure> {
        let (client, token) = self.token_of_request(request).await?;
        let revoked = match token.as_bytes().try_into().ok().and_then(GrantToken::decode) {
            Some(token) => self.revoke_refresh_token(&token, &client).await,
            None => self.revoke_access_token(&token, &client, now).await,
        };
        match revoked {
            // An invalid token is none of the client's business (RFC 7009 section 2.2).
            Err(failure) if failure.why.code().status() < 500 => Ok(()),
            revoked => revoked.map_err(|failure| failure.of_client(client.shared_id())),
        }
    }

    /// What a request to this endpoint and to that of introspection is made of: a client, proven, and a token.
    pub(super) async fn token_of_request(
        &self,
        request: &Request<'_>,
    ) -> Result<(ClientRef<'_>, Zeroizing<String>), Failure> {
        Self::check_head(request)?;
        let form = Form::parse(request.body(), &self.limits).map_err(Refusal::Form)?;
        let mut parameters = Parameters::none();
        parameters.read(&form).map_err(Refusal::from)?;
        let client = self.authenticate(request, &parameters).await?;
        match form.single("token") {
            Ok(Some(token)) => Ok((client, Zeroizing::new(token.to_owned()))),
            _ => Err(Failure::from(Refusal::MissingParameter).of_client(client.shared_id())),
        }
    }

    async fn revoke_refresh_token(&self, token: &GrantToken, client: &Client) -> Result<(), Failure> {
        let Some(grant) = self.own_refresh_grant(token, client).await? else { return Ok(()) };
        self.end_for(&grant).await
    }

    async fn revoke_access_token(&self, text: &str, client: &Client, now: Timestamp) -> Result<(), Failure> {
        let access = self.live_access(text, now, false).await?;
        if access.client_id() != client.id() {
            return Ok(());
        }
        self.revoke_access(access.grant_id(), access.epoch, now).await
    }

    /// Moves a grant past this epoch of its access tokens, whatever else goes on: a rotation in flight loses its swap, and
    /// takes its step after it.
    async fn revoke_access(&self, id: GrantId, epoch: u32, now: Timestamp) -> Result<(), Failure> {
        // Versions of writes whose outcome is unknown. A record of one of these was written by this very request.
        let mut unsure: SmallVec<[Version; 2]> = SmallVec::new();
        for _ in 0..ATTEMPTS {
            let Some(mut grant) = self.store.load(id).await? else { return Ok(()) };
            is_record_of(&grant, id)?;
            if unsure.contains(&grant.version) {
                self.emit(&Event::AccessRevoked { grant: id, client_id: grant.client_id() });
            }
            if grant.access_epoch > epoch {
                return Ok(());
            }
            if epoch == MAX_EPOCH {
                return self.end_for(&grant).await;
            }
            let expected = grant.version;
            grant.version = Version::from_u64(rand::random());
            // Past the token, which is ahead of the record where the store lost writes.
            grant.access_epoch = epoch + 1;
            match self.store.compare_and_swap(expected, &grant, now).await {
                Ok(Swap::Swapped) => {
                    self.emit(&Event::AccessRevoked { grant: id, client_id: grant.client_id() });
                    return Ok(());
                }
                Ok(Swap::Lost) => {}
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => unsure.push(grant.version),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure { grant: Some(id), ..Refusal::Contention.into() })
    }
}
