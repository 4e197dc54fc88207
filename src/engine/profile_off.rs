//! The face of `profile/` in builds without the feature `proof`: no engine is of one.
#![expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "it is a face")]

use super::Engine;
use super::refusal::{ClientRefusal, Refusal};
use crate::client::{Client, ClientRef};
use crate::grant::{Grant, Scope};
use crate::wire::Form;

impl<S, C> Engine<S, C> {
    pub(super) const fn check_profile_of(&self, _: &Client) -> Result<(), ClientRefusal> {
        Ok(())
    }

    pub(super) const fn check_asked(&self, _: &Form<'_>, _: &Scope) -> Result<(), Refusal> {
        Ok(())
    }

    pub(super) const fn demands_pkce(&self) -> bool {
        false
    }

    pub(super) const fn may_answer_to(&self, _: &str) -> bool {
        true
    }

    pub(super) const fn may_be_of(&self, _: &Scope) -> bool {
        true
    }

    pub(super) const fn of_localhost(&self, _: &str) -> Option<ClientRef<'_>> {
        None
    }

    pub(super) const fn rotates_out_of(&self, _: u8) -> bool {
        false
    }

    pub(super) const fn fields_with_subject(&self, _: &Grant) -> Option<String> {
        None
    }
}
