//! The introspection endpoint: RFC 7662.

use std::pin::pin;

use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::Engine;
use super::bounds::left_to;
use super::failure::Failure;
#[cfg(feature = "root-secret")]
use super::foreign::Seen;
use super::grants::is_in_foreign_grace;
use super::host::{Clock, Event};
use super::refusal::ClientRefusal;
use super::resource::{Access, Asking};
use super::resources::{Found, Resource, ResourceRef};
use super::time::Time;
use crate::client::{Client, Clients};
use crate::grant::rotation::{Decision, decide};
use crate::grant::{Confirmation, Generation, Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{GrantToken, base64url};
use crate::wire::{Request, Response};

/// What is said of every token that is not live, and of every one that is none of the client's business.
const INACTIVE: &[u8] = b"{\"active\":false}";

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request to the introspection endpoint (RFC 7662). The client authenticates as at the token endpoint;
    /// public clients cannot, so they are refused.
    ///
    /// A client learns of its own tokens; one that is registered as a
    /// [resource server](crate::client::ClientBuilder::resource_server) learns of the access tokens of all; where the engine has
    /// [resources](crate::EngineBuilder::resource), of those for the ones that it
    /// [guards](crate::client::ClientBuilder::guards), and for it those for others are inactive. Nobody but its client
    /// learns of a refresh token: a resource that took one for an access token would let in whoever holds it. A refresh
    /// token that renews nothing is inactive; introspection changes nothing, not even for a replayed one. That one which
    /// was rotated was asked about is an [`Event::RetiredIntrospected`].
    ///
    /// `exp` of a refresh token is the end of its grant, which no refresh moves, and absent where the grant has none: the
    /// idle expiry would tell whoever holds an old token when its successor was used.
    ///
    /// ```
    /// use regrant::{Client, ClientSecret, Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// let api = Client::confidential("api")
    ///     .secret(ClientSecret::new("a-secret-of-32-characters-or-more")?)
    ///     .resource_server(true)
    ///     .build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(api)?).build()?;
    /// let body = b"token=anything&client_id=api&client_secret=a-secret-of-32-characters-or-more";
    /// let request = Request::new("POST", body).with_header("content-type", b"application/x-www-form-urlencoded");
    /// assert_eq!(engine.blocking().introspect(&request, Timestamp::now)?.body(), br#"{"active":false}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn introspect(&self, request: &Request<'_>, clock: impl Clock) -> Response {
        let time = self.time(&clock);
        match time.watch(pin!(self.try_introspect(request, &time))).await {
            Ok(Some(members)) => Response::ok(Value::Object(members).to_string().into_bytes()),
            Ok(None) => Response::ok(INACTIVE.to_vec()),
            Err(failure) => self.refuse(&failure),
        }
    }

    async fn try_introspect(
        &self,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let (client, token) = match self.token_of_request(request, time).await {
            Ok(found) => found,
            // Not at hand, and by no token of its own, so nobody that has authenticated.
            Err(failure) if failure.is_about_a_token() => return Err(ClientRefusal::PublicClient.into()),
            Err(failure) => return Err(failure),
        };
        let of_client = |failure: Failure| failure.of_client(client.shared_id());
        if client.is_public() {
            return Err(of_client(ClientRefusal::PublicClient.into()));
        }
        // A resource server is no client of anybody's: how it authenticates is between it and the host.
        if !client.is_resource_server() {
            self.check_profile_of(&client).map_err(|why| of_client(why.into()))?;
        }
        let found = match self.grant_token(token.as_bytes()) {
            Some(token) => self.introspect_refresh_token(&token, &client, time).await,
            None => self.introspect_access_token(&token, &client, time).await,
        };
        #[cfg(feature = "root-secret")]
        let found = match found {
            Err(failure) if self.may_be_foreign(&failure) || self.may_be_foreign_jwt(&failure) => {
                Box::pin(self.introspect_foreign(&token, &client, time)).await
            }
            found => found,
        };
        match found {
            Err(failure) if failure.why.status() < 500 => Ok(None),
            found => found.map_err(of_client),
        }
    }

    async fn introspect_refresh_token(
        &self,
        token: &GrantToken,
        client: &Client,
        time: &Time<'_>,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let grant = self.own_refresh_grant(token, client).await?;
        Ok(self.introspect_grant(&grant, token.generation(), client, time))
    }

    /// Another server's refresh token.
    #[cfg(feature = "root-secret")]
    async fn introspect_foreign(
        &self,
        text: &str,
        client: &Client,
        time: &Time<'_>,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let (grant, until) = match self.see_foreign(text, client, time).await? {
            None => return Ok(None),
            Some(Seen::Grant(grant)) => (grant, None),
            Some(Seen::NotYet(grant, until)) => (grant, Some(until)),
        };
        let members = self.introspect_grant(&grant, Generation::NONE, client, time);
        Ok(members.map(|mut members| {
            // Of a grant that is not there yet nobody knows the end; the token has one.
            match until {
                None => {}
                Some(Timestamp::MAX) => drop(members.remove("exp")),
                Some(until) => drop(members.insert("exp".into(), json!(until.as_secs()))),
            }
            members
        }))
    }

    /// What is said of a token of this generation to the client of its grant.
    fn introspect_grant(
        &self,
        grant: &Grant,
        presented: Generation,
        client: &Client,
        time: &Time<'_>,
    ) -> Option<Map<String, Value>> {
        // As the token endpoint would answer: with what the client may have now, and where that is nothing, not at all.
        let left = left_to(client, &grant.scope, Scope::WHOLE);
        let has_somewhere = match self.settings.resources.as_deref() {
            Some(resources) => !resources.of_login(grant).is_empty(),
            None => grant.resource_list().is_none(),
        };
        let live = client.may_refresh()
            && match decide(grant, presented, &self.refresh_policy(client), time.arrived(), time.now()) {
                Decision::Step { .. } | Decision::Keep { .. } => has_somewhere,
                decision @ (Decision::Retry | Decision::Replay) => {
                    let current = grant.generation();
                    // A retry works: a client that lost the response must not take it for the end of its session.
                    let is_kept = presented == Generation::NONE && is_in_foreign_grace(grant, client, time);
                    let active = (decision == Decision::Retry || is_kept) && has_somewhere && left.is_some();
                    self.emit(&Event::RetiredIntrospected {
                        grant: grant.id,
                        client_id: client.id(),
                        subject: self.subject_of(grant),
                        presented,
                        current,
                        active,
                    });
                    active
                }
                Decision::Refuse(_) => false,
            };
        let left = left.filter(|_| live).map(|mask| grant.scope.select(mask));
        let is_current = presented == grant.generation();
        left.map(|scope| {
            let mut members = self.members_of_refresh_token(grant, &scope);
            self.call_by_own_name(&mut members, client, grant, grant.created_at);
            self.add_expiry(&mut members, grant, is_current, time.now());
            members
        })
    }

    async fn introspect_access_token(
        &self,
        text: &str,
        client: &Client,
        time: &Time<'_>,
    ) -> Result<Option<Map<String, Value>>, Failure> {
        let access = self.live_access(text, time, Asking::Introspection).await?;
        if access.client_id() == client.id() {
            let mut members = self.members_of_access_token(&access);
            if let Some(grant) = access.grant() {
                self.call_by_own_name(&mut members, client, grant, access.named_at(grant));
            }
            return Ok(Some(members));
        }
        if !client.is_resource_server() {
            return Ok(None);
        }
        // Nobody can use it there: as `bearer` answers.
        let is_usable = |at: Option<&Resource>| self.may_be_used_at(access.bound_to, at);
        let Some(resources) = self.settings.resources.as_deref() else {
            return Ok(is_usable(None).then(|| self.members_of_access_token(&access)));
        };
        // Of others it hears nothing (RFC 7662 section 4), nor what a token may do there.
        let own = client.guards().map_or_else(
            || resources.default_resource().into_iter().collect(),
            |uris| uris.filter_map(|uri| resources.find(uri)).collect::<Found<'_>>(),
        );
        let is_here = |at: &ResourceRef<'_>| own.contains(at) && is_usable(Some(at));
        let here: Found<'_> = access.resources().filter_map(|uri| resources.find(uri)).filter(is_here).collect();
        let scope = resources.cut_scope(access.scope(), &here).filter(|_| !here.is_empty());
        Ok(scope.map(|scope| self.members_of_access_token(&Access { scope, ..access })))
    }

    fn members_of_refresh_token(&self, grant: &Grant, scope: &Scope) -> Map<String, Value> {
        let mut members = self.members(grant.client_id(), grant.subject(), scope.as_str());
        // The same for every generation, so that a thief cannot see its owner refresh.
        let end = grant.absolute_expires_at();
        if end != Timestamp::MAX {
            members.insert("exp".into(), json!(end.as_secs()));
        }
        members
    }

    fn members_of_access_token(&self, access: &Access) -> Map<String, Value> {
        let mut members = self.members(access.client_id(), access.subject(), access.scope().as_str());
        let is_dpop = matches!(access.bound_to, Some(Confirmation::Key(_)));
        members.insert("token_type".into(), json!(if is_dpop { "DPoP" } else { "Bearer" }));
        // RFC 9449 section 6.2, RFC 8705 section 3.2: whoever asks has to see to the proof.
        if let Some(bound_to) = access.bound_to {
            let (name, thumbprint) = match bound_to {
                Confirmation::Key(thumbprint) => ("jkt", thumbprint),
                Confirmation::Certificate(thumbprint) => ("x5t#S256", thumbprint),
            };
            members.insert("cnf".into(), json!({ name: base64url(&thumbprint) }));
        }
        members.insert("iat".into(), json!(access.issued_at().as_secs()));
        members.insert("exp".into(), json!(access.expires_at().as_secs()));
        if let Some(jti) = &access.jti {
            members.insert("jti".into(), json!(jti.as_str()));
        }
        #[cfg(feature = "jwt")]
        if let Some(exchanged) = &access.exchanged {
            // RFC 8693 sections 4.1, 4.4 and 7.4.
            members.extend(exchanged.members());
        }
        // RFC 9470 section 6.2.
        if let (Some(acr), Some(grant)) = (access.acr(), access.grant()) {
            members.insert("acr".into(), json!(acr));
            if let Some(auth_time) = grant.auth_time() {
                members.insert("auth_time".into(), json!(auth_time));
            }
        }
        let audience = match &*access.resources {
            // Of JWTs alone: an opaque token of an engine without resources is for whoever asks here.
            [] => {
                let issuer = self.issuer().filter(|_| access.jti.is_some());
                issuer.and_then(|issuer| self.jwt.audience(issuer)).map(|audience| json!(audience))
            }
            [one] => Some(json!(one.as_str())),
            several => Some(several.iter().map(SmolStr::as_str).collect()),
        };
        if let Some(audience) = audience {
            members.insert("aud".into(), audience);
        }
        members
    }

    /// What a client reads of its own tokens has the name by which it knows the person (OpenID Connect Core section 8.1); a resource
    /// server's has the subject.
    #[cfg(feature = "jwt")]
    fn call_by_own_name(&self, members: &mut Map<String, Value>, client: &Client, grant: &Grant, at: Timestamp) {
        let Some(subject) = grant.subject().filter(|_| client.is_pairwise_at(at)) else { return };
        match self.sub_of(client, at, subject) {
            Ok(sub) => members.insert("sub".into(), json!(sub)),
            Err(_) => members.remove("sub"),
        };
    }

    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    const fn call_by_own_name(&self, _: &mut Map<String, Value>, _: &Client, _: &Grant, _: Timestamp) {}

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
        if let Some(issuer) = self.issuer() {
            members.insert("iss".into(), json!(issuer));
        }
        members
    }
}
