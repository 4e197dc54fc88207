//! The root secret of an engine, the one that it has taken the place of, and what the subject secret is known again by.

use crate::grant::Timestamp;
use crate::secret::root::{Label, LabelledKey, RootSecret, SubjectSecret};
use crate::token::KeyFingerprint;

/// The keys of every use, made once.
pub(super) struct Roots {
    current: Root,
    old: Option<(Root, Timestamp)>,
}

#[derive(Clone)]
struct Root {
    id: u8,
    interaction: LabelledKey,
    pushed: LabelledKey,
    marker: LabelledKey,
    fingerprint: KeyFingerprint,
}

/// What the subject secret is known again by: in the engine's realm, and outside of all realms where grants from there are adopted. It is
/// never replaced, so it has no number.
pub(super) struct SubjectPrint {
    pub(super) own: KeyFingerprint,
    pub(super) adopted: Option<KeyFingerprint>,
}

impl SubjectPrint {
    pub(super) fn of(secret: Option<&SubjectSecret>, realm: Option<&str>, adopts: bool) -> Option<Self> {
        let secret = secret?;
        let of = |realm| fingerprint(0, &secret.key(Label::Fingerprint, realm));
        Some(Self { own: of(realm), adopted: adopts.then(|| of(None)) })
    }
}

fn fingerprint(id: u8, key: &LabelledKey) -> KeyFingerprint {
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&key.bytes()[..16]);
    KeyFingerprint::new(id, fingerprint)
}

/// What is sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sealed {
    /// The handle that a page carries.
    Interaction,
    /// An authorization request that a client pushed.
    Pushed,
}

impl Root {
    const fn key(&self, of: Sealed) -> &LabelledKey {
        match of {
            Sealed::Interaction => &self.interaction,
            Sealed::Pushed => &self.pushed,
        }
    }

    fn new(secret: &RootSecret, realm: Option<&str>) -> Self {
        Self {
            id: secret.id(),
            interaction: secret.key(Label::Interaction, realm),
            pushed: secret.key(Label::Pushed, realm),
            marker: secret.key(Label::Marker, realm),
            fingerprint: fingerprint(secret.id(), &secret.key(Label::Fingerprint, realm)),
        }
    }
}

impl Roots {
    pub(super) fn new(current: &RootSecret, old: Option<(&RootSecret, Timestamp)>, realm: Option<&str>) -> Self {
        let old = old.map(|(secret, not_after)| (Root::new(secret, realm), not_after));
        Self { current: Root::new(current, realm), old }
    }

    /// Whether what was made under those is found again under these.
    pub(super) fn follows(&self, before: &Self) -> bool {
        self.fingerprints().contains(&before.current.fingerprint)
    }

    /// Takes the predecessor of those over where it has none of its own: what was spent under that one stays spent for as long as it lives.
    /// Whether it did.
    pub(super) fn inherit(&mut self, before: &Self) -> bool {
        let inherits = self.old.is_none() && self.current.fingerprint == before.current.fingerprint;
        if inherits {
            self.old.clone_from(&before.old);
        }
        inherits
    }

    /// What a new one is sealed under.
    pub(super) const fn to_seal(&self, what: Sealed) -> (u8, &LabelledKey) {
        (self.current.id, self.current.key(what))
    }

    /// What it was sealed under if it names this secret.
    pub(super) fn to_open(&self, what: Sealed, id: u8, now: Timestamp) -> Option<&LabelledKey> {
        if id == self.current.id {
            return Some(self.current.key(what));
        }
        self.old.as_ref().filter(|(old, not_after)| id == old.id && now < *not_after).map(|(old, _)| old.key(what))
    }

    /// Where a marker is written, and where else it may have been: the old secret counts until it goes, on every node.
    pub(super) fn markers(&self, now: Timestamp) -> (&LabelledKey, Option<&LabelledKey>) {
        match &self.old {
            Some((old, not_after)) if now < *not_after => (&old.marker, Some(&self.current.marker)),
            Some((old, _)) => (&self.current.marker, Some(&old.marker)),
            None => (&self.current.marker, None),
        }
    }

    pub(super) fn fingerprints(&self) -> Vec<KeyFingerprint> {
        let old = self.old.as_ref().map(|(old, _)| old.fingerprint);
        std::iter::once(self.current.fingerprint).chain(old).collect()
    }
}
