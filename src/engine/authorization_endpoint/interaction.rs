//! The interaction handle: what a page carries from its first showing to the decision.

use std::fmt;
use std::net::IpAddr;

use super::came::Came;
use super::request::Answering;
use super::{Arrived, AuthorizationError, AuthorizationRequest};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::markers::{Kind, Spending, Thing};
use crate::engine::refusal::{AuthorizationRefusal, Unavailable};
use crate::engine::roots::Sealed;
use crate::engine::time::Time;
use crate::grant::{Grant, GrantId, Timestamp};
use crate::seal::{Handle, open, seal};
use crate::store::{Insert, StoreErrorKind, TokenStore};
use crate::token::{GRANT_TEXT_LEN, mint_code};
use crate::wire::Request;

/// A checked authorization request that came back with the form of a page: [`Engine::open_interaction`].
///
/// ```
/// # async fn decide<S: regrant::TokenStore, C: regrant::Clients>(
/// #     engine: &regrant::Engine<S, C>, handle: &str, alice: regrant::Authorization,
/// # ) -> Result<regrant::Response, Box<dyn std::error::Error>> {
/// use regrant::Timestamp;
/// let interaction = engine.open_interaction(handle, Timestamp::now())?;
/// let asked = engine.resume(&interaction).await?;
/// Ok(engine.approve(&asked, alice.with_page_shown(), Timestamp::now).await?.response)
/// # }
/// ```
pub struct Interaction {
    handle: Handle,
    opened_at: Timestamp,
    peer: Option<IpAddr>,
}

impl Interaction {
    /// Where the form came from, as [`Request::with_peer`] has it: a client that is known by a document may have to be fetched when the
    /// request is [resumed](Engine::resume), and one address causes no more fetches than its share.
    ///
    /// ```
    /// # async fn decide<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, handle: &str, peer: std::net::IpAddr,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let interaction = engine.open_interaction(handle, regrant::Timestamp::now())?.with_peer(peer);
    /// let asked = engine.resume(&interaction).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_peer(self, peer: IpAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }

    /// When it is too late to decide.
    ///
    /// ```
    /// fn is_over(interaction: &regrant::engine::Interaction, now: regrant::Timestamp) -> bool {
    ///     interaction.expires_at() <= now
    /// }
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.handle.expires_at
    }
}

impl fmt::Debug for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interaction").field("expires_at", &self.handle.expires_at).finish_non_exhaustive()
    }
}

/// Why there is no handle, or none that counts.
///
/// ```
/// use regrant::engine::InteractionError;
/// fn begin_anew(error: InteractionError) -> bool {
///     matches!(error, InteractionError::NotOurs)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InteractionError {
    /// The engine has no [root secret](crate::EngineBuilder::root_secret) to seal it under.
    #[error("the engine has no root secret, and handles are sealed under one")]
    NoRootSecret,
    /// The request is longer than a page can carry: 40 KiB.
    #[error("the authorization request is longer than a page can carry")]
    TooLong,
    /// It has expired, or it is none of this engine's. The client has to begin anew.
    #[error("the page has expired, or it is none of this engine's")]
    NotOurs,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What a page carries in a hidden input, in place of the query: the checked request, sealed. It can be neither read nor
    /// changed nor made by anybody else, is good for 30 minutes ([`EngineBuilder::interaction_lifetime`](crate::EngineBuilder::interaction_lifetime)), and is answered once, but for
    /// the "no" of [somebody who is not logged in](super::Person::AtThePage).
    /// A request that has come back by a handle keeps its own, so the page can be shown again; so does one that was
    /// [pushed](crate::EngineBuilder::pushed_authorization_requests), however often its `request_uri` is opened.
    ///
    /// It says nothing of who may send it: the form has to be guarded besides, by the login's cookie and by where it comes from
    /// (`Sec-Fetch-Site`, else `Origin`), and must not be framed.
    ///
    /// # Errors
    ///
    /// [`InteractionError`].
    ///
    /// ```
    /// # fn page<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, asked: &regrant::AuthorizationRequest<'_>,
    /// # ) -> Result<String, regrant::engine::InteractionError> {
    /// let handle = engine.interaction_handle(asked, regrant::Timestamp::now())?;
    /// Ok(format!(r#"<input type="hidden" name="interaction" value="{handle}">"#))
    /// # }
    /// ```
    pub fn interaction_handle(
        &self,
        request: &AuthorizationRequest<'_>,
        now: Timestamp,
    ) -> Result<String, InteractionError> {
        let roots = self.roots.as_ref().ok_or(InteractionError::NoRootSecret)?;
        let form =
            request.form.iter().fold(form_urlencoded::Serializer::new(String::new()), |mut form, (name, value)| {
                form.append_pair(name, value);
                form
            });
        let form = { form }.finish();
        if form.len() > Handle::MAX_FORM_BYTES {
            return Err(InteractionError::TooLong);
        }
        let Answering { id, expires_at } = request
            .answering
            .unwrap_or_else(|| Answering { id: rand::random(), expires_at: now + self.settings.interaction_lifetime });
        let plain = Handle::encode(&id, expires_at, request.came.to_bits(), form.as_bytes());
        let (root_id, key) = roots.to_seal(Sealed::Interaction);
        seal(root_id, key, self.sealed_for(), &plain).ok_or(InteractionError::TooLong)
    }

    /// Opens what [`interaction_handle`](Self::interaction_handle) made. Then [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// [`InteractionError::NotOurs`] where it has expired or is no handle of this engine: show a page that says so.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// use regrant::engine::InteractionError;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
    /// let refused = engine.open_interaction("made up", Timestamp::now()).unwrap_err();
    /// assert_eq!(refused, InteractionError::NoRootSecret);
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn open_interaction(&self, handle: &str, now: Timestamp) -> Result<Interaction, InteractionError> {
        let roots = self.roots.as_ref().ok_or(InteractionError::NoRootSecret)?;
        let opened = open(handle, |id| roots.to_open(Sealed::Interaction, id, now), self.sealed_for());
        let handle = opened.and_then(Handle::decode).filter(|handle| now < handle.expires_at);
        handle.map(|handle| Interaction { handle, opened_at: now, peer: None }).ok_or(InteractionError::NotOurs)
    }

    /// The authorization request that a page carried, checked again: what the client may do now counts.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    ///
    /// ```
    /// # async fn again<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, interaction: &regrant::engine::Interaction,
    /// # ) -> Result<(), regrant::AuthorizationError> {
    /// let asked = engine.resume(interaction).await?;
    /// println!("{} asks again", asked.client().id());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn resume<'a>(
        &'a self,
        interaction: &'a Interaction,
    ) -> Result<AuthorizationRequest<'a>, AuthorizationError> {
        let Interaction { handle, opened_at, peer } = interaction;
        let request = Request::new("GET", b"").with_query(handle.form());
        let request = peer.map_or(request, |peer| request.with_peer(peer));
        let (client, form) = self.authorization_client(&request).await.map_err(|failure| self.show(&failure))?;
        let answering = Some(Answering { id: handle.id, expires_at: handle.expires_at });
        // What it had to come as it came as; what the client may do now is judged again.
        let arrived = Arrived { form, came: Came::from_bits(handle.came), sent: handle.form(), answering };
        self.judge_request(client, arrived, *opened_at)
    }

    /// A code for a request that came back by a handle, answered once: who approves again within a code's life, because
    /// the answer got lost, hears the same code.
    pub(super) async fn code_once(
        &self,
        answering: Answering,
        mut grant: Grant,
        request: &AuthorizationRequest<'_>,
        time: &Time<'_>,
    ) -> Result<(GrantId, [u8; GRANT_TEXT_LEN]), Failure> {
        let client_id = request.client.id().as_bytes();
        let spent_for = [&b"approved"[..], client_id, grant.owner_key().unwrap_or_default().as_bytes()];
        let spending = self.answer_once(answering, &spent_for, Some(grant.id), time).await?;
        match spending {
            Spending::First => {}
            Spending::Again { grant: Some(id), since } => match self.store.load(id).await? {
                Some(stored) => return self.code_again(&stored, &grant, time),
                // Whoever was first was dropped between the two writes. Later than a code lives, it may have been redeemed and
                // its grant ended, so nobody can tell.
                None if time.now() < since + Grant::CODE_LIFETIME => {
                    grant.id = id;
                    // Or it has, within that time: its JWTs name this id, and none of them counts for what begins now.
                    grant.access_epoch = Grant::epoch_after(time.now().since(since).as_millis());
                }
                None => return Err(AuthorizationRefusal::Answered.into()),
            },
            Spending::Again { grant: None, .. } | Spending::Elsewhere => {
                return Err(AuthorizationRefusal::Answered.into());
            }
        }
        let doubt = match self.store.insert(&grant, time.now()).await {
            Ok(Insert::Added) => None,
            // Another request of the same form was first.
            Ok(Insert::Duplicate) => Some(Unavailable::Contention),
            Err(error) if error.kind() == StoreErrorKind::Indeterminate => {
                Some(Unavailable::Store(StoreErrorKind::Indeterminate))
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(doubt) = doubt {
            match self.store.load(grant.id).await? {
                // By this very write.
                Some(stored) if stored.version == grant.version => {}
                Some(stored) => return self.code_again(&stored, &grant, time),
                None => return Err(doubt.into()),
            }
        }
        self.emit_code_issued(&grant, request);
        Ok((grant.id, mint_code(&grant, self.signing_key_of(&grant))))
    }

    /// The code of a stored grant, if that is what this approval came to and nobody has redeemed it.
    fn code_again(
        &self,
        stored: &Grant,
        wanted: &Grant,
        time: &Time<'_>,
    ) -> Result<(GrantId, [u8; GRANT_TEXT_LEN]), Failure> {
        let is_it = self.realm.keys_of(stored).is_some()
            && stored.client_id() == wanted.client_id()
            && stored.owner_key() == wanted.owner_key()
            && stored.code.is_some()
            && !stored.is_redeemed()
            && time.now() < stored.refresh_expires_at;
        let key = self.key_of(stored, stored.key_id);
        if is_it { Ok((stored.id, mint_code(stored, key?))) } else { Err(AuthorizationRefusal::Answered.into()) }
    }

    /// Answers a request that came back by a handle; a request that came otherwise is answered as often as it is asked.
    pub(super) async fn answer_once(
        &self,
        answering: Answering,
        spent_for: &[&[u8]],
        grant: Option<GrantId>,
        time: &Time<'_>,
    ) -> Result<Spending, Failure> {
        let Answering { id, expires_at } = answering;
        if time.now() >= expires_at {
            return Err(AuthorizationRefusal::Answered.into());
        }
        let issuer = self.issuer().unwrap_or_default();
        let thing = Thing { kind: Kind::Interaction, issuer, name: &id, until: expires_at };
        self.spend(&thing, spent_for, grant, time).await
    }

    /// What became of a request that came back by a handle, where that was an answer: nothing is written.
    pub(super) async fn answered(
        &self,
        answering: Answering,
        spent_for: &[&[u8]],
        time: &Time<'_>,
    ) -> Result<Option<Spending>, Failure> {
        let Answering { id, expires_at } = answering;
        if time.now() >= expires_at {
            return Err(AuthorizationRefusal::Answered.into());
        }
        let issuer = self.issuer().unwrap_or_default();
        self.spent(&Thing { kind: Kind::Interaction, issuer, name: &id, until: expires_at }, spent_for, time).await
    }

    /// Of two engines under one root secret, one may have another issuer.
    pub(super) fn sealed_for(&self) -> &[u8] {
        self.issuer().unwrap_or_default().as_bytes()
    }
}
