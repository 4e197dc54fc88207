//! Every grant type but `refresh_token`: a handler decides, the engine stores and issues.

use std::sync::Arc;

use super::Engine;
use super::answer::Issue;
use super::event::Event;
use super::handler::{DynGrantHandler, GrantRequest};
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::rotation::{Login, absolute_expiry, expiries};
use crate::grant::{Generation, Grant, GrantId, Salt, Scope, Timestamp, Version};
use crate::store::{Inserted, StoreErrorKind, TokenStore};
use crate::token::{GRANT_TEXT_LEN, mint_refresh};
use crate::wire::{Form, Parameters};

/// How many ids are drawn before giving up. Two grants of one second share an id once in four billion.
const ID_ATTEMPTS: usize = 4;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn login(
        &self,
        grant_type: &[u8],
        client: &Client,
        form: &Form<'_>,
        parameters: &Parameters<'_>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let handler = self
            .handlers
            .iter()
            .find(|handler| handler.grant_type_dyn().as_bytes() == grant_type)
            .ok_or(Refusal::UnsupportedGrantType)?;
        if !client.may_use(handler.grant_type_dyn()) {
            return Err(Refusal::UnauthorizedClient.into());
        }
        let (login, with_refresh_token) =
            self.ask_handler(handler.as_ref(), client, form, parameters.scope(), now).await?;
        self.check_subject(&login).await?;
        let mut grant = self.new_grant(login, client, now);
        let claims = self.id_claims(&grant, client, Scope::WHOLE, now).await?;
        self.insert(&mut grant, now).await?;
        let refresh_token = with_refresh_token.then(|| mint_refresh(&grant, self.keys.signing()));
        let refresh_token = refresh_token.as_ref().map(<[u8; GRANT_TEXT_LEN]>::as_slice);
        let scope_mask = Scope::WHOLE;
        let body =
            self.answer(&Issue { grant: &grant, client, refresh_token, scope_mask, nonce: None, claims, now })?;
        self.emit(&Event::Issued { grant: grant.id, client_id: client.id(), renewable: grant.renewable });
        Ok(body)
    }

    /// Asks the handler, and checks what it allows. The second half: whether a refresh token is handed out.
    async fn ask_handler(
        &self,
        handler: &dyn DynGrantHandler,
        client: &Client,
        form: &Form<'_>,
        scope: Option<&str>,
        now: Timestamp,
    ) -> Result<(Login, bool), Failure> {
        let scope = match scope {
            Some(text) => Scope::parse(text).map_err(|_| Refusal::Scope)?,
            None => client.default_scope().clone(),
        };
        if !scope.is_subset_of(client.scope()) {
            return Err(Refusal::Scope.into());
        }
        let request = GrantRequest { client, form, scope: &scope, now };
        let authorization = handler
            .authorize_dyn(&request)
            .await
            .map_err(|error| Failure { cause: error.cause, ..error.why.into() })?;
        if !authorization.subject_fits() {
            return Err(Refusal::HandlerFault.into());
        }
        let granted = authorization.scope.unwrap_or(scope);
        if !granted.is_subset_of(client.scope()) {
            return Err(Refusal::HandlerFault.into());
        }
        let with_refresh_token = authorization.refresh_token && client.may_refresh();
        let login = Login {
            client_id: client.shared_id(),
            subject: authorization.subject,
            scope: granted,
            fields: authorization.fields,
            renewable: with_refresh_token && authorization.renewable && self.renewal.allows(form),
            authenticated_at: authorization.authenticated_at.unwrap_or(now),
            code: None,
        };
        Ok((login, with_refresh_token))
    }

    /// In a JWT a client that acts for itself is its own subject, so nobody else may go by the id of a client (RFC 9068
    /// section 5).
    pub(super) async fn check_subject(&self, login: &Login) -> Result<(), Failure> {
        let Some(subject) = login.subject.as_deref().filter(|_| self.names_subjects_in_jwts()) else { return Ok(()) };
        match self.clients.find(subject).await {
            Ok(None) if subject != login.client_id => Ok(()),
            Ok(_) => Err(Refusal::HandlerFault.into()),
            Err(error) => Err(Failure { cause: Some(error.into()), ..Refusal::Clients.into() }),
        }
    }

    /// The record of a login. Where it is to be redeemed by a code first, it lives as long as the code does.
    pub(super) fn new_grant(&self, login: Login, client: &Client, now: Timestamp) -> Grant {
        let lifetimes = self.lifetimes(client);
        let absolute_expires_at = absolute_expiry(lifetimes, now);
        let (generation, [refresh_expires_at, expires_at]) = if login.code.is_some() {
            (Generation::NONE, [(now + Grant::CODE_LIFETIME).min(absolute_expires_at); 2])
        } else {
            (Generation::FIRST, expiries(lifetimes, login.renewable, absolute_expires_at, now))
        };
        Grant {
            id: GrantId::at(now, rand::random()),
            version: Version::from_u64(rand::random()),
            client_id: login.client_id,
            subject: login.subject,
            scope: login.scope,
            fields: login.fields,
            renewable: login.renewable,
            salt: Salt(rand::random()),
            generation,
            key_id: self.keys.signing().id(),
            access_epoch: 0,
            created_at: now,
            authenticated_at: login.authenticated_at,
            rotated_at: now,
            refresh_expires_at,
            absolute_expires_at,
            expires_at,
            code: login.code.map(Arc::new),
        }
    }

    /// Stores a new grant under an id that is free.
    pub(super) async fn insert(&self, grant: &mut Grant, now: Timestamp) -> Result<(), Failure> {
        for _ in 0..ID_ATTEMPTS {
            match self.store.insert(grant, now).await {
                Ok(Inserted::Inserted) => return Ok(()),
                Ok(Inserted::Duplicate) => grant.id = GrantId::at(now, rand::random()),
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => {
                    return match self.store.load(grant.id).await? {
                        Some(stored) if stored.version == grant.version => Ok(()),
                        // It may be written yet; nobody will ever have a token of it.
                        _ => Err(error.into()),
                    };
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Contention.into())
    }
}
