//! The grant types that the host serves: a handler decides, the engine stores and issues (RFC 6749 sections 4.3 to 4.5).

use std::net::IpAddr;

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::binding::Presented;
use crate::engine::client_auth::Authenticated;
#[cfg(feature = "proof")]
use crate::engine::client_auth::SpentFor;
use crate::engine::failure::Failure;
use crate::engine::host::{DynGrantHandler, GrantRequest, IssueKind};
use crate::engine::issue::Issue;
use crate::engine::refusal::{ClientRefusal, GrantRefusal, RequestRefusal, ServerFault};
use crate::engine::resources::Target;
use crate::engine::time::Time;
use crate::engine::token_endpoint::hook::Asked;
#[cfg(feature = "proof")]
use crate::engine::token_endpoint::once::First;
use crate::grant::login::Login;
use crate::grant::members::Members;
use crate::grant::{Grant, Scope};
use crate::store::TokenStore;
use crate::token::{GRANT_TEXT_LEN, mint_refresh};
use crate::wire::{Form, Parameters, Request};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn grant_by_handler(
        &self,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        parameters: &Parameters<'_>,
        presented: &mut Presented<'_>,
        request: &Request<'_>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let grant_type = parameters.grant_type().ok_or(RequestRefusal::MissingParameter)?;
        let handler = self.host.handler(grant_type).ok_or(GrantRefusal::UnsupportedGrantType)?;
        if !client.may_use(handler.grant_type_dyn()) || !client.starts_logins_at(time.now()) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        presented.check_signature()?;
        let (login, with_refresh_token) =
            self.ask_handler(handler, client, form, (parameters.scope(), request.peer()), time).await?;
        self.check_subject(&login).await?;
        // Before the grant is stored: what is refused, and a host that refuses or fails here, leave nothing behind.
        let kind = IssueKind::Handler;
        let (mut grant, target, scope_mask) = self.permitted_grant(login, client, form, kind, time).await?;
        let claims = self.id_claims(&grant, client, scope_mask, time.now()).await?;
        // Where ID tokens are exchanged, one of a bound login needs a proof though nothing is refreshed.
        #[cfg(feature = "jwt")]
        let exchanges = self.host.exchange().is_some();
        #[cfg(not(feature = "jwt"))]
        let exchanges = false;
        if with_refresh_token || exchanges {
            grant.bind_sender(presented.sender(client, &grant));
        }
        #[cfg(feature = "proof")]
        if let Some(unspent) = client.unspent(SpentFor::Grant(request.body())) {
            let (refresh_token, bound_to) = (with_refresh_token, presented.bound_to(client, &grant));
            let unspent = unspent.bound_to(bound_to);
            self.note_asserted_sender(client, presented, unspent, time).await?;
            let spent = Box::pin(self.spend_assertion(unspent, Some(grant.id), time)).await?;
            let asserted_by = None;
            let first = First { client, grant, target, scope_mask, claims, bound_to, refresh_token, asserted_by };
            return Box::pin(self.grant_once(first, spent, time)).await;
        }
        self.make_room(&grant, client, time).await?;
        // Last of all, so that no refusal spends the proof.
        self.spend_new_proof(client, presented, time).await?;
        self.note_new_sender(client, presented, time.now())?;
        if let Err(failure) = self.insert(&mut grant, time).await {
            self.forget_new_sender(client, presented);
            return Err(failure);
        }
        let now = time.now();
        let refresh_token = with_refresh_token.then(|| mint_refresh(&grant, self.signing_key_of(&grant)));
        let refresh_token = refresh_token.as_ref().map(<[u8; GRANT_TEXT_LEN]>::as_slice);
        let (grant, target) = (&grant, &target);
        let bound_to = presented.bound_to(client, grant);
        let body = self.answer(&Issue {
            grant,
            client,
            refresh_token,
            keeps_token: false,
            scope_mask,
            target,
            bound_to,
            nonce: None,
            claims,
            now,
        })?;
        self.emit_issued(grant, client, target);
        Ok(body)
    }

    /// The grant of a login, if the host's hook has nothing against it, and what its first access token is for.
    pub(super) async fn permitted_grant(
        &self,
        login: Login,
        client: &Client,
        form: &Form<'_>,
        kind: IssueKind,
        time: &Time<'_>,
    ) -> Result<(Grant, Target<'_>, u64), Failure> {
        let again = self.host.hook().map(|hook| (hook, login.clone()));
        let asked = self.new_grant(login, client, time.now());
        // The host is asked last: what is for no resource is none of its business.
        let (target, mask) = self.target(&asked, form, Scope::WHOLE)?;
        let Some((hook, login)) = again else { return Ok((asked, target, mask)) };
        let changes =
            Asked { grant: &asked, client, mask, target: &target, kind, form, now: time.now() }.ask(hook).await?;
        // Its times begin when the host has answered.
        let mut grant = self.grant_of_id(asked.id, login, client, time.now());
        if let Some(changes) = changes {
            changes.apply(&mut grant);
        }
        Ok((grant, target, mask))
    }

    /// Asks the handler, and checks what it allows. The second half: whether a refresh token is handed out.
    async fn ask_handler(
        &self,
        handler: &dyn DynGrantHandler,
        client: &Client,
        form: &Form<'_>,
        (scope, peer): (Option<&str>, Option<IpAddr>),
        time: &Time<'_>,
    ) -> Result<(Login, bool), Failure> {
        let is_named = scope.is_some();
        let scope = match scope {
            Some(text) => Scope::parse(text).map_err(|_| GrantRefusal::Scope)?,
            None => client.default_scope().clone(),
        };
        if !scope.is_subset_of(client.scope()) {
            return Err(GrantRefusal::Scope.into());
        }
        let resources = self.asked_resources(form)?;
        let scope = match &resources {
            Some(resources) => resources.check_scope(scope, is_named)?,
            None => scope,
        };
        let (resources_asked, now) = (resources.as_ref(), time.now());
        let request =
            GrantRequest { client, form, scope: &scope, resources: resources_asked, now, peer, host: &self.host };
        let authorization =
            handler.authorize_dyn(&request).await.map_err(|error| Failure::from(error.why).by_cause(error.cause))?;
        if !authorization.fits() {
            return Err(ServerFault::Handler.into());
        }
        let granted = authorization.scope.unwrap_or(scope);
        if !granted.is_subset_of(client.scope()) {
            return Err(ServerFault::Handler.into());
        }
        let with_refresh_token = authorization.refresh_token && client.may_refresh();
        let login = Login {
            client_id: client.shared_id(),
            subject: authorization.subject,
            scope: granted,
            fields: authorization.fields,
            host_data: authorization.host_data,
            renewable: with_refresh_token && authorization.renewable && self.settings.renewal.allows(form),
            authenticated_at: authorization.authenticated_at.unwrap_or_else(|| time.now()),
            code: None,
            members: self.realm.members(Members {
                resources: resources.and_then(|resources| resources.to_store(true)),
                of_stranger: client.is_stranger(),
                acr: authorization.acr,
                amr: authorization.amr,
                ..Members::default()
            }),
        };
        Ok((login, with_refresh_token))
    }
}
