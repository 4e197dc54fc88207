//! The introspection endpoint: RFC 7662.

use serde_json::{Map, Value, json};

use super::Engine;
use super::access::Access;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::rotation::{Decision, decide};
use crate::grant::{Grant, Timestamp};
use crate::store::TokenStore;
use crate::token::GrantToken;
use crate::wire::{Request, Response};

/// What is said of every token that is not live, and of every one that is none of the client's business.
const INACTIVE: &[u8] = b"{\"active\":false}";

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request to the introspection endpoint (RFC 7662). The client authenticates as at the token endpoint;
    /// public clients cannot, so they are refused.
    ///
    /// A client learns of its own tokens; one that is registered as a
    /// [resource server](crate::ClientBuilder::resource_server) learns of the access tokens of all. Nobody but its client
    /// learns of a refresh token: a resource that took one for an access token would let in whoever holds it. A refresh
    /// token that renews nothing is inactive; introspection changes nothing, not even for a replayed one.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret, Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// let api = Client::confidential("api")
    ///     .secret(ClientSecret::new("a-secret-of-32-characters-or-more")?)
    ///     .resource_server(true)
    ///     .build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(api)?).build()?;
    /// let body = b"token=anything&client_id=api&client_secret=a-secret-of-32-characters-or-more";
    /// let request = Request::new("POST", body).header("content-type", b"application/x-www-form-urlencoded");
    /// assert_eq!(engine.blocking().introspect(&request, Timestamp::now())?.body(), br#"{"active":false}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn introspect(&self, request: &Request<'_>, now: Timestamp) -> Response {
        match self.try_introspect(request, now).await {
            Ok(Some(members)) => Response::ok(Value::Object(members).to_string().into_bytes()),
            Ok(None) => Response::ok(INACTIVE.to_vec()),
            Err(failure) => self.refuse(&failure),
        }
    }

    async fn try_introspect(
        &self,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let (client, token) = self.token_of_request(request).await?;
        let of_client = |failure: Failure| failure.of_client(client.shared_id());
        if client.is_public() {
            return Err(of_client(Refusal::PublicClient.into()));
        }
        let found = match token.as_bytes().try_into().ok().and_then(GrantToken::decode) {
            Some(token) => self.introspect_refresh_token(&token, &client, now).await,
            None => self.introspect_access_token(&token, &client, now).await,
        };
        match found {
            Err(failure) if failure.why.code().status() < 500 => Ok(None),
            found => found.map_err(of_client),
        }
    }

    async fn introspect_refresh_token(
        &self,
        token: &GrantToken,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let Some(grant) = self.own_refresh_grant(token, client).await? else { return Ok(None) };
        let live = client.may_refresh()
            && match decide(&grant, token.generation(), &self.refresh_policy(client), now) {
                // A retry works: a client that lost the response must not take it for the end of its session.
                Decision::Step { .. } | Decision::Keep { .. } | Decision::Retry => true,
                Decision::Replay | Decision::Refuse(_) => false,
            };
        Ok(live.then(|| self.members_of_refresh_token(&grant)))
    }

    async fn introspect_access_token(
        &self,
        text: &str,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let access = self.live_access(text, now, false).await?;
        let may_know = client.is_resource_server() || access.client_id() == client.id();
        Ok(may_know.then(|| self.members_of_access_token(&access)))
    }

    fn members_of_refresh_token(&self, grant: &Grant) -> Map<String, Value> {
        let mut members = self.members(grant.client_id(), grant.subject(), grant.scope().as_str());
        members.insert("exp".into(), json!(grant.refresh_expires_at().min(grant.absolute_expires_at()).as_secs()));
        members
    }

    fn members_of_access_token(&self, access: &Access) -> Map<String, Value> {
        let mut members = self.members(access.client_id(), access.subject(), access.scope().as_str());
        members.insert("token_type".into(), json!("Bearer"));
        members.insert("iat".into(), json!(access.issued_at().as_secs()));
        members.insert("exp".into(), json!(access.expires_at().as_secs()));
        if let Some(jti) = &access.jti {
            members.insert("jti".into(), json!(jti.as_str()));
        }
        #[cfg(feature = "jwt")]
        if let (Some(_), Some(audience)) = (&access.jti, self.audience()) {
            members.insert("aud".into(), json!(audience));
        }
        members
    }

    fn members(&self, client_id: &str, subject: Option<&str>, scope: &str) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("active".into(), json!(true));
        members.insert("client_id".into(), json!(client_id));
        if let Some(subject) = subject {
            members.insert("sub".into(), json!(subject));
        }
        if !scope.is_empty() {
            members.insert("scope".into(), json!(scope));
        }
        if let Some(issuer) = self.issuer.as_deref() {
            members.insert("iss".into(), json!(issuer));
        }
        members
    }
}
