//! Two faults in one request: the one that is judged earlier is the answer, and nothing is spent by either. A table names what can be
//! wrong with a request, in the order of the checks (`docs/design.md`, "The order of checks"), and every pair of its rows is sent.

use std::collections::BTreeMap;

use regrant::{GrantId, Response};

use super::ask::{Ask, FORM, form};
use super::proof::{Making, ProofKey};
use super::reply::Reply;
use super::world::SECRET;

const NOBODYS_SECRET: &str = "a-secret-that-no-client-of-these-has";

/// A request whose parts can each be wrong.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) method: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) basic: Vec<(&'static str, &'static str)>,
    pub(crate) parameters: Vec<(String, String)>,
    /// Behind the parameters, as it is.
    pub(crate) tail: &'static str,
    /// The proof of possession that comes with it.
    pub(crate) proof: Option<Making>,
    /// Whether it is left out.
    pub(crate) unproven: bool,
    /// Another header of that name.
    pub(crate) second_proof: Option<&'static str>,
    /// Whether somebody else has signed it.
    pub(crate) forged: bool,
}

impl Parts {
    pub(crate) fn new(client: &'static str, parameters: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            method: "POST",
            content_type: FORM,
            basic: vec![(client, SECRET)],
            parameters: parameters.iter().map(own).collect(),
            tail: "",
            proof: None,
            unproven: false,
            second_proof: None,
            forged: false,
        }
    }

    /// Of a client that says who it is, or shows it in the form.
    pub(crate) fn without_basic(mut self) -> Self {
        self.basic.clear();
        self
    }

    pub(crate) fn proven_by(mut self, proof: Making) -> Self {
        self.proof = Some(proof);
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.parameters.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.parameters.retain(|parameter| parameter.0 != name);
    }

    /// Changes the proof; one that was left out is there again, and wrong.
    pub(crate) fn with_proof(&mut self, change: impl FnOnce(&mut Making)) {
        self.unproven = false;
        if let Some(proof) = &mut self.proof {
            change(proof);
        }
    }

    pub(crate) fn ask(&self) -> Ask {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&self.parameters);
        let ask = form(body.finish() + self.tail).method(self.method).content_type(self.content_type);
        let ask = self.basic.iter().fold(ask, |ask, (id, secret)| ask.basic(id, secret));
        let signed = self.proof.iter().filter(|_| !self.unproven).map(|proof| {
            if self.forged { proof.sign_by(|message| ProofKey::of(66).sign(message)) } else { proof.sign() }
        });
        let proofs = signed.chain(self.second_proof.map(str::to_owned));
        proofs.fold(ask, |ask, proof| ask.header("dpop", proof))
    }
}

/// What is wrong: the refusal that the host hears of, or the error that the client does where the host hears nothing.
pub(crate) type Fault<'a> = (&'a str, Box<dyn Fn(&mut Parts) + 'a>);

pub(crate) fn fault<'a>(why: &'a str, change: impl Fn(&mut Parts) + 'a) -> Fault<'a> {
    (why, Box::new(change))
}

/// What every endpoint that authenticates its client begins with, until it knows who it is.
pub(crate) fn head<'a>() -> Vec<Fault<'a>> {
    vec![
        fault("Method", |parts| parts.method = "PUT"),
        fault("ContentType", |parts| parts.content_type = "application/json"),
        fault("Form(", |parts| parts.tail = "&x=%zz"),
        fault("RepeatedParameter", |parts| {
            parts.parameters.extend([("scope".into(), "read".into()), ("scope".into(), "read".into())]);
        }),
    ]
}

/// What is cheap of a proof: RFC 9449 section 4.3 but for the signature, and section 8.
pub(crate) fn cheap_of_proof<'a>() -> Vec<Fault<'a>> {
    vec![
        fault("Proof(Several)", |parts| {
            parts.with_proof(|_| ());
            parts.second_proof = Some("second");
        }),
        fault("Proof(Jws(", |parts| parts.with_proof(|proof| proof.header["typ"] = "jwt".into())),
        fault("Proof(Method)", |parts| parts.with_proof(|proof| proof.claims["htm"] = "GET".into())),
        fault("Proof(Target)", |parts| {
            parts.with_proof(|proof| proof.claims["htu"] = "https://evil.example/token".into());
        }),
        fault("Proof(NonceUnknown)", |parts| parts.with_proof(|proof| proof.claims["nonce"] = "none".into())),
    ]
}

/// What is dear of a proof: RFC 9449 section 4.3, item 6.
pub(crate) fn signature<'a>() -> Fault<'a> {
    fault("Proof(Signature)", |parts| {
        parts.with_proof(|_| ());
        parts.forged = true;
    })
}

/// Where there has to be one.
pub(crate) fn no_proof<'a>() -> Fault<'a> {
    fault("NoProof", |parts| parts.unproven = true)
}

/// A client that authenticates by a secret.
pub(crate) fn secret_of_client<'a>() -> Vec<Fault<'a>> {
    vec![
        fault("TwoAuthentications", |parts| parts.set("client_secret", "whatever-it-is-of-the-app-or-not")),
        fault("WrongSecret", |parts| {
            for basic in &mut parts.basic {
                basic.1 = NOBODYS_SECRET;
            }
        }),
    ]
}

/// Without proofs.
pub(crate) fn common<'a>() -> Vec<Fault<'a>> {
    head().into_iter().chain(secret_of_client()).collect()
}

/// The same where each request comes with a proof.
pub(crate) fn common_with_proof<'a>() -> Vec<Fault<'a>> {
    head().into_iter().chain(cheap_of_proof()).chain(secret_of_client()).collect()
}

/// Sends each pair of faults in one request: the earlier one is the answer, and nothing is spent.
pub(crate) fn earlier_wins(
    base: &Parts,
    faults: &[Fault<'_>],
    send: impl Fn(&Ask) -> Response,
    told: impl Fn() -> Vec<String>,
    stored: impl Fn() -> BTreeMap<GrantId, Vec<u8>>,
) {
    let before = stored();
    for (at, (why, first)) in faults.iter().enumerate() {
        for (later, second) in &faults[at..] {
            let mut parts = base.clone();
            // The later one first: a repeated parameter is repeated whatever its value is.
            second(&mut parts);
            first(&mut parts);
            let reply = Reply::of(&send(&parts.ask()));
            let told = told();
            assert!(reply.status >= 400, "{why} and {later}");
            let heard = match &told[..] {
                [] => reply.text("error"),
                [one] => one.clone(),
                more => panic!("{why} and {later}: {more:?}"),
            };
            assert!(heard.contains(why), "{why} and {later}: {heard}");
            assert_eq!(stored(), before, "{why} and {later} spend nothing");
        }
    }
}

/// Which refusals the host heard of; a key that nobody has is told besides.
pub(crate) fn refusals(events: &[String]) -> Vec<String> {
    events.iter().filter(|event| event.starts_with("Refused") || event.starts_with("Failed")).cloned().collect()
}
