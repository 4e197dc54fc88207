//! What a token is bound to: the key or the certificate of whoever may use it (RFC 9449 section 6, RFC 8705 section 3).

use crate::secret::constant_time_eq;

/// What an access token, or a code, is bound to. Its use takes a proof of it.
#[derive(Clone, Copy, Eq, Debug)]
pub(crate) enum Confirmation {
    /// The key of proofs of possession, by its thumbprint: `jkt`.
    Key([u8; 32]),
    /// A client certificate, by its thumbprint: `x5t#S256`.
    Certificate([u8; 32]),
}

impl Confirmation {
    /// The kind and the thumbprint, as records and tokens have them.
    pub(crate) const fn to_bytes(self) -> (u8, [u8; 32]) {
        match self {
            Self::Key(thumbprint) => (KEY, thumbprint),
            Self::Certificate(thumbprint) => (CERTIFICATE, thumbprint),
        }
    }

    pub(crate) const fn from_bytes(kind: u8, thumbprint: [u8; 32]) -> Option<Self> {
        match kind {
            KEY => Some(Self::Key(thumbprint)),
            CERTIFICATE => Some(Self::Certificate(thumbprint)),
            _ => None,
        }
    }
}

/// In constant time: who guesses at a thumbprint must not be told how far it is right.
impl PartialEq for Confirmation {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(own), Self::Key(other)) | (Self::Certificate(own), Self::Certificate(other)) => {
                constant_time_eq(own, other).into()
            }
            _ => false,
        }
    }
}

/// Who may send the refresh tokens of a grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sender {
    /// Who proves this one. Of public clients, which have nothing else to be known by.
    Is(Confirmation),
    /// Who proves a key by a proof of possession, whichever. Of confidential clients, which are known besides, and may renew what they
    /// prove.
    AnyKey,
    /// Who comes with a client certificate, whichever.
    AnyCertificate,
}

// As they are stored, for ever.
const KEY: u8 = 1;
const CERTIFICATE: u8 = 2;
const ANY_KEY: u8 = 3;
const ANY_CERTIFICATE: u8 = 4;

/// The bytes of a member: the kind, and the thumbprint where it is a certain one.
pub(super) struct Encoded([u8; 33], usize);

impl std::ops::Deref for Encoded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

impl Confirmation {
    /// The same in one.
    pub(crate) fn to_array(self) -> [u8; 33] {
        let (kind, thumbprint) = self.to_bytes();
        let mut bytes = [kind; 33];
        bytes[1..].copy_from_slice(&thumbprint);
        bytes
    }

    pub(super) fn encode(self) -> Encoded {
        Encoded(self.to_array(), 33)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&kind, thumbprint) = bytes.split_first()?;
        Self::from_bytes(kind, thumbprint.try_into().ok()?)
    }
}

impl Sender {
    pub(super) fn encode(self) -> Encoded {
        match self {
            Self::Is(confirmation) => confirmation.encode(),
            Self::AnyKey => Encoded([ANY_KEY; 33], 1),
            Self::AnyCertificate => Encoded([ANY_CERTIFICATE; 33], 1),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [ANY_KEY] => Some(Self::AnyKey),
            [ANY_CERTIFICATE] => Some(Self::AnyCertificate),
            bytes => Confirmation::decode(bytes).map(Self::Is),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_stays_what_it_is() {
        let [key, certificate] = [Confirmation::Key([7; 32]), Confirmation::Certificate([7; 32])];
        assert_ne!(key, certificate);
        assert_ne!(key, Confirmation::Key([8; 32]));
        for (sender, bytes) in [
            (Sender::Is(key), [&[1][..], &[7; 32]].concat()),
            (Sender::Is(certificate), [&[2][..], &[7; 32]].concat()),
            (Sender::AnyKey, vec![3]),
            (Sender::AnyCertificate, vec![4]),
        ] {
            assert_eq!(*sender.encode(), *bytes);
            assert_eq!(Sender::decode(&bytes), Some(sender));
            for end in 0..bytes.len() {
                assert_eq!(Sender::decode(&bytes[..end]), None);
            }
            assert_eq!(Sender::decode(&[&bytes[..], &[0]].concat()), None);
        }
        for wrong in [&[][..], &[0], &[5], &[3, 3]] {
            assert_eq!(Sender::decode(wrong), None);
        }
        assert_eq!(Confirmation::decode(&[3]), None);
        assert_eq!(Confirmation::decode(&[3; 33]), None);
    }
}
