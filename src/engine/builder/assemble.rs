//! From what was said of an engine to the engine.

use super::{BuildError, EngineBuilder, checks};
use crate::client::{ClientSecret, Clients, NotBefore};
use crate::engine::Engine;
#[cfg(feature = "root-secret")]
use crate::engine::device::DeviceEngine;
#[cfg(feature = "root-secret")]
use crate::engine::foreign::ForeignEngine;
#[cfg(feature = "proof")]
use crate::engine::jwt_bearer::JwtBearerEngine;
#[cfg(feature = "proof")]
use crate::engine::profile::{Profile, ProfileGap};
use crate::engine::realm::Realm;
#[cfg(feature = "root-secret")]
use crate::engine::roots::{Roots, SubjectPrint};
use crate::engine::settings::Settings;
#[cfg(all(feature = "jwt", feature = "root-secret"))]
use crate::engine::subjects::Subjects;
use crate::store::{Durability, TokenStore};
use crate::token::{Key, KeyRing};

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// The same of what is described in full.
    pub(super) fn build_described(self) -> Result<Engine<S, C>, BuildError> {
        let Self { store, clients, settings, endpoints, host, .. } = self;
        let settings = Settings { longest_commit: store.longest_commit(), ..settings };
        let signing = signing_key(self.key, &self.accepted, store.durability())?;
        checks::key_ids(&signing, &self.accepted)?;
        checks::settings(&settings)?;
        checks::grant_types(&host)?;
        checks::realm(self.realm.as_deref(), &self.adopted, &self.challenge_realm)?;
        #[cfg(feature = "root-secret")]
        let roots = {
            let old = self.old_root.as_ref().map(|(secret, not_after)| (secret, *not_after));
            checks::roots(self.root.as_ref(), old.map(|old| old.0), settings.pushed_requests || self.device.is_some())?;
            self.root.as_ref().map(|root| Roots::new(root, old, self.realm.as_deref()))
        };
        #[cfg(feature = "root-secret")]
        let subject_secret = checks::subject_secret(self.subject_secret, self.root.as_ref(), self.old_root.is_some())?;
        #[cfg(feature = "root-secret")]
        let adopts = !self.adopted.is_empty();
        #[cfg(feature = "root-secret")]
        let subject = SubjectPrint::of(subject_secret.as_ref(), self.realm.as_deref(), adopts);
        #[cfg(feature = "root-secret")]
        let foreign = ForeignEngine::build(self.foreign, subject_secret.as_ref(), self.realm.as_deref(), adopts)?;
        #[cfg(feature = "root-secret")]
        let secrets = (self.root.as_ref(), self.old_root.as_ref(), self.realm.as_deref());
        #[cfg(feature = "root-secret")]
        let device = DeviceEngine::build(self.device, settings.issuer.as_deref(), &host, secrets)?;
        #[cfg(all(feature = "jwt", feature = "root-secret"))]
        let subjects = {
            checks::pairwise(clients.features(), subject_secret.is_some())?;
            subject_secret.map(|secret| Box::new(Subjects::new(secret, self.realm.clone(), &self.adopted)))
        };
        #[cfg(not(all(feature = "jwt", feature = "root-secret")))]
        checks::pairwise(clients.features(), false)?;
        #[cfg(feature = "proof")]
        checks::assertions(clients.features(), &settings, self.root.is_some())?;
        #[cfg(feature = "proof")]
        let jwt_bearer = {
            let at_hand = (self.root.is_some(), self.client_keys.is_some());
            JwtBearerEngine::build(self.jwt_bearer, settings.issuer.as_deref(), &host, at_hand)?
        };
        if !endpoints.are_well_formed() {
            return Err(BuildError::Endpoint);
        }
        #[cfg(feature = "proof")]
        let dpop = match self.dpop {
            None => None,
            Some(dpop) => {
                let old = self.old_root.as_ref().map(|(secret, not_after)| (secret, *not_after));
                let targets = endpoints.targets(settings.issuer.as_deref());
                Some(Box::new(dpop.build(self.root.as_ref(), old, self.realm.as_deref(), targets, settings.profile)?))
            }
        };
        let resources = self.resources.build(self.jwt.usual_format())?;
        let jwt = self.jwt.build(settings.issuer.is_some(), resources.as_deref())?;
        #[cfg(feature = "proof")]
        if settings.profile == Some(Profile::Fapi2Security) && jwt.signs_by_rs256() {
            return Err(BuildError::Profile(ProfileGap::SigningAlgorithm));
        }
        #[cfg(feature = "proof")]
        let settings = settings.with_capped_lifetimes(jwt.believes_signatures_alone());
        #[cfg(feature = "jwt")]
        settings.lifetimes.remember_longest(clients.features().longest_access_token.unwrap_or_default());
        if settings.signed_answers && !jwt.signs() {
            return Err(BuildError::SigningKeyRequired);
        }
        let settings = Settings { resources, ..settings };
        let slow_secrets = clients.decoy().is_some_and(ClientSecret::is_phc);
        #[cfg(feature = "argon2")]
        let slow_secrets = slow_secrets && self.slow.is_none();
        if slow_secrets {
            return Err(BuildError::SlowVerifier);
        }
        Ok(Engine {
            store,
            clients,
            realm: Realm::new(self.realm, KeyRing::new(signing, self.accepted), self.adopted),
            settings: settings.with_challenge_realm(&self.challenge_realm),
            endpoints,
            jwt,
            registry: self.registry,
            not_before: NotBefore::at(self.not_before),
            host,
            #[cfg(feature = "root-secret")]
            roots,
            #[cfg(feature = "root-secret")]
            subject,
            #[cfg(feature = "root-secret")]
            foreign,
            #[cfg(feature = "root-secret")]
            device,
            #[cfg(all(feature = "jwt", feature = "root-secret"))]
            subjects,
            #[cfg(feature = "proof")]
            dpop,
            #[cfg(feature = "proof")]
            jwt_bearer,
            #[cfg(feature = "argon2")]
            slow: self.slow,
            #[cfg(feature = "proof")]
            client_keys: self.client_keys,
        })
    }
}

/// The key that was given, or one of this process, where nothing outlives it.
fn signing_key(given: Option<Key>, accepted: &[Key], durability: Durability) -> Result<Key, BuildError> {
    match (given, durability) {
        (Some(key), _) => Ok(key),
        (None, Durability::Volatile) => {
            // An id that no accepted key has: there are 256 of them.
            let free = (0..=u8::MAX).find(|id| accepted.iter().all(|key| key.id() != *id));
            Ok(Key::generate(free.ok_or(BuildError::DuplicateKey)?))
        }
        (None, Durability::Durable) => Err(BuildError::KeyRequired),
    }
}
