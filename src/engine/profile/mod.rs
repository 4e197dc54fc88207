//! Profiles of OAuth: what an engine turns on, demands and refuses where the host names one.
//!
//! ```text
//! build          what an engine must have, and must not, before it is one
//! client         what a client must be, whatever its registry says
//! request        what a request must have besides
//! auth_key       sessions that are bound to a key of their client
//! challenge      challenges that are for one session
//! ```

mod auth_key;
mod build;
mod challenge;
mod client;
mod gap;
mod request;

pub(in crate::engine) use build::Described;
pub use client::ProfileFault;
pub(in crate::engine) use client::{Trust, capped};
pub use gap::ProfileGap;

use serde_json::{Map, Value};

use super::Engine;
use crate::client::ClientFeatures;
use crate::grant::Grant;
use crate::proof::JwsAlgorithm;

/// A profile of OAuth, for [`EngineBuilder::profile`](crate::EngineBuilder::profile). What each turns on, and what is left to the
/// host, says the guide `guide::profiles`.
///
/// ```
/// assert_ne!(regrant::engine::Profile::Fapi2Security, regrant::engine::Profile::Atproto);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Profile {
    /// FAPI 2.0 Security Profile, final: confidential clients that authenticate by a key or a certificate, requests that are pushed, and
    /// no token that is not bound to its sender. Refresh tokens do not rotate.
    Fapi2Security,
    /// The profile of atproto (<https://atproto.com/specs/oauth>): clients that are known by a document, requests that are pushed, and
    /// sessions that are bound to a key of the device and to a key of the client.
    Atproto,
}

impl Profile {
    /// What JWTs may be signed by (FAPI 2.0 Security Profile section 5.4.1), in the order in which metadata name them.
    pub(in crate::engine) fn algorithms(self) -> Vec<JwsAlgorithm> {
        let all = JwsAlgorithm::ALL.into_iter();
        all.filter(|algorithm| self.allows(*algorithm)).collect()
    }

    /// The same of one. RSASSA-PKCS1-v1_5 is not among those of FAPI 2.0.
    pub(in crate::engine) const fn allows(self, algorithm: JwsAlgorithm) -> bool {
        match self {
            Self::Fapi2Security => !matches!(algorithm, JwsAlgorithm::Rs256),
            Self::Atproto => true,
        }
    }

    /// What clients do, without what the profile does not let them.
    pub(in crate::engine) const fn narrowed(self, features: ClientFeatures) -> ClientFeatures {
        let by_certificate = matches!(self, Self::Fapi2Security);
        ClientFeatures {
            client_secret_basic: false,
            client_secret_post: false,
            client_secret_jwt: false,
            tls_client_auth: features.tls_client_auth && by_certificate,
            self_signed_tls_client_auth: features.self_signed_tls_client_auth && by_certificate,
            public: features.public && matches!(self, Self::Atproto),
            id_token_hs256: features.id_token_hs256 && matches!(self, Self::Atproto),
            ..features
        }
    }
}

impl<S, C> Engine<S, C> {
    pub(in crate::engine) const fn profile(&self) -> Option<Profile> {
        self.settings.profile
    }

    pub(in crate::engine) const fn is_of_atproto(&self) -> bool {
        matches!(self.settings.profile, Some(Profile::Atproto))
    }

    /// Whether a challenge is needed whoever asks: both profiles want one of confidential clients too.
    pub(in crate::engine) const fn demands_pkce(&self) -> bool {
        self.settings.profile.is_some()
    }

    /// Whether a token of a client that does not rotate is to be made anew, once, since the key that it was made under is being
    /// withdrawn: under FAPI 2.0, where a rotation is for "extraordinary circumstances" (section 5.3.2.1).
    pub(in crate::engine) fn rotates_out_of(&self, key_id: u8) -> bool {
        self.is_of_fapi() && self.settings.retiring.contains(&key_id)
    }

    /// The fields of an answer with `sub` among them, the account (atproto, "Identity Authentication"). In that profile alone.
    pub(in crate::engine) fn fields_with_subject(&self, grant: &Grant) -> Option<String> {
        let subject = grant.subject().filter(|_| self.is_of_atproto())?;
        let fields = grant.fields().as_json();
        let mut members: Map<String, Value> = serde_json::from_str(&format!("{{{fields}}}")).unwrap_or_default();
        // Whatever the host has of that name: who reads it has to know whom the tokens are of.
        members.insert("sub".to_owned(), subject.into());
        let whole = Value::Object(members).to_string();
        whole.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(str::to_owned)
    }

    pub(in crate::engine) const fn is_of_fapi(&self) -> bool {
        matches!(self.settings.profile, Some(Profile::Fapi2Security))
    }
}
