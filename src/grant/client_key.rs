//! A client id as stores see it: never long, whatever strangers' ids are.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The longest client id that is its own key, and the longest key.
pub(super) const MAX_CLIENT_KEY_BYTES: usize = 64;

/// Begins a digest. No client has such an id, and one that is asked for all the same has a digest itself: so no two ids have
/// one key.
const DIGEST: char = '+';

/// The id where it is short, else its digest.
pub(super) fn client_key(id: &str) -> Cow<'_, str> {
    if id.len() <= MAX_CLIENT_KEY_BYTES && !id.starts_with(DIGEST) {
        return Cow::Borrowed(id);
    }
    let mut key = String::from(DIGEST);
    URL_SAFE_NO_PAD.encode_string(Sha256::digest(id.as_bytes()), &mut key);
    Cow::Owned(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_is_its_own_key_and_a_long_one_has_a_digest() {
        for id in ["", "app", "https://app.example/client.json", &"c".repeat(MAX_CLIENT_KEY_BYTES), "\u{0}", "é+"] {
            assert_eq!(client_key(id), id);
        }
        // SHA-256 of 65 times `c`, computed elsewhere.
        let digest = client_key(&"c".repeat(MAX_CLIENT_KEY_BYTES + 1)).into_owned();
        assert_eq!(digest, "+swhV5RBEasNHBsWsr-7e_VEi_pRGs_gS2xHhrDtNDPI");
        for id in ["c".repeat(65), "c".repeat(1_024), "é".repeat(33), "+".into(), digest.clone()] {
            let key = client_key(&id);
            assert!(key.starts_with('+') && key.len() == 44 && key.is_ascii(), "{key}");
        }
        assert_ne!(client_key(&digest), digest, "who asks for a digest by name does not get another client's grants");
    }
}
