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
    assert_eq!(keys.retire(new.kid(), HOUR, at(0)), Err(SigningKeyStepError::NotPublished));
    keys.publish(new.clone(), at(0));
    assert!(keys.jwks().contains(new.kid()) && keys.signing().kid() == old.kid());
    // Published again, it does not wait again.
    keys.publish(new.clone(), at(100));
    let published = CACHED.as_secs();
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(0)), early(published));
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(published - 1)), early(published));
    assert_eq!(keys.retire(old.kid(), HOUR, at(published - 1)), Err(SigningKeyStepError::Signing));
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(published)), Ok(()));
    assert_eq!(keys.sign_with(new.kid(), CACHED, at(published)), Ok(()), "it does");
    assert!(keys.signing().kid() == new.kid() && keys.jwks().contains(old.kid()));
    assert_eq!(keys.retire(new.kid(), HOUR, at(9_999)), Err(SigningKeyStepError::Signing));
    assert_eq!(keys.retire(old.kid(), HOUR, at(published)), early(published + 3_600));
    assert_eq!(keys.retire(old.kid(), HOUR, at(published + 3_599)), early(published + 3_600));
    assert_eq!(keys.retire(old.kid(), HOUR, at(published + 3_600)), Ok(()));
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
    assert_eq!(keys.retire(old.kid(), HOUR, at(49_999)), early(50_000));
    assert_eq!(keys.retire(old.kid(), HOUR, at(50_000)), Ok(()));
}

#[test]
fn one_that_never_signed_goes_at_once_and_one_that_may_have_waits() {
    let (signing, new) = (fresh(pem::P_256), fresh(pem::ED25519));
    let (accepted, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let mut keys = SigningKeys::new(signing, vec![Published::new(accepted.clone(), None)]);
    keys.publish(new.clone(), at(0));
    assert_eq!(keys.retire(new.kid(), HOUR, at(0)), Ok(()), "withdrawn before it was used");
    // Given when the engine was built: the key before, perhaps.
    assert_eq!(keys.retire(accepted.kid(), HOUR, at(7)), early(3_607));
    assert_eq!(keys.retire(accepted.kid(), HOUR, at(3_607)), Ok(()));
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
