//! The parameters that specifications define.

use super::form::Form;
use super::text::{has_control, text};

/// What is wrong with a parameter that a specification defines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ParameterFault {
    Repeated,
    ControlCharacter,
}

/// The parameters of the IANA registry "OAuth Parameters" that a request to an authorization, token, revocation or
/// introspection endpoint can have. Those of [`Kept`] come first, in its order.
const DEFINED: [&str; 46] = [
    "grant_type",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "username",
    "password",
    "code",
    "redirect_uri",
    "code_verifier",
    "token",
    "token_type_hint",
    "access_token",
    "state",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "device_code",
    "auth_req_id",
    "authorization_details",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "max_age",
    "display",
    "ui_locales",
    "claims_locales",
    "acr_values",
    "registration",
    "id_token_hint",
    "login_hint",
    "request",
    "request_uri",
    "claims",
    "dpop_jkt",
    "claim_token",
    "claim_token_format",
    "ticket",
];
/// Each has a bit of its own.
const _: () = assert!(DEFINED.len() <= 64);
/// RFC 8707 section 2, RFC 8693 section 2.1.
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The parameters that the engine itself reads at the token endpoint: their places in [`DEFINED`].
#[derive(Clone, Copy)]
enum Kept {
    GrantType,
    RefreshToken,
    Scope,
    ClientId,
    ClientSecret,
    ClientAssertion,
    ClientAssertionType,
}

impl Kept {
    const COUNT: usize = Self::ClientAssertionType as usize + 1;
}

/// The parameters that the engine itself reads, found in one pass over the form; an empty one is absent.
pub(crate) struct Parameters<'f>([Option<&'f [u8]>; Kept::COUNT]);

impl<'f> Parameters<'f> {
    /// None yet, to [`read`](Self::read) into: see [`wire`](crate::wire).
    pub(crate) const fn unread() -> Self {
        Self([None; Kept::COUNT])
    }

    /// Checks every parameter that a specification defines, as [`check_defined`](Self::check_defined) does, and keeps what the
    /// engine reads.
    pub(crate) fn read(&mut self, form: &'f Form<'_>) -> Result<(), ParameterFault> {
        let Self(kept) = self;
        if let Some((grant_type, token)) = form.refresh_alone() {
            kept[Kept::GrantType as usize] = Some(grant_type);
            kept[Kept::RefreshToken as usize] = (!token.is_empty()).then_some(token);
            return Ok(());
        }
        let mut seen = 0u64;
        for (name, value, plain) in form.raw_parameters() {
            if let Some(place) = DEFINED.iter().position(|defined| defined.as_bytes() == name) {
                if seen & (1 << place) != 0 {
                    return Err(ParameterFault::Repeated);
                }
                seen |= 1 << place;
                if let Some(kept) = kept.get_mut(place) {
                    *kept = (!value.is_empty()).then_some(value);
                }
            } else if !REPEATABLE.iter().any(|repeatable| repeatable.as_bytes() == name) {
                continue;
            }
            if !plain && has_control(text(value)) {
                return Err(ParameterFault::ControlCharacter);
            }
        }
        Ok(())
    }

    /// Checks every parameter that a specification defines: there once at most, counted before empty ones are dropped,
    /// and free of control characters.
    pub(crate) fn check_defined(form: &'f Form<'_>) -> Result<(), ParameterFault> {
        Self::unread().read(form)
    }

    pub(crate) const fn grant_type(&self) -> Option<&'f [u8]> {
        self.get(Kept::GrantType)
    }

    pub(crate) const fn refresh_token(&self) -> Option<&'f [u8]> {
        self.get(Kept::RefreshToken)
    }

    pub(crate) fn scope(&self) -> Option<&'f str> {
        self.get(Kept::Scope).map(text)
    }

    pub(crate) fn client_id(&self) -> Option<&'f str> {
        self.get(Kept::ClientId).map(text)
    }

    pub(crate) const fn client_secret(&self) -> Option<&'f [u8]> {
        self.get(Kept::ClientSecret)
    }

    /// The assertion of the client and its type (RFC 7521 section 4.2).
    #[cfg(feature = "proof")]
    pub(crate) const fn client_assertion(&self) -> (Option<&'f [u8]>, Option<&'f [u8]>) {
        (self.get(Kept::ClientAssertion), self.get(Kept::ClientAssertionType))
    }

    /// Whether the client sends an assertion (RFC 7521 section 4.2).
    pub(crate) const fn has_client_assertion(&self) -> bool {
        self.get(Kept::ClientAssertion).is_some() || self.get(Kept::ClientAssertionType).is_some()
    }

    const fn get(&self, kept: Kept) -> Option<&'f [u8]> {
        self.0[kept as usize]
    }
}

/// Whether a specification defines this parameter.
pub(crate) fn is_defined(name: &str) -> bool {
    DEFINED.contains(&name) || REPEATABLE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_has_the_place_of_its_name() {
        for (kept, name) in [
            (Kept::GrantType, "grant_type"),
            (Kept::RefreshToken, "refresh_token"),
            (Kept::Scope, "scope"),
            (Kept::ClientId, "client_id"),
            (Kept::ClientSecret, "client_secret"),
            (Kept::ClientAssertion, "client_assertion"),
            (Kept::ClientAssertionType, "client_assertion_type"),
        ] {
            assert_eq!(DEFINED[kept as usize], name);
        }
    }
}
