//! What a host sets, and what follows from it. What changes while the engine serves is in `live.rs`.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use super::documents::MetadataMembers;
use super::host::RenewalPolicy;
use super::issue::ExpiryTold;
use super::live::LiveLifetimes;
#[cfg(feature = "proof")]
use super::profile::{Profile, Trust, capped};
use super::resources::ResourceSet;
use crate::client::UnknownScopes;
use crate::grant::{Lifetimes, Rotation};
use crate::wire::{Limits, ResponseStyle};

pub(super) struct Settings {
    /// Of clients that have none of their own.
    pub(super) lifetimes: LiveLifetimes,
    /// Of public clients that nobody made by hand, where a profile has others for them.
    #[cfg(feature = "proof")]
    pub(super) untrusted_lifetimes: Option<Box<LiveLifetimes>>,
    /// Of clients that do not say it themselves.
    pub(super) rotation: Rotation,
    /// The ids of keys that are being withdrawn.
    #[cfg(feature = "proof")]
    pub(super) retiring: Vec<u8>,
    #[cfg(feature = "proof")]
    pub(super) profile: Option<Profile>,
    pub(super) renewal: RenewalPolicy,
    pub(super) style: ResponseStyle,
    pub(super) expiry_told: ExpiryTold,
    pub(super) token_prefix: Option<Box<str>>,
    pub(super) limits: Limits,
    pub(super) basic_challenge: Arc<str>,
    pub(super) bearer_challenge: Arc<str>,
    /// How far clocks of different nodes may be apart.
    pub(super) clock_skew: Duration,
    /// How long the page of an authorization request may be open.
    #[cfg(feature = "root-secret")]
    pub(super) interaction_lifetime: Duration,
    /// Whether clients push their authorization requests.
    #[cfg(feature = "root-secret")]
    pub(super) pushed_requests: bool,
    /// How long one may take to arrive at the authorization endpoint.
    #[cfg(feature = "root-secret")]
    pub(super) pushed_lifetime: Duration,
    /// Whether all of them have to.
    pub(super) requires_pushed: bool,
    /// Whether signed requests are read.
    #[cfg(feature = "proof")]
    pub(super) signed_requests: bool,
    /// Whether all of them have to be.
    #[cfg(feature = "proof")]
    pub(super) requires_signed: bool,
    /// Whether answers may be posted by the browser.
    pub(super) form_post: bool,
    /// Whether answers may be JWTs.
    pub(super) signed_answers: bool,
    /// How long the store may take from the call to its commit, as it says.
    pub(super) longest_commit: Duration,
    /// The claim and parameter `iss`, to the byte.
    pub(super) issuer: Option<Arc<str>>,
    /// Whether authorization codes are given out and redeemed.
    pub(super) authorization_code: bool,
    /// In authorization requests of clients that do not say it themselves.
    pub(super) unknown_scopes: UnknownScopes,
    /// That tokens can be for; `None` where the engine knows nothing of resources.
    pub(super) resources: Option<Box<ResourceSet>>,
    pub(super) implies: Option<Implies>,
    /// What it offers as an OpenID provider.
    #[cfg(feature = "jwt")]
    pub(super) openid: Box<super::openid::OpenIdProvider>,
    /// Of the host, in the server's own.
    pub(super) metadata: RwLock<MetadataMembers>,
}

/// Whether who has the first scope may do what the second is for.
pub(super) type Implies = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

impl Settings {
    /// Under atproto, what every lifetime is cut to; what a client has of its own is judged with the client.
    #[cfg(feature = "proof")]
    pub(super) fn with_capped_lifetimes(self, believes_signatures_alone: bool) -> Self {
        if self.profile != Some(Profile::Atproto) {
            return self;
        }
        let lifetimes = self.lifetimes.get();
        let capped = |trust: Trust| LiveLifetimes::new(capped(lifetimes, trust, !believes_signatures_alone));
        let (lifetimes, untrusted) = (capped(Trust::Trusted), capped(Trust::Untrusted));
        Self { lifetimes, untrusted_lifetimes: Some(Box::new(untrusted)), ..self }
    }

    pub(super) fn with_challenge_realm(self, realm: &str) -> Self {
        Self { basic_challenge: challenge("Basic", realm), bearer_challenge: challenge("Bearer", realm), ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lifetimes: LiveLifetimes::new(Lifetimes::default()),
            #[cfg(feature = "proof")]
            untrusted_lifetimes: None,
            rotation: Rotation::Always,
            #[cfg(feature = "proof")]
            retiring: Vec::new(),
            #[cfg(feature = "proof")]
            profile: None,
            renewal: RenewalPolicy::default(),
            style: ResponseStyle::default(),
            expiry_told: ExpiryTold::default(),
            token_prefix: None,
            limits: Limits::default(),
            basic_challenge: challenge("Basic", "token"),
            bearer_challenge: challenge("Bearer", "token"),
            clock_skew: Duration::from_secs(5),
            #[cfg(feature = "root-secret")]
            interaction_lifetime: Duration::from_secs(30 * 60),
            #[cfg(feature = "root-secret")]
            pushed_requests: false,
            #[cfg(feature = "root-secret")]
            pushed_lifetime: Duration::from_secs(60),
            requires_pushed: false,
            #[cfg(feature = "proof")]
            signed_requests: false,
            #[cfg(feature = "proof")]
            requires_signed: false,
            form_post: false,
            signed_answers: false,
            longest_commit: Duration::ZERO,
            issuer: None,
            authorization_code: false,
            unknown_scopes: UnknownScopes::default(),
            resources: None,
            implies: None,
            #[cfg(feature = "jwt")]
            openid: Box::default(),
            metadata: RwLock::default(),
        }
    }
}

fn challenge(scheme: &str, realm: &str) -> Arc<str> {
    format!("{scheme} realm=\"{realm}\"").into()
}
