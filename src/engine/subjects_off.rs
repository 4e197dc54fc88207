//! The face of `subjects.rs` in builds without the feature `root-secret`: there is no subject secret, and so no session.

use std::borrow::Cow;

use super::Engine;
use super::refusal::ServerFault;
use crate::client::Client;
use crate::grant::Timestamp;

/// Nothing: nobody can be called by another name.
pub(super) enum Subjects {}

impl<S, C> Engine<S, C> {
    #[expect(clippy::unused_self, reason = "it is a face")]
    pub(super) fn sub_of<'s>(
        &self,
        client: &Client,
        created_at: Timestamp,
        subject: &'s str,
    ) -> Result<Cow<'s, str>, ServerFault> {
        sub(None, client, created_at, subject)
    }
}

pub(super) fn sub<'s>(
    _: Option<&Subjects>,
    client: &Client,
    created_at: Timestamp,
    subject: &'s str,
) -> Result<Cow<'s, str>, ServerFault> {
    if client.is_pairwise_at(created_at) { Err(ServerFault::Signing) } else { Ok(Cow::Borrowed(subject)) }
}
