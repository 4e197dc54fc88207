//! The secret under which is computed what must be found again when the keys of tokens were replaced.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A secret of 256 bits, apart from the [keys](crate::Key) of tokens: these are replaced from time to time, and what is computed
/// under a root secret must be found again afterwards. Nothing is computed under it directly: each use has a key of its own by
/// HKDF-Expand (RFC 5869 section 2.3), of a label and the realm.
///
/// Given by [`EngineBuilder::root_secret`](crate::EngineBuilder::root_secret). One byte names it in what is sealed, so that another can take
/// its place ([`EngineBuilder::accept_root`](crate::EngineBuilder::accept_root)). Zeroized on drop; `Debug` shows that byte alone.
///
/// ```
/// use regrant::RootSecret;
/// let secret = RootSecret::from_bytes(1, &[7; 32]);
/// assert_eq!(format!("{secret:?}"), "RootSecret(1)");
/// ```
#[derive(Clone)]
pub struct RootSecret {
    id: u8,
    bytes: Zeroizing<[u8; 32]>,
}

/// What a key is for. The texts are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Label {
    /// Where a marker is, and what it was spent for.
    Marker,
    /// The interaction handles that pages carry.
    Interaction,
    /// The authorization requests that clients push.
    Pushed,
    /// The subject secret.
    Subject,
    /// What a store keeps to know the secret again.
    Fingerprint,
    /// What the ids of clients that registered themselves are MACs under.
    ClientId,
    /// What the secrets of such clients are computed from.
    ClientSecret,
    /// Where the grant of another server's refresh token is.
    ForeignId,
    /// What such a token is known again by.
    ForeignProof,
    /// Where it is kept since when somebody's logins at another server count, and whose it is.
    CutOff,
    /// Where the record of a device is that asks to be logged in.
    Device,
    /// Where it is kept where a user code leads, and what that is known by.
    UserCode,
    /// What the nonces of proofs are MACs under.
    #[cfg(feature = "proof")]
    Nonce,
}

impl Label {
    const fn text(self) -> &'static str {
        match self {
            Self::Marker => "marker",
            Self::Interaction => "interaction",
            Self::Pushed => "pushed request",
            Self::Subject => "subject",
            Self::Fingerprint => "fingerprint",
            Self::ClientId => "client id",
            Self::ClientSecret => "client secret",
            Self::ForeignId => "foreign id",
            Self::ForeignProof => "foreign proof",
            Self::CutOff => "cut-off",
            Self::Device => "device",
            Self::UserCode => "user code",
            #[cfg(feature = "proof")]
            Self::Nonce => "nonce",
        }
    }
}

impl RootSecret {
    /// The secret of these 32 bytes, which must come from a cryptographic random source.
    ///
    /// ```
    /// assert_eq!(regrant::RootSecret::from_bytes(3, &[7; 32]).id(), 3);
    /// ```
    pub fn from_bytes(id: u8, bytes: &[u8; 32]) -> Self {
        Self { id, bytes: Zeroizing::new(*bytes) }
    }

    /// A new random one. What was computed under it is lost once the process forgets it.
    ///
    /// ```
    /// assert_eq!(regrant::RootSecret::generate(0).id(), 0);
    /// ```
    pub fn generate(id: u8) -> Self {
        Self { id, bytes: Zeroizing::new(rand::random()) }
    }

    /// The byte that names it.
    ///
    /// ```
    /// assert_eq!(regrant::RootSecret::generate(9).id(), 9);
    /// ```
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// The secret of what stays with a person for ever, and so is never replaced: derived from the first root secret of a system. Keep
    /// it before you [replace](crate::EngineBuilder::accept_root) that one.
    ///
    /// ```
    /// use regrant::RootSecret;
    /// let first = RootSecret::from_bytes(1, &[7; 32]).subject_secret();
    /// assert_eq!(first.to_bytes(), RootSecret::from_bytes(1, &[7; 32]).subject_secret().to_bytes());
    /// assert_ne!(first.to_bytes(), RootSecret::from_bytes(2, &[8; 32]).subject_secret().to_bytes());
    /// ```
    pub fn subject_secret(&self) -> SubjectSecret {
        SubjectSecret(self.key(Label::Subject, None))
    }

    /// The key of one use in one realm.
    pub(crate) fn key(&self, label: Label, realm: Option<&str>) -> LabelledKey {
        labelled(&self.bytes, label, realm)
    }
}

/// HKDF-Expand (RFC 5869 section 2.3) of a label and the length-prefixed realm.
fn labelled(secret: &[u8; 32], label: Label, realm: Option<&str>) -> LabelledKey {
    let realm = realm.unwrap_or_default().as_bytes();
    // A realm has 64 bytes at most, and no label has a zero in it.
    let realm_len = [u8::try_from(realm.len()).unwrap_or(u8::MAX)];
    let info: [&[u8]; 5] = [b"regrant ", label.text().as_bytes(), &[0], &realm_len, realm];
    let mut key = Zeroizing::new([0; 32]);
    // As long as the hash, and so is what comes out: neither is an error.
    if let Ok(expand) = Hkdf::<Sha256>::from_prk(secret) {
        let _ = expand.expand_multi_info(&info, &mut *key);
    }
    LabelledKey(key)
}

impl fmt::Debug for RootSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootSecret({})", self.id)
    }
}

/// The secret under which is computed what stays with a person for ever: [`RootSecret::subject_secret`]. Zeroized on drop;
/// `Debug` shows nothing of it.
///
/// ```
/// use regrant::{RootSecret, SubjectSecret};
/// let kept = RootSecret::from_bytes(1, &[7; 32]).subject_secret().to_bytes();
/// assert_eq!(format!("{:?}", SubjectSecret::from_bytes(&kept)), "SubjectSecret(..)");
/// ```
pub struct SubjectSecret(LabelledKey);

impl SubjectSecret {
    /// One that was kept.
    ///
    /// ```
    /// use regrant::{RootSecret, SubjectSecret};
    /// let secret = RootSecret::generate(1).subject_secret();
    /// assert_eq!(SubjectSecret::from_bytes(&secret.to_bytes()).to_bytes(), secret.to_bytes());
    /// ```
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(LabelledKey(Zeroizing::new(*bytes)))
    }

    /// What to keep: as secret as the root secret. The copy is the caller's to wipe.
    ///
    /// ```
    /// assert_eq!(regrant::RootSecret::generate(1).subject_secret().to_bytes().len(), 32);
    /// ```
    pub fn to_bytes(&self) -> [u8; 32] {
        *self.0.bytes()
    }

    /// The key of one use in one realm.
    pub(crate) fn key(&self, label: Label, realm: Option<&str>) -> LabelledKey {
        labelled(self.0.bytes(), label, realm)
    }
}

impl SubjectSecret {
    /// As [`LabelledKey::mac`]; the first member says what it is of.
    #[cfg(feature = "jwt")]
    pub(crate) fn mac(&self, members: &[&[u8]]) -> [u8; 32] {
        self.0.mac(members)
    }
}

impl fmt::Debug for SubjectSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectSecret(..)")
    }
}

/// A key of one use.
#[derive(Clone)]
pub(crate) struct LabelledKey(Zeroizing<[u8; 32]>);

impl LabelledKey {
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 over members, each with its length in front, so that no two lists are one text.
    pub(crate) fn mac(&self, members: &[&[u8]]) -> [u8; 32] {
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(&*self.0);
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        for member in members {
            mac.update(&u64::try_from(member.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(member);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869 section 2.3: T(1) = HMAC(PRK, info | 0x01), written out by hand.
    #[test]
    fn a_labelled_key_is_hkdf_expand_of_label_and_realm() {
        let secret = RootSecret::from_bytes(1, &[0x0b; 32]);
        let by_hand = |info: &[u8]| -> [u8; 32] {
            let mut block = [0; 64];
            block[..32].fill(0x0b);
            let mut mac = Hmac::<Sha256>::new((&block).into());
            mac.update(info);
            mac.update(&[1]);
            mac.finalize().into_bytes().into()
        };
        assert_eq!(*secret.key(Label::Marker, None).bytes(), by_hand(b"regrant marker\0\0"));
        assert_eq!(*secret.key(Label::Interaction, Some("shop")).bytes(), by_hand(b"regrant interaction\0\x04shop"));
    }

    #[test]
    fn every_use_and_every_realm_has_a_key_of_its_own() {
        let secret = RootSecret::generate(1);
        let mut keys = std::collections::BTreeSet::new();
        for label in [
            Label::Marker,
            Label::Interaction,
            Label::Pushed,
            Label::Subject,
            Label::Fingerprint,
            Label::ClientId,
            Label::ClientSecret,
            Label::ForeignId,
            Label::ForeignProof,
            Label::CutOff,
            Label::Device,
            Label::UserCode,
            #[cfg(feature = "proof")]
            Label::Nonce,
        ] {
            for realm in [None, Some("shop"), Some("bank")] {
                assert!(keys.insert(*secret.key(label, realm).bytes()));
            }
        }
        assert!(!keys.contains(&*secret.bytes));
        assert!(!format!("{secret:?}").contains("11"));
    }

    /// `app` with `1x` is not `app1` with `x`.
    #[test]
    fn members_are_told_apart() {
        let key = RootSecret::from_bytes(1, &[1; 32]).key(Label::Marker, None);
        let lists: [&[&[u8]]; 6] =
            [&[b"app", b"1x"], &[b"app1", b"x"], &[b"app1x"], &[b"app1x", b""], &[b"", b"app1x"], &[]];
        let macs: std::collections::BTreeSet<[u8; 32]> = lists.iter().map(|list| key.mac(list)).collect();
        assert_eq!(macs.len(), lists.len());
    }
}
