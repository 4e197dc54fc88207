//! How much happens: what bounds the number of states.

/// One world to check.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Seconds after the login.
    pub seconds: u8,
    /// Refreshes that are begun, by anybody.
    pub requests: u8,
    /// How often the store fails.
    pub faults: u8,
    /// How often a client gives up on an answer: it got lost, or the client no longer waits. The request goes on.
    pub given_up: u8,
    /// Whether a second process has the same login.
    pub shared: bool,
    /// Whether there is a thief.
    pub thief: bool,
    /// Whether the store may be set back to how it was after the login.
    pub set_back: bool,
    /// Whether the host may end the grant.
    pub ends: bool,
    /// Whether the login began with another server's token.
    pub foreign: bool,
    /// Whether the honest prove a key, and get the current token for an older one. The thief cannot.
    pub resync: bool,
}

impl Setting {
    /// The client's retry window.
    pub const WINDOW: u8 = 2;
    /// How long the store may take to commit, which the engine adds to the window.
    pub const LONGEST_COMMIT: u8 = 1;
    /// How far the clocks of the two nodes are apart, and may be.
    pub const SKEW: u8 = 1;
    /// As in the engine.
    pub const ATTEMPTS: u8 = 5;

    /// One process, one store that works, and answers that get lost.
    pub const ALONE: Self = Self {
        seconds: 5,
        requests: 4,
        faults: 0,
        given_up: 2,
        shared: false,
        thief: false,
        set_back: false,
        ends: false,
        foreign: false,
        resync: false,
    };
    /// The store fails, and answers get lost.
    pub const FAULTY: Self = Self { seconds: 4, requests: 3, faults: 2, given_up: 1, ends: true, ..Self::ALONE };
    /// Two processes with one login.
    pub const SHARED: Self = Self { seconds: 4, requests: 3, faults: 1, given_up: 1, shared: true, ..Self::ALONE };
    /// A process, a thief and a store that fails.
    pub const STOLEN: Self = Self { seconds: 4, requests: 3, faults: 1, given_up: 0, thief: true, ..Self::ALONE };
    /// Two processes with one login, and a thief.
    pub const CROWD: Self = Self { seconds: 5, shared: true, faults: 0, ..Self::STOLEN };
    /// A store that is set back: a failover, a restored backup.
    pub const SET_BACK: Self = Self { given_up: 0, thief: true, set_back: true, ..Self::ALONE };
    /// A login that began with another server's token.
    pub const FOREIGN: Self = Self { seconds: 4, given_up: 0, ends: true, foreign: true, ..Self::STOLEN };
    /// Processes that prove a key, and a thief who cannot.
    pub const RESYNC: Self = Self { faults: 1, resync: true, ..Self::CROWD };
}
