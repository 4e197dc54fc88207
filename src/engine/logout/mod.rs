//! Logouts: a session of the host's ends, at whoever's wish, and those who were logged in to by it hear of it.
//!
//! ```text
//! session   a login becomes a part of a session, and the session ends
//! listener  its client is remembered for as long as the session lives, once the code is redeemed
//! request   a client sends the person here to log out (OpenID Connect RP-Initiated Logout 1.0)
//! notice    what each client is told (OpenID Connect Back-Channel Logout 1.0); send posts it, by the fetch that is ready
//! ```
//!
//! What is said by a client says nothing of who is at the browser. So nothing ends and nobody is sent on before the page has asked, unless
//! the client shows an ID token of this very session: no other site has one.

mod listener;
mod notice;
mod request;
#[cfg(feature = "reqwest")]
mod send;
mod session;

pub use notice::LogoutNotice;
pub use request::{LogoutConsent, LogoutFault, LogoutRequest};
pub use session::LoggedOut;

pub(in crate::engine) use notice::NOTICE_LIFETIME;
