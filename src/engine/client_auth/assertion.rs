//! `private_key_jwt` and `client_secret_jwt`: RFC 7521 section 4.2, RFC 7523 sections 2.2 and 3, OpenID Connect Core section 9.
//!
//! ```text
//! shape → client → way → claims → keys, which may have to be fetched → signature → … → host's hook → marker → swap
//! ```
//!
//! What is cheap comes first, and nothing is fetched for an assertion whose claims are wrong. Nothing is written here: an assertion is
//! spent with the write that it protects.

use super::Occasion;
use crate::client::{AuthMethod, Client, Clients, Lookup, Purpose};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::refusal::{ClientRefusal, ServerFault};
use crate::proof::{Assertion, AssertionFault, AssertionRules, ProvenAssertion};
use crate::store::TokenStore;
use crate::wire::Parameters;

/// RFC 7523 section 2.2.
const JWT_BEARER: &[u8] = b"urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Reads the assertion of a request that has one, or its type.
pub(super) fn read_assertion<'a>(parameters: &Parameters<'a>) -> Result<Assertion<'a>, ClientRefusal> {
    let (Some(text), Some(JWT_BEARER)) = parameters.client_assertion() else {
        return Err(ClientRefusal::Credentials);
    };
    let assertion = Assertion::read(text).map_err(ClientRefusal::Assertion)?;
    match parameters.client_id() {
        // RFC 7521 section 4.2: unnecessary, and where it is there the same client.
        Some(client_id) if client_id != assertion.client_id() => Err(ClientRefusal::ClientIdMismatch),
        _ => Ok(assertion),
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// That the client made this assertion, and for this engine.
    pub(super) async fn prove_assertion(
        &self,
        assertion: &Assertion<'_>,
        client: &Client,
        lookup: Lookup,
        occasion: Occasion<'_>,
    ) -> Result<ProvenAssertion, Failure> {
        let by_secret = assertion.algorithm().is_none();
        let method = if by_secret { AuthMethod::ClientSecretJwt } else { AuthMethod::PrivateKeyJwt };
        if !client.allows(method) {
            return Err(ClientRefusal::AuthMethod.into());
        }
        let Some(issuer) = self.issuer().filter(|_| self.roots.is_some()) else {
            return Err(ServerFault::Assertions.into());
        };
        let now = occasion.time.now();
        let endpoints = self.endpoint_audiences(client, occasion);
        let rules = AssertionRules {
            endpoints: &endpoints,
            audience_array: self.profile().is_none(),
            issued_at: self.is_of_atproto(),
            longest: if occasion.remembered { AssertionRules::LONGEST } else { AssertionRules::LONGEST_UNREMEMBERED },
            ..AssertionRules::new(client.id(), issuer)
        };
        assertion.check(&rules, now).map_err(ClientRefusal::Assertion)?;
        if let (Some(profile), Some(algorithm)) = (self.profile(), assertion.algorithm()) {
            if !profile.allows(algorithm) {
                return Err(ClientRefusal::Assertion(AssertionFault::Algorithm).into());
            }
        }
        if by_secret {
            let proven = client.kept_secrets().find_map(|secret| assertion.verify_secret(secret).ok());
            return proven.ok_or_else(|| ClientRefusal::Assertion(AssertionFault::Signature).into());
        }
        let keys = self.keys_of_client(client, lookup, now, |keys| assertion.knows_key(keys)).await?;
        let keys = keys.ok_or(ClientRefusal::Assertion(AssertionFault::UnknownKey))?;
        let proven = assertion.verify(&keys, client.assertion_algorithm());
        Ok(proven.map_err(ClientRefusal::Assertion)?)
    }

    /// What may stand for the issuer in the assertions of a client that has the switch: the token endpoint by each of its URLs, and where
    /// a request is pushed the endpoint for that, too (RFC 9126 section 2: it "MUST accept" the three).
    fn endpoint_audiences(&self, client: &Client, occasion: Occasion<'_>) -> Vec<String> {
        if !client.takes_token_endpoint_as_audience() {
            return Vec::new();
        }
        let [mut endpoints, pushed, device, _] = self.endpoints.targets(self.issuer());
        if occasion.purpose == Purpose::Authorization {
            endpoints.extend(pushed);
            endpoints.extend(device);
        }
        endpoints
    }
}
