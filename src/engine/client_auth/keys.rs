//! The keys of a client, or of an issuer that the host trusts, wherever they are.

use std::net::IpAddr;
use std::sync::Arc;

use crate::client::strong::KeySource;
use crate::client::{Client, Clients, Lookup, Purpose};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::jwt_bearer::{Issuer, IssuerKeys};
use crate::engine::refusal::{Refusal, Unavailable};
use crate::fetch::FetchUrl;
use crate::fetch::budget::Asker;
use crate::fetch::documents::{Documents, FetchFault, Unavailable as NotToBeHad};
use crate::fetch::{Fetch, FetchLimits};
use crate::grant::Timestamp;
use crate::proof::ClientKeys;
use crate::store::TokenStore;

/// Sets that are kept: those in use are the last to go.
const ROOM: usize = 1_000;

/// The longest list of redirect URIs that is read, and the most entries of it.
const MAX_LIST_BYTES: usize = 64 * 1_024;
const MAX_LISTED: usize = 1_000;

/// A list of a sector with more entries than are read.
#[derive(Debug, thiserror::Error)]
#[error("the list has too many redirect URIs")]
struct TooMany;

/// JWK sets of clients, from where they say, and the lists of their sectors.
pub(in crate::engine) struct FetchedKeys {
    sets: Documents<ClientKeys>,
    sectors: Documents<Vec<String>>,
}

impl FetchedKeys {
    pub(in crate::engine) fn new(fetch: impl Fetch + 'static) -> Self {
        let fetch = Arc::new(fetch);
        let limits = FetchLimits::default().with_body_bytes(ClientKeys::MAX_BYTES);
        let read = |_: &FetchUrl, body: &[u8]| Ok(ClientKeys::from_json(body)?);
        let sets = Documents::with(Arc::clone(&fetch), read, limits, ROOM);
        let read = |_: &FetchUrl, body: &[u8]| {
            let mut listed: Vec<String> = serde_json::from_slice(body)?;
            // One that is cut would tell a client that it is not in there.
            if listed.len() > MAX_LISTED {
                return Err(TooMany.into());
            }
            listed.shrink_to_fit();
            Ok(listed)
        };
        // Looked at when a client registers, and hardly again.
        let sectors = Documents::with(fetch, read, limits.with_body_bytes(MAX_LIST_BYTES), ROOM / 10);
        Self { sets, sectors }
    }
}

/// Which keys are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Those at hand, if they are fresh.
    AtHand,
    /// Those that the client has by now: the ones at hand lack what was looked for.
    Anew,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The client's keys that `is_there` holds for, or those that it has now.
    ///
    /// Refused where they cannot be had: nobody can tell then whether the client is who it says it is.
    pub(in crate::engine) async fn keys_of_client(
        &self,
        client: &Client,
        lookup: Lookup,
        now: Timestamp,
        is_there: impl Fn(&ClientKeys) -> bool + Send,
    ) -> Result<Option<ClientKeys>, Failure> {
        let at = match client.key_source() {
            None => return Ok(None),
            Some(KeySource::ByValue(keys)) => return Ok(Some(keys.clone())),
            Some(KeySource::At(at)) => at,
        };
        // Whether they are at hand or not: what a request is answered must not depend on who was here before.
        if client.is_stranger() && !lookup.may_fetch() {
            return Err(Unavailable::ClientNotAtHand.into());
        }
        let keys = self.fetch_keys(at, Which::AtHand, lookup, now).await?;
        if is_there(&keys) {
            return Ok(Some(keys));
        }
        // RFC 7517 has nothing of it: a client that replaces its keys names one that was not there when the set was fetched.
        self.fetch_keys(at, Which::Anew, lookup, now).await.map(Some)
    }

    /// The keys that are there now, or were within the last minute; never some that are only still at hand.
    pub(in crate::engine) async fn fetch_keys_anew(
        &self,
        at: &str,
        lookup: Lookup,
        now: Timestamp,
    ) -> Result<ClientKeys, Failure> {
        self.fetch_keys(at, Which::Anew, lookup, now).await
    }

    /// The keys of an issuer that the host trusts: those that `is_there` holds for, or those that it has now. Fetched out of a budget that
    /// strangers do not share, since the client has proven who it is, and kept when theirs go.
    pub(in crate::engine) async fn keys_of_issuer(
        &self,
        issuer: &Issuer,
        now: Timestamp,
        is_there: impl Fn(&ClientKeys) -> bool + Send,
    ) -> Result<ClientKeys, Failure> {
        let at = match &issuer.keys {
            IssuerKeys::ByValue(keys) => return Ok(keys.clone()),
            IssuerKeys::At(at) => at,
        };
        let of_issuer = |failure: Failure| match failure.why {
            Refusal::Unavailable(Unavailable::ClientKeys { retry_after_secs }) => {
                failure.because(Unavailable::IssuerKeys { retry_after_secs })
            }
            _ => failure,
        };
        let lookup = Lookup::new(Purpose::Licensed);
        let keys = self.fetch_keys(at, Which::AtHand, lookup, now).await.map_err(of_issuer)?;
        if is_there(&keys) {
            return Ok(keys);
        }
        self.fetch_keys(at, Which::Anew, lookup, now).await.map_err(of_issuer)
    }

    /// The redirect URIs that a sector lists (OpenID Connect Registration section 5); `None` where it cannot be one: no https URL of a public
    /// name, nothing to fetch it by, or no list. Refused where it cannot be had now.
    pub(in crate::engine) async fn sector_list(
        &self,
        at: &str,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Arc<Vec<String>>>, Failure> {
        let (Some(FetchedKeys { sectors, .. }), Ok(url)) = (self.client_keys.as_deref(), FetchUrl::parse(at)) else {
            return Ok(None);
        };
        match sectors.get(&url, asker(Lookup::of(Purpose::Registration, peer)), now).await {
            Ok(listed) => Ok(Some(listed)),
            Err(NotToBeHad::Failed(fault)) if matches!(*fault, FetchFault::Document(_)) => Ok(None),
            Err(error) => {
                let retry_after_secs = wait_of(&error);
                Err(Failure::from(Unavailable::ClientDocument { retry_after_secs }).by(error))
            }
        }
    }

    async fn fetch_keys(&self, at: &str, which: Which, lookup: Lookup, now: Timestamp) -> Result<ClientKeys, Failure> {
        let refused = |retry_after_secs| Failure::from(Unavailable::ClientKeys { retry_after_secs });
        let Some(FetchedKeys { sets: documents, .. }) = self.client_keys.as_deref() else { return Err(refused(None)) };
        let url = FetchUrl::parse(at).map_err(|error| refused(None).by(error))?;
        let asker = asker(lookup);
        let keys = match which {
            Which::AtHand => documents.get(&url, asker, now).await,
            Which::Anew => documents.get_anew(&url, asker, now).await,
        };
        match keys {
            Ok(keys) => Ok(ClientKeys::clone(&keys)),
            Err(error) => Err(refused(wait_of(&error)).by(error)),
        }
    }
}

/// Who pays for a fetch.
const fn asker(lookup: Lookup) -> Asker {
    match (lookup.purpose(), lookup.peer()) {
        (Purpose::Licensed | Purpose::Anew, _) => Asker::Licensed,
        (_, Some(peer)) => Asker::Peer(peer),
        (_, None) => Asker::Unknown,
    }
}

fn wait_of(error: &NotToBeHad) -> Option<u32> {
    error.retry_after_secs().map(|secs| u32::try_from(secs).unwrap_or(u32::MAX))
}
