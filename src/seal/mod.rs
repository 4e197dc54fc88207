//! What a stranger carries for us and cannot read, change or make: sealed by XChaCha20-Poly1305.
//!
//! ```text
//! version 1 | root id 1 | nonce 24 | sealed | tag 16            as base64url
//! ```

mod handle;
mod pushed;

pub(crate) use handle::Handle;
pub(crate) use pushed::Pushed;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::secret::root::LabelledKey;

const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// Seals bytes under the key of one use of the root secret of this id. What they are is in the key, who may open them in `context`.
pub(crate) fn seal(root_id: u8, key: &LabelledKey, context: &[u8], plain: &[u8]) -> Option<String> {
    let nonce: [u8; NONCE_LEN] = rand::random();
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: context }).ok()?;
    Some(URL_SAFE_NO_PAD.encode([&[VERSION, root_id], &nonce[..], &sealed].concat()))
}

/// Opens what [`seal`] made; `key` gives the key of a root secret. `None` for all else, whatever is wrong with it.
pub(crate) fn open<'k>(
    text: &str,
    key: impl FnOnce(u8) -> Option<&'k LabelledKey>,
    context: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (&[VERSION, root_id], rest) = bytes.split_first_chunk()? else { return None };
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
    let cipher = XChaCha20Poly1305::new(key(root_id)?.bytes().into());
    let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: context }).ok()?;
    Some(Zeroizing::new(opened))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::root::{Label, RootSecret};

    fn key(byte: u8, label: Label, realm: Option<&str>) -> LabelledKey {
        RootSecret::from_bytes(1, &[byte; 32]).key(label, realm)
    }

    #[test]
    fn only_what_was_sealed_is_opened() {
        let own = key(1, Label::Interaction, Some("shop"));
        let text = seal(1, &own, b"context", b"what a page carries").unwrap();
        let len = 2 + 24 + b"what a page carries".len() + 16;
        assert_eq!(URL_SAFE_NO_PAD.decode(&text).unwrap().len(), len, "a nonce that may be random has 192 bits");
        let opened = open(&text, |id| (id == 1).then_some(&own), b"context").unwrap();
        assert_eq!(&**opened, b"what a page carries");
        assert_ne!(seal(1, &own, b"context", b"what a page carries").unwrap(), text, "no nonce twice");
        assert!(open(&text, |_| Some(&own), b"another context").is_none());
        assert!(open(&text, |_| None, b"context").is_none());
        for other in [
            key(2, Label::Interaction, Some("shop")),
            key(1, Label::Marker, Some("shop")),
            key(1, Label::Pushed, Some("shop")),
            key(1, Label::Interaction, Some("bank")),
            key(1, Label::Interaction, None),
        ] {
            assert!(open(&text, |_| Some(&other), b"context").is_none());
        }
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[at / 8] ^= 1 << (at % 8);
            // The root's id picks the key, which is another then.
            let opened = open(&URL_SAFE_NO_PAD.encode(&altered), |id| (id == 1).then_some(&own), b"context");
            assert!(opened.is_none(), "bit {at}");
        }
        for end in 0..text.len() {
            assert!(open(&text[..end], |_| Some(&own), b"context").is_none());
        }
    }
}
