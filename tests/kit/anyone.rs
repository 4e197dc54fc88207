//! A password grant for which every password is right, so that a test has grants without a portal.

use regrant::{Authorization, GrantError, GrantHandler, GrantRequest};

pub(crate) struct Anyone;

impl GrantHandler for Anyone {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(request.required("username")?))
    }
}
