//! A prefix before tokens, by which scanners find those that have leaked.

use zeroize::Zeroizing;

use super::Engine;
use crate::client::Clients;
use crate::store::TokenStore;
use crate::token::{AccessToken, GRANT_TEXT_LEN, GrantToken};

/// The shortest. With three characters, an access token behind them would be as long as one of the kind that names resources.
const LEAST: usize = 4;
const MOST: usize = 32;

/// Whether a text can be a prefix.
pub(super) fn is_prefix(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (LEAST..=MOST).contains(&text.len()) && text.ends_with('_') && text.bytes().all(is_word)
}

/// Those tokens of an answer that have a prefix.
pub(super) struct Prefixed {
    pub(super) access: Option<Zeroizing<Vec<u8>>>,
    pub(super) refresh: Option<Zeroizing<Vec<u8>>>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The refresh token of this text, with the prefix or without: nodes that have it and nodes that have not serve one another's.
    #[inline]
    pub(super) fn grant_token(&self, text: &[u8]) -> Option<GrantToken> {
        let mut token = GrantToken::unread();
        self.read_grant_token(text, &mut token).then_some(token)
    }

    /// The same in place; says whether it has the shape of one.
    #[inline]
    pub(super) fn read_grant_token(&self, text: &[u8], token: &mut GrantToken) -> bool {
        match <&[u8; GRANT_TEXT_LEN]>::try_from(text) {
            Ok(bare) => token.read(bare),
            Err(_) => {
                self.behind_prefix(text).and_then(|text| text.try_into().ok()).is_some_and(|bare| token.read(bare))
            }
        }
    }

    /// The access token of this text, likewise. No length of one is that of another behind a prefix.
    #[inline]
    pub(super) fn access_token(&self, text: &str) -> Option<AccessToken> {
        AccessToken::decode(self.behind_prefix(text.as_bytes()).unwrap_or(text.as_bytes()))
            .or_else(|| AccessToken::decode(text.as_bytes()))
    }

    #[inline]
    fn behind_prefix<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        text.strip_prefix(self.settings.token_prefix.as_deref()?.as_bytes())
    }

    /// Tokens as they are handed out; `None` where there is no prefix, which costs a look.
    #[inline]
    pub(super) fn with_prefix(&self, access: Option<&[u8]>, refresh: Option<&[u8]>) -> Option<Box<Prefixed>> {
        let prefix = self.settings.token_prefix.as_deref()?.as_bytes();
        let put = |token: &[u8]| Zeroizing::new([prefix, token].concat());
        Some(Box::new(Prefixed { access: access.map(put), refresh: refresh.map(put) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_word_that_ends_with_a_low_line() {
        for good in ["shop_", "abc_", "a-b_", "1234567_", &format!("{}_", "p".repeat(31))] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in
            ["", "_", "ab_", "shop", "shop-", "sh op_", "sh.op_", "shöp_", "shop_\n", &format!("{}_", "p".repeat(32))]
        {
            assert!(!is_prefix(bad), "{bad}");
        }
    }
}
