//! A session of the host's: which logins are of it, and its end.

use smol_str::SmolStr;

use super::LogoutNotice;
use crate::client::{Client, Clients, Lookup, OPENID, Purpose};
use crate::engine::Engine;
use crate::engine::authorization_endpoint::OFFLINE_ACCESS;
use crate::engine::failure::Failure;
use crate::engine::host::{Authorization, Clock};
use crate::engine::refusal::ServerFault;
use crate::grant::members::SessionKey;
use crate::grant::{Grant, Lifetimes, Owner, Scope, Timestamp};
use crate::store::{StoreError, TokenStore};

/// How many grants are listed at a time.
const PAGE: usize = 256;

/// What came of a logout.
///
/// ```
/// let nothing = regrant::engine::LoggedOut::default();
/// assert!(nothing.ended == 0 && nothing.notices.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoggedOut {
    /// How many grants were ended.
    pub ended: usize,
    /// What is to be sent, one for each client of the session that wants to hear of it; two for one that is
    /// [adopted](crate::EngineBuilder::adopt_grants_of) and was logged in to before and after, which has been told two `sid`.
    pub notices: Vec<LogoutNotice>,
    /// How many clients there is no notice for now, though they may want one: they are not at hand, or nothing can be signed for them. An
    /// event said why; call again.
    pub untold: usize,
}

/// Whether a login goes on when its session ends. Without `openid` the word is a scope like others, which nobody was asked about
/// (OpenID Connect Core section 11, Back-Channel Logout section 2.7).
fn outlives_session(scope: &Scope) -> bool {
    scope.contains(OPENID) && scope.contains(OFFLINE_ACCESS)
}

/// What the lists of a person have of a session, each with its key.
#[derive(Default)]
struct Found {
    /// Who is to hear of its end.
    listeners: Vec<(Grant, SessionKey)>,
    /// The clients of logins that had just begun.
    young: Vec<(SmolStr, SessionKey)>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Ends a session of the host's, that of a browser for example: what logins that [named it](crate::Authorization::with_session) can do
    /// ends, except of those that have `openid` and `offline_access`, which is what that is for (OpenID Connect Core section 11, Back-Channel
    /// Logout section 2.7). Codes that are outstanding end whatever their scope: no refresh token is out that could be spared. Each client that
    /// has redeemed a code of the session and wants to hear of it gets a notice, which the host sends, also where its own login ended long ago or
    /// goes on.
    ///
    /// The host ends its own session, its cookie, first, and looks whether it is still there after each
    /// [`approve`](Self::approve) that named it: an approval that was on its way when the session ended may have made a grant after this
    /// call had looked. Where it is gone the host calls this once more, before it sends the answer of the approval.
    ///
    /// Until the time that the session was said to end at, another call gives the notices again, so that one which got lost can be sent.
    /// Records that cannot be read are left: nobody knows of which session they are. Of clients that [nobody made by hand](crate::Client::is_stranger)
    /// at most [`Lifetimes::MOST_AT_STRANGERS`](crate::Lifetimes::MOST_AT_STRANGERS) are remembered for a person, those of the latest logins, and at
    /// most as many are told.
    ///
    /// # Errors
    ///
    /// The store's; some may be there still, so call it again. One that the store did not make where the engine has neither a root secret nor
    /// a subject secret: nobody knows then which logins named the session. Where the client registry fails, what was to end has ended, and
    /// [`LoggedOut::untold`] counts who could not be told.
    ///
    /// ```
    /// # async fn out<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>, cookie: &str)
    /// # -> Result<(), regrant::store::StoreError> {
    /// let logged_out = engine.log_out("alice", cookie, regrant::Timestamp::now).await?;
    /// for notice in &logged_out.notices {
    ///     println!("post it to {}", notice.uri());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_out(&self, subject: &str, session: &str, clock: impl Clock) -> Result<LoggedOut, StoreError> {
        let mut out = LoggedOut::default();
        let Some(subjects) = self.subjects.as_deref() else {
            // Rather an error than a logout that ends nothing, and says that all is well.
            return Err(StoreError::not_applied(
                "the engine has no subject secret, under which logins name their sessions",
            ));
        };
        let Some(keys) = subjects.sessions(subject, session) else { return Ok(out) };
        let [own, outside] = self.realm.owners(subject);
        let mut found = Found::default();
        for (owner, key) in [own.zip(Some(keys.own)), outside.zip(keys.adopted)].into_iter().flatten() {
            out.ended += self.end_logins_of(&owner, &key, &mut found, &clock).await?;
        }
        // Its code may have been redeemed while this list was read, and its client remembered behind the page that was read by then. Now it has
        // ended or was redeemed, and nobody redeems it any more, so this look is the last one.
        let Found { mut listeners, young } = found;
        for (client_id, key) in young {
            if !listeners.iter().any(|(listener, _)| listener.client_id == client_id) {
                listeners.extend(self.listener(&key, subject, &client_id).await?.map(|listener| (listener, key)));
            }
        }
        // Only now: whatever the registry does, what was to end has ended.
        let now = clock.read();
        let mut at_strangers = 0;
        for (listener, key) in listeners.iter().filter(|(listener, _)| now < listener.expires_at) {
            let lookup = Lookup::new(Purpose::Sessions);
            let client = match self.clients.find(listener.client_id(), lookup).await {
                Ok(Some(client)) => client,
                Ok(None) => continue,
                // One client is not at hand; the others hear of it all the same.
                Err(error) => {
                    out.untold += 1;
                    self.tell(&Failure::from(error).of_client(listener.client_id.clone()).of_subject(Some(subject)));
                    continue;
                }
            };
            // A login of a client that had this id before, or of before all of them were voided, is none that this client knows of.
            if listener.created_at < self.not_before(&client) {
                continue;
            }
            // There are no more, but for logins at the same time.
            if client.is_stranger() {
                at_strangers += 1;
                if at_strangers > Lifetimes::MOST_AT_STRANGERS {
                    continue;
                }
            }
            match self.notice(&client, listener, key, now) {
                Ok(notice) => out.notices.extend(notice),
                // One client's key is gone; so here.
                Err(failure) => {
                    out.untold += 1;
                    self.tell(&failure.of_client(client.shared_id()).of_subject(Some(subject)));
                }
            }
        }
        Ok(out)
    }

    /// Ends what of this session is in an owner's list, and finds who listens for its end.
    async fn end_logins_of(
        &self,
        owner: &Owner,
        key: &SessionKey,
        found: &mut Found,
        clock: &impl Clock,
    ) -> Result<usize, StoreError> {
        let began = clock.read();
        let (mut after, mut ended) = (None, 0);
        loop {
            let mut listed = self.store.list(owner, after, PAGE).await?;
            // Outside of all realms there are those of other engines too, which adopt other clients.
            listed.grants.retain(|grant| self.realm.includes(grant.realm(), grant.client_id()));
            for grant in listed.grants {
                if grant.listens_for() == Some(key) {
                    found.listeners.push((grant, *key));
                } else if grant.session() == Some(key) {
                    // A code goes whatever it is for: nobody has a refresh token of it yet, and its ID token would say that the
                    // session goes on.
                    if !grant.is_redeemed() || !outlives_session(&grant.scope) {
                        ended += usize::from(self.end(&grant, clock.read()).await?);
                    }
                    // Its client may be writing that it listens right now, also of a login that goes on.
                    if !grant.is_redeemed()
                        || began <= grant.rotated_at + self.settings.clock_skew + self.settings.longest_commit
                    {
                        found.young.push((grant.client_id, *key));
                    }
                }
            }
            after = listed.next;
            if after.is_none() {
                return Ok(ended);
            }
        }
    }

    /// What a login keeps of its session; and until when, where its client wants to hear of the end.
    pub(in crate::engine) fn begin_session(
        &self,
        authorization: &Authorization,
        client: &Client,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<(Option<SessionKey>, Option<Timestamp>), Failure> {
        let (Some((name, ends_at)), Some(subject)) = (&authorization.session, &authorization.subject) else {
            return Ok((None, None));
        };
        let subjects = self.subjects.as_ref().ok_or(ServerFault::Handler)?;
        let session = subjects.session(subject, name).ok_or(ServerFault::Handler)?;
        let hears = client.hears_logouts_at().is_some() && self.jwt.issues_id_tokens() && scope.contains(OPENID);
        Ok((Some(session), Some(*ends_at).filter(|ends_at| hears && now < *ends_at)))
    }
}
