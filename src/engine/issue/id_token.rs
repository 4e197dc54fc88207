//! ID tokens: OpenID Connect Core sections 2, 3.1.3.3 and 12.2.

use smol_str::SmolStr;

use super::{Claims, Issue};
use crate::client::{Client, Clients, OPENID};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::host::{IdTokenRequest, RequestedClaims};
use crate::engine::refusal::{ServerFault, Unavailable};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{IdToken, IdTokenKey, Jti, SigningKeys, half_hash, sign_id_token};
use crate::wire::PUBLIC_MAX_AGE;

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
        let (Some(signing), Some(subject)) = (self.jwt.signing(), grant.subject()) else {
            return Ok(Claims::default());
        };
        // What could not be answered is refused before anything is spent: the answer itself would come too late, and the token that the client
        // sends again would be a replay. JWT access tokens name the person too.
        let unsigned = |fault: ServerFault| Failure::from(fault).of_grant(grant.id).of_subject(Some(subject));
        self.sub_of(client, grant.created_at, subject).map_err(unsigned)?;
        let Some(provider) = signing.claims.as_deref() else { return Ok(Claims::default()) };
        let scope = grant.scope.select(scope_mask);
        if !scope.contains(OPENID) {
            return Ok(Claims::default());
        }
        if !self.signs_id_tokens_for(client, now) {
            return Err(unsigned(ServerFault::Signing));
        }
        let requested = grant.asked_claims().and_then(RequestedClaims::parse);
        let requested = requested.as_ref();
        match provider
            .claims_dyn(&IdTokenRequest { grant, client, scope: &scope, now, userinfo: false, requested })
            .await
        {
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
        let unsigned = |fault: ServerFault| Failure::from(fault).of_grant(issue.grant.id);
        let key = id_token_key(&keys, issue.client, issue.now).ok_or(ServerFault::Signing).map_err(unsigned)?;
        let subject = self.sub_of(issue.client, issue.grant.created_at, subject).map_err(unsigned)?;
        // Of a login that was under another algorithm no client can check it.
        let state_hash = issue.grant.code.as_ref().and_then(|code| code.state_hash.as_deref());
        let state_hash = state_hash.filter(|hash| hash.len() == key.half_hash().text_len());
        let sid = sid_of(issue.grant);
        // An ID token that may be exchanged, or ends with a session, can be traced to its grant.
        let is_traced = sid.is_some() || self.host.exchange().is_some();
        let signed = sign_id_token(
            key,
            &IdToken {
                issuer: self.issuer().unwrap_or_default(),
                subject: &subject,
                audience: issue.client.id(),
                issued_at_secs: issue.now.as_secs(),
                lifetime_secs: lifetime_secs.into(),
                auth_time_secs: issue.grant.auth_time(),
                acr: issue.grant.acr(),
                amr: issue.grant.amr().collect(),
                sid: sid.as_deref(),
                jti: is_traced.then(|| Jti::new(issue.grant.id, issue.grant.access_epoch)),
                nonce: issue.nonce,
                access_token: std::str::from_utf8(access_token).ok(),
                state_hash,
                realm: issue.grant.realm(),
                claims,
            },
        );
        signed.map(Some).map_err(|_| unsigned(ServerFault::Signing))
    }

    /// The claim `s_hash` of the ID tokens of a login, by the hash of the algorithm that will sign them.
    pub(in crate::engine) fn state_hash(
        &self,
        client: &Client,
        scope: &Scope,
        state: &str,
        now: Timestamp,
    ) -> Option<SmolStr> {
        let signing = self.jwt.signing().filter(|signing| signing.claims.is_some() && scope.contains(OPENID))?;
        Some(half_hash(id_token_key(&signing.keys.current(), client, now)?.half_hash(), state).into())
    }

    /// Whether a client can have ID tokens: where it wants an algorithm of its own, there has to be such a key.
    pub(in crate::engine) fn signs_id_tokens_for(&self, client: &Client, now: Timestamp) -> bool {
        self.jwt.signing().is_none_or(|signing| id_token_key(&signing.keys.current(), client, now).is_some())
    }
}

/// What the client calls the host's session.
#[cfg(feature = "root-secret")]
fn sid_of(grant: &Grant) -> Option<String> {
    grant.session().map(|session| crate::engine::subjects::sid(session, grant.client_id()))
}

#[cfg(not(feature = "root-secret"))]
const fn sid_of(_: &Grant) -> Option<String> {
    None
}

/// The client's own secret where it has a recoverable one, or the engine's key; of several the one of the algorithm that the client wants, once it is
/// published for as long as caches keep a JWK set without it.
pub(in crate::engine) fn id_token_key<'k>(
    keys: &'k SigningKeys,
    client: &'k Client,
    now: Timestamp,
) -> Option<IdTokenKey<'k>> {
    if let Some(secret) = client.id_token_secret() {
        return Some(IdTokenKey::ClientSecret(secret.as_bytes()));
    }
    match client.id_token_algorithm() {
        None => Some(IdTokenKey::Engine(keys.signing())),
        Some(wanted) => keys.signing_by(wanted, PUBLIC_MAX_AGE, now).map(IdTokenKey::Engine),
    }
}
