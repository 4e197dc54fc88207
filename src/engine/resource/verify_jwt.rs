//! Access tokens that are JWTs, checked: RFC 9068 section 4.

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::live::left_of;
use super::{Access, Asking};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::exchange::Exchanged;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::grants::is_record_of;
use crate::engine::refusal::{GrantRefusal, ResourceRefusal};
use crate::engine::resources::{Found, spellings};
use crate::engine::time::Time;
use crate::grant::{Generation, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{AccessClaims, verify_access};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether a JWT, however old, is an access token of this engine's of a grant of the client of this id, which may have to be
    /// fetched before more can be said of it.
    pub(in crate::engine) async fn license_by_jwt(&self, text: &str, client_id: &str) -> Result<(), Failure> {
        let (Some(signing), Some(issuer)) = (self.jwt.signing(), self.issuer()) else {
            return Err(GrantRefusal::Shape.into());
        };
        let claims = verify_access(&signing.keys.current(), text).ok_or(ResourceRefusal::Jwt)?;
        if claims.iss != issuer || !self.realm.includes(claims.realm.as_deref(), &claims.client_id) {
            return Err(ResourceRefusal::Jwt.into());
        }
        let grant = self.store.load(claims.jti.grant).await?.ok_or(GrantRefusal::NoGrant)?;
        is_record_of(&grant, claims.jti.grant)?;
        if claims.client_id != client_id {
            return Err(of_grant(&grant, GrantRefusal::AnotherClient));
        }
        // One that was exchanged is of another's login, which it licenses nobody for.
        if grant.client_id() != claims.client_id {
            return Err(ResourceRefusal::Jwt.into());
        }
        Ok(())
    }

    /// A JWT of this engine: signature, issuer, audience, and what the grant says of it. A resource may be allowed to
    /// leave the grant out.
    pub(super) async fn live_jwt(&self, text: &str, time: &Time<'_>, asking: Asking) -> Result<Access, Failure> {
        let (Some(signing), Some(issuer)) = (self.jwt.signing(), self.issuer()) else {
            return Err(GrantRefusal::Shape.into());
        };
        let tokens = signing.access.get().ok_or(GrantRefusal::Shape)?;
        let claims = verify_access(&signing.keys.current(), text).ok_or(ResourceRefusal::Jwt)?;
        if claims.iss != issuer {
            return Err(ResourceRefusal::Jwt.into());
        }
        let resources = self.settings.resources.as_deref();
        let exchanged = Exchanged::of(&claims);
        let is_exchanged = exchanged.is_some();
        // Before there were resources the issuer was the audience; what such a token is for is what its grant is for.
        let is_resource = resources.is_some_and(|resources| resources.find(issuer).is_some());
        let is_older = claims.aud.contains(issuer) && !is_resource;
        let mut audience: Found<'_> = match resources {
            Some(resources) => claims.aud.iter().filter_map(|name| resources.find(name)).collect(),
            None if tokens.audiences(issuer).any(|ours| claims.aud.contains(ours)) => Found::None,
            // For others than this engine's own resources, which ask here.
            None if is_exchanged && asking != Asking::Resource => Found::None,
            None => return Err(ResourceRefusal::Jwt.into()),
        };
        // The wall stands where signatures alone are believed, too.
        if !self.is_of_realm(&claims) {
            return Err(ResourceRefusal::Jwt.into());
        }
        let jti = claims.jti;
        let scope = Scope::parse(&claims.scope).map_err(|_| ResourceRefusal::Jwt)?;
        let subject = (claims.sub != claims.client_id).then(|| SmolStr::new(&claims.sub));
        let mut access = Access {
            grant_id: jti.grant,
            client_id: SmolStr::new(&claims.client_id),
            subject,
            scope,
            resources: if is_exchanged { self.names_of(&claims) } else { SmallVec::new() },
            issued_at: Timestamp::from_secs(claims.iat),
            expires_at: Timestamp::from_secs(claims.exp),
            epoch: jti.epoch,
            jti: std::str::from_utf8(&jti.encode()).ok().map(SmolStr::new),
            acr: claims.acr.as_deref().map(SmolStr::new),
            grant: None,
            bound_to: claims.cnf.map(|cnf| cnf.0),
            exchanged,
            dpop_nonce: None,
        };
        if asking == Asking::Resource && tokens.signature_alone() {
            if let Some(resources) = resources.filter(|_| !is_exchanged) {
                if is_older {
                    audience.extend(resources.default_of(access.issued_at));
                }
                access.resources = spellings(&audience);
            }
            return self.believed(access, time).await;
        }
        let grant = self.store.load(jti.grant).await?.ok_or(GrantRefusal::NoGrant)?;
        is_record_of(&grant, jti.grant)?;
        if is_exchanged {
            return self.live_exchanged(access, &claims.sub, grant, time, asking).await;
        }
        // The store lost the first answer to a device; which generation it is of a JWT does not say.
        if grant.is_approved_only() && grant.realm() == claims.realm.as_deref() && grant.client_id() == access.client_id
        {
            self.tell_behind(&grant, Generation::FIRST);
        }
        // Signed by this engine, so of this grant, unless a thief of the signing key made it up.
        if grant.realm() != claims.realm.as_deref()
            || !grant.is_login()
            || grant.client_id() != access.client_id
            || !access.scope.is_subset_of(&grant.scope)
        {
            return Err(ResourceRefusal::Jwt.into());
        }
        if let Some(resources) = resources {
            let consented = resources.of_login(&grant);
            if grant.resource_list().is_none() {
                audience.extend(consented.iter().filter(|_| is_older).cloned());
            }
            audience = audience.iter().filter(|resource| consented.contains(resource)).cloned().collect();
            access.resources = spellings(&audience);
        }
        let is_for_none =
            resources.is_some() && audience.is_empty() || resources.is_none() && grant.resource_list().is_some();
        if is_for_none && asking != Asking::Revocation {
            return Err(Failure::from(ResourceRefusal::AnotherResource).of_grant(grant.id));
        }
        let client = self.check_grant(&grant, jti.epoch, access.expires_at, time).await?;
        // Its client may know the person by a name of its own, and such a client is at hand.
        let is_sub = match (grant.subject(), client.as_deref()) {
            (None, _) => grant.client_id() == claims.sub,
            (Some(subject), None) => subject == claims.sub,
            (Some(subject), Some(client)) => {
                self.sub_of(client, grant.created_at, subject).is_ok_and(|own| own == claims.sub)
            }
        };
        if !is_sub {
            return Err(ResourceRefusal::Jwt.into());
        }
        access.scope = left_of(&access.scope, Scope::WHOLE, client.as_deref(), asking)
            .ok_or_else(|| of_grant(&grant, GrantRefusal::ScopeTaken))?;
        access.subject = grant.subject().map(SmolStr::new);
        access.expires_at = access.expires_at.min(grant.expires_at);
        access.grant = Some(grant);
        Ok(access)
    }

    /// Whether it is of this engine's realm. What came of an exchange was made here, by whichever client, and never before the engine had
    /// its realm.
    fn is_of_realm(&self, claims: &AccessClaims<'_>) -> bool {
        match claims.realm.as_deref() {
            realm if claims.exchanges.is_some() => realm == self.realm.name(),
            realm => self.realm.includes(realm, &claims.client_id),
        }
    }

    /// What a signature alone tells: the store is not asked.
    async fn believed(&self, access: Access, time: &Time<'_>) -> Result<Access, Failure> {
        let refused = |why: GrantRefusal| Err(Failure::from(why).of_grant(access.grant_id));
        let client = self.client_of(&access.client_id, access.grant_id).await?;
        if access.issued_at < self.not_before_of(client.as_deref()) {
            return refused(GrantRefusal::NotBefore);
        }
        if time.now() >= access.expires_at {
            return refused(GrantRefusal::Expired);
        }
        match left_of(&access.scope, Scope::WHOLE, client.as_deref(), Asking::Resource) {
            Some(scope) => Ok(Access { scope, ..access }),
            None => refused(GrantRefusal::ScopeTaken),
        }
    }
}
