//! Whether an access token is live: at a resource, and for introspection and revocation.

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::Access;
use crate::client::{Client, ClientRef, Clients, Lookup, Purpose};
use crate::engine::Engine;
use crate::engine::bounds::left_to;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::grants::is_record_of;
use crate::engine::refusal::{ClientRefusal, GrantRefusal, ResourceRefusal};
use crate::engine::resources::spellings;
use crate::engine::time::Time;
use crate::grant::{Grant, GrantId, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::Key;

/// Who asks about an access token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Asking {
    Resource,
    Introspection,
    Revocation,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The access token of this text, if it is live: genuine, of a grant that is there, of the epoch, not expired, and
    /// with something left of its scope to its client. At a resource, an engine may be set to believe a JWT's signature
    /// instead of the store.
    pub(in crate::engine) async fn live_access(
        &self,
        text: &str,
        time: &Time<'_>,
        asking: Asking,
    ) -> Result<Access, Failure> {
        if text.contains('.') {
            return self.live_jwt(text, time, asking).await;
        }
        self.live_opaque(text, time, asking).await
    }

    /// Shape, key, record, MAC, client, expiry, epoch, scope.
    async fn live_opaque(&self, text: &str, time: &Time<'_>, asking: Asking) -> Result<Access, Failure> {
        let token = self.access_token(text).ok_or(GrantRefusal::Shape)?;
        self.knows_key(token.key_id())?;
        let grant = self.store.load(token.grant_id()).await?.ok_or(GrantRefusal::NoGrant)?;
        is_record_of(&grant, token.grant_id())?;
        let is_genuine = |key: &Key| token.is_genuine(key, &grant.salt);
        let key = self
            .key_of(&grant, token.key_id())
            .inspect_err(|_| self.tell_of_device(&grant, token.key_id(), is_genuine, token.generation()))?;
        if !is_genuine(key) {
            return Err(GrantRefusal::Mac.into());
        }
        let client = self.check_grant(&grant, token.epoch(), token.expires_at(), time).await?;
        let scope = left_of(&grant.scope, token.scope_mask(), client.as_deref(), asking);
        let scope = scope.ok_or_else(|| of_grant(&grant, GrantRefusal::ScopeTaken))?;
        let audience = self.audience(&grant, token.resources(), asking).map_err(|why| of_grant(&grant, why))?;
        Ok(Access {
            grant_id: grant.id,
            client_id: grant.client_id.clone(),
            subject: grant.subject().map(SmolStr::new),
            scope,
            resources: audience,
            issued_at: token.issued_at(),
            expires_at: token.expires_at().min(grant.expires_at),
            epoch: token.epoch(),
            jti: None,
            acr: None,
            grant: Some(grant),
            bound_to: token.bound_to(),
            #[cfg(feature = "jwt")]
            exchanged: None,
            dpop_nonce: None,
        })
    }

    /// The resources that a genuine token is for. One that is for none that the engine has is good for nothing but to be
    /// revoked.
    fn audience(
        &self,
        grant: &Grant,
        of_grant: u16,
        asking: Asking,
    ) -> Result<SmallVec<[SmolStr; 1]>, ResourceRefusal> {
        let Some(resources) = self.settings.resources.as_deref() else {
            let is_plain = of_grant == 0 && grant.resource_list().is_none();
            return if is_plain || asking == Asking::Revocation {
                Ok(SmallVec::new())
            } else {
                Err(ResourceRefusal::AnotherResource)
            };
        };
        let audience = spellings(&resources.of_token(grant, of_grant));
        if audience.is_empty() && asking != Asking::Revocation {
            return Err(ResourceRefusal::AnotherResource);
        }
        Ok(audience)
    }

    /// What the grant and its client have to say of a genuine token of this epoch and expiry; the client, where it may live
    /// and the client is at hand.
    pub(in crate::engine) async fn check_grant(
        &self,
        grant: &Grant,
        epoch: u32,
        expires_at: Timestamp,
        time: &Time<'_>,
    ) -> Result<Option<ClientRef<'_>>, Failure> {
        let client = self.client_of(grant.client_id(), grant.id).await?;
        if grant.created_at < self.not_before_of(client.as_deref()) {
            return Err(of_grant(grant, GrantRefusal::NotBefore));
        }
        let now = time.now();
        if now >= expires_at || now >= grant.expires_at {
            return Err(of_grant(grant, GrantRefusal::Expired));
        }
        // A later epoch than the record's is genuine: the store lost the write that began it.
        if epoch < grant.access_epoch {
            return Err(of_grant(grant, ResourceRefusal::AccessRevoked));
        }
        Ok(client)
    }

    /// The client of a grant, if it is at hand; one that is no longer registered has no grants.
    pub(in crate::engine) async fn client_of(
        &self,
        client_id: &str,
        grant: GrantId,
    ) -> Result<Option<ClientRef<'_>>, Failure> {
        match self.look_up(client_id, &Lookup::new(Purpose::AccessToken)).await {
            Ok(Some(client)) => Ok(Some(client)),
            Ok(None) => Err(Failure::from(ClientRefusal::UnknownClient).of_grant(grant)),
            Err(error) if error.is_not_at_hand() => Ok(None),
            Err(error) => Err(Failure::from(error).of_grant(grant)),
        }
    }
}

/// What the mask selects from this scope and the client may have now. A token of which nothing is left lets nobody in; it
/// can be revoked, since its client may be given back what was taken. Where the client is not at hand, what was granted
/// counts for as long as the token lives.
pub(in crate::engine) fn left_of(scope: &Scope, mask: u64, client: Option<&Client>, asking: Asking) -> Option<Scope> {
    let Some(client) = client else { return Some(scope.select(mask)) };
    let left = left_to(client, scope, mask).or((asking == Asking::Revocation).then_some(0));
    left.map(|mask| scope.select(mask))
}
