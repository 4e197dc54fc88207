//! Taking a login over: one insert, of the record as it is after the first refresh. Who presents the token again is judged by that.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::{ForeignEngine, Place, Traces};
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::{Event, ForeignLogin};
use crate::engine::refusal::{GrantRefusal, Refusal, ServerFault, Unavailable};
use crate::engine::swap::{Swapped, Swaps};
use crate::engine::time::Time;
use crate::grant::foreign::ForeignOrigin;
use crate::grant::login::Login;
use crate::grant::members::Members;
use crate::grant::{Generation, Grant, GrantId, Salt};
use crate::store::{StoreError, TokenStore};
use crate::token::GrantToken;

/// Another server's refresh token, and what came of it so far.
pub(in crate::engine) struct Foreign {
    traces: Traces,
    /// What the host knows of it; it is asked once.
    login: Option<ForeignLogin>,
    /// Whether the grant is not stored yet.
    is_new: bool,
    /// The salts of the grants by which this request took the login over, or may have. That of the one that was written stays for its life.
    begun: SmallVec<[Salt; 1]>,
    /// Why the token is refused where the host does not know it.
    refused: Option<Failure>,
    /// Why there is no grant.
    failure: Option<Failure>,
    /// Whether nothing is to change, whatever is found.
    is_looked_at: bool,
    /// Where it comes from.
    peer: Option<IpAddr>,
}

impl Foreign {
    /// Whether the next write, of this grant, takes the login over.
    pub(in crate::engine) fn begins(&mut self, grant: &Grant) -> bool {
        if self.is_new {
            self.begun.push(grant.salt.clone());
        }
        self.is_new
    }

    /// Whether it was this request that took the login over.
    pub(in crate::engine) fn has_begun(&self, grant: &Grant) -> bool {
        self.begun.iter().any(|salt| salt.0 == grant.salt.0)
    }

    /// Whether its grant is not stored yet.
    #[cfg(feature = "proof")]
    pub(in crate::engine) const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Why there is no grant.
    pub(in crate::engine) fn failure(&mut self) -> Failure {
        self.failure.take().unwrap_or_else(|| GrantRefusal::NoGrant.into())
    }

    /// The same for a request that changes nothing.
    pub(super) fn only_looked_at(self) -> Self {
        Self { is_looked_at: true, ..self }
    }

    /// The login that a grant is to be made of, if it is not there yet.
    pub(super) fn to_begin(&self) -> Option<&ForeignLogin> {
        self.login.as_ref().filter(|_| self.is_new)
    }

    /// Stands for the token where a token of ours would: of generation 0, proven by nothing in it.
    pub(in crate::engine) const fn stand_in(&self, key_id: u8) -> GrantToken {
        GrantToken::unproven(key_id, self.traces.own.places[0], Generation::NONE)
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// A token that is not this engine's. `refused`: why.
    pub(in crate::engine) fn foreign_token(
        &self,
        client: &Client,
        text: &str,
        peer: Option<IpAddr>,
        refused: Failure,
    ) -> Option<Foreign> {
        let traces = self.traces(self.foreign.as_ref()?, client.id(), text);
        let refused = Some(refused);
        Some(Foreign {
            traces,
            login: None,
            is_new: false,
            begun: SmallVec::new(),
            refused,
            failure: None,
            is_looked_at: false,
            peer,
        })
    }

    /// Its grant: the stored one, or the one that is to be. Where there is none, the token says why.
    pub(in crate::engine) async fn foreign_grant(
        &self,
        token: &mut Foreign,
        text: &[u8],
        client: &Client,
        time: &Time<'_>,
    ) -> Result<Option<Grant>, StoreError> {
        match self.find_foreign_grant(token, text, client, time).await {
            Ok(grant) => Ok(Some(grant)),
            Err(failure) => {
                token.failure = Some(failure);
                Ok(None)
            }
        }
    }

    pub(super) async fn find_foreign_grant(
        &self,
        token: &mut Foreign,
        text: &[u8],
        client: &Client,
        time: &Time<'_>,
    ) -> Result<Grant, Failure> {
        let foreign = self.foreign.as_ref().ok_or(GrantRefusal::NoGrant)?;
        token.is_new = false;
        let id = match self.foreign_place(&token.traces).await? {
            Place::Taken(grant) if grant.has_ended() => return Err(of_grant(&grant, GrantRefusal::Ended)),
            Place::Taken(grant) => {
                self.check_first_step(foreign, &grant, token.is_looked_at, time).await?;
                return Ok(grant);
            }
            Place::Free(id) => id,
            Place::None => return Err(Unavailable::Contention.into()),
        };
        if token.login.is_none() {
            let text = std::str::from_utf8(text).map_err(|_| GrantRefusal::Shape)?;
            token.login = self.ask_foreign(foreign, &token.traces, text, client, (token.peer, time.now())).await?;
        }
        let Some(login) = &token.login else { return Err(self.unknown_anywhere(token.refused.take(), text)) };
        let grant = self.grant_of_foreign(login, client, id, token.traces.own.proof, time)?;
        if time.now() >= login.until {
            return Err(GrantRefusal::Expired.into());
        }
        if login.began_at < self.not_before(client) {
            return Err(GrantRefusal::NotBefore.into());
        }
        // A token that the other server would not have renewed. Nothing is kept of it.
        if !grant.renewable {
            return Err(GrantRefusal::NotRenewable.into());
        }
        self.check_subject(&login_of(&grant)).await?;
        let subject = grant.subject().unwrap_or_default();
        if self.is_cut_off(foreign, subject, client.id(), grant.authenticated_at).await? {
            return Err(GrantRefusal::Ended.into());
        }
        token.is_new = true;
        Ok(grant)
    }

    /// Nobody knows it: the refusal of a token that looks like one of ours.
    fn unknown_anywhere(&self, refused: Option<Failure>, text: &[u8]) -> Failure {
        let refused = refused.unwrap_or_else(|| GrantRefusal::NoGrant.into());
        if refused.why == Refusal::Grant(GrantRefusal::UnknownKey) {
            if let Some(token) = self.grant_token(text) {
                self.emit(&Event::UnknownKey { key_id: token.key_id() });
            }
        }
        refused
    }

    /// The record of a login at another server, as it would be at generation 0: it is written when it has taken its first step.
    pub(super) fn grant_of_foreign(
        &self,
        login: &ForeignLogin,
        client: &Client,
        id: GrantId,
        proof: [u8; 20],
        time: &Time<'_>,
    ) -> Result<Grant, Failure> {
        let ForeignLogin { authorization, began_at, until } = login;
        let scope = authorization.scope.as_ref().unwrap_or_else(|| client.default_scope());
        let may_have = scope.is_subset_of(client.scope()) && self.may_be_of(scope);
        if authorization.subject.is_none() || !authorization.fits() || !may_have {
            return Err(ServerFault::Handler.into());
        }
        let now = time.now();
        let origin = ForeignOrigin { proof, kept_until: self.kept_for(*until) };
        let login = Login {
            client_id: client.shared_id(),
            subject: authorization.subject.clone(),
            scope: scope.clone(),
            fields: authorization.fields.clone(),
            host_data: authorization.host_data.clone(),
            // Who logged in where a parameter asks for it has asked there, or has no token that renews.
            renewable: authorization.renewable && self.settings.renewal.allows_any(),
            // A login that is yet to come would outlive the next "log me out everywhere".
            authenticated_at: (*began_at).min(now),
            code: None,
            members: self.realm.members(Members {
                of_stranger: client.is_stranger(),
                acr: authorization.acr.clone(),
                amr: authorization.amr.clone(),
                foreign: Some(origin),
                ..Members::default()
            }),
        };
        Ok(Grant { generation: Generation::NONE, ..self.grant_of_id(id, login, client, now) })
    }

    /// Writes a grant that has taken its first step.
    pub(in crate::engine) async fn take_over(
        &self,
        grant: &mut Grant,
        client: &Client,
        swaps: &mut Swaps,
        time: &Time<'_>,
    ) -> Result<Swapped, Failure> {
        let foreign = self.foreign.as_ref().ok_or(GrantRefusal::NoGrant)?;
        // The host may have made it wait since it was made up. It begins with its first step: whether it has taken another one is told
        // by these two times.
        grant.created_at = grant.rotated_at;
        let grant = &*grant;
        self.make_room(grant, client, time).await?;
        let written = swaps.insert(&self.store, grant, time.now()).await?;
        if written == Swapped::Done {
            // Again, now that it can be listed: of a call to end everything at the same time one sees the other.
            self.check_first_step(foreign, grant, false, time).await?;
        }
        Ok(written)
    }

    /// Whether a grant counts that may have been written while its person's logins were ended everywhere, and has taken no
    /// step since. A later one has an answer that was handed out, and was listed by whatever came after.
    async fn check_first_step(
        &self,
        foreign: &ForeignEngine,
        grant: &Grant,
        is_looked_at: bool,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        if grant.rotated_at != grant.created_at {
            return Ok(());
        }
        let subject = grant.subject().unwrap_or_default();
        if self.is_cut_off(foreign, subject, grant.client_id(), grant.authenticated_at).await? {
            if !is_looked_at {
                self.end_for(grant, time.now()).await?;
            }
            return Err(of_grant(grant, GrantRefusal::Ended));
        }
        Ok(())
    }
}

/// What a subject is checked by.
fn login_of(grant: &Grant) -> Login {
    Login {
        client_id: grant.client_id.clone(),
        subject: grant.subject().map(Into::into),
        scope: grant.scope.clone(),
        fields: grant.fields.clone(),
        host_data: None,
        renewable: grant.renewable,
        authenticated_at: grant.authenticated_at,
        code: None,
        members: None,
    }
}
