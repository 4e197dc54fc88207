//! `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer`: RFC 7523 sections 2.1 and 3, and identity assertions
//! (draft-ietf-oauth-identity-assertion-authz-grant, section 4.4).
//!
//! ```text
//! client → shape → issuer → claims → keys, which may have to be fetched → signature → proof → what is asked for → policy → host's hook
//!        → markers → insert → mint
//! ```
//!
//! One record for each grant, as with client credentials, so that introspection, revocation and the account page work. No refresh token.

use crate::client::{Client, Clients, JWT_BEARER};
use crate::engine::Engine;
use crate::engine::binding::Presented;
use crate::engine::client_auth::{Authenticated, SpentFor};
use crate::engine::failure::Failure;
use crate::engine::host::{AssertionRequest, Authorization, IssueKind};
use crate::engine::jwt_bearer::{Issuer, JwtBearerEngine};
use crate::engine::markers::{Kind, Spending, Thing};
use crate::engine::refusal::{ClientRefusal, GrantRefusal, RequestRefusal, ServerFault};
use crate::engine::resources::{Asked, Target};
use crate::engine::time::Time;
use crate::engine::token_endpoint::once::First;
use crate::grant::login::Login;
use crate::grant::members::Members;
use crate::grant::{Confirmation, Grant, Scope, Sender, Timestamp};
use crate::proof::{AssertionProfile, GrantAssertion, GrantAssertionFault, GrantAssertionRules, GrantTerms};
use crate::store::TokenStore;
use crate::wire::{Form, Request};

impl From<GrantAssertionFault> for GrantRefusal {
    fn from(fault: GrantAssertionFault) -> Self {
        Self::Assertion(fault)
    }
}

impl From<GrantAssertionFault> for Failure {
    fn from(fault: GrantAssertionFault) -> Self {
        GrantRefusal::Assertion(fault).into()
    }
}

/// An assertion that holds, with what it limits.
struct Vouched<'a> {
    assertion: GrantAssertion<'a>,
    issuer: &'a Issuer,
    terms: GrantTerms,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn grant_by_assertion(
        &self,
        bearer: &JwtBearerEngine,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        presented: &mut Presented<'_>,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        // Of a client that has nothing but its id to be known by, the assertion would be a password for anybody (ID-JAG section 9.1).
        if client.is_public() || !client.may_use(JWT_BEARER) || !client.starts_logins_at(time.now()) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        // Repeats were refused before.
        let text = form.single("assertion").ok().flatten().ok_or(RequestRefusal::MissingParameter)?;
        let vouched = self.vouched(bearer, client, text, time.now()).await?;
        let Vouched { assertion, issuer, terms } = &vouched;
        presented.check_signature()?;
        if !presented.proves(terms.key.as_ref(), terms.certificate.as_ref()) {
            return Err(GrantAssertionFault::Unproven.into());
        }
        let (scope, resources) = self.asked_within(client, form, terms)?;
        let asked = AssertionRequest {
            client,
            assertion,
            scope: &scope,
            resources: resources.as_ref(),
            now: time.now(),
            peer: request.peer(),
        };
        let allowed = bearer.policy.authorize_dyn(&asked).await;
        let allowed = allowed.map_err(|error| Failure::from(error.why).by_cause(error.cause))?;
        let login = self.login_of(allowed, &vouched, client, (&scope, resources.as_ref()), time.now())?;
        self.check_subject(&login).await?;
        // Before the grant is stored: what is refused leaves nothing behind.
        let permitted = self.permitted_grant(login, client, form, IssueKind::Assertion, time).await?;
        let (mut grant, target, scope_mask) = permitted;
        limit(&mut grant, terms.acceptable_until() + issuer.longest_after);
        let bound_to = bound_to(presented, client, &grant, terms);
        let needs_key = client.requires_dpop() || self.is_for_proofs_alone(&target);
        if needs_key && !matches!(bound_to, Some(Confirmation::Key(_))) {
            return Err(GrantAssertionFault::Unproven.into());
        }
        if self.host.exchange().is_some() {
            // An ID token of a bound login needs a proof there: by the key that the assertion says, else by any of the client's.
            let is_said = terms.key.is_some() || terms.certificate.is_some();
            let said = bound_to.filter(|_| is_said).map(Sender::Is);
            grant.bind_sender(said.or_else(|| presented.sender(client, &grant)));
        }
        if assertion.profile() == AssertionProfile::IdJag {
            say_resources(&mut grant, &target);
        }
        let claims = self.id_claims(&grant, client, scope_mask, time.now()).await?;
        let asserted_by = Some(issuer.name.as_str());
        let first = First { client, grant, target, scope_mask, claims, bound_to, refresh_token: false, asserted_by };
        self.spend_and_grant(first, &vouched, client, presented, (form, request.body()), time).await
    }

    /// Reads an assertion, and sees who made it, that it is for this server and client, of now, and signed. What is cheap comes first: nothing
    /// is fetched for one whose claims are wrong.
    async fn vouched<'a>(
        &self,
        bearer: &'a JwtBearerEngine,
        client: &Client,
        text: &'a str,
        now: Timestamp,
    ) -> Result<Vouched<'a>, Failure> {
        let assertion = GrantAssertion::read(text.as_bytes())?;
        let issuer = bearer.issuer(assertion.issuer(), assertion.profile()).ok_or(GrantAssertionFault::Issuer)?;
        let own = self.issuer().ok_or(ServerFault::Assertions)?;
        let [endpoints, ..] = self.endpoints.targets(Some(own));
        let rules = GrantAssertionRules {
            endpoints: &endpoints,
            shared: issuer.shared_audience,
            typ: issuer.typ.as_deref(),
            algorithms: &issuer.algorithms,
            longest: issuer.longest,
            ..GrantAssertionRules::new(client.id(), own)
        };
        let terms = assertion.check(&rules, now)?;
        // What a host has voided up to a time, it voids whoever has vouched for it before that.
        if terms.issued_at.is_some_and(|issued_at| issued_at < self.not_before(client)) {
            return Err(GrantRefusal::NotBefore.into());
        }
        if self.profile().is_some_and(|profile| !assertion.algorithm().is_some_and(|by| profile.allows(by))) {
            return Err(GrantAssertionFault::Algorithm.into());
        }
        let keys = self.keys_of_issuer(issuer, now, |keys| assertion.knows_key(keys)).await?;
        assertion.verify(&keys)?;
        Ok(Vouched { assertion, issuer, terms })
    }

    /// What is asked for, within what the client and the assertion may have (RFC 7521 section 4.1).
    fn asked_within(
        &self,
        client: &Client,
        form: &Form<'_>,
        terms: &GrantTerms,
    ) -> Result<(Scope, Option<Asked<'_>>), GrantRefusal> {
        let (most, limit) = (client.scope(), terms.scope.as_ref());
        let named = form.single("scope").ok().flatten();
        let scope = match (named, limit) {
            // Refused and not cut: who names a scope is told that it cannot be had.
            (Some(text), limit) => Some(Scope::parse(text).map_err(|_| GrantRefusal::Scope)?)
                .filter(|scope| scope.is_subset_of(most) && limit.is_none_or(|limit| scope.is_subset_of(limit))),
            // What the issuer gives the client elsewhere says nothing of what it may have here.
            (None, Some(limit)) => Some(limit.select(limit.mask_within(most))).filter(|scope| !scope.is_empty()),
            (None, None) => Some(client.default_scope().clone()),
        };
        let scope = scope.ok_or(GrantRefusal::Scope)?;
        let resources = self.asked_resources_within(form, terms.resources.as_deref())?;
        let scope = match &resources {
            Some(resources) => resources.check_scope(scope, named.is_some())?,
            None => scope,
        };
        Ok((scope, resources))
    }

    /// The grant that the policy allows.
    fn login_of(
        &self,
        allowed: Authorization,
        vouched: &Vouched<'_>,
        client: &Client,
        (scope, resources): (&Scope, Option<&Asked<'_>>),
        now: Timestamp,
    ) -> Result<Login, Failure> {
        if !allowed.fits() {
            return Err(ServerFault::Handler.into());
        }
        let granted = match &allowed.scope {
            Some(most) => scope.select(scope.mask_within(most)),
            None => scope.clone(),
        };
        if granted.is_empty() && !scope.is_empty() {
            return Err(GrantRefusal::Scope.into());
        }
        // An assertion that was made just now says nothing of when its subject logged in: a resource that asks for a login of today (RFC 9470
        // section 4) must not get one of last week for it.
        let said_at = vouched.assertion.authenticated_at();
        Ok(Login {
            client_id: client.shared_id(),
            subject: allowed.subject,
            scope: granted,
            fields: allowed.fields,
            host_data: allowed.host_data,
            renewable: false,
            authenticated_at: allowed.authenticated_at.or(said_at).unwrap_or(Timestamp::EPOCH).min(now),
            code: None,
            members: self.realm.members(Members {
                resources: resources.and_then(|resources| resources.to_store(true)),
                of_stranger: client.is_stranger(),
                acr: allowed.acr,
                amr: allowed.amr,
                ..Members::default()
            }),
        })
    }

    /// Whether a resource that the token is for takes no bearer tokens: one that could not be used is not handed out (ID-JAG section
    /// 9.6.1).
    fn is_for_proofs_alone(&self, target: &Target<'_>) -> bool {
        self.demands_proofs(None) || target.resources.iter().any(|resource| self.demands_proofs(Some(resource)))
    }

    /// Stores the grant, once for each assertion where its issuer's are used once. No refusal spends anything: what could refuse is looked
    /// at before the first marker is written.
    async fn spend_and_grant(
        &self,
        first: First<'_>,
        vouched: &Vouched<'_>,
        client: &Authenticated<'_>,
        presented: &Presented<'_>,
        (form, body): (&Form<'_>, &[u8]),
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let Vouched { assertion, issuer, terms } = vouched;
        let (name, bound_to) = (assertion.name(), first.bound_to);
        let key = bound_to.map(Confirmation::to_array);
        let until = terms.acceptable_until();
        let thing = Thing { kind: Kind::GrantAssertion, issuer: &issuer.name, name: &name, until };
        let thing = issuer.single_use.then_some(thing);
        // The same assertion for the same by the same client is an answer that got lost, with whatever the client authenticates this time.
        let mut spent_for: Vec<&[u8]> = vec![client.id().as_bytes(), key.as_ref().map_or(&[], |key| &key[..])];
        spent_for.push(form.single("scope").ok().flatten().unwrap_or_default().as_bytes());
        spent_for.extend(form.all("resource").map(str::as_bytes));
        let own = client.unspent(SpentFor::Grant(body)).map(|own| own.bound_to(bound_to));
        if let Some(thing) = &thing {
            if self.spent(thing, &spent_for, time).await? == Some(Spending::Elsewhere) {
                return Err(GrantAssertionFault::Used.into());
            }
        }
        if let Some(own) = own {
            self.check_unspent(own, time).await?;
        }
        if thing.is_none() && own.is_none() {
            self.make_room(&first.grant, client, time).await?;
            self.spend_new_proof(client, presented, time).await?;
            self.note_new_sender(client, presented, time.now())?;
            let granted = self.grant_anew(first, time).await;
            // It came to nothing, so the same request may be sent again.
            return granted.inspect_err(|_| self.forget_new_sender(client, presented));
        }
        self.note_sender_of_once(client, presented, time).await?;
        let mut spent = None;
        let mut id = first.grant.id;
        if let Some(thing) = &thing {
            spent = match self.spend(thing, &spent_for, Some(id), time).await? {
                Spending::First => None,
                Spending::Elsewhere => return Err(GrantAssertionFault::Used.into()),
                again @ Spending::Again { grant, .. } => {
                    id = grant.unwrap_or(id);
                    Some(again)
                }
            };
        }
        if let Some(own) = own {
            let own = self.spend_assertion(own, Some(id), time).await?;
            if thing.is_none() {
                spent = own;
            }
        }
        self.grant_once(first, spent, time).await
    }
}

/// What the access token is bound to: what the assertion is, else what the request proves.
fn bound_to(presented: &Presented<'_>, client: &Client, grant: &Grant, terms: &GrantTerms) -> Option<Confirmation> {
    // Where it is bound to a key as well, the token is bound to that.
    let certificate = terms.certificate.filter(|_| terms.key.is_none());
    let certificate = certificate.map(|thumbprint| Confirmation::Certificate(*thumbprint.as_bytes()));
    certificate.or_else(|| presented.bound_to(client, grant))
}

/// What of a grant lives longer than this does not.
fn limit(grant: &mut Grant, until: Timestamp) {
    grant.absolute_expires_at = grant.absolute_expires_at.min(until);
    grant.refresh_expires_at = grant.refresh_expires_at.min(until);
    grant.expires_at = grant.expires_at.min(until);
}

/// The response says which resources were granted (ID-JAG section 4.4.1). Where the host says something by that name, that counts.
fn say_resources(grant: &mut Grant, target: &Target<'_>) {
    let fields = match &*target.resources {
        [] => return,
        [only] => grant.fields.clone().with("resource", only.uri()),
        several => {
            let uris: Vec<&str> = several.iter().map(|resource| resource.uri()).collect();
            grant.fields.clone().with("resource", &uris)
        }
    };
    if let Ok(fields) = fields {
        grant.fields = fields;
    }
}
