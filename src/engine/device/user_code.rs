//! What a person types (RFC 8628 section 6.1): eight letters without vowels, so that no word comes of them, in two groups.

use std::fmt;

use crate::grant::GrantId;
use crate::secret::root::LabelledKey;

/// 20 of them: 34.5 bits.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;
/// How many codes may share an id before the last of them is drawn again.
pub(super) const PLACES: u8 = 2;

/// A user code, as it is computed with: capital letters without a hyphen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct UserCode([u8; LENGTH]);

/// Shown as people read it: `WDJB-MJHT`.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, &letter) in self.0.iter().enumerate() {
            if at == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl UserCode {
    /// Each letter as likely as every other.
    pub(super) fn draw() -> Self {
        Self(std::array::from_fn(|_| LETTERS[rand::random_range(0..LETTERS.len())]))
    }

    /// What somebody typed: in either case, with whatever stands between the letters (section 6.1). `None` where it cannot be a code.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut code = [0; LENGTH];
        let mut at = 0;
        // As long as nobody types by accident.
        for letter in text.bytes().take(64).filter(u8::is_ascii_alphanumeric) {
            let letter = letter.to_ascii_uppercase();
            *code.get_mut(at).filter(|_| LETTERS.contains(&letter))? = letter;
            at += 1;
        }
        (at == LENGTH && text.len() <= 64).then_some(Self(code))
    }

    /// Where it is kept where it leads.
    pub(super) fn place(self, key: &LabelledKey, step: u8) -> GrantId {
        GrantId::computed(&key.mac(&[b"place", &self.0, &[step]]))
    }

    /// What it is believed by: an id of 62 bits is no proof.
    pub(super) fn proof(self, key: &LabelledKey) -> [u8; 20] {
        let mut cut = [0; 20];
        cut.copy_from_slice(&key.mac(&[b"code", &self.0])[..20]);
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 6.1: case and punctuation do not count, and nothing that is no letter of a code is dropped in silence.
    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = UserCode(*b"WDJBMJHT");
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for typed in ["WDJB-MJHT", "wdjbmjht", "Wdjb mjHt", " wd.jb_mj-ht ", "WDJB–MJHT"] {
            assert!(UserCode::read(typed) == Some(code), "{typed}");
        }
        let long = "WDJB-MJHT".to_owned() + &"-".repeat(60);
        for wrong in ["", "WDJB", "WDJB-MJH", "WDJB-MJHTT", "WDJA-MJHT", "WDJ0-MJHT", "1WDJB-MJHT", &long] {
            assert!(UserCode::read(wrong).is_none(), "{wrong}");
        }
    }

    /// By code and by key.
    #[test]
    fn what_a_code_is_believed_by_is_its_own() {
        use crate::secret::root::{Label, RootSecret};
        let key = |realm| RootSecret::from_bytes(1, &[7; 32]).key(Label::UserCode, realm);
        let [one, other] = [UserCode(*b"WDJBMJHT"), UserCode(*b"WDJBMJHV")];
        assert_eq!(one.proof(&key(None)), one.proof(&key(None)));
        assert_ne!(one.proof(&key(None)), other.proof(&key(None)));
        assert_ne!(one.proof(&key(None)), one.proof(&key(Some("shop"))));
    }

    #[test]
    fn every_letter_is_drawn() {
        let mut seen = [false; 256];
        for _ in 0..200 {
            let code = UserCode::draw();
            assert!(UserCode::read(&code.to_string()) == Some(code));
            code.0.iter().for_each(|&letter| seen[usize::from(letter)] = true);
        }
        assert_eq!(seen.iter().filter(|seen| **seen).count(), LETTERS.len());
    }
}
