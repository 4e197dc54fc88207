//! Scopes: RFC 6749 section 3.3.

use std::fmt;
use std::str::FromStr;

use smallvec::SmallVec;
use smol_str::{SmolStr, SmolStrBuilder};

/// A set of scope tokens in the order they were named, without repeats: at most 64, which is what an access token's
/// mask can select from.
///
/// Written as RFC 6749 section 3.3 writes it, tokens with one space between; the empty scope is the empty string.
///
/// ```
/// use regrant::Scope;
///
/// let granted = Scope::parse("profile email openid")?;
/// assert!(granted.contains("email"));
/// assert!(Scope::parse("openid")?.is_subset_of(&granted));
/// assert_eq!(granted.iter().collect::<Vec<_>>().join(", "), "profile, email, openid");
/// assert!(Scope::parse("two  spaces").is_err());
/// # Ok::<(), regrant::grant::InvalidScope>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope(SmolStr);

/// Text that is not a scope by RFC 6749 section 3.3, or names more than 64 tokens.
///
/// ```
/// assert_eq!(regrant::Scope::parse("\"").unwrap_err().to_string(), "not a list of at most 64 scope tokens");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a list of at most {} scope tokens", Scope::MAX_TOKENS)]
#[expect(clippy::exhaustive_structs, reason = "its name says all that there is to say")]
pub struct InvalidScope;

impl Scope {
    /// How many tokens a scope can have.
    pub const MAX_TOKENS: usize = 64;

    /// How many bytes a scope can have, written out.
    pub const MAX_BYTES: usize = 4_096;

    /// The mask that selects all of a scope, whatever its length.
    pub(crate) const WHOLE: u64 = u64::MAX;

    /// The scope of no tokens.
    ///
    /// ```
    /// assert!(regrant::Scope::empty().is_empty());
    /// ```
    pub const fn empty() -> Self {
        Self(SmolStr::new_static(""))
    }

    /// Reads a scope as a request writes it. A token that is named twice counts once.
    ///
    /// # Errors
    ///
    /// [`InvalidScope`] where a token has a character outside `%x21 / %x23-5B / %x5D-7E`, where anything but one
    /// space stands between two tokens, and where there are more than 64 tokens or 4,096 bytes.
    ///
    /// ```
    /// use regrant::Scope;
    /// assert_eq!(Scope::parse("a b a")?.as_str(), "a b");
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() {
            return Ok(Self::empty());
        }
        if text.len() > Self::MAX_BYTES || !text.split(' ').all(is_token) {
            return Err(InvalidScope);
        }
        let mut distinct: SmallVec<[&str; 16]> = SmallVec::new();
        let mut repeats = false;
        for token in text.split(' ') {
            if distinct.contains(&token) {
                repeats = true;
            } else if distinct.len() == Self::MAX_TOKENS {
                return Err(InvalidScope);
            } else {
                distinct.push(token);
            }
        }
        Ok(Self(if repeats { distinct.join(" ").into() } else { SmolStr::new(text) }))
    }

    /// The scope of these tokens.
    ///
    /// # Errors
    ///
    /// As [`Scope::parse`].
    ///
    /// ```
    /// use regrant::Scope;
    /// assert_eq!(Scope::from_tokens(["scope_1", "scope_2"])?.as_str(), "scope_1 scope_2");
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn from_tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidScope> {
        let tokens: Vec<&str> = tokens.into_iter().collect();
        // A token with a space in it would otherwise be read as two.
        if !tokens.iter().all(|token| is_token(token)) {
            return Err(InvalidScope);
        }
        Self::parse(&tokens.join(" "))
    }

    /// The tokens, in order.
    ///
    /// ```
    /// let scope = regrant::Scope::parse("a b")?;
    /// assert_eq!(scope.iter().collect::<Vec<_>>(), ["a", "b"]);
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether this token is in it.
    ///
    /// ```
    /// assert!(!regrant::Scope::parse("read")?.contains("write"));
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn contains(&self, token: &str) -> bool {
        self.iter().any(|own| own == token)
    }

    /// Whether every token of it is in `wider` too.
    ///
    /// ```
    /// use regrant::Scope;
    /// assert!(Scope::empty().is_subset_of(&Scope::parse("a")?));
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn is_subset_of(&self, wider: &Self) -> bool {
        self.iter().all(|token| wider.contains(token))
    }

    /// Whether it has no tokens.
    ///
    /// ```
    /// assert!(!regrant::Scope::parse("a")?.is_empty());
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens with one space between, as the `scope` member of a response has them.
    ///
    /// ```
    /// assert_eq!(regrant::Scope::parse("a b")?.as_str(), "a b");
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mask that selects `narrower` from this scope: bit `i` for the token at place `i`. `None` where a token
    /// of it is not in this scope.
    pub(crate) fn mask_of(&self, narrower: &Self) -> Option<u64> {
        let mut mask = 0;
        for token in narrower.iter() {
            mask |= 1u64 << self.iter().position(|own| own == token)?;
        }
        Some(mask)
    }

    /// The mask that selects what is in `wider` too; [`Scope::WHOLE`] where all of it is.
    pub(crate) fn mask_within(&self, wider: &Self) -> u64 {
        self.mask_where(|token| wider.contains(token))
    }

    /// The mask that selects what this holds of; [`Scope::WHOLE`] where it does of all.
    pub(crate) fn mask_where(&self, holds: impl Fn(&str) -> bool) -> u64 {
        let (mut mask, mut all) = (0, true);
        for (at, token) in self.iter().enumerate().take(Self::MAX_TOKENS) {
            if holds(token) {
                mask |= 1 << at;
            } else {
                all = false;
            }
        }
        if all { Self::WHOLE } else { mask }
    }

    /// The tokens that a mask selects.
    pub(crate) fn select(&self, mask: u64) -> Self {
        if mask == Self::WHOLE {
            return self.clone();
        }
        let mut selected = SmolStrBuilder::new();
        let mut first = true;
        for (at, token) in self.iter().enumerate().take(Self::MAX_TOKENS) {
            if mask & (1 << at) != 0 {
                if !first {
                    selected.push(' ');
                }
                first = false;
                selected.push_str(token);
            }
        }
        Self(selected.finish())
    }

    /// Wraps text that was parsed before: a record's own, interned.
    pub(crate) fn from_canonical(text: SmolStr) -> Self {
        Self(text)
    }
}

/// As [`Scope::parse`].
impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({:?})", self.as_str())
    }
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn sixty_four_tokens_fit_and_one_more_does_not() {
        let names: Vec<String> = (0..65).map(|i| format!("s{i}")).collect();
        let full = scope(&names[..64].join(" "));
        assert_eq!(full.mask_of(&full), Some(Scope::WHOLE));
        assert_eq!(full.select(1 << 63).as_str(), "s63");
        assert_eq!(Scope::parse(&names.join(" ")), Err(InvalidScope));
    }

    #[test]
    fn masks_select_what_they_were_made_of() {
        let whole = scope("a b c");
        assert_eq!(whole.mask_of(&whole), Some(0b111));
        assert_eq!(whole.select(Scope::WHOLE), whole);
        assert_eq!(whole.select(0b111), whole);
        assert_eq!(whole.mask_of(&scope("c a")), Some(0b101));
        assert_eq!(whole.select(0b101).as_str(), "a c");
        assert_eq!(whole.mask_of(&scope("d")), None);
        assert_eq!(whole.select(0), Scope::empty());
        assert_eq!(Scope::empty().select(Scope::WHOLE), Scope::empty());
    }

    #[test]
    fn the_mask_of_what_is_within_another_is_whole_where_all_is() {
        let granted = scope("a b c");
        for (wider, mask) in [("c b a", Scope::WHOLE), ("c x a", 0b101), ("ab bc", 0), ("", 0)] {
            assert_eq!(granted.mask_within(&scope(wider)), mask, "{wider}");
        }
        assert_eq!(Scope::empty().mask_within(&Scope::empty()), Scope::WHOLE);
        let names: Vec<String> = (0..64).map(|i| format!("s{i}")).collect();
        let full = scope(&names.join(" "));
        assert_eq!(full.mask_within(&scope("s63 s0")), 1 << 63 | 1);
    }

    #[test]
    fn the_longest_text_fits_and_one_byte_more_does_not() {
        let token = "s".repeat(Scope::MAX_BYTES);
        assert_eq!(scope(&token).as_str(), token);
        assert_eq!(Scope::parse(&format!("{token}s")), Err(InvalidScope));
    }

    #[test]
    fn malformed_scopes_are_refused() {
        for text in [" ", " a", "a ", "a  b", "a\tb", "a\"", "a\\", "é", "a\u{7f}"] {
            assert_eq!(Scope::parse(text), Err(InvalidScope), "{text:?}");
        }
        assert_eq!(Scope::from_tokens(["a b"]), Err(InvalidScope));
        assert_eq!(Scope::from_tokens([""]), Err(InvalidScope));
    }
}
