//! `grant_type=authorization_code`: RFC 6749 section 4.1.3, RFC 7636 section 4.5.
//!
//! A code that is redeemed again by someone who knows redirect URI and verifier ends the grant (RFC 6749 section 4.1.2);
//! one that leaked by itself does nothing at all.

use smol_str::SmolStr;

use crate::client::{AUTHORIZATION_CODE, Client, Clients, digest};
use crate::engine::Engine;
use crate::engine::binding::{Presented, UsedFor};
use crate::engine::bounds::{check_code, left_to};
use crate::engine::client_auth::Authenticated;
#[cfg(feature = "proof")]
use crate::engine::client_auth::SpentFor;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::{Event, GrantChanges, IssueKind};
use crate::engine::issue::{Claims, Issue};
use crate::engine::refusal::{ClientRefusal, GrantRefusal, Refusal, RequestRefusal, SenderRefusal, Unavailable};
use crate::engine::resources::Target;
use crate::engine::swap::{ATTEMPTS, Swapped, Swaps, new_version};
use crate::engine::time::Time;
use crate::engine::token_endpoint::hook::Asked;
use crate::grant::code::{CodeDecision, CodeVoid, Redemption, decide_code};
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{GRANT_TEXT_LEN, GrantToken, TokenKind, mint_refresh};
use crate::wire::Form;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn redeem(
        &self,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        presented: &mut Presented<'_>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        if !self.settings.authorization_code {
            return Err(GrantRefusal::UnsupportedGrantType.into());
        }
        if !client.may_use(AUTHORIZATION_CODE) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        // Repeats were refused before.
        let parameter = |name: &str| form.single(name).ok().flatten();
        let text = parameter("code").ok_or(RequestRefusal::MissingParameter)?;
        let code = text.as_bytes().try_into().ok().and_then(GrantToken::decode).ok_or(GrantRefusal::Shape)?;
        self.knows_key(code.key_id())?;
        // Digests, as the record has them: neither the URI nor the verifier is compared as text.
        let named_uri = parameter("redirect_uri");
        let redemption = Redemption {
            redirect_uri: named_uri.map(|uri| digest(uri.as_bytes())),
            verifier: parameter("code_verifier").map(read_verifier).transpose()?,
            not_before: self.not_before(client),
        };
        // The claim of the first ID token. Kept over the attempts: the record drops it with the redemption, and a write
        // that was in doubt may be that redemption.
        let mut nonce: Option<SmolStr> = None;
        // The host is asked once, however often the swap has to be tried.
        let mut claims = None;
        let mut permitted: Option<Option<GrantChanges>> = None;
        // As the nonce: the record drops it with the redemption.
        let (mut replaced, mut has_room) = (None, false);
        #[cfg(feature = "proof")]
        let mut unspent = client.unspent(SpentFor::Code(text.as_bytes()));
        let mut swaps = Swaps::none();
        let (grant, target, mask) = 'redeemed: {
            for _ in 0..ATTEMPTS {
                let mut grant = self.store.load(code.grant_id()).await?.ok_or(GrantRefusal::NoGrant)?;
                self.prove(&grant, &code, TokenKind::Code, client.id())?;
                self.check_sender(&grant, presented, UsedFor::Code, time.now())?;
                #[cfg(feature = "proof")]
                if !presented.is_bare() {
                    Box::pin(self.check_auth_key(&grant, client, time.now())).await?;
                }
                let left = self.left_of_code(client, &grant, form);
                // Before the record is judged: what this request has redeemed would look redeemed by another.
                if swaps.wrote_this(&grant) {
                    let (target, mask) = left.map_err(|why| of_grant(&grant, why))?;
                    break 'redeemed (grant, target, mask);
                }
                match decide_code(&grant, &redemption, time.now()) {
                    CodeDecision::Redeem => {}
                    CodeDecision::Replay => {
                        #[cfg(feature = "proof")]
                        if let Some(unspent) = unspent {
                            let unspent = unspent.bound_to(presented.bound_to(client, &grant));
                            Box::pin(self.check_unspent(unspent, time)).await.map_err(|why| why.about(&grant))?;
                        }
                        return Err(self.code_replay(&grant, client, presented, text.as_bytes(), time).await);
                    }
                    CodeDecision::Refuse(void) => return Err(of_grant(&grant, GrantRefusal::from(void))),
                }
                // After the judgement: a second use ends the grant whatever its client may still have.
                check_code(client, &grant, named_uri).map_err(|why| of_grant(&grant, why))?;
                let (target, mask) = left.map_err(|why| of_grant(&grant, why))?;
                replaced = grant.replaces();
                nonce = grant.code.as_ref().and_then(|code| code.nonce.clone());
                // Before the swap: a host that refuses or fails here leaves the code to be redeemed yet.
                if let (Some(hook), None) = (self.host.hook(), &permitted) {
                    let (target, kind, now) = (&target, IssueKind::Code, time.now());
                    let asked = Asked { grant: &grant, client, mask, target, kind, form, now };
                    permitted = Some(asked.ask(hook).await?);
                }
                if let Some(Some(changes)) = &permitted {
                    changes.apply(&mut grant);
                }
                if claims.is_none() {
                    claims = Some(self.id_claims(&grant, client, mask, time.now()).await?);
                }
                // Last of all, so that no refusal spends it, and before anything is written.
                #[cfg(feature = "proof")]
                if let Some(assertion) = unspent.take() {
                    let assertion = assertion.bound_to(presented.bound_to(client, &grant));
                    let (whose, what) = ((&grant, &**client), (text.as_bytes(), assertion));
                    Box::pin(self.check_both(whose, presented, what, |_| false, time)).await?;
                    Box::pin(self.spend_assertion(assertion, Some(grant.id), time))
                        .await
                        .map_err(|why| why.about(&grant))?;
                }
                if !has_room {
                    self.make_room(&grant, client, time).await?;
                    has_room = true;
                }
                self.spend_and_remember(&grant, client, presented, (text.as_bytes(), claims.as_ref()), time).await?;
                let expected = grant.version;
                let now = time.now();
                grant.forget_until_redeemed();
                self.bind(&mut grant, client, presented);
                // One that gets no refresh token must not be kept for it.
                grant.renewable &= client.may_refresh();
                grant.name_resources(target.of_grant);
                grant.redeem(new_version(), self.realm.keys().signing().id(), self.lifetimes(client), now);
                if swaps.swap(&self.store, expected, &grant, now).await? == Swapped::Done {
                    break 'redeemed (grant, target, mask);
                }
            }
            return Err(Unavailable::Contention.into());
        };
        if let Some(replaced) = replaced {
            self.end_replaced(replaced, &grant, time.now()).await;
        }
        let claims = (nonce.as_deref(), claims.unwrap_or_default());
        let body = self.first_answer(&grant, client, (&target, mask), presented, claims, time.now())?;
        self.emit_issued(&grant, client, &target);
        Ok(body)
    }

    /// What comes right before the swap: the proof is spent, and the client is remembered where it is to hear of a logout.
    #[cfg_attr(not(all(feature = "jwt", feature = "root-secret")), expect(unused_variables, reason = "off"))]
    async fn spend_and_remember(
        &self,
        grant: &Grant,
        client: &Authenticated<'_>,
        presented: &mut Presented<'_>,
        (text, claims): (&[u8], Option<&Claims>),
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        self.spend_proof(grant, client, presented, text, time).await?;
        #[cfg(all(feature = "jwt", feature = "root-secret"))]
        if grant.session_ends_at().is_some() && claims.is_some_and(Claims::are_of_an_id_token) {
            // Boxed, so that no other request is larger for it.
            Box::pin(self.remember_listener(grant, client, time)).await?;
        }
        Ok(())
    }

    /// Binds the grant to what its first tokens are given for.
    #[cfg_attr(not(feature = "proof"), expect(clippy::unused_self, reason = "the feature is off"))]
    pub(super) fn bind(&self, grant: &mut Grant, client: &Authenticated<'_>, presented: &Presented<'_>) {
        grant.bind_sender(presented.sender(client, grant));
        // One whose request was pushed is bound already.
        #[cfg(feature = "proof")]
        if let Some(key) = self.auth_key_of(client) {
            grant.bind_auth_key(key);
        }
    }

    /// What the first access token is for, and what is left of the scope to the client and there.
    pub(super) fn left_of_code(
        &self,
        client: &Client,
        grant: &Grant,
        form: &Form<'_>,
    ) -> Result<(Target<'_>, u64), Refusal> {
        let left = left_to(client, &grant.scope, Scope::WHOLE).ok_or(GrantRefusal::ScopeTaken)?;
        self.target(grant, form, left)
    }

    /// The first tokens of a grant.
    pub(super) fn first_answer(
        &self,
        grant: &Grant,
        client: &Client,
        (target, scope_mask): (&Target<'_>, u64),
        presented: &Presented<'_>,
        (nonce, claims): (Option<&str>, Claims),
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let with_refresh_token = client.may_refresh() && grant.code.as_ref().is_none_or(|code| code.with_refresh_token);
        let refresh_token = with_refresh_token.then(|| mint_refresh(grant, self.signing_key_of(grant)));
        self.answer(&Issue {
            grant,
            client,
            refresh_token: refresh_token.as_ref().map(<[u8; GRANT_TEXT_LEN]>::as_slice),
            keeps_token: false,
            scope_mask,
            target,
            bound_to: presented.bound_to(client, grant),
            nonce,
            claims,
            now,
        })
    }

    pub(super) fn emit_issued(&self, grant: &Grant, client: &Client, target: &Target<'_>) {
        self.emit(&Event::Issued {
            grant: grant.id,
            client_id: client.id(),
            subject: self.subject_of(grant),
            renewable: grant.renewable,
            audience: target.audience(),
        });
        if grant.sender().is_some() {
            let (client_id, subject) = (client.id(), self.subject_of(grant));
            self.emit(&Event::SenderBound { grant: grant.id, client_id, subject });
        }
    }

    /// Ends the grant of a code that was redeemed twice, unless its proof or assertion was used before: whoever has got hold of those does not
    /// end the login. The event comes first, as with refresh tokens.
    async fn code_replay(
        &self,
        grant: &Grant,
        client: &Client,
        presented: &Presented<'_>,
        text: &[u8],
        time: &Time<'_>,
    ) -> Failure {
        // The same request again, where this node has seen it: a new proof tells.
        if presented.was_used() {
            return of_grant(grant, SenderRefusal::ProofForgotten);
        }
        if let Err(failure) = self.check_unspent_proof(grant, client, presented, text, time).await {
            return failure;
        }
        self.emit(&Event::CodeReplayed { grant: grant.id, client_id: client.id(), subject: self.subject_of(grant) });
        self.replayed(grant, client, time.now()).await
    }
}

/// What the challenge must be: `code-verifier = 43*128unreserved`, RFC 7636 sections 4.1 and 4.6.
fn read_verifier(text: &str) -> Result<[u8; 32], GrantRefusal> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
        Ok(digest(text.as_bytes()))
    } else {
        Err(GrantRefusal::Verifier)
    }
}

impl From<CodeVoid> for GrantRefusal {
    fn from(void: CodeVoid) -> Self {
        match void {
            CodeVoid::NotBefore => Self::NotBefore,
            CodeVoid::Expired => Self::Expired,
            CodeVoid::RedirectUri => Self::RedirectUri,
            CodeVoid::Verifier => Self::Verifier,
        }
    }
}
