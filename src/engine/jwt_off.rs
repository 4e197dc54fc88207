//! The face of `jwt.rs` in builds without the feature `jwt`: there is no signing key, so nothing is signed.
#![expect(clippy::unused_self, clippy::unused_async, clippy::unnecessary_wraps, reason = "it is a face")]

use smol_str::SmolStr;

use super::Engine;
use super::builder::error::BuildError;
use super::failure::Failure;
use super::issue::{Claims, Issue};
use super::refusal::{AuthorizationRefusal, GrantRefusal, ServerFault};
use super::resource::{Access, Asking};
use super::resources::{AccessTokenFormat, ResourceSet};
use super::time::Time;
use crate::client::{Client, Clients};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;

pub(super) struct Jwt;

impl Jwt {
    pub(super) const fn inherit_keys(&mut self, _: &Self) -> bool {
        true
    }

    pub(super) const fn signs(&self) -> bool {
        false
    }

    pub(super) const fn issues_id_tokens(&self) -> bool {
        false
    }

    pub(super) const fn names_subjects(&self) -> bool {
        false
    }

    pub(super) const fn audience(&self, _: &str) -> Option<&'static str> {
        None
    }
}

/// There is none.
pub(super) enum IdTokenHint {}

impl IdTokenHint {
    pub(super) const fn subject(&self) -> &str {
        match *self {}
    }
}

#[derive(Default)]
pub(super) struct JwtSettings();

impl JwtSettings {
    pub(super) const fn usual_format(&self) -> AccessTokenFormat {
        AccessTokenFormat::Opaque
    }

    pub(super) const fn build(self, _: bool, _: Option<&ResourceSet>) -> Result<Jwt, BuildError> {
        Ok(Jwt)
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn id_claims(&self, _: &Grant, _: &Client, _: u64, _: Timestamp) -> Result<Claims, Failure> {
        Ok(Claims())
    }

    pub(super) fn id_token(&self, issue: &Issue<'_>, _: &[u8], _: u32) -> Result<Option<String>, Failure> {
        let (_, Claims()) = (issue.nonce, &issue.claims);
        Ok(None)
    }

    pub(super) fn asked_hint(&self, _: &Client, _: Option<&str>) -> Result<Option<IdTokenHint>, AuthorizationRefusal> {
        Ok(None)
    }

    pub(super) const fn signs_answers_to(&self, _: &Client, _: Timestamp) -> bool {
        false
    }

    pub(super) fn sign_answer<'a>(
        &self,
        _: &Client,
        _: impl Iterator<Item = (&'static str, &'a str)>,
        _: Timestamp,
    ) -> Result<String, ServerFault> {
        Err(ServerFault::Signing)
    }

    pub(super) const fn answer_algorithms(&self) -> Vec<&'static str> {
        Vec::new()
    }

    pub(super) fn state_hash(&self, _: &Client, _: &Scope, _: &str, _: Timestamp) -> Option<SmolStr> {
        None
    }

    pub(super) fn jwt_access_token(&self, _: &Issue<'_>, _: &Scope, _: u32) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    pub(super) async fn live_jwt(&self, _: &str, _: &Time<'_>, _: Asking) -> Result<Access, Failure> {
        Err(GrantRefusal::Shape.into())
    }

    pub(super) async fn license_by_jwt(&self, _: &str, _: &str) -> Result<(), Failure> {
        Err(GrantRefusal::Shape.into())
    }
}
