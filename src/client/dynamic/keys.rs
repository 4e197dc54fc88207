//! What client ids and their secrets are computed under.

use std::fmt;

use zeroize::Zeroizing;

use crate::secret::constant_time_eq;
use crate::secret::root::{Label, LabelledKey, RootSecret};

/// The length of the MAC in an id: 128 bits.
pub(super) const MAC_LEN: usize = 16;

/// The keys of [client ids](super::StatelessClients): what an id is a MAC under, and what its secret is computed from. Each is of a
/// label of its own under the [root secret](RootSecret), and of the [realm](crate::EngineBuilder::realm): another realm has other
/// clients. Give the root secret and the realm that the engine has.
///
/// Whoever knows the root secret makes client ids that nobody has registered, and knows the secrets of all that were.
pub struct ClientIdKeys {
    current: Pair,
    accepted: Vec<Pair>,
}

struct Pair {
    id: LabelledKey,
    secret: LabelledKey,
}

/// Which of the keys an id is under.
#[derive(Clone, Copy)]
pub(super) struct KeyNumber(usize);

impl ClientIdKeys {
    /// Those of this root secret, in this realm.
    ///
    /// ```
    /// use regrant::RootSecret;
    /// use regrant::client::ClientIdKeys;
    /// let keys = ClientIdKeys::new(&RootSecret::from_bytes(1, &[7; 32]), None);
    /// assert_eq!(format!("{keys:?}"), "ClientIdKeys(..)");
    /// ```
    pub fn new(root: &RootSecret, realm: Option<&str>) -> Self {
        Self { current: Pair::of(root, realm), accepted: Vec::new() }
    }

    /// Believes ids that were made under an earlier root secret, too. New ids are made under the current one. Leave it out when
    /// the clients of before may be unknown: their people then log in again.
    ///
    /// ```
    /// use regrant::RootSecret;
    /// use regrant::client::ClientIdKeys;
    /// let (old, new) = (RootSecret::from_bytes(1, &[7; 32]), RootSecret::from_bytes(2, &[8; 32]));
    /// let keys = ClientIdKeys::new(&new, None).with_accepted(&old, None);
    /// ```
    #[must_use]
    pub fn with_accepted(mut self, root: &RootSecret, realm: Option<&str>) -> Self {
        self.accepted.push(Pair::of(root, realm));
        self
    }

    pub(super) const CURRENT: KeyNumber = KeyNumber(0);

    fn get(&self, number: KeyNumber) -> &Pair {
        number.0.checked_sub(1).and_then(|at| self.accepted.get(at)).unwrap_or(&self.current)
    }

    /// The MAC of a new id.
    pub(super) fn mac(&self, message: &[u8]) -> [u8; MAC_LEN] {
        self.current.mac(message)
    }

    /// Which key an id is under; `None` where it was not made here.
    pub(super) fn verify(&self, message: &[u8], presented: &[u8; MAC_LEN]) -> Option<KeyNumber> {
        let mut pairs = std::iter::once(&self.current).chain(&self.accepted);
        pairs.position(|pair| constant_time_eq(&pair.mac(message), presented).into()).map(KeyNumber)
    }

    /// The 256 bits that the secret of an id is.
    pub(super) fn secret(&self, number: KeyNumber, id: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.get(number).secret.mac(&[id.as_bytes()]))
    }
}

impl Pair {
    fn of(root: &RootSecret, realm: Option<&str>) -> Self {
        Self { id: root.key(Label::ClientId, realm), secret: root.key(Label::ClientSecret, realm) }
    }

    fn mac(&self, message: &[u8]) -> [u8; MAC_LEN] {
        let whole = self.id.mac(&[message]);
        let mut cut = [0; MAC_LEN];
        cut.copy_from_slice(&whole[..MAC_LEN]);
        cut
    }
}

impl fmt::Debug for ClientIdKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdKeys(..)")
    }
}
