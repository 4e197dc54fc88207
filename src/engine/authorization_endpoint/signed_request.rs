//! Signed authorization requests: RFC 9101, RFC 9126 section 3.

use zeroize::Zeroizing;

use crate::client::{Client, Clients, Lookup};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::refusal::{AuthorizationRefusal, RequestRefusal};
use crate::grant::Timestamp;
use crate::proof::{RequestObject, RequestObjectFault, RequestObjectRules};
use crate::store::TokenStore;
use crate::wire::Form;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// What a client signed, where it sent a request object and the engine reads them. Beside it nothing counts but the client id, which
    /// it has to have too (section 5).
    ///
    /// What is cheap comes first: nothing is fetched for an object whose claims are wrong.
    pub(super) async fn signed_by(
        &self,
        client: &Client,
        form: &Form<'_>,
        lookup: Lookup,
        now: Timestamp,
    ) -> Result<Option<Form<'static>>, Failure> {
        if !self.settings.signed_requests {
            return Ok(None);
        }
        let object = form.single("request").map_err(|_| RequestRefusal::RepeatedParameter)?;
        let Some(text) = object else { return Ok(None) };
        // Section 5: one or the other.
        if form.count("request_uri") > 0 {
            return Err(AuthorizationRefusal::TwoRequests.into());
        }
        let refused = |fault: RequestObjectFault| Failure::from(AuthorizationRefusal::SignedRequest(fault));
        let object = RequestObject::read(text.as_bytes()).map_err(refused)?;
        let issuer = self.issuer().unwrap_or_default();
        object.check(&RequestObjectRules::new(client.id(), issuer), now).map_err(refused)?;
        if let (Some(profile), Some(algorithm)) = (self.profile(), object.algorithm()) {
            if !profile.allows(algorithm) {
                return Err(refused(RequestObjectFault::Algorithm));
            }
        }
        let keys = self.keys_of_client(client, lookup, now, |keys| object.knows_key(keys)).await?;
        let keys = keys.ok_or_else(|| refused(RequestObjectFault::UnknownKey))?;
        let parameters = object.verify(&keys, client.request_algorithm()).map_err(refused)?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(parameters);
        let form = Zeroizing::new(form.finish());
        Ok(Some(Form::parse_owned(form.as_bytes(), self.limits()).map_err(RequestRefusal::Form)?))
    }
}
