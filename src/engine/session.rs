//! One login, as an account page has it.

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::grant::{Grant, GrantId, HostData, ResponseFields, Scope, Timestamp};

/// One login: a grant whose tokens were handed out and still work.
///
/// ```
/// fn line(session: &regrant::engine::Session) -> String {
///     format!("{} since {} s", session.client_id(), session.created_at().as_secs())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    pub(super) grant: Grant,
    pub(super) is_client_at_hand: bool,
    pub(super) resources: SmallVec<[SmolStr; 1]>,
}

impl Session {
    /// The grant; safe to log, and to put into a page.
    ///
    /// ```
    /// fn value(session: &regrant::engine::Session) -> String {
    ///     session.id().to_string()
    /// }
    /// ```
    pub const fn id(&self) -> GrantId {
        self.grant.id()
    }

    /// The client that was logged in to.
    ///
    /// ```
    /// fn is_ours(session: &regrant::engine::Session) -> bool {
    ///     session.client_id() == "mobile-app"
    /// }
    /// ```
    pub fn client_id(&self) -> &str {
        self.grant.client_id()
    }

    /// Whether its client is one that [nobody made by hand](crate::Client::is_stranger), as it was at the login: an account page says so, since
    /// the client's name is its own word.
    ///
    /// ```
    /// fn mark(session: &regrant::engine::Session) -> &str {
    ///     if session.is_of_stranger() { "not checked by us" } else { "" }
    /// }
    /// ```
    pub fn is_of_stranger(&self) -> bool {
        self.grant.is_of_stranger()
    }

    /// Whether its client could be looked up. One that is known by a [document](crate::fetch::DocumentClients) may not be at hand,
    /// and no page goes out for it: then all that is known of it is its id, the URL of the document.
    ///
    /// ```
    /// fn line(session: &regrant::engine::Session, name: Option<&str>) -> String {
    ///     name.filter(|_| session.is_client_at_hand()).unwrap_or(session.client_id()).to_owned()
    /// }
    /// ```
    pub const fn is_client_at_hand(&self) -> bool {
        self.is_client_at_hand
    }

    /// What was granted. Its client may have less by now, and gets no more than that.
    ///
    /// ```
    /// fn may_write(session: &regrant::engine::Session) -> bool {
    ///     session.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &Scope {
        self.grant.scope()
    }

    /// The resources that were consented to (RFC 8707), as the engine spells them: those that the client named, or the default one. None
    /// where the engine has no [resources](crate::EngineBuilder::resource), and without those that it no longer has.
    ///
    /// ```
    /// fn reaches_files(session: &regrant::engine::Session) -> bool {
    ///     session.resources().any(|resource| resource == "https://files.example")
    /// }
    /// ```
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(SmolStr::as_str)
    }

    /// The extra members that its token responses have.
    ///
    /// ```
    /// fn has_fields(session: &regrant::engine::Session) -> bool {
    ///     !session.fields().is_empty()
    /// }
    /// ```
    pub const fn fields(&self) -> &ResponseFields {
        self.grant.fields()
    }

    /// What the host keeps with it for itself, such as the device that was logged in from.
    ///
    /// ```
    /// fn device(session: &regrant::engine::Session) -> Option<String> {
    ///     session.host_data()?.read().ok()
    /// }
    /// ```
    pub fn host_data(&self) -> Option<&HostData> {
        self.grant.host_data()
    }

    /// When the person proved who they are, which may be earlier than this grant: the host's own session was there already. `None` where
    /// nobody said, as another server's assertion need not.
    ///
    /// ```
    /// use regrant::engine::Session;
    /// fn is_single_sign_on(session: &Session) -> bool {
    ///     session.authenticated_at().is_some_and(|time| time < session.created_at())
    /// }
    /// ```
    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.grant.authenticated_at()
    }

    /// When the grant was made: with the code, or with its first tokens where there was none.
    ///
    /// ```
    /// use regrant::engine::Session;
    /// use regrant::Timestamp;
    /// fn is_older_than(session: &Session, time: Timestamp) -> bool {
    ///     session.created_at() < time
    /// }
    /// ```
    pub const fn created_at(&self) -> Timestamp {
        self.grant.created_at()
    }

    /// When it was last refreshed; where it never was, when its first tokens were handed out.
    ///
    /// ```
    /// use regrant::engine::Session;
    /// use regrant::Timestamp;
    /// fn is_idle(session: &Session, since: Timestamp) -> bool {
    ///     session.last_refreshed_at() < since
    /// }
    /// ```
    pub const fn last_refreshed_at(&self) -> Timestamp {
        self.grant.rotated_at()
    }

    /// When nothing of it works any more, unless it is refreshed before.
    ///
    /// ```
    /// use regrant::engine::Session;
    /// use regrant::Timestamp;
    /// fn is_over(session: &Session, now: Timestamp) -> bool {
    ///     session.expires_at() <= now
    /// }
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.grant.expires_at
    }
}
