//! The endpoint where a device begins: RFC 8628 sections 3.1 and 3.2.

use std::pin::pin;
use std::time::Duration;

use serde_json::json;

use super::DeviceEngine;
use super::user_code::{PLACES, UserCode};
#[cfg(feature = "proof")]
use crate::client::Lookup;
use crate::client::{Client, Clients, DEVICE_CODE, Purpose};
use crate::engine::Engine;
use crate::engine::binding::Presented;
#[cfg(feature = "proof")]
use crate::engine::client_auth::SpentFor;
use crate::engine::client_auth::{Authenticated, Occasion};
use crate::engine::failure::Failure;
use crate::engine::head::Desk;
use crate::engine::host::Clock;
#[cfg(feature = "proof")]
use crate::engine::markers::Spending;
use crate::engine::refusal::{AuthorizationRefusal, ClientRefusal, GrantRefusal};
use crate::engine::refusal::{ThrottleRefusal, Unavailable};
use crate::engine::swap::{is_written, new_version};
use crate::engine::time::Time;
use crate::grant::device::{Device, DeviceAnswer, UserCode as UserCodeRecord};
use crate::grant::members::{Members, Special};
use crate::grant::{Grant, GrantId, Salt, Scope, Timestamp};
use crate::secret::root::LabelledKey;
use crate::store::{Insert, Swap, TokenStore};
use crate::throttle::{GuessKind, TooManyGuesses};
use crate::token::mint_device;
use crate::wire::{Form, Parameters, Request, Response};

/// How many devices of one client may wait at a time. Each has a place: no store can count.
const DEVICES: u16 = 1_000;
/// How many places are looked at before giving up. Of a client that has half of them taken, one device in 65,000 finds none.
const LOOKS: usize = 16;
/// How many user codes are drawn before giving up.
const DRAWS: usize = 4;
/// How long a device that was too late hears so, and not that there is no such code.
const REMEMBERED: Duration = Duration::from_secs(300);
/// After how long it is worth another try, where all places that were drawn were taken.
const FULL: Duration = Duration::from_secs(30);

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a device that begins (RFC 8628 section 3.1): a client that authenticates as at the token endpoint, public ones by their
    /// id where that is [allowed](super::DeviceAuthorization::with_public_clients), and has the grant type
    /// `urn:ietf:params:oauth:grant-type:device_code`. 200 with `device_code`, `user_code`, `verification_uri`,
    /// `verification_uri_complete`, `expires_in` and `interval` (section 3.2).
    ///
    /// Two records are kept until some minutes after the code has expired. A client has 1,000 places for devices, each taken for as long;
    /// where nearly all are taken, some find none before all are. From one address only
    /// [so many](super::DeviceAuthorization::with_most_per_address) may wait at this node: beyond that it is 429 with `Retry-After`. A device that shows
    /// a proof of possession has to show the same key when it polls (RFC 9449).
    ///
    /// Checked in this order: method, content type and form, proof, client, scope and resources. Off until
    /// [`EngineBuilder::device_authorization`](crate::EngineBuilder::device_authorization); 404 before.
    ///
    /// ```
    /// use regrant::engine::DeviceAuthorization;
    /// use regrant::{Client, Engine, MemoryStore, Request, RootSecret, StaticClients, Timestamp};
    /// let tv = Client::public("tv").grant_type("urn:ietf:params:oauth:grant-type:device_code").build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(tv)?)
    ///     .issuer("https://id.example")
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .device_authorization(DeviceAuthorization::new("/device").with_public_clients(true))
    ///     .build()?;
    /// let request = Request::new("POST", b"client_id=tv")
    ///     .with_header("content-type", b"application/x-www-form-urlencoded");
    /// let response = engine.blocking().begin_device(&request, Timestamp::now)?;
    /// assert_eq!(response.status(), 200);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_device(&self, request: &Request<'_>, clock: impl Clock) -> Response {
        let time = self.time(&clock);
        let response = match time.watch(pin!(self.try_begin(request, &time))).await {
            Ok(body) => Response::ok(body),
            Err(failure) => self.refuse(&failure),
        };
        self.with_nonce(request, response, time.now())
    }

    async fn try_begin(&self, request: &Request<'_>, time: &Time<'_>) -> Result<Vec<u8>, Failure> {
        let devices = self.device.as_deref().ok_or(AuthorizationRefusal::DeviceOff)?;
        let (mut form, mut parameters, mut presented) = (Form::unread(), Parameters::unread(), Presented::default());
        let read = (&mut form, &mut parameters, &mut presented);
        let form = self.read_head(request, read, Desk::Device, time.now())?;
        // What anybody may cause here is limited as at the authorization endpoint.
        let occasion = Occasion::to_write(time).with_purpose(Purpose::Authorization);
        let client = self.authenticate(request, &parameters, occasion).await?;
        let begun = self.begin_for(devices, &client, request, form, &parameters, &mut presented, time);
        begun.await.map_err(|failure| failure.of_client(client.shared_id()))
    }

    #[expect(clippy::too_many_arguments, reason = "they are the request")]
    async fn begin_for(
        &self,
        devices: &DeviceEngine,
        client: &Authenticated<'_>,
        request: &Request<'_>,
        form: &Form<'_>,
        parameters: &Parameters<'_>,
        presented: &mut Presented<'_>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        presented.check_marked(client, self.takes_proofs())?;
        #[cfg(feature = "proof")]
        if let Some(profile) = self.profile() {
            let lookup = Lookup::of(Purpose::Authorization, request.peer());
            Box::pin(self.check_under(profile, client, presented, lookup, time.now())).await?;
        }
        if !may_begin(devices, client) || !client.starts_logins_at(time.now()) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        let scope = match parameters.scope() {
            Some(text) => Scope::parse(text).map_err(|_| GrantRefusal::Scope)?,
            None => client.default_scope().clone(),
        };
        if !scope.is_subset_of(client.scope()) || !self.may_be_of(&scope) {
            return Err(GrantRefusal::Scope.into());
        }
        let resources = self.asked_resources(form)?;
        let scope = match &resources {
            Some(resources) => resources.check_scope(scope, parameters.scope().is_some())?,
            None => scope,
        };
        let members = Members {
            realm: self.realm().map(Into::into),
            resources: resources.and_then(|resources| resources.to_store(false)),
            code_key: presented.key_of_device()?,
            ..Members::default()
        };
        let (now, peer) = (time.now(), request.peer());
        let end = now + devices.settings.lifetime;
        // Before anything is written: nobody fills the places of a client from one address.
        if let Some(peer) = peer {
            let most = devices.settings.most_per_address;
            if let Err(first) = devices.counts.starts.lock().count(peer, most, now, end) {
                return Err(too_many(first.since(now)));
            }
        }
        let renewable = self.settings.renewal.allows(form);
        let begun = async {
            #[cfg(feature = "proof")]
            if let Some(unspent) = client.unspent(SpentFor::Device(request.body())).filter(|_| !client.is_stranger()) {
                // Spent for the same before: the answer got lost, and another is as good, for as long as one may be lost. Who has caught the
                // request fills no places with it afterwards.
                match self.spend_assertion(unspent, None, time).await? {
                    Some(Spending::Again { since, .. }) if !self.answers_again(client, since, time) => {
                        return Err(GrantRefusal::AssertionSpent.into());
                    }
                    _ => {}
                }
            }
            self.keep_device((devices, client), scope, members, renewable, [now, end], time).await
        };
        let begun = begun.await;
        // Not where the request is dropped: its device may have a place by then.
        if let (Err(_), Some(peer)) = (&begun, peer) {
            devices.counts.starts.lock().give_back(peer, end);
        }
        let (record, user_code) = begun?;
        let device_code = mint_device(&record, self.realm.keys().signing());
        let (uri, settings) = (&devices.verification_uri, &devices.settings);
        let answer = json!({
            "device_code": String::from_utf8_lossy(&device_code),
            "user_code": user_code.to_string(),
            "verification_uri": uri.as_str(),
            "verification_uri_complete": format!("{uri}?user_code={user_code}"),
            "expires_in": settings.lifetime.as_secs(),
            "interval": settings.interval.as_secs(),
        });
        Ok(answer.to_string().into_bytes())
    }

    /// Stores what a device asks for, and where its user code leads.
    async fn keep_device(
        &self,
        (devices, client): (&DeviceEngine, &Client),
        scope: Scope,
        members: Members,
        renewable: bool,
        [now, end]: [Timestamp; 2],
        time: &Time<'_>,
    ) -> Result<(Grant, UserCode), Failure> {
        let (key, other) = devices.keys.user_codes(now);
        for _ in 0..DRAWS {
            // The code first: what leads to a device that is not there leads nowhere.
            let user_code = UserCode::draw();
            let (id, old) = self.free_place(devices, client, time.now()).await?;
            let Some(place) = self.free_code(user_code, key, other).await? else { continue };
            let device = Device { user_code: user_code.proof(key), answer: DeviceAnswer::Pending };
            let drawn = (id, new_version(), Salt(rand::random()));
            let record = Grant {
                client_id: client.shared_id(),
                scope: scope.clone(),
                renewable,
                key_id: self.realm.keys().signing().id(),
                ..Grant::of_device(drawn, device, members.clone(), now, [end, end + REMEMBERED])
            };
            if !self.write_device(&record, old, time).await? {
                continue;
            }
            let leads = UserCodeRecord { user_code: user_code.proof(key), device: record.id };
            let special = Special::UserCode(leads);
            let written = Grant::special(place, new_version(), self.realm(), special, now, end + REMEMBERED);
            let added = self.store.insert(&written, time.now()).await.map(|insert| insert == Insert::Added);
            if is_written(&self.store, &written, None, added).await? {
                return Ok((record, user_code));
            }
            // Another device was first. This one's place is free again when it has waited in vain.
        }
        Err(Unavailable::Contention.into())
    }

    /// A place of this client's that no device has, and what is there of one that waits no longer.
    async fn free_place(
        &self,
        devices: &DeviceEngine,
        client: &Client,
        now: Timestamp,
    ) -> Result<(GrantId, Option<Grant>), Failure> {
        let key = devices.keys.devices();
        for _ in 0..LOOKS {
            let place = rand::random_range(0..DEVICES).to_be_bytes();
            let id = GrantId::computed(&key.mac(&[b"place", client.id().as_bytes(), &place]));
            match self.store.load(id).await? {
                None => return Ok((id, None)),
                // Until it is forgotten, it says that it came too late; a store that purges seldom must not keep others out.
                Some(old) if old.device().is_some() && now >= old.expires_at => return Ok((id, Some(old))),
                Some(_) => {}
            }
        }
        Err(too_many(FULL))
    }

    /// Where it can be kept where this code leads under `key`; `None` where another device has it, under that key or the other.
    async fn free_code(
        &self,
        code: UserCode,
        key: &LabelledKey,
        other: Option<&LabelledKey>,
    ) -> Result<Option<GrantId>, Failure> {
        let mut free = None;
        for (is_own, key) in std::iter::once((true, key)).chain(other.map(|key| (false, key))) {
            for step in 0..PLACES {
                let place = code.place(key, step);
                match self.store.load(place).await? {
                    None => free = free.or(is_own.then_some(place)),
                    Some(stored) => {
                        if stored.user_code().is_some_and(|other| other.user_code == code.proof(key)) {
                            return Ok(None);
                        }
                    }
                }
            }
        }
        Ok(free)
    }

    /// Whether it has the place. It is written over what waits no longer, since both are nobody's.
    async fn write_device(&self, record: &Grant, old: Option<Grant>, time: &Time<'_>) -> Result<bool, Failure> {
        let before = old.map(|old| old.version);
        let written = match before {
            None => self.store.insert(record, time.now()).await.map(|insert| insert == Insert::Added),
            Some(before) => {
                self.store.compare_and_swap(before, record, time.now()).await.map(|swap| swap == Swap::Swapped)
            }
        };
        Ok(is_written(&self.store, record, before, written).await?)
    }
}

/// Whether this client may log devices in at all.
pub(in crate::engine) fn may_begin(devices: &DeviceEngine, client: &Client) -> bool {
    client.may_use(DEVICE_CODE) && (!client.is_public() || devices.takes_public_clients())
}

fn too_many(wait: Duration) -> Failure {
    ThrottleRefusal::new(GuessKind::Device, TooManyGuesses::until(wait)).into()
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::engine::DeviceAuthorization;
    use crate::{MemoryStore, RootSecret, StaticClients};

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("memory that has to be waited for"),
        }
    }

    /// A code that a device shows already is drawn again, under whichever secret it is kept; what only shares its id is passed by.
    #[test]
    fn no_two_devices_show_the_same_code() {
        let now = Timestamp::from_secs(1_700_000_000);
        let [old, new] = [1, 2].map(|id| RootSecret::from_bytes(id, &[id; 32]));
        let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
            .issuer("https://id.example")
            .subject_secret(old.subject_secret())
            .root_secret(new)
            .accept_root(old, now + REMEMBERED)
            .device_authorization(DeviceAuthorization::new("/device"))
            .build()
            .unwrap();
        let (key, other) = engine.device.as_deref().unwrap().keys.user_codes(now);
        let keep = |place: GrantId, user_code: [u8; 20]| {
            let leads = UserCodeRecord { user_code, device: GrantId::computed(&[1; 32]) };
            let record = Grant::special(place, new_version(), None, Special::UserCode(leads), now, now + REMEMBERED);
            assert_eq!(ready(engine.store.insert(&record, now)).unwrap(), Insert::Added);
        };
        let free = |code: UserCode| ready(engine.free_code(code, key, other)).ok().unwrap();
        let code = UserCode::draw();
        assert_eq!(free(code), Some(code.place(key, 0)));
        keep(code.place(key, 0), [1; 20]);
        assert_eq!(free(code), Some(code.place(key, 1)));
        keep(code.place(key, 1), [1; 20]);
        assert_eq!(free(code), None, "there is no third place");
        for (key, step) in [key, other.unwrap()].into_iter().flat_map(|key| (0..PLACES).map(move |step| (key, step))) {
            let code = UserCode::draw();
            keep(code.place(key, step), code.proof(key));
            assert_eq!(free(code), None);
        }
    }
}
