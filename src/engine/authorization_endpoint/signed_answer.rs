//! Answers as JWTs: JWT Secured Authorization Response Mode (JARM) section 2.1.

use std::time::Duration;

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::refusal::ServerFault;
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::token::{SigningKey, SigningKeys, sign_answer};
use crate::wire::PUBLIC_MAX_AGE;

/// JARM section 2.1 recommends at most this.
const LIFETIME: Duration = Duration::from_secs(600);

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether this client can have them: where it wants an algorithm of its own, there has to be such a key.
    pub(in crate::engine) fn signs_answers_to(&self, client: &Client, now: Timestamp) -> bool {
        self.settings.signed_answers
            && self.jwt.signing().is_some_and(|signing| key_for(&signing.keys.current(), client, now).is_some())
    }

    pub(in crate::engine) fn sign_answer<'a>(
        &self,
        client: &Client,
        members: impl Iterator<Item = (&'static str, &'a str)>,
        now: Timestamp,
    ) -> Result<String, ServerFault> {
        let keys = self.jwt.signing().ok_or(ServerFault::Signing)?.keys.current();
        let key = key_for(&keys, client, now).ok_or(ServerFault::Signing)?;
        let expires_at = (now + LIFETIME).as_secs();
        let issuer = self.issuer().unwrap_or_default();
        sign_answer(key, issuer, client.id(), expires_at, members).map_err(|_| ServerFault::Signing)
    }

    /// How long an answer may be verified after it was signed.
    pub(in crate::engine) fn longest_answer(&self) -> Duration {
        if self.settings.signed_answers { LIFETIME } else { Duration::ZERO }
    }

    /// `authorization_signing_alg_values_supported`: that of the key that signs, and those that a client may ask for besides.
    pub(in crate::engine) fn answer_algorithms(&self) -> Vec<&'static str> {
        let Some(signing) = self.jwt.signing().filter(|_| self.settings.signed_answers) else { return Vec::new() };
        let mut algorithms: Vec<&str> = Vec::new();
        for key in signing.keys.current().all() {
            let algorithm = key.algorithm().as_str();
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms
    }
}

/// The key that signs, unless the client wants an algorithm that another one has: one that every cache of the JWK set has by now.
fn key_for<'k>(keys: &'k SigningKeys, client: &Client, now: Timestamp) -> Option<&'k SigningKey> {
    match client.answer_algorithm() {
        Some(algorithm) => keys.signing_by(algorithm, PUBLIC_MAX_AGE, now),
        None => Some(keys.signing()),
    }
}
