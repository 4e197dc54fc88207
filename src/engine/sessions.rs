//! A resource owner's sessions, for the host's account pages: what is logged in where, and the end of it.

use super::Engine;
use crate::client::Clients;
use crate::grant::{Grant, GrantId, Owner, Scope, Timestamp};
use crate::store::{Cursor, StoreError, TokenStore};

/// How many grants [`Engine::end_all`] lists at a time.
const PAGE: usize = 256;

/// One login: a grant whose tokens were handed out and still work.
///
/// ```
/// fn line(session: &regrant::Session) -> String {
///     format!("{} since {} s", session.client_id(), session.created_at().as_secs())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session(Grant);

/// A page of sessions.
///
/// ```
/// let page = regrant::Sessions::default();
/// assert!(page.sessions.is_empty() && page.next.is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// The sessions; there may be fewer than asked for, and none, also where a page follows.
    pub sessions: Vec<Session>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

impl Session {
    /// The grant; safe to log, and to put into a page.
    ///
    /// ```
    /// fn value(session: &regrant::Session) -> String {
    ///     session.id().to_string()
    /// }
    /// ```
    pub const fn id(&self) -> GrantId {
        self.0.id()
    }

    /// The client that was logged in to.
    ///
    /// ```
    /// fn is_ours(session: &regrant::Session) -> bool {
    ///     session.client_id() == "mobile-app"
    /// }
    /// ```
    pub fn client_id(&self) -> &str {
        self.0.client_id()
    }

    /// What it may do.
    ///
    /// ```
    /// fn may_write(session: &regrant::Session) -> bool {
    ///     session.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &Scope {
        self.0.scope()
    }

    /// When the login was.
    ///
    /// ```
    /// use regrant::{Session, Timestamp};
    /// fn is_older_than(session: &Session, time: Timestamp) -> bool {
    ///     session.created_at() < time
    /// }
    /// ```
    pub const fn created_at(&self) -> Timestamp {
        self.0.created_at()
    }

    /// When it was last refreshed; where it never was, when its first tokens were handed out.
    ///
    /// ```
    /// use regrant::{Session, Timestamp};
    /// fn is_idle(session: &Session, since: Timestamp) -> bool {
    ///     session.last_refreshed_at() < since
    /// }
    /// ```
    pub const fn last_refreshed_at(&self) -> Timestamp {
        self.0.rotated_at()
    }

    /// When nothing of it works any more, unless it is refreshed before.
    ///
    /// ```
    /// use regrant::{Session, Timestamp};
    /// fn is_over(session: &Session, now: Timestamp) -> bool {
    ///     session.expires_at() <= now
    /// }
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.0.expires_at()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// A page of at most `limit` sessions of a subject, at all clients. Authorization codes that nobody has redeemed, and
    /// grants that have expired or were made before the engine's or their client's `not_before`, are not among them.
    ///
    /// # Errors
    ///
    /// The store's, or one that wraps the client registry's.
    ///
    /// ```
    /// # async fn devices<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<(), regrant::StoreError> {
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
        let listed = self.store.list(&Owner::subject(subject), after, limit).await?;
        let mut sessions = Vec::with_capacity(listed.grants.len());
        for grant in listed.grants {
            if grant.is_redeemed() && now < grant.expires_at && self.is_in_force(&grant).await? {
                sessions.push(Session(grant));
            }
        }
        Ok(Sessions { sessions, next: listed.next })
    }

    async fn is_in_force(&self, grant: &Grant) -> Result<bool, StoreError> {
        match self.clients.find(grant.client_id()).await {
            Ok(Some(client)) => Ok(grant.created_at >= self.not_before(&client)),
            Ok(None) => Ok(false),
            Err(error) => Err(StoreError::not_applied(error)),
        }
    }

    /// Ends one session of a subject: every token of it is dead at once. Whether there was one of that id that is this
    /// subject's; another's is left alone, so an id from a page's form can be passed as it came.
    ///
    /// # Errors
    ///
    /// The store's; the session may be there still.
    ///
    /// ```
    /// # async fn log_out<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, session: &regrant::Session,
    /// # ) -> Result<(), regrant::StoreError> {
    /// let ended = engine.end_session("alice", session.id()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_session(&self, subject: &str, id: GrantId) -> Result<bool, StoreError> {
        match self.store.load(id).await? {
            // A grant is one subject's for its whole life, so it cannot change hands in between.
            Some(grant) if grant.id == id && grant.subject() == Some(subject) => self.end(&grant).await,
            _ => Ok(false),
        }
    }

    /// Ends everything of a subject, at all clients: every grant that was made before the call is gone after it, codes
    /// that nobody has redeemed too. How many this call ended.
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
    /// # -> Result<(), regrant::StoreError> {
    /// let ended = engine.end_all("alice").await?;
    /// println!("logged out everywhere: {ended} sessions");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_all(&self, subject: &str) -> Result<usize, StoreError> {
        let owner = Owner::subject(subject);
        let mut after = None;
        let mut ended = 0;
        loop {
            let listed = self.store.list(&owner, after, PAGE).await?;
            for grant in &listed.grants {
                ended += usize::from(self.end(grant).await?);
            }
            after = listed.next;
            if after.is_none() {
                return Ok(ended);
            }
        }
    }
}
