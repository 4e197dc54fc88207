//! Authorization codes: how a client comes by one, and what it does with it.

use regrant::{Authorization, Request, TokenStore};

use super::world::World;
use crate::kit::portal::{CHALLENGE, VERIFIER};
use crate::kit::schedule::run;
use crate::kit::wire::Call;

pub(crate) const REDIRECT_URI: &str = "https://app.example/cb";

/// What a request to redeem a code knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Knows {
    All,
    /// Not the verifier, which is what a thief of the code lacks.
    NotTheVerifier,
    AnotherVerifier,
    AnotherUri,
    /// All of it, but it is another client.
    AnotherClient,
}

impl<S: TokenStore> World<S> {
    /// A code for `subject`, who is logged in and says yes.
    pub(crate) fn code(&self, client_id: &str, subject: &str) -> String {
        self.code_for(client_id, subject, self.named())
    }

    /// The same for these resources.
    pub(crate) fn code_for(&self, client_id: &str, subject: &str, resources: &[&str]) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("state", "xyz")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(resources.iter().map(|resource| ("resource", resource)))
            .finish();
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = run(self.engine.authorize(&request, regrant::Timestamp::EPOCH)).expect("a request that holds");
        let approval = run(self.engine.approve(&asked, Authorization::of(subject), self.now()));
        let response = approval.expect("no page is asked for").response;
        let (_, location) = response.headers().find(|(name, _)| *name == "location").expect("a redirect");
        let (_, query) = location.split_once('?').expect("parameters");
        let code = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("a code in {location}")).1.into_owned()
    }
}

/// The request that redeems a code.
pub(crate) fn redeem(client_id: &str, other: &str, code: &str, knows: Knows) -> Call {
    let client_id = if knows == Knows::AnotherClient { other } else { client_id };
    let uri = if knows == Knows::AnotherUri { "https://app.example/other" } else { REDIRECT_URI };
    let call =
        Call::from(client_id).with("grant_type", "authorization_code").with("code", code).with("redirect_uri", uri);
    match knows {
        Knows::NotTheVerifier => call,
        Knows::AnotherVerifier => call.with("code_verifier", &VERIFIER.replace('d', "e")),
        Knows::All | Knows::AnotherUri | Knows::AnotherClient => call.with("code_verifier", VERIFIER),
    }
}
