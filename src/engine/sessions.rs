//! A resource owner's sessions, for the host's account pages: what is logged in where, and the end of it.

use super::Engine;
use super::resources::spellings;
use super::session::Session;
use crate::client::{Clients, Lookup, Purpose};
use crate::grant::{Grant, GrantId, Owner, Timestamp};
use crate::store::{Cursor, Listed, StoreError, StoreErrorKind, TokenStore};

/// How many grants [`Engine::end_sessions_of`] lists at a time.
const PAGE: usize = 256;

/// A page of sessions.
///
/// ```
/// let page = regrant::engine::Sessions::default();
/// assert!(page.sessions.is_empty() && page.next.is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sessions {
    /// The sessions; there may be fewer than asked for, and none, also where a page follows.
    pub sessions: Vec<Session>,
    /// Grants of the subject whose records cannot be read: damaged, or written by a later version of this crate. What they
    /// are is not known, sessions or what has expired; [`Engine::end_session`] and [`Engine::end_sessions_of`] end them.
    pub unreadable: Vec<GrantId>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// Whether a grant that has not expired is in force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Force {
    /// Its client is unknown, or began anew since.
    Void,
    OfClient,
    OfClientNotAtHand,
}

/// Whether it is the record that is wrong, and not the store.
const fn is_unreadable(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::Corrupt | StoreErrorKind::NewerFormat)
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// A page of at most `limit` sessions of a subject, at all clients. Authorization codes that nobody has redeemed, and
    /// grants that have expired or were made before the engine's or their client's `not_before`, are not among them. Records
    /// that cannot be read count towards the limit.
    ///
    /// # Errors
    ///
    /// The store's, or one that wraps the client registry's.
    ///
    /// ```
    /// # async fn devices<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<(), regrant::store::StoreError> {
    /// let mut after = None;
    /// loop {
    ///     let page = engine.sessions("alice", after, 50, regrant::Timestamp::now()).await?;
    ///     for session in &page.sessions {
    ///         println!("{} {}", session.id(), session.client_id());
    ///     }
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sessions(
        &self,
        subject: &str,
        after: Option<Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Sessions, StoreError> {
        let (listed, next) = self.list(subject, None, after, limit).await?;
        let mut sessions = Vec::with_capacity(listed.grants.len());
        for grant in listed.grants {
            if !grant.is_redeemed() || now >= grant.expires_at {
                continue;
            }
            let force = self.force_of(&grant).await?;
            if force == Force::Void {
                continue;
            }
            let resources = self.settings.resources.as_deref();
            let resources = resources.map(|resources| spellings(&resources.of_login(&grant))).unwrap_or_default();
            sessions.push(Session { grant, is_client_at_hand: force == Force::OfClient, resources });
        }
        Ok(Sessions { sessions, unreadable: listed.unreadable, next })
    }

    /// A page of a subject's grants that are this engine's, at one client or at all, and where the next begins. Where there are
    /// adopted grants, they come after those of the realm.
    pub(super) async fn list(
        &self,
        subject: &str,
        client_id: Option<&str>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Listed, Option<Cursor>), StoreError> {
        let narrowed = |owner: Owner| match client_id {
            Some(client_id) => owner.at_client(client_id),
            None => owner,
        };
        let [own, adopted] = self.realm.owners(subject).map(|owner| owner.map(narrowed));
        let Some(adopted) = adopted else {
            // A subject of no grant.
            let Some(own) = own else { return Ok((Listed::default(), None)) };
            let mut listed = self.store.list(&own, after, limit).await?;
            // Clients that are to hear of a logout are in the list, too.
            listed.grants.retain(Grant::is_of_a_person);
            let next = listed.next.take();
            return Ok((listed, next));
        };
        // The cursor's first byte says whose list it is in.
        let place = |first: u8, rest: &[u8]| Cursor::new([&[first], rest].concat());
        let (outside, after) = match after.as_ref().map(Cursor::as_bytes) {
            None => (0, None),
            Some([outside @ (0 | 1), rest @ ..]) => (*outside, Some(Cursor::new(rest.to_vec()))),
            Some(_) => return Err(StoreError::not_applied("not a cursor of this engine")),
        };
        // The beginning of the second list has no cursor of the store's.
        let after = after.filter(|after| !after.as_bytes().is_empty());
        let owner = if outside == 0 { own.unwrap_or(adopted) } else { adopted };
        let mut listed = self.store.list(&owner, after, limit).await?;
        // What a device has still to fetch has no keys yet, and is never older than the realm.
        listed.grants.retain(|grant| {
            self.realm.keys_of(grant).is_some() || grant.is_approved_only() && grant.realm() == self.realm()
        });
        let next = match listed.next.take() {
            Some(next) => Some(place(outside, next.as_bytes())),
            None => (outside == 0).then(|| place(1, &[])),
        };
        Ok((listed, next))
    }

    async fn force_of(&self, grant: &Grant) -> Result<Force, StoreError> {
        let since =
            |not_before: Timestamp, force: Force| if grant.created_at < not_before { Force::Void } else { force };
        match self.look_up(grant.client_id(), &Lookup::new(Purpose::Sessions)).await {
            Ok(Some(client)) => Ok(since(self.not_before(&client), Force::OfClient)),
            Ok(None) => Ok(Force::Void),
            Err(error) if error.is_not_at_hand() => Ok(since(self.not_before.get(), Force::OfClientNotAtHand)),
            Err(error) => Err(StoreError::not_applied(error)),
        }
    }

    /// Ends one session of a subject: every token of it is dead at once. Whether there was one of that id that is this
    /// subject's; another's is left alone, so an id from a page's form can be passed as it came.
    ///
    /// One whose record cannot be read is looked for in the list of the subject's, and ended if it is there.
    ///
    /// # Errors
    ///
    /// The store's; the session may be there still.
    ///
    /// ```
    /// # async fn log_out<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, session: &regrant::engine::Session,
    /// # ) -> Result<(), regrant::store::StoreError> {
    /// let ended = engine.end_session("alice", session.id(), regrant::Timestamp::now()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_session(&self, subject: &str, id: GrantId, now: Timestamp) -> Result<bool, StoreError> {
        match self.store.load(id).await {
            // A grant is one subject's for its whole life, so it cannot change hands in between.
            Ok(Some(grant))
                if grant.id == id && grant.subject() == Some(subject) && self.realm.keys_of(&grant).is_some() =>
            {
                self.end(&grant, now).await
            }
            Ok(_) => Ok(false),
            Err(error) if is_unreadable(&error) => self.end_unreadable_session(subject, id, now).await,
            Err(error) => Err(error),
        }
    }

    async fn end_unreadable_session(&self, subject: &str, id: GrantId, now: Timestamp) -> Result<bool, StoreError> {
        let mut after = None;
        loop {
            let (listed, next) = self.list(subject, None, after, PAGE).await?;
            // It may have become readable in between: another node wrote to it.
            if listed.unreadable.contains(&id) || listed.grants.iter().any(|grant| grant.id == id) {
                // What it came from cannot be read either, so that a token of another server could begin it anew.
                #[cfg(feature = "root-secret")]
                if id.is_computed() {
                    self.cut_off(subject, None, now).await?;
                }
                #[cfg(not(feature = "root-secret"))]
                let _ = now;
                return self.end_unreadable(id).await;
            }
            after = next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }

    /// Ends everything of a subject, at all clients: every grant that was made before the call is gone after it, codes
    /// that nobody has redeemed too, and records that cannot be read. How many this call ended.
    ///
    /// Where there are tokens of another server (`EngineBuilder::foreign_tokens`), it reaches those too that nobody has presented
    /// yet: logins there that began until `now` count no more.
    ///
    /// A login that goes on at the same time may be there afterwards; end it first where it has to be, as by a new
    /// password.
    ///
    /// # Errors
    ///
    /// The store's; some may be there still, so call it again.
    ///
    /// ```
    /// # async fn stolen<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<(), regrant::store::StoreError> {
    /// let ended = engine.end_sessions_of("alice", regrant::Timestamp::now()).await?;
    /// println!("logged out everywhere: {ended} sessions");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_sessions_of(&self, subject: &str, now: Timestamp) -> Result<usize, StoreError> {
        self.end_all(subject, None, now).await
    }

    /// Ends everything of a subject at one client, as where a person takes back what they allowed it: every grant that was made
    /// before the call is gone after it, codes that nobody has redeemed too, and records that cannot be read, where the store
    /// knows whose they are. How many this call ended.
    ///
    /// # Errors
    ///
    /// The store's; some may be there still, so call it again.
    ///
    /// ```
    /// # async fn disconnect<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<(), regrant::store::StoreError> {
    /// engine.end_sessions_at("alice", "mobile-app", regrant::Timestamp::now()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_sessions_at(&self, subject: &str, client_id: &str, now: Timestamp) -> Result<usize, StoreError> {
        self.end_all(subject, Some(client_id), now).await
    }

    /// Whether a client has any grant of a subject left that something can come of: a session, or a code that can be redeemed
    /// yet. A record of theirs that cannot be read counts as one.
    ///
    /// # Errors
    ///
    /// The store's, or one that wraps the client registry's.
    ///
    /// ```
    /// # async fn is_connected<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<bool, regrant::store::StoreError> {
    /// engine.has_grants_at("alice", "mobile-app", regrant::Timestamp::now()).await
    /// # }
    /// ```
    pub async fn has_grants_at(&self, subject: &str, client_id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut after = None;
        loop {
            let (listed, next) = self.list(subject, Some(client_id), after, PAGE).await?;
            if !listed.unreadable.is_empty() {
                return Ok(true);
            }
            for grant in &listed.grants {
                if now < grant.expires_at && self.force_of(grant).await? != Force::Void {
                    return Ok(true);
                }
            }
            after = next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }

    async fn end_all(&self, subject: &str, client_id: Option<&str>, now: Timestamp) -> Result<usize, StoreError> {
        // First: what is taken over after the list was read sees it, and what was before is in the list.
        #[cfg(feature = "root-secret")]
        self.cut_off(subject, client_id, now).await?;
        let mut after = None;
        let mut ended = 0;
        // Of a store that does not remove what it cannot read. The rest is ended none the less.
        let mut kept = None;
        loop {
            let (listed, next) = self.list(subject, client_id, after, PAGE).await?;
            let mut count = |end: Result<bool, StoreError>| match end {
                Ok(end) => {
                    ended += usize::from(end);
                    Ok(())
                }
                Err(error) if is_unreadable(&error) => {
                    kept = Some(error);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            for grant in &listed.grants {
                count(self.end(grant, now).await)?;
            }
            for &grant in &listed.unreadable {
                count(self.end_unreadable(grant).await)?;
            }
            after = next;
            if after.is_none() {
                return kept.map_or(Ok(ended), Err);
            }
        }
    }
}
