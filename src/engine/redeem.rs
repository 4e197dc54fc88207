//! `grant_type=authorization_code`: RFC 6749 section 4.1.3, RFC 7636 section 4.5.
//!
//! A code that is redeemed again by someone who knows redirect URI and verifier ends the grant (RFC 6749 section 4.1.2);
//! one that leaked by itself does nothing at all.

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::Engine;
use super::answer::Issue;
use super::event::Event;
use super::grants::{ATTEMPTS, of_grant, prove};
use super::id_token::Claims;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{AUTHORIZATION_CODE, Client, Clients, digest};
use crate::grant::code::{CodeDecision, CodeVoid, Redemption, decide_code};
use crate::grant::{Grant, Scope, Timestamp, Version};
use crate::store::{StoreErrorKind, Swap, TokenStore};
use crate::token::{GRANT_TEXT_LEN, GrantToken, TokenKind, mint_refresh};
use crate::wire::Form;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn redeem(&self, client: &Client, form: &Form<'_>, now: Timestamp) -> Result<Vec<u8>, Failure> {
        if !self.authorization_code {
            return Err(Refusal::UnsupportedGrantType.into());
        }
        if !client.may_use(AUTHORIZATION_CODE) {
            return Err(Refusal::UnauthorizedClient.into());
        }
        // Repeats were refused before.
        let parameter = |name: &str| form.single(name).ok().flatten();
        let text = parameter("code").ok_or(Refusal::MissingParameter)?;
        let code = text.as_bytes().try_into().ok().and_then(GrantToken::decode).ok_or(Refusal::Shape)?;
        let key = self.key(code.key_id())?;
        let redemption = Redemption {
            redirect_uri: parameter("redirect_uri").map(|uri| digest(uri.as_bytes())),
            verifier: parameter("code_verifier").map(read_verifier).transpose()?,
            not_before: self.not_before(client),
        };
        // The claim of the first ID token; the record drops it with the redemption.
        let mut nonce: Option<SmolStr> = None;
        let mut claims = None;
        // Versions of writes whose outcome is unknown. A record of one of these was written by this very request.
        let mut unsure: SmallVec<[Version; 2]> = SmallVec::new();
        for _ in 0..ATTEMPTS {
            let mut grant = self.store.load(code.grant_id()).await?.ok_or(Refusal::NoGrant)?;
            prove(&grant, &code, TokenKind::Code, key, client)?;
            if unsure.contains(&grant.version) {
                return self.first_answer(&grant, client, nonce.as_deref(), claims.unwrap_or_default(), now);
            }
            match decide_code(&grant, &redemption, now) {
                CodeDecision::Redeem => {}
                CodeDecision::Replay => return Err(self.code_replay(&grant, client).await),
                CodeDecision::Refuse(void) => return Err(of_grant(&grant, void.into())),
            }
            nonce = grant.code.as_ref().and_then(|code| code.nonce.clone());
            if claims.is_none() {
                claims = Some(self.id_claims(&grant, client, Scope::WHOLE, now).await?);
            }
            let expected = grant.version;
            grant.redeem(Version::from_u64(rand::random()), self.keys.signing().id(), self.lifetimes(client), now);
            match self.store.compare_and_swap(expected, &grant, now).await {
                Ok(Swap::Swapped) => {
                    return self.first_answer(&grant, client, nonce.as_deref(), claims.unwrap_or_default(), now);
                }
                Ok(Swap::Lost) => {}
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => unsure.push(grant.version),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Contention.into())
    }

    /// The first tokens of a grant.
    fn first_answer(
        &self,
        grant: &Grant,
        client: &Client,
        nonce: Option<&str>,
        claims: Claims,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let with_refresh_token = client.may_refresh() && grant.code.as_ref().is_none_or(|code| code.with_refresh_token);
        let refresh_token = with_refresh_token.then(|| mint_refresh(grant, self.keys.signing()));
        let body = self.answer(&Issue {
            grant,
            client,
            refresh_token: refresh_token.as_ref().map(<[u8; GRANT_TEXT_LEN]>::as_slice),
            scope_mask: Scope::WHOLE,
            nonce,
            claims,
            now,
        })?;
        self.emit(&Event::Issued { grant: grant.id, client_id: client.id(), renewable: grant.renewable });
        Ok(body)
    }

    /// Ends the grant of a code that was redeemed twice. The event comes first, as with refresh tokens.
    async fn code_replay(&self, grant: &Grant, client: &Client) -> Failure {
        self.emit(&Event::CodeReplayed { grant: grant.id, client_id: client.id() });
        self.replayed(grant, client).await
    }
}

/// What the challenge must be: `code-verifier = 43*128unreserved`, RFC 7636 sections 4.1 and 4.6.
fn read_verifier(text: &str) -> Result<[u8; 32], Refusal> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
        Ok(digest(text.as_bytes()))
    } else {
        Err(Refusal::Verifier)
    }
}

impl From<CodeVoid> for Refusal {
    fn from(void: CodeVoid) -> Self {
        match void {
            CodeVoid::NotBefore => Self::NotBefore,
            CodeVoid::Expired => Self::Expired,
            CodeVoid::RedirectUri => Self::RedirectUri,
            CodeVoid::Verifier => Self::Verifier,
        }
    }
}
