//! How an approval ends.

use crate::grant::GrantId;
use crate::wire::Response;

/// What [`Engine::approve`](crate::Engine::approve) comes to.
///
/// ```
/// fn answer(approval: regrant::engine::Approval) -> regrant::Response {
///     approval.response
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "the browser waits for the response"]
pub struct Approval {
    /// The redirect to send to the browser, with the code or with an error.
    pub response: Response,
    /// The grant that was made, a session from the moment at which its code is redeemed; `None` where the response is an
    /// error.
    pub grant: Option<GrantId>,
}
