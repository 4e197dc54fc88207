//! The host's page where somebody types the code that their device shows, and says yes or no: RFC 8628 section 3.3.

use std::fmt;
use std::net::IpAddr;
use std::pin::pin;

use smol_str::SmolStr;

use super::user_code::{PLACES, UserCode};
use super::{DeviceEngine, begin::may_begin};
use crate::client::{Client, ClientRef, Clients, Lookup, Purpose};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::host::{Authorization, Clock, Event, PendingGuess};
use crate::engine::refusal::{AuthorizationRefusal, GrantRefusal, Refusal, ServerFault, ThrottleRefusal, Unavailable};
use crate::engine::swap::{ATTEMPTS, Swapped, Swaps, new_version};
use crate::engine::time::Time;
use crate::grant::code_details::CodeDetails;
use crate::grant::device::{Device, DeviceAnswer};
use crate::grant::login::Login;
use crate::grant::members::{Members, Special};
use crate::grant::{Generation, Grant, GrantId, Scope, Timestamp};
use crate::store::TokenStore;
use crate::throttle::Guessed;

/// A device that waits for an answer of somebody who is logged in: what the page shows.
///
/// The page names the client and what it asks for, shows the [code](Self::user_code) for comparison, also where it came with the link
/// (`verification_uri_complete`, RFC 8628 section 3.3.1), and asks whether the person has just begun this on a device that is before them:
/// whoever sends somebody else a code wants *their* account on a device of *his* (section 5.4).
///
/// ```
/// fn question(login: &regrant::engine::DeviceLogin<'_>) -> String {
///     let client = login.client();
///     format!("{} shows {}. Log it in?", client.name().unwrap_or(client.id()), login.user_code())
/// }
/// ```
pub struct DeviceLogin<'e> {
    client: ClientRef<'e>,
    record: Grant,
    subject: SmolStr,
    user_code: UserCode,
}

impl DeviceLogin<'_> {
    /// The client that asks.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What it asks for: the most that an approval can give.
    pub const fn scope(&self) -> &Scope {
        self.record.scope()
    }

    /// The [resources](crate::EngineBuilder::resource) that it named.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.record.resources()
    }

    /// When the device began.
    pub const fn began_at(&self) -> Timestamp {
        self.record.created_at()
    }

    /// Until when it waits.
    pub const fn expires_at(&self) -> Timestamp {
        self.record.refresh_expires_at()
    }

    /// Who typed the code.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The code as the device shows it, whatever was typed: `WDJB-MJHT`.
    pub fn user_code(&self) -> String {
        self.user_code.to_string()
    }
}

impl fmt::Debug for DeviceLogin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin").field("client", &self.client.id()).finish_non_exhaustive()
    }
}

/// Why a device is not logged in.
///
/// ```
/// use regrant::engine::DeviceError;
/// fn page(error: &DeviceError) -> (u16, &'static str) {
///     match error {
///         DeviceError::UnknownCode => (error.status(), "No device shows this code. Please look again."),
///         DeviceError::Throttled(_) => (error.status(), "Too many codes. Please try again later."),
///         _ => (error.status(), "Please begin anew on the device."),
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device waits under this code: it was mistyped, answered, or has expired. 400.
    #[error("no device waits under this user code")]
    UnknownCode,
    /// There were too many wrong ones, and this one was not looked at: answer the right one as a wrong one. 429, with `Retry-After`.
    #[error(transparent)]
    Throttled(ThrottleRefusal),
    /// It was answered meanwhile, or has expired. 400.
    #[error("the device was answered already, or waits no longer")]
    Answered,
    /// Devices are not logged in here (404), the authorization cannot be granted (500), or the store or the registry failed (503).
    #[error(transparent)]
    Refused(Refusal),
}

impl DeviceError {
    /// The status of the page that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnknownCode | Self::Answered => 400,
            Self::Throttled(_) => 429,
            Self::Refused(why) => why.status(),
        }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The device that shows this code, for somebody who *is logged in*: the code is typed by a person, and can be guessed. In either
    /// case, with whatever stands between the letters.
    ///
    /// `subject` is who is logged in, `peer` where they come from. A guess is counted by both before it is looked at, by the host's
    /// [throttle](crate::EngineBuilder::throttle), or without one by the engine's own: at most 10 wrong ones in an hour by one person,
    /// and 30 from one address. A right one counts nothing.
    ///
    /// # Errors
    ///
    /// [`DeviceError`]: no such code, too many guesses, or a store or registry that failed.
    ///
    /// ```
    /// # async fn page<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>, peer: std::net::IpAddr)
    /// # -> Result<(), regrant::engine::DeviceError> {
    /// use regrant::{Authorization, Timestamp};
    /// let login = engine.device_login("wdjb mjht", "alice", Some(peer), Timestamp::now).await?;
    /// println!("{} asks for {}", login.client().id(), login.scope());
    /// // She has pressed "Allow" on a page that no other site can send.
    /// let grant = engine.approve_device(&login, Authorization::of("alice"), Timestamp::now).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn device_login(
        &self,
        user_code: &str,
        subject: &str,
        peer: Option<IpAddr>,
        clock: impl Clock,
    ) -> Result<DeviceLogin<'_>, DeviceError> {
        let time = self.time(&clock);
        let devices = self.device.as_deref().ok_or(DeviceError::Refused(AuthorizationRefusal::DeviceOff.into()))?;
        // What cannot be a code is no guess.
        let code = UserCode::read(user_code).ok_or(DeviceError::UnknownCode)?;
        let guess = self.guess_code(devices, subject, peer, time.now()).map_err(|why| {
            self.tell(&Failure::from(why).of_subject(Some(subject)));
            DeviceError::Throttled(why)
        })?;
        match time.watch(pin!(self.find_device(devices, code, peer, &time))).await {
            Ok(Some((client, record))) => {
                guess.right();
                Ok(DeviceLogin { client, record, subject: subject.into(), user_code: code })
            }
            Ok(None) => {
                self.tell(&Failure::from(GrantRefusal::UserCode).of_subject(Some(subject)));
                // The sink may call back, so nothing is held.
                let many = devices.counts.guesses.lock().wrong(time.now());
                if let Some(wrong) = many {
                    self.emit(&Event::UserCodesGuessed { wrong });
                }
                Err(DeviceError::UnknownCode)
            }
            Err(failure) => {
                guess.not_looked_at();
                self.tell(&failure);
                Err(DeviceError::Refused(failure.why))
            }
        }
    }

    fn guess_code<'a>(
        &'a self,
        devices: &'a DeviceEngine,
        subject: &'a str,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<PendingGuess<'a>, ThrottleRefusal> {
        let at = Guessed::UserCode(subject);
        match &devices.own_throttle {
            Some(own) => PendingGuess::count(&**own, at, peer, now),
            None => self.host.guess(at, peer, now),
        }
    }

    /// The device that waits under a code.
    async fn find_device(
        &self,
        devices: &DeviceEngine,
        code: UserCode,
        peer: Option<IpAddr>,
        time: &Time<'_>,
    ) -> Result<Option<(ClientRef<'_>, Grant)>, Failure> {
        let (key, other) = devices.keys.user_codes(time.now());
        for key in [Some(key), other].into_iter().flatten() {
            let proof = code.proof(key);
            for step in 0..PLACES {
                let Some(stored) = self.store.load(code.place(key, step)).await? else { continue };
                let Some(leads) = stored.user_code().filter(|leads| leads.user_code == proof) else { continue };
                let Some(record) = self.store.load(leads.device).await? else { continue };
                // Another device may be in this place by now.
                let waits = record.id == leads.device
                    && record.realm() == self.realm()
                    && record.device() == Some(Device { user_code: proof, answer: DeviceAnswer::Pending })
                    && time.now() < record.refresh_expires_at;
                if waits {
                    return self.client_of_device(devices, peer, record).await;
                }
            }
        }
        Ok(None)
    }

    async fn client_of_device(
        &self,
        devices: &DeviceEngine,
        peer: Option<IpAddr>,
        record: Grant,
    ) -> Result<Option<(ClientRef<'_>, Grant)>, Failure> {
        let client = self.find_client(record.client_id(), Lookup::of(Purpose::Authorization, peer)).await?;
        // It may have lost the right to it meanwhile, or begun anew.
        let may = |client: &ClientRef<'_>| may_begin(devices, client) && record.created_at >= self.not_before(client);
        Ok(client.filter(may).map(|client| (client, record)))
    }

    /// Lets a device in, once its person has said yes. The scope that the authorization names is within the one asked for; without one it is
    /// all of that. The grant is a session from the moment at which the device fetches its tokens; until then "log me out everywhere" ends
    /// it too.
    ///
    /// The same again by the same person for the same scope, as where the first answer got lost, has the same result.
    ///
    /// # Errors
    ///
    /// [`DeviceError`]: it was answered otherwise meanwhile, the code has expired, the store or registry failed, or the authorization cannot be
    /// granted: it is of somebody else than typed the code, has a wider scope, or its subject does not fit.
    pub async fn approve_device(
        &self,
        login: &DeviceLogin<'_>,
        authorization: Authorization,
        clock: impl Clock,
    ) -> Result<GrantId, DeviceError> {
        let time = self.time(&clock);
        time.watch(pin!(self.try_approve_device(login, authorization, &time))).await.map_err(|failure| {
            self.answered_or(&failure.of_client(login.client.shared_id()).of_subject(Some(&login.subject)))
        })
    }

    fn answered_or(&self, failure: &Failure) -> DeviceError {
        self.tell(failure);
        match failure.why {
            Refusal::Grant(GrantRefusal::DeviceUsed | GrantRefusal::DeviceExpired) => DeviceError::Answered,
            why => DeviceError::Refused(why),
        }
    }

    async fn try_approve_device(
        &self,
        login: &DeviceLogin<'_>,
        authorization: Authorization,
        time: &Time<'_>,
    ) -> Result<GrantId, Failure> {
        let record = &login.record;
        let now = time.now();
        if now >= record.refresh_expires_at {
            return Err(GrantRefusal::DeviceExpired.into());
        }
        let mut grant = self.grant_of_device(login, authorization, time).await?;
        // The grant first: a device that is approved has one. It ends with the code, so one that is left over is harmless.
        self.insert(&mut grant, time).await?;
        let answer = DeviceAnswer::Approved(grant.id);
        match self.answer_device(record, answer, Some(&grant), time).await {
            Ok(DeviceAnswer::Approved(id)) => {
                if id == grant.id {
                    let (client_id, subject) = (login.client.id(), self.subject_of(&grant));
                    self.emit(&Event::DeviceApproved { grant: grant.id, client_id, subject });
                } else {
                    // The same was said before.
                    self.forget(&grant).await;
                }
                Ok(id)
            }
            Ok(_) => {
                self.forget(&grant).await;
                Err(GrantRefusal::DeviceUsed.into())
            }
            Err(failure) => {
                // In doubt it may be the answer all the same.
                if !is_in_doubt(&failure) {
                    self.forget(&grant).await;
                }
                Err(failure)
            }
        }
    }

    /// Removes a grant that came to nothing. Where that fails it is gone when the code is.
    async fn forget(&self, grant: &Grant) {
        if let Err(error) = self.store.remove(grant.id).await {
            self.tell(&Failure::from(error).of_grant(grant.id));
        }
    }

    /// The record of the login, as it is until the device has its tokens.
    async fn grant_of_device(
        &self,
        login: &DeviceLogin<'_>,
        authorization: Authorization,
        time: &Time<'_>,
    ) -> Result<Grant, Failure> {
        let (client, record, now) = (&*login.client, &login.record, time.now());
        let scope = authorization.scope.clone().unwrap_or_else(|| record.scope.clone());
        // Who has typed the code is who was asked.
        let is_theirs = authorization.subject.as_deref() == Some(login.subject());
        if !is_theirs || !authorization.fits() || !scope.is_subset_of(&record.scope) || !self.may_be_of(&scope) {
            return Err(ServerFault::Handler.into());
        }
        #[cfg(feature = "jwt")]
        let may_renew = self.may_renew(&scope);
        #[cfg(not(feature = "jwt"))]
        let may_renew = true;
        let with_refresh_token = authorization.refresh_token && client.may_refresh() && may_renew;
        let members = Members {
            special: Some(Special::Approved),
            resources: record.resource_list().cloned(),
            of_stranger: client.is_stranger(),
            acr: authorization.acr,
            amr: authorization.amr,
            code_key: record.code_key(),
            ..Members::default()
        };
        let first = CodeDetails { state_hash: None, nonce: None, with_refresh_token: false, binding: None };
        let login = Login {
            client_id: client.shared_id(),
            subject: authorization.subject,
            scope,
            fields: authorization.fields,
            host_data: authorization.host_data,
            renewable: with_refresh_token && authorization.renewable && record.renewable,
            authenticated_at: authorization.authenticated_at.unwrap_or(now),
            code: (!with_refresh_token).then_some(first),
            members: self.realm.members(members),
        };
        self.check_subject(&login).await?;
        let grant = self.new_grant(login, client, now);
        // Until the device has its tokens it ends with the code, and never later than any login does.
        let end = record.refresh_expires_at.min(grant.absolute_expires_at);
        Ok(Grant { generation: Generation::NONE, refresh_expires_at: end, expires_at: end, ..grant })
    }

    /// Says no to a device, once its person has. The same again has the same result.
    ///
    /// # Errors
    ///
    /// [`DeviceError`]: somebody has said yes meanwhile, the code has expired, or the store failed.
    pub async fn deny_device(&self, login: &DeviceLogin<'_>, clock: impl Clock) -> Result<(), DeviceError> {
        let time = self.time(&clock);
        let answering = self.answer_device(&login.record, DeviceAnswer::Denied, None, &time);
        let answered = match time.watch(pin!(answering)).await {
            Ok(DeviceAnswer::Denied) => Ok(()),
            Ok(_) => Err(Failure::from(GrantRefusal::DeviceUsed)),
            Err(failure) => Err(failure),
        };
        answered.map_err(|failure| {
            self.answered_or(&failure.of_client(login.client.shared_id()).of_subject(Some(&login.subject)))
        })?;
        let subject = self.host.subject(Some(&login.subject));
        self.emit(&Event::DeviceDenied { client_id: login.client.id(), subject });
        Ok(())
    }

    /// Swaps the answer in, once. What the record says then, where that is the same: this answer, or the one that the same person gave before,
    /// to the same scope. `own`: the grant of a yes.
    async fn answer_device(
        &self,
        shown: &Grant,
        answer: DeviceAnswer,
        own: Option<&Grant>,
        time: &Time<'_>,
    ) -> Result<DeviceAnswer, Failure> {
        let proof = shown.device().map(|device| device.user_code);
        let mut swaps = Swaps::none();
        let mut record = shown.clone();
        for _ in 0..ATTEMPTS {
            let device = record.device().filter(|device| Some(device.user_code) == proof);
            let device = device.ok_or(GrantRefusal::DeviceExpired)?;
            match (device.answer, answer) {
                (DeviceAnswer::Pending, _) => {}
                (DeviceAnswer::Denied, DeviceAnswer::Denied) => return Ok(DeviceAnswer::Denied),
                (DeviceAnswer::Approved(id), DeviceAnswer::Approved(answered)) => {
                    let is_same = id == answered || self.is_like(id, own).await?;
                    return if is_same { Ok(device.answer) } else { Err(GrantRefusal::DeviceUsed.into()) };
                }
                _ => return Err(GrantRefusal::DeviceUsed.into()),
            }
            let now = time.now();
            if now >= record.refresh_expires_at {
                return Err(GrantRefusal::DeviceExpired.into());
            }
            let expected = record.version;
            record.answer_device(answer, new_version());
            if swaps.swap(&self.store, expected, &record, now).await? == Swapped::Done {
                return Ok(answer);
            }
            record = self.store.load(shown.id).await?.ok_or(GrantRefusal::DeviceExpired)?;
        }
        Err(Unavailable::Contention.into())
    }

    /// Whether the grant of this id was given by the same person, and for as much.
    async fn is_like(&self, id: GrantId, own: Option<&Grant>) -> Result<bool, Failure> {
        let (Some(own), Some(grant)) = (own, self.store.load(id).await?) else { return Ok(false) };
        let is_theirs = grant.realm() == self.realm() && grant.subject() == own.subject();
        Ok(grant.id == id && is_theirs && grant.scope == own.scope)
    }
}

/// Whether the answer may have been written all the same.
fn is_in_doubt(failure: &Failure) -> bool {
    matches!(failure.why, Refusal::Unavailable(_))
}
