//! What has to hold in every state.

use stateright::Property;

use crate::protocol::Protocol;
use crate::state::State;

/// What went wrong, by the name of the property that it breaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Violation {
    /// Laws 3 and 24: who comes within the window, or saw the token current, is no thief.
    HonestLogout,
    /// Law 3: nobody is served for an older token outside of the window.
    ServedOutside,
    /// Law 3: once a thief and the owner have both acted outside of the window, neither is served any more.
    ThiefBesideOwner,
    /// Laws 1 and 2: a token has one successor.
    TwoSuccessors,
    /// Law 9 and `foreign_token_never_revives`: what has ended stays so.
    Revived,
    /// What is handed out is written.
    AheadOfRecord,
    /// Laws 21 and 23: who does not prove the key is served nothing, and ends nothing.
    ServedUnproven,
}

impl Violation {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::HonestLogout,
        Self::ServedOutside,
        Self::ThiefBesideOwner,
        Self::TwoSuccessors,
        Self::Revived,
        Self::AheadOfRecord,
        Self::ServedUnproven,
    ];

    /// The name of the property.
    pub const fn property(self) -> &'static str {
        match self {
            Self::HonestLogout => "no honest logout within the window",
            Self::ServedOutside => "no older token is served outside of the window",
            Self::ThiefBesideOwner => "no thief beside the owner after both acted outside of the window",
            Self::TwoSuccessors => "one successor",
            Self::Revived => "an ended grant never revives",
            Self::AheadOfRecord => "what is handed out is written",
            Self::ServedUnproven => "without the key nothing is served",
        }
    }
}

macro_rules! never {
    ($violation:ident) => {
        Property::always(Violation::$violation.property(), |_, state: &State| {
            state.truth.violation != Some(Violation::$violation)
        })
    };
}

/// Each of them as a property of every state.
pub fn all() -> Vec<Property<Protocol>> {
    vec![
        never!(HonestLogout),
        never!(ServedOutside),
        never!(ThiefBesideOwner),
        never!(TwoSuccessors),
        never!(Revived),
        never!(AheadOfRecord),
        never!(ServedUnproven),
    ]
}
