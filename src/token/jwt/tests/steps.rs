//! How one signing key follows another: published, signs, retired.

use std::time::Duration;

use super::*;
use crate::grant::Timestamp;

const HOUR: Duration = Duration::from_secs(3_600);
/// How old a JWK set in a cache may be.
const CACHED: Duration = Duration::from_secs(300);

const fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_597_240_260 + secs)
}

const fn early(secs: u64) -> Result<(), SigningKeyStepError> {
    Err(SigningKeyStepError::TooEarly { at: at(secs) })
}

fn fresh(pem: &str) -> SigningKey {
    // Not the shared ones: what a key has signed is kept with it.
    key(pem)
}

#[test]
fn a_key_is_published_then_signs_then_goes() {
    let (old, new) = (fresh(pem::P_256), fresh(pem::ED25519));
    let mut keys = SigningKeys::new(old.clone(), Vec::new());
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(0)), Err(SigningKeyStepError::NotPublished));
    assert_eq!(keys.retire(new.kid(), HOUR, CACHED, at(0)), Err(SigningKeyStepError::NotPublished));
    keys.publish(new.clone(), at(0));
    assert!(keys.jwks().contains(new.kid()) && keys.signing().kid() == old.kid());
    // Published again, it does not wait again.
    keys.publish(new.clone(), at(100));
    let published = CACHED.as_secs();
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(0)), early(published));
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(published - 1)), early(published));
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(published - 1)), Err(SigningKeyStepError::Signing));
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(published)), Ok(()));
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(published)), Ok(()), "it does");
    assert!(keys.signing().kid() == new.kid() && keys.jwks().contains(old.kid()));
    assert_eq!(keys.retire(new.kid(), HOUR, CACHED, at(9_999)), Err(SigningKeyStepError::Signing));
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(published)), early(published + 3_600));
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(published + 3_599)), early(published + 3_600));
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(published + 3_600)), Ok(()));
    assert!(!keys.jwks().contains(old.kid()) && keys.get(old.kid()).is_none());
}

/// A client with a longer lifetime than the engine's.
#[test]
fn a_key_stays_until_the_last_token_that_it_signed_has_expired() {
    let (old, new) = (fresh(pem::P_256), fresh(pem::ED25519));
    let mut keys = SigningKeys::new(old.clone(), Vec::new());
    sign_access(&old, &AccessClaims { exp: at(50_000).as_secs(), ..claims() }).unwrap();
    sign_access(&old, &AccessClaims { exp: at(10).as_secs(), ..claims() }).unwrap();
    keys.publish(new.clone(), at(0));
    keys.sign_with(new.kid(), CACHED, at(300)).unwrap();
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(49_999)), early(50_000));
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(50_000)), Ok(()));
}

#[test]
fn one_that_never_signed_goes_at_once_and_one_that_may_have_waits() {
    let (signing, new) = (fresh(pem::P_256), fresh(pem::ED25519));
    let (accepted, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let mut keys = SigningKeys::new(signing, vec![Published::new(accepted.clone(), None)]);
    keys.publish(new.clone(), at(0));
    assert_eq!(keys.retire(new.kid(), HOUR, CACHED, at(0)), Ok(()), "withdrawn before it was used");
    // Given when the engine was built: the key before, perhaps.
    assert_eq!(keys.retire(accepted.kid(), HOUR, CACHED, at(7)), early(3_607));
    assert_eq!(keys.retire(accepted.kid(), HOUR, CACHED, at(3_607)), Ok(()));
}

/// After a restart the wait begins anew, unless the host knows when it began.
#[test]
fn one_that_came_with_the_engine_has_waited_as_long_as_the_host_says() {
    let (signing, accepted) = (fresh(pem::P_256), fresh(pem::ED25519));
    let mut keys = SigningKeys::new(signing.clone(), vec![Published::new(accepted.clone(), None)]);
    assert_eq!(keys.sign_with(accepted.kid(), CACHED, at(1_000)), early(1_300));
    assert_eq!(keys.sign_with(accepted.kid(), CACHED, at(1_299)), early(1_300), "it began when it was asked for first");
    assert_eq!(keys.sign_with(accepted.kid(), CACHED, at(1_300)), Ok(()));
    let mut keys = SigningKeys::new(signing, vec![Published::new(accepted.clone(), Some(at(0)))]);
    assert_eq!(keys.sign_with(accepted.kid(), CACHED, at(299)), early(300));
    assert_eq!(keys.sign_with(accepted.kid(), CACHED, at(300)), Ok(()));
}

/// A client that wants another algorithm has its ID tokens by a key beside the signing one, to which the same steps apply.
#[test]
fn one_that_signs_beside_was_published_before_and_goes_when_another_follows() {
    let (signing, old) = (fresh(pem::ED25519), fresh(pem::P_256));
    let new = SigningKey::generate(SigningAlgorithm::Es256).unwrap().0;
    let mut keys = SigningKeys::new(signing.clone(), Vec::new());
    let by = |keys: &SigningKeys, at: Timestamp| keys.signing_by("ES256", CACHED, at).map(|key| key.kid().to_owned());
    keys.publish(old.clone(), at(0));
    assert_eq!(by(&keys, at(299)), None, "some cache is without it");
    assert_eq!(by(&keys, at(300)).as_deref(), Some(old.kid()));
    assert_eq!(keys.signing_by("EdDSA", CACHED, at(0)).map(SigningKey::kid), Some(signing.kid()));
    keys.publish(new.clone(), at(1_000));
    assert_eq!(by(&keys, at(2_000)).as_deref(), Some(old.kid()), "it goes on until it is to go");
    assert_eq!(keys.clone().retire(old.kid(), HOUR, CACHED, at(2_000)), early(5_600));
    // Before the new one is known to all the old one still signs, so its wait begins then.
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(1_001)), early(4_900));
    // What it signed lives, though it never was the signing key.
    sign_access(&old, &AccessClaims { exp: at(9_000).as_secs(), ..claims() }).unwrap();
    assert_eq!(by(&keys, at(1_299)).as_deref(), Some(old.kid()));
    assert_eq!(by(&keys, at(1_300)).as_deref(), Some(new.kid()));
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(8_999)), early(9_000));
    assert_eq!(keys.retire(old.kid(), HOUR, CACHED, at(9_000)), Ok(()));
    assert_eq!(by(&keys, at(9_000)).as_deref(), Some(new.kid()));
}

/// Another node may have signed by it a moment ago, whatever this one did.
#[test]
fn one_that_may_sign_beside_waits_though_it_signed_nothing_here() {
    let (signing, beside) = (fresh(pem::ED25519), fresh(pem::P_256));
    let mut keys = SigningKeys::new(signing, Vec::new());
    keys.publish(beside.clone(), at(0));
    assert_eq!(keys.clone().retire(beside.kid(), HOUR, CACHED, at(299)), Ok(()), "nobody has signed by it yet");
    assert_eq!(keys.retire(beside.kid(), HOUR, CACHED, at(300)), early(3_900));
    assert_eq!(keys.retire(beside.kid(), HOUR, CACHED, at(3_899)), early(3_900));
    assert_eq!(keys.retire(beside.kid(), HOUR, CACHED, at(3_900)), Ok(()));
}

/// That somebody asked for the step of one that came with the engine does not keep it from signing beside.
#[test]
fn one_that_came_with_the_engine_signs_beside_at_once() {
    let (signing, beside) = (fresh(pem::ED25519), fresh(pem::P_256));
    let mut keys = SigningKeys::new(signing.clone(), vec![Published::new(beside.clone(), None)]);
    assert_eq!(keys.sign_with(beside.kid(), CACHED, at(0)), early(300));
    assert_eq!(keys.signing_by("ES256", CACHED, at(0)).map(SigningKey::kid), Some(beside.kid()));
    let keys = SigningKeys::new(signing, vec![Published::new(beside, Some(at(0)))]);
    assert!(keys.signing_by("ES256", CACHED, at(299)).is_none(), "the host knows that it is new");
}
