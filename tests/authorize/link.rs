//! What comes of a link to the authorization endpoint.

use regrant::{AuthorizationError, AuthorizationRequest, Request, Timestamp};

use crate::kit::portal::{OnShelf, run};

/// Follows a link, and goes on with the request that is behind it.
pub(crate) fn asked<T>(
    world: &OnShelf,
    query: &str,
    now: Timestamp,
    then: impl AsyncFnOnce(&AuthorizationRequest<'_>) -> T,
) -> Result<T, AuthorizationError> {
    run(async {
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        Ok(then(&world.engine.authorize(&request, now).await?).await)
    })
}
