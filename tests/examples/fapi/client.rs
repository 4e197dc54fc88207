//! A client of the example, as its kind does things.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::authority::Identity;
use super::{CALLBACK, Town, VERIFIER, encoded, now, told};
use crate::kit::jwt::{hs256, signed};
use crate::kit::proof::ProofKey;
use crate::kit::signer::Signer;
use crate::server::process::Reply;

/// Of examples/fapi/clients.rs.
const OLDER_SECRET: &[u8] = b"older-secret-for-trying-out-only-please";

#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    town: &'a Town,
    pub(super) id: &'static str,
    /// What its assertions are signed by, and what they are for.
    signer: Option<&'a Signer>,
    pub(super) by_secret: bool,
    pub(super) for_token_endpoint: bool,
    certificate: Option<&'a Identity>,
    proof: Option<&'a ProofKey>,
    /// Of its code (RFC 7636 section 4.1).
    verifier: &'a str,
}

impl<'a> Client<'a> {
    pub(super) fn new(town: &'a Town, id: &'static str) -> Self {
        let signer = match id {
            "key-client" => Some(&town.key),
            "signed-client" => Some(&town.signed),
            "older-client" => Some(&town.older),
            _ => None,
        };
        Self {
            town,
            id,
            signer,
            by_secret: false,
            for_token_endpoint: false,
            certificate: None,
            proof: None,
            verifier: VERIFIER,
        }
    }

    pub(super) fn shows(self, certificate: &'a Identity) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// Sends proofs of possession by this key.
    pub(super) fn proves(self, key: &'a ProofKey) -> Self {
        Self { proof: Some(key), ..self }
    }

    pub(super) fn with_verifier(self, verifier: &'a str) -> Self {
        Self { verifier, ..self }
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier))
    }

    pub(super) fn without_proof(self) -> Self {
        Self { proof: None, ..self }
    }

    /// The parameters by which it authenticates.
    pub(super) fn authentication(&self) -> String {
        format!("{}{}", encoded(&[("client_id", self.id)]), self.assertion())
    }

    /// What of them stands beside its id (RFC 7521 section 4.2).
    pub(super) fn assertion(&self) -> String {
        let Some(signer) = self.signer else { return String::new() };
        let audience =
            if self.for_token_endpoint { format!("{}/token", self.town.issuer) } else { self.town.issuer.clone() };
        let jti = format!("{:032x}", rand::random::<u128>());
        let claims =
            json!({"iss": self.id, "sub": self.id, "aud": audience, "jti": jti, "iat": now(), "exp": now() + 60});
        let assertion = if self.by_secret {
            signed(&json!({"alg": "HS256"}), &claims, |message| hs256(OLDER_SECRET, message))
        } else {
            signer.jwt(&signer.header("ES256"), &claims)
        };
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        format!("&{}", encoded(&[("client_assertion_type", kind), ("client_assertion", &assertion)]))
    }

    /// Sends a form, and where the server wants another nonce the same form again.
    pub(super) fn post(&self, path: &str, form: &str) -> Reply {
        let url = format!("{}{path}", self.town.issuer);
        let send = |headers: &str| self.town.post(self.certificate, path, headers, form);
        let Some(key) = self.proof else { return send("") };
        let first = send(&format!("dpop: {}\r\n", key.proof("POST", &url).with("iat", now()).sign()));
        assert_eq!((first.status, first.member("error").as_str()), (400, "use_dpop_nonce"), "{first:?}");
        let proof = key.proof("POST", &url).with("iat", now()).nonce(&first.header("dpop-nonce"));
        let reply = send(&format!("dpop: {}\r\n", proof.sign()));
        assert!(reply.find_header("dpop-nonce").is_some(), "{reply:?}");
        reply
    }

    /// The query of an authorization request that says what it wants itself.
    pub(super) fn asks(&self, more: &[(&str, &str)]) -> String {
        let challenge = self.challenge();
        let all = [
            ("response_type", "code"),
            ("client_id", self.id),
            ("redirect_uri", CALLBACK),
            ("state", "theirs"),
            ("scope", self.town.scope),
            ("code_challenge", &*challenge),
            ("code_challenge_method", "S256"),
        ];
        encoded(&[&all, more].concat())
    }

    /// One that is signed (RFC 9101).
    pub(super) fn asks_signed(&self) -> String {
        let claims = json!({
            "iss": self.id, "aud": self.town.issuer, "exp": now() + 60, "nbf": now(),
            "client_id": self.id, "response_type": "code", "redirect_uri": CALLBACK, "state": "theirs",
            "scope": self.town.scope, "code_challenge": self.challenge(), "code_challenge_method": "S256",
        });
        let signer = self.signer.unwrap();
        let header = json!({"alg": "ES256", "kid": signer.kid, "typ": "oauth-authz-req+jwt"});
        encoded(&[("client_id", self.id), ("request", &signer.jwt(&header, &claims))])
    }

    /// One that was pushed (RFC 9126).
    #[track_caller]
    pub(super) fn pushes(&self, query: &str) -> String {
        let pushed = self.post("/par", &format!("{query}{}", self.assertion()));
        assert_eq!(pushed.status, 201, "{pushed:?}");
        encoded(&[("client_id", self.id), ("request_uri", &pushed.member("request_uri"))])
    }

    /// As a client of its kind begins.
    #[track_caller]
    fn query(&self) -> String {
        let query = if self.id == "signed-client" { self.asks_signed() } else { self.asks(&[]) };
        if self.town.all_push || self.id == "key-client" { self.pushes(&query) } else { query }
    }

    #[track_caller]
    pub(super) fn code(&self) -> String {
        let answer = self.town.allow(&self.query());
        assert_eq!(told(&answer, "iss"), self.town.issuer);
        assert_eq!(told(&answer, "state"), "theirs");
        told(&answer, "code")
    }

    pub(super) fn redeem(&self, code: &str) -> Reply {
        let form = encoded(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", self.verifier),
        ]);
        self.post("/token", &format!("{form}&{}", self.authentication()))
    }

    /// A whole login; the tokens.
    #[track_caller]
    pub(super) fn log_in(&self) -> Reply {
        let tokens = self.redeem(&self.code());
        assert_eq!(tokens.status, 200, "{tokens:?}");
        tokens
    }

    pub(super) fn refresh(&self, token: &str) -> Reply {
        let form = encoded(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        self.post("/token", &format!("{form}&{}", self.authentication()))
    }

    pub(super) fn credentials(&self) -> Reply {
        self.post("/token", &format!("grant_type=client_credentials&{}", self.authentication()))
    }

    pub(super) fn resource(&self, token: &str) -> Reply {
        let town = self.town;
        let Some(key) = self.proof else {
            return town.get(self.certificate, "/resource", &format!("authorization: Bearer {token}\r\n"));
        };
        let proof = || key.proof("GET", &format!("{}/resource", town.issuer)).with("iat", now()).ath(token);
        let send = |proof: String| {
            town.get(self.certificate, "/resource", &format!("authorization: DPoP {token}\r\ndpop: {proof}\r\n"))
        };
        let first = send(proof().sign());
        assert_eq!(first.status, 401);
        assert!(first.header("www-authenticate").starts_with("DPoP "), "{first:?}");
        send(proof().nonce(&first.header("dpop-nonce")).sign())
    }
}
