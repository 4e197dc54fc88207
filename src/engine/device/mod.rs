//! Logins on devices that have no browser, or nothing to type with (RFC 8628).
//!
//! The device begins ([`begin_device`](Engine::begin_device)) and shows a user code; somebody who is logged in types it on the host's page
//! ([`device_login`](Engine::device_login)) and answers ([`approve_device`](Engine::approve_device),
//! [`deny_device`](Engine::deny_device)); meanwhile the device polls the token endpoint, which writes nothing until there is an answer.
//!
//! Devices are the one exception to the rule that a stranger stores nothing. So there are 1,000 places for each client, and a device has to
//! find a free one: no store can count.

mod begin;
mod guesses;
mod keys;
mod pace;
mod page;
mod settings;
mod starts;
mod user_code;

use std::sync::Arc;

use parking_lot::Mutex;
use smol_str::SmolStr;

pub(super) use begin::may_begin;
pub use page::{DeviceError, DeviceLogin};
pub use settings::DeviceAuthorization;

#[cfg(doc)]
use super::Engine;
use super::builder::BuildError;
use super::documents::Endpoints;
use super::host::Host;
use crate::client::DEVICE_CODE;
use crate::grant::Timestamp;
use crate::secret::root::RootSecret;
use crate::throttle::MemoryThrottle;
use guesses::Guesses;
use keys::Keys;
use pace::Paces;
use starts::Starts;

/// What an engine has of them.
pub(super) struct DeviceEngine {
    settings: DeviceAuthorization,
    keys: Keys,
    /// Whole, for the answer.
    verification_uri: SmolStr,
    counts: Arc<Counts>,
    /// Where the host has none: user codes are never guessed at without a limit.
    own_throttle: Option<Arc<MemoryThrottle>>,
}

/// What is counted at this node.
struct Counts {
    paces: Mutex<Paces>,
    starts: Mutex<Starts>,
    guesses: Mutex<Guesses>,
}

impl DeviceEngine {
    /// How many people and addresses are counted at a time where the host has no throttle.
    const COUNTED: usize = 4_096;

    /// Where the host asks for it. Without a root secret it was refused.
    pub(super) fn build(
        settings: Option<DeviceAuthorization>,
        issuer: Option<&str>,
        host: &Host,
        (root, old, realm): (Option<&RootSecret>, Option<&(RootSecret, Timestamp)>, Option<&str>),
    ) -> Result<Option<Box<Self>>, BuildError> {
        let Some((settings, root)) = settings.zip(root) else { return Ok(None) };
        // The grant type is the engine's own then.
        if host.handler(DEVICE_CODE.as_bytes()).is_some() {
            return Err(BuildError::GrantType);
        }
        let verification_uri = settings.check(issuer)?;
        let own_throttle = settings.limits_guesses && !host.has_throttle();
        Ok(Some(Box::new(Self {
            verification_uri: verification_uri.into(),
            counts: Arc::new(Counts {
                paces: Mutex::new(Paces::new()),
                starts: Mutex::new(Starts::default()),
                guesses: Mutex::new(Guesses::default()),
            }),
            own_throttle: own_throttle.then(|| Arc::new(MemoryThrottle::with_places(Self::COUNTED))),
            keys: Keys::new(root, old.map(|(secret, not_after)| (secret, *not_after)), realm),
            settings,
        })))
    }

    /// Takes over what was counted at the engine before, or whoever guesses would begin anew with each. A throttle of the host's is the
    /// host's to keep. `with_old_root`: the root secret before the current one is taken over too.
    pub(super) fn inherit(&mut self, before: &Self, with_old_root: bool) {
        if with_old_root {
            self.keys.inherit(&before.keys);
        }
        self.counts = Arc::clone(&before.counts);
        if let (Some(own), Some(before)) = (&mut self.own_throttle, &before.own_throttle) {
            *own = Arc::clone(before);
        }
    }

    /// Whether clients that cannot keep a secret may begin.
    pub(super) const fn takes_public_clients(&self) -> bool {
        self.settings.public_clients
    }

    /// How a device of this key that polls now keeps to its interval.
    pub(super) fn keeps_pace(&self, device: (u64, u64), now: Timestamp) -> bool {
        self.counts.paces.lock().poll(device, self.settings.interval, now)
    }
}

/// Where an endpoint is, whole.
fn whole(issuer: Option<&str>, at: &str) -> Option<String> {
    if !at.starts_with('/') {
        return Some(at.to_owned());
    }
    issuer.map(|issuer| Endpoints::whole(issuer, at))
}
