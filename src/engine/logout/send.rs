//! Notices, sent by the fetch that is ready (feature `reqwest`).

use super::LogoutNotice;
use crate::fetch::{FetchError, FetchLimits, FetchUrl, ReqwestFetch};

impl LogoutNotice {
    /// Posts it, by the rules of a [fetch](ReqwestFetch): to an `https` URL of a public name whose addresses are all public, without
    /// following a redirect, within the time of the [limits](FetchLimits). Answers the status: the client has logged the person out with 200 or 204, and could not
    /// with 400 (OpenID Connect Back-Channel Logout 1.0 section 2.8).
    ///
    /// # Errors
    ///
    /// [`FetchError`], also where the URL is one that is never fetched.
    ///
    /// ```
    /// async fn send(notices: &[regrant::engine::LogoutNotice], fetch: &regrant::fetch::ReqwestFetch) {
    ///     let limits = regrant::fetch::FetchLimits::default();
    ///     for notice in notices {
    ///         match notice.send(fetch, &limits).await {
    ///             Ok(200 | 204) => {}
    ///             other => eprintln!("{} was not told: {other:?}", notice.client_id()),
    ///         }
    ///     }
    /// }
    /// ```
    pub async fn send(&self, fetch: &ReqwestFetch, limits: &FetchLimits) -> Result<u16, FetchError> {
        let url = FetchUrl::parse(self.uri()).map_err(FetchError::failed)?;
        fetch.post_form(&url, self.body(), limits).await
    }
}
