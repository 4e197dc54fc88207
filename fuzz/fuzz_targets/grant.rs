//! Stored records of either format: what is read is written back to the byte, and what is read says no more than it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use regrant::Grant;
use regrant::grant::{DecodeError, Owner};

fuzz_target!(|bytes: &[u8]| {
    match Grant::decode(bytes) {
        Ok(grant) => {
            assert_eq!(grant.encode(), bytes, "written back as it came");
            assert_eq!(grant.encode()[0] > 1, bytes[0] > 1);
            if let (Some(subject), Some(key)) = (grant.subject(), grant.owner_key()) {
                let owner = Owner::subject(subject);
                let owner = grant.realm().map_or(owner.clone(), |realm| owner.in_realm(realm));
                assert_eq!(owner.owner_key(), key);
                assert!(owner.owns(&grant));
            }
            assert!(!grant.is_marker() || grant.owner_key().is_none());
        }
        // No other error, and never a panic.
        Err(DecodeError::Corrupt | DecodeError::NewerFormat) => {}
        Err(_) => unreachable!(),
    }
});
