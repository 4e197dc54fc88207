//! Authorization codes: what a redemption comes to.
//!
//! A code is a grant that has not been redeemed: its generation is 0. Redemption is the step to generation 1, by
//! compare-and-swap, so of any number of concurrent requests one takes it. Pure, as the rotation is.

use std::sync::Arc;
use std::time::Duration;

use super::code_details::CodeDetails;
use super::id::{Generation, Version};
use super::lifetimes::Lifetimes;
use super::login::expiries;
use super::record::Grant;
use super::time::Timestamp;
use crate::secret::constant_time_eq;

/// What a token request says of a code, as digests, and what of the settings bears on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redemption {
    pub(crate) redirect_uri: Option<[u8; 32]>,
    /// Of `code_verifier`.
    pub(crate) verifier: Option<[u8; 32]>,
    /// Grants made earlier are void.
    pub(crate) not_before: Timestamp,
}

/// What the engine is to do about a genuine code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CodeDecision {
    /// Take the step to generation 1 and hand out the first tokens.
    Redeem,
    /// It was redeemed before, by someone who knew all that this request knows.
    Replay,
    /// Nothing changes.
    Refuse(CodeVoid),
}

/// Why a genuine code is not redeemed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CodeVoid {
    NotBefore,
    Expired,
    RedirectUri,
    Verifier,
}

/// Judges a genuine code of the client that it was issued to. A request that does not know redirect URI and verifier
/// is refused before anything else is said of the code, so that one that leaked by itself ends nobody's grant.
pub(crate) fn decide_code(grant: &Grant, redemption: &Redemption, now: Timestamp) -> CodeDecision {
    if grant.created_at < redemption.not_before {
        return CodeDecision::Refuse(CodeVoid::NotBefore);
    }
    let binding = grant.code.as_ref().and_then(|code| code.binding.as_deref());
    let end = (grant.created_at + Grant::CODE_LIFETIME).min(grant.absolute_expires_at);
    let Some(binding) = binding.filter(|_| now < end) else {
        return CodeDecision::Refuse(CodeVoid::Expired);
    };
    let same_uri = redemption
        .redirect_uri
        .map_or(!binding.redirect_uri_named, |presented| constant_time_eq(&presented, &binding.redirect_uri).into());
    if !same_uri {
        return CodeDecision::Refuse(CodeVoid::RedirectUri);
    }
    let verified = match (&binding.challenge, &redemption.verifier) {
        (Some(challenge), Some(verifier)) => constant_time_eq(challenge, verifier).into(),
        (None, None) => true,
        // A verifier without a challenge: the attack of RFC 9700 section 4.8.2, where the challenge was stripped.
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !verified {
        return CodeDecision::Refuse(CodeVoid::Verifier);
    }
    if grant.is_redeemed() { CodeDecision::Replay } else { CodeDecision::Redeem }
}

impl Grant {
    /// How long an authorization code can be redeemed: 60 seconds (RFC 6749 section 4.1.2 wants ten minutes at most).
    ///
    /// ```
    /// assert_eq!(regrant::Grant::CODE_LIFETIME.as_secs(), 60);
    /// ```
    pub const CODE_LIFETIME: Duration = Duration::from_secs(60);

    /// Whether tokens were handed out for it. Only a grant whose authorization code is outstanding is not redeemed;
    /// hosts do not count these as sessions.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(grant.is_redeemed());
    /// ```
    pub fn is_redeemed(&self) -> bool {
        // One that began with another server's token, and keeps that, is live at its generation.
        self.generation > Generation::NONE || self.foreign().is_some()
    }

    /// Makes it the record after its code was redeemed.
    pub(crate) fn redeem(&mut self, version: Version, key_id: u8, lifetimes: Lifetimes, now: Timestamp) {
        // A node whose clock is behind the login must not end the session that it begins.
        let now = now.max(self.created_at);
        let [refresh_expires_at, expires_at] = expiries(lifetimes, self.renewable, self.absolute_expires_at, now);
        self.version = version;
        self.generation = Generation::FIRST;
        self.key_id = key_id;
        self.rotated_at = now;
        self.refresh_expires_at = refresh_expires_at;
        self.expires_at = expires_at;
        self.forget_code(now);
    }

    /// Drops what no later answer needs.
    pub(crate) fn forget_code(&mut self, now: Timestamp) {
        let Some(code) = &self.code else { return };
        let expired = now >= self.created_at + Self::CODE_LIFETIME;
        if code.nonce.is_none() && !(expired && code.binding.is_some()) {
            return;
        }
        let binding = if expired { None } else { code.binding.clone() };
        let left = CodeDetails { nonce: None, binding, ..CodeDetails::clone(code) };
        // A redemption that waited past the code's life has its answer yet to give, and so may hand out no refresh token then.
        let says_something = left.state_hash.is_some() || left.binding.is_some() || !left.with_refresh_token;
        self.code = says_something.then(|| Arc::new(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::code_details::CodeBinding;

    const URI: [u8; 32] = [1; 32];
    const VERIFIER: [u8; 32] = [2; 32];
    const RIGHT: Redemption =
        Redemption { redirect_uri: Some(URI), verifier: Some(VERIFIER), not_before: Timestamp::EPOCH };

    fn outstanding(redirect_uri_named: bool, challenge: Option<[u8; 32]>) -> Grant {
        let mut grant = Grant::sample("alice", "app");
        grant.generation = Generation::NONE;
        let binding = Some(Box::new(CodeBinding { redirect_uri: URI, redirect_uri_named, challenge }));
        let nonce = Some("n".into());
        grant.code =
            Some(Arc::new(CodeDetails { state_hash: Some("s".into()), nonce, with_refresh_token: true, binding }));
        grant
    }

    fn after(grant: &Grant, secs: u64) -> Timestamp {
        grant.created_at + Duration::from_secs(secs)
    }

    #[test]
    fn all_of_it_has_to_match() {
        let grant = outstanding(true, Some(VERIFIER));
        let judge = |redemption: Redemption| decide_code(&grant, &redemption, after(&grant, 1));
        assert_eq!(judge(RIGHT), CodeDecision::Redeem);
        for redirect_uri in [None, Some([9; 32])] {
            let refused = CodeDecision::Refuse(CodeVoid::RedirectUri);
            assert_eq!(judge(Redemption { redirect_uri, ..RIGHT }), refused);
        }
        for verifier in [None, Some([9; 32])] {
            assert_eq!(judge(Redemption { verifier, ..RIGHT }), CodeDecision::Refuse(CodeVoid::Verifier));
        }
        let later = Redemption { not_before: after(&grant, 1), ..RIGHT };
        assert_eq!(judge(later), CodeDecision::Refuse(CodeVoid::NotBefore));
    }

    #[test]
    fn a_uri_that_was_not_named_may_be_left_out_and_a_challenge_that_was_not_given_must_be() {
        let grant = outstanding(false, None);
        let judge = |redemption: Redemption| decide_code(&grant, &redemption, after(&grant, 1));
        assert_eq!(judge(Redemption { redirect_uri: None, verifier: None, ..RIGHT }), CodeDecision::Redeem);
        assert_eq!(judge(Redemption { verifier: None, ..RIGHT }), CodeDecision::Redeem);
        assert_eq!(judge(RIGHT), CodeDecision::Refuse(CodeVoid::Verifier));
    }

    #[test]
    fn a_code_lives_sixty_seconds_and_is_replayed_in_them_alone() {
        let mut grant = outstanding(true, Some(VERIFIER));
        let last = after(&grant, 60) - Duration::from_millis(1);
        assert_eq!(decide_code(&grant, &RIGHT, last), CodeDecision::Redeem);
        assert_eq!(decide_code(&grant, &RIGHT, after(&grant, 60)), CodeDecision::Refuse(CodeVoid::Expired));
        let redeemed_at = after(&grant, 5);
        grant.redeem(Version::from_u64(2), 0, Lifetimes::default(), redeemed_at);
        assert_eq!(decide_code(&grant, &RIGHT, last), CodeDecision::Replay);
        assert_eq!(decide_code(&grant, &RIGHT, after(&grant, 60)), CodeDecision::Refuse(CodeVoid::Expired));
        let stranger = Redemption { verifier: None, ..RIGHT };
        assert_eq!(decide_code(&grant, &stranger, last), CodeDecision::Refuse(CodeVoid::Verifier));
    }

    #[test]
    fn what_no_later_answer_needs_is_dropped() {
        let mut grant = outstanding(true, Some(VERIFIER));
        let redeemed_at = after(&grant, 5);
        grant.redeem(Version::from_u64(2), 0, Lifetimes::default(), redeemed_at);
        let code = grant.code.clone().unwrap();
        assert!(code.nonce.is_none() && code.binding.is_some());
        grant.forget_code(after(&grant, 60));
        let code = grant.code.clone().unwrap();
        assert!(code.binding.is_none() && code.state_hash.is_some());
        let mut plain = outstanding(true, None);
        Arc::make_mut(plain.code.as_mut().unwrap()).state_hash = None;
        let mut without = plain.clone();
        plain.forget_code(after(&plain, 60));
        assert!(plain.code.is_none());
        Arc::make_mut(without.code.as_mut().unwrap()).with_refresh_token = false;
        without.redeem(Version::from_u64(2), 0, Lifetimes::default(), after(&without, 60));
        let code = without.code.unwrap();
        assert!(code.binding.is_none() && !code.with_refresh_token);
    }
}
