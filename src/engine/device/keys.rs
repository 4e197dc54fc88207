//! Under what places and user codes are computed.

use crate::grant::Timestamp;
use crate::secret::root::{Label, LabelledKey, RootSecret};

/// Keys of the root secret, and of the one that it has taken the place of.
pub(super) struct Keys {
    device: LabelledKey,
    user_code: LabelledKey,
    old: Option<(LabelledKey, Timestamp)>,
}

impl Keys {
    pub(super) fn new(root: &RootSecret, old: Option<(&RootSecret, Timestamp)>, realm: Option<&str>) -> Self {
        Self {
            device: root.key(Label::Device, realm),
            user_code: root.key(Label::UserCode, realm),
            old: old.map(|(old, not_after)| (old.key(Label::UserCode, realm), not_after)),
        }
    }

    /// Takes the predecessor over, as [`Roots`](crate::engine::roots::Roots) did.
    pub(super) fn inherit(&mut self, before: &Self) {
        self.old.clone_from(&before.old);
    }

    /// What the place of a device's record is computed under. It is never looked for: the device code says where it is.
    pub(super) const fn devices(&self) -> &LabelledKey {
        &self.device
    }

    /// Where a user code is written, and where else it may have been, as with markers: under the old secret until it goes, on every
    /// node.
    pub(super) fn user_codes(&self, now: Timestamp) -> (&LabelledKey, Option<&LabelledKey>) {
        match &self.old {
            Some((old, not_after)) if now < *not_after => (old, Some(&self.user_code)),
            Some((old, _)) => (&self.user_code, Some(old)),
            None => (&self.user_code, None),
        }
    }
}
