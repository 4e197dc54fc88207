//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange`: RFC 8693.
//!
//! ```text
//! client → tokens by shape → proof's signature → subject, actor: record, MAC or signature, expiry, epoch → may_act → how often → scope →
//! the host's policy → what the tokens are bound to → audience → scope of that → the host's hook → markers → mint
//! ```
//!
//! Nothing is written but the marker of what was used once, so a request that comes again is judged anew.

use crate::client::{Client, Clients, TOKEN_EXCHANGE};
use crate::engine::Engine;
use crate::engine::binding::Presented;
use crate::engine::client_auth::Authenticated;
#[cfg(feature = "proof")]
use crate::engine::client_auth::SpentFor;
use crate::engine::exchange::{Aim, Asked, ExchangeParty, ExchangeToken, MOST_EXCHANGES, Minting};
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::{
    Audience, DynExchangePolicy, Event, ExchangeDecision, ExchangeRequest, ExchangeTerms, IssueKind, IssueRequest,
};
#[cfg(feature = "proof")]
use crate::engine::markers::Spending;
#[cfg(feature = "proof")]
use crate::engine::refusal::GrantRefusal;
use crate::engine::refusal::{ClientRefusal, ExchangeRefusal, RequestRefusal, SenderRefusal, TokenFault, Unavailable};
use crate::engine::time::Time;
use crate::engine::token_endpoint::hook::ask;
use crate::grant::Confirmation;
use crate::store::TokenStore;
use crate::wire::{Form, Request, TokenAnswer};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The tokens that a request presents, by what it says of them (section 2.1).
struct Presents<'f> {
    subject: (ExchangeToken, &'f str),
    actor: Option<(ExchangeToken, &'f str)>,
    /// What the new token is called.
    issued: &'static str,
}

impl<'f> Presents<'f> {
    fn read(form: &'f Form<'f>) -> Result<Self, Failure> {
        // Repeats were refused before.
        let parameter = |name: &str| form.single(name).ok().flatten();
        let missing = || Failure::from(RequestRefusal::MissingParameter);
        let kind = |text: &str| ExchangeToken::of(text).ok_or(ExchangeRefusal::TokenType);
        let subject = parameter("subject_token").ok_or_else(missing)?;
        let subject = (kind(parameter("subject_token_type").ok_or_else(missing)?)?, subject);
        let actor = match (parameter("actor_token"), parameter("actor_token_type")) {
            (None, None) => None,
            (Some(token), Some(text)) => Some((kind(text)?, token)),
            _ => return Err(ExchangeRefusal::TokenType.into()),
        };
        let issued = match parameter("requested_token_type") {
            None | Some(ACCESS_TOKEN) => ACCESS_TOKEN,
            Some(JWT) => JWT,
            Some(_) => return Err(ExchangeRefusal::RequestedTokenType.into()),
        };
        Ok(Self { subject, actor, issued })
    }
}

/// Whose tokens they are.
struct Parties {
    subject: ExchangeParty,
    actor: Option<ExchangeParty>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn exchange(
        &self,
        policy: &dyn DynExchangePolicy,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        presented: &mut Presented<'_>,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        // Whoever finds a token would otherwise have its holder's clients exchange it (section 5).
        if client.is_public() || !client.may_use(TOKEN_EXCHANGE) || !client.starts_logins_at(time.now()) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        let presents = Presents::read(form)?;
        let audience = self.asked_audience(form)?;
        presented.check_signature()?;
        let parties = self.parties(&presents, client, presented, time).await?;
        let Parties { subject, actor } = &parties;
        let of_subject = |failure: Failure| match failure.grant {
            None => failure.of_grant(subject.grant.id).of_subject(subject.subject()),
            Some(_) => failure,
        };
        let named = form.single("scope").ok().flatten();
        let asked = Self::scope_of_exchange(named, subject, client).map_err(|why| of_subject(why.into()))?;
        let terms = self
            .ask_policy(
                policy,
                &ExchangeRequest {
                    client,
                    subject,
                    actor: actor.as_ref(),
                    scope: &asked,
                    audience: &audience,
                    form,
                    peer: request.peer(),
                    now: time.now(),
                },
            )
            .await
            .map_err(of_subject)?;
        let aim = self.allowed(&parties, &terms, &audience, client).map_err(of_subject)?;
        let scope = self.aimed_scope(&asked, named.is_some(), &aim, &terms).map_err(|why| of_subject(why.into()))?;
        let lifetime = || self.exchanged_lifetime(client, subject, actor.as_ref(), &terms, time.now());
        lifetime()?;
        // What was bound stays bound, and to nothing else than what this request proves.
        let proven = || subject.proven().or_else(|| actor.as_ref().and_then(ExchangeParty::proven));
        let bound_to = presented.bound_to(client, &subject.grant).or_else(proven);
        if let Some(hook) = self.host.hook() {
            let (grant, kind, now) = (&subject.grant, IssueKind::Exchange, time.now());
            let audience = Audience::named(&aim.names);
            // What it changes is for a grant, and none is written here.
            ask(hook, &IssueRequest { grant, client, scope: &scope, audience, kind, form, now }, ExchangeRefusal::Hook)
                .await?;
        }
        // Last of all, so that no refusal spends anything.
        self.spend_for_exchange(client, presented, (request, bound_to), time).await?;
        // Again, since the store may have taken its time: that is no time won.
        let (lifetime_secs, now, aim) = (lifetime(), time.now(), &aim);
        let minted = lifetime_secs.and_then(|lifetime_secs| {
            let minting = Minting {
                client,
                subject,
                actor: actor.as_ref(),
                terms: &terms,
                aim,
                scope: &scope,
                bound_to,
                lifetime_secs,
                now,
            };
            Ok((self.mint_exchanged(&minting)?, lifetime_secs))
        });
        if minted.is_err() {
            self.forget_new_sender(client, presented);
        }
        let (access_token, lifetime_secs) = minted?;
        self.emit_exchanged(client, &parties, aim);
        let issued = presents.issued;
        Ok(TokenAnswer {
            access_token: access_token.as_bytes(),
            refresh_token: None,
            scope: scope.as_str(),
            id_token: None,
            fields: &format!("\"issued_token_type\":\"{issued}\""),
            expiry: "",
            lifetime_secs,
            issued_at_secs: now.as_secs(),
            is_dpop: matches!(bound_to, Some(Confirmation::Key(_))),
        }
        .write(self.settings.style))
    }

    /// Subject and actor, and whether the one may act for the other (section 4.4).
    async fn parties(
        &self,
        presents: &Presents<'_>,
        client: &Client,
        presented: &Presented<'_>,
        time: &Time<'_>,
    ) -> Result<Parties, Failure> {
        let subject =
            self.exchange_party(presents.subject, client, presented, time, ExchangeRefusal::SubjectToken).await?;
        let actor = match presents.actor {
            None => None,
            Some(token) => {
                Some(self.exchange_party(token, client, presented, time, ExchangeRefusal::ActorToken).await?)
            }
        };
        if let Some(actor) = actor.as_ref().filter(|actor| !actor.actors.is_empty()) {
            return Err(of_grant(&actor.grant, ExchangeRefusal::ActorToken(TokenFault::ActedFor)));
        }
        if let Some(may_act) = &subject.may_act {
            // Without an actor token it is the client that becomes the actor.
            let (name, client_id) =
                actor.as_ref().map_or((client.id(), client.id()), |actor| (actor.name(), actor.client_id()));
            if !may_act.allows(name, client_id, self.issuer().unwrap_or_default()) {
                return Err(of_grant(&subject.grant, ExchangeRefusal::MayAct));
            }
        }
        if subject.exchanges >= MOST_EXCHANGES {
            return Err(of_grant(&subject.grant, ExchangeRefusal::Depth));
        }
        Ok(Parties { subject, actor })
    }

    async fn ask_policy(
        &self,
        policy: &dyn DynExchangePolicy,
        request: &ExchangeRequest<'_>,
    ) -> Result<ExchangeTerms, Failure> {
        match policy.decide_dyn(request).await {
            Ok(ExchangeDecision::Allow(terms)) => Ok(terms),
            Ok(ExchangeDecision::Refuse) => Err(ExchangeRefusal::Policy.into()),
            Err(error) => Err(Failure::from(Unavailable::Host).by(error)),
        }
    }

    /// What the terms leave of it: what is bound needs its proof, and the audience is of the policy's list.
    fn allowed(
        &self,
        Parties { subject, actor }: &Parties,
        terms: &ExchangeTerms,
        asked: &Asked,
        client: &Client,
    ) -> Result<Aim<'_>, Failure> {
        let unproven = |(party, of): (&ExchangeParty, fn(TokenFault) -> ExchangeRefusal)| {
            let why = party.check_proven().err().filter(|_| !terms.unproven)?;
            Some(match why {
                // The client is told what is missing; what it proves that is wrong is wrong with the token (section 2.2.2).
                SenderRefusal::NoProof => of_grant(&party.grant, why),
                _ => of_grant(&party.grant, of(TokenFault::Sender)),
            })
        };
        let subject_of: fn(TokenFault) -> ExchangeRefusal = ExchangeRefusal::SubjectToken;
        let actor_of: fn(TokenFault) -> ExchangeRefusal = ExchangeRefusal::ActorToken;
        let parties = [Some((subject, subject_of)), actor.as_ref().map(|actor| (actor, actor_of))];
        if let Some(failure) = parties.into_iter().flatten().find_map(unproven) {
            return Err(failure);
        }
        Ok(self.aim(asked, terms, subject, client)?)
    }

    /// Uses up the proof of the request, and the assertion that its client authenticated by. The same request again within the retry
    /// window is an answer that got lost.
    async fn spend_for_exchange(
        &self,
        client: &Authenticated<'_>,
        presented: &Presented<'_>,
        (request, bound_to): (&Request<'_>, Option<Confirmation>),
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        #[cfg(feature = "proof")]
        if let Some(unspent) = client.unspent(SpentFor::Grant(request.body())) {
            let unspent = unspent.bound_to(bound_to);
            self.note_asserted_sender(client, presented, unspent, time).await?;
            return match self.spend_assertion(unspent, None, time).await? {
                None => Ok(()),
                Some(Spending::Again { since, .. }) if self.answers_again(client, since, time) => Ok(()),
                Some(_) => Err(GrantRefusal::AssertionSpent.into()),
            };
        }
        let _ = (request, bound_to);
        self.spend_new_proof(client, presented, time).await?;
        Ok(self.note_new_sender(client, presented, time.now())?)
    }

    fn emit_exchanged(&self, client: &Client, Parties { subject, actor }: &Parties, aim: &Aim<'_>) {
        if !self.host.listens() {
            return;
        }
        self.emit(&Event::Exchanged {
            grant: subject.grant.id,
            client_id: client.id(),
            subject: self.subject_of(&subject.grant),
            of_client: &subject.client_id,
            actor: actor.as_ref().and_then(|actor| self.host.subject(Some(actor.name()))),
            audience: Audience::named(&aim.names),
        });
    }
}
