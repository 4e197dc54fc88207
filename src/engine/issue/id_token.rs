//! ID tokens: OpenID Connect Core sections 2, 3.1.3.3 and 12.2.

use smol_str::SmolStr;

use super::{Claims, Issue};
use crate::client::{Client, Clients, OPENID};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::host::IdTokenRequest;
use crate::engine::refusal::{ServerFault, Unavailable};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{IdToken, IdTokenKey, SigningKeys, half_hash, sign_id_token};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Asks the host what an ID token is to say, where one goes with this answer: somebody is logged in, and the part of
    /// the scope that the mask selects has `openid`.
    pub(in crate::engine) async fn id_claims(
        &self,
        grant: &Grant,
        client: &Client,
        scope_mask: u64,
        now: Timestamp,
    ) -> Result<Claims, Failure> {
        let Some(provider) = self.jwt.signing().and_then(|signing| signing.claims.as_deref()) else {
            return Ok(Claims::default());
        };
        let scope = grant.scope.select(scope_mask);
        if grant.subject().is_none() || !scope.contains(OPENID) {
            return Ok(Claims::default());
        }
        match provider.claims_dyn(&IdTokenRequest { grant, client, scope: &scope, now }).await {
            Ok(claims) => Ok(Claims(Some(claims))),
            Err(error) => Err(Failure::from(Unavailable::Host).of_grant(grant.id).by(error)),
        }
    }

    /// Signs the ID token of an answer.
    pub(in crate::engine) fn id_token(
        &self,
        issue: &Issue<'_>,
        access_token: &[u8],
        lifetime_secs: u32,
    ) -> Result<Option<String>, Failure> {
        let (Some(claims), Some(signing), Some(subject)) = (&issue.claims.0, self.jwt.signing(), issue.grant.subject())
        else {
            return Ok(None);
        };
        // One look at them for the whole token: the hashes are of the algorithm that signs.
        let keys = signing.keys.current();
        let key = id_token_key(&keys, issue.client);
        // Of a login that was under another algorithm no client can check it.
        let state_hash = issue.grant.code.as_ref().and_then(|code| code.state_hash.as_deref());
        let state_hash = state_hash.filter(|hash| hash.len() == key.half_hash().text_len());
        let signed = sign_id_token(
            key,
            &IdToken {
                issuer: self.issuer().unwrap_or_default(),
                subject,
                audience: issue.client.id(),
                issued_at_secs: issue.now.as_secs(),
                lifetime_secs: lifetime_secs.into(),
                auth_time_secs: issue.grant.authenticated_at.as_secs(),
                acr: issue.grant.acr(),
                nonce: issue.nonce,
                access_token: std::str::from_utf8(access_token).ok(),
                state_hash,
                realm: issue.grant.realm(),
                claims,
            },
        );
        signed.map(Some).map_err(|_| Failure::from(ServerFault::Signing).of_grant(issue.grant.id))
    }

    /// The claim `s_hash` of the ID tokens of a login, by the hash of the algorithm that will sign them.
    pub(in crate::engine) fn state_hash(&self, client: &Client, scope: &Scope, state: &str) -> Option<SmolStr> {
        let signing = self.jwt.signing().filter(|signing| signing.claims.is_some() && scope.contains(OPENID))?;
        Some(half_hash(id_token_key(&signing.keys.current(), client).half_hash(), state).into())
    }
}

/// The client's own secret where it has a recoverable one, or the engine's key.
fn id_token_key<'k>(keys: &'k SigningKeys, client: &'k Client) -> IdTokenKey<'k> {
    match client.id_token_secret() {
        Some(secret) => IdTokenKey::ClientSecret(secret.as_bytes()),
        None => IdTokenKey::Engine(keys.signing()),
    }
}
