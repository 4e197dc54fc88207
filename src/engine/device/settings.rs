//! How devices are logged in, as the host says it.

use std::time::Duration;

use super::whole;
use crate::engine::builder::BuildError;
use crate::wire::{read_uri, web_host};

/// How devices are logged in (RFC 8628): see [`EngineBuilder::device_authorization`](crate::EngineBuilder::device_authorization).
///
/// ```
/// use std::time::Duration;
/// use regrant::engine::DeviceAuthorization;
/// let devices = DeviceAuthorization::new("/device").with_lifetime(Duration::from_secs(300)).with_public_clients(true);
/// # let _ = devices;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DeviceAuthorization {
    pub(super) verification_uri: String,
    pub(super) lifetime: Duration,
    pub(super) interval: Duration,
    pub(super) public_clients: bool,
    pub(super) most_per_address: usize,
    pub(super) limits_guesses: bool,
}

impl DeviceAuthorization {
    /// With the page where people type the code that their device shows: a path, which is put after the issuer, or a URL, without query and
    /// fragment. Short: it is typed too.
    pub fn new(verification_uri: &str) -> Self {
        Self {
            verification_uri: verification_uri.to_owned(),
            lifetime: Duration::from_secs(600),
            interval: Duration::from_secs(5),
            public_clients: false,
            most_per_address: 20,
            limits_guesses: true,
        }
    }

    /// How long a device waits for an answer, and for its tokens after that: whole seconds from 60 to 1,800. Default: 10 minutes.
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// How long a device waits between two polls: whole seconds from 1 to 60. Default: 5 seconds. One that polls more often hears
    /// `slow_down` and has to wait 5 seconds longer from then on (section 3.5); one poll in advance is let pass, since networks jitter.
    pub fn with_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Whether clients that cannot keep a secret may begin, which most devices are: anybody can begin in their name, and fill the places
    /// that a client has. Default: no.
    pub fn with_public_clients(self, public_clients: bool) -> Self {
        Self { public_clients, ..self }
    }

    /// How many devices may wait at a time that have begun from one address, or from one /64 of IPv6, at this node. Default: 20. Needs
    /// [`Request::with_peer`](crate::Request::with_peer): where nobody knows the address, nothing is counted.
    pub fn with_most_per_address(self, most: usize) -> Self {
        Self { most_per_address: most, ..self }
    }

    /// Whether guesses at user codes are limited where the host has no [throttle](crate::EngineBuilder::throttle): at most 10 wrong ones in an
    /// hour by one person, and 30 from one address. Off, anybody with an account may try codes until one is right (section 5.1), so
    /// this is for tests alone. Default: yes.
    pub fn with_guess_limit(self, limited: bool) -> Self {
        Self { limits_guesses: limited, ..self }
    }

    /// Where people are sent, whole, if everything fits.
    pub(super) fn check(&self, issuer: Option<&str>) -> Result<String, BuildError> {
        let is_whole = |time: Duration, range: std::ops::RangeInclusive<u64>| {
            range.contains(&time.as_secs()) && time.subsec_nanos() == 0
        };
        if !is_whole(self.lifetime, 60..=1_800) || !is_whole(self.interval, 1..=60) || self.most_per_address == 0 {
            return Err(BuildError::DeviceAuthorization);
        }
        let at = &self.verification_uri;
        if at.starts_with('/') && issuer.is_none() {
            return Err(BuildError::IssuerRequired);
        }
        let whole = whole(issuer, at).filter(|_| !at.starts_with("//")).ok_or(BuildError::DeviceAuthorization)?;
        let is_page =
            read_uri(&whole).is_some_and(|uri| web_host(&uri).is_some() && !uri.has_query() && !uri.has_fragment());
        if is_page { Ok(whole) } else { Err(BuildError::DeviceAuthorization) }
    }
}
