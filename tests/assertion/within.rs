//! Whatever the assertion, the client, the request and the policy are: what is granted is within each, or nothing is.

use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;
use regrant::engine::{AssertionPolicy, AssertionRequest, Dpop, JwtBearer};
use regrant::{Authorization, GrantError, Resource, Scope};
use serde_json::{Value, json};

use super::desk::*;
use crate::kit::portal::ISSUER;
use crate::kit::proof::ProofKey;
use crate::kit::scope;

const SCOPES: [&str; 5] = ["read", "write", "admin", "root", "mail"];
const RESOURCES: [&str; 3] = ["https://a.example/", "https://b.example/", "https://unknown.example/"];

/// Lets everybody in, with this scope at most.
struct Most(Arc<Mutex<Option<Scope>>>);

impl AssertionPolicy for Most {
    async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
        let authorization = Authorization::of("alice");
        assert!(request.scope().is_subset_of(request.client().scope()));
        Ok(match &*self.0.lock() {
            Some(most) => authorization.with_scope(most.clone()),
            None => authorization,
        })
    }
}

fn words(all: &'static [&'static str]) -> impl Strategy<Value = Option<Vec<&'static str>>> {
    prop::option::of(prop::sample::subsequence(all, 0..=all.len()))
}

fn joined(words: Option<&Vec<&str>>) -> Option<String> {
    words.map(|words| words.join(" "))
}

/// What is wrong with an assertion, if anything: the claim, and its value.
fn flaw() -> impl Strategy<Value = Option<(&'static str, Value)>> {
    let flaws = prop::sample::select(vec![
        ("iss", json!("https://evil.example")),
        ("sub", json!("")),
        ("sub", json!(IDP)),
        ("aud", json!("https://evil.example")),
        ("aud", json!([ISSUER, "https://evil.example"])),
        ("client_id", json!("mail")),
        ("exp", json!(0)),
        ("exp", json!(u64::MAX)),
        ("iat", json!(u64::MAX)),
        ("nbf", json!(u64::MAX)),
        ("jti", json!("")),
        ("scope", json!([])),
        ("resource", json!([7])),
        ("cnf", json!({})),
        ("tenant", json!(7)),
        ("authorization_details", json!([{}])),
    ]);
    prop_oneof![3 => Just(None), 1 => flaws.prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_granted_beyond_the_policy_the_client_and_the_assertion(
        policy in words(&SCOPES),
        claimed in words(&SCOPES),
        asked in words(&SCOPES),
        resources in words(&RESOURCES),
        named in prop::sample::subsequence(&RESOURCES[..], 0..=2),
        bound in prop::option::of(1_u8..3),
        proven in prop::option::of(1_u8..3),
        flaw in flaw(),
        with_resources: bool,
        jag: bool,
    ) {
        let most = Arc::new(Mutex::new(None));
        *most.lock() = joined(policy.as_ref()).map(|text| scope_or_empty(&text));
        let desk = Desk::with(|builder| {
            let issuers = JwtBearer::new(Most(Arc::clone(&most))).with_issuer(trusted_idp()).with_issuer(trusted_partner());
            let builder = builder.jwt_bearer(issuers).dpop(Dpop::new());
            if !with_resources {
                return builder;
            }
            builder
                .resource(Resource::new(RESOURCES[0]).with_scopes(scope("read")))
                .resource(Resource::new(RESOURCES[1]).with_scopes(scope("write")))
                .default_resource(RESOURCES[0])
        });
        let mut claims = if jag { jag_claims("a", 0) } else { but(partner_claims(0), "jti", json!("a")) };
        if let Some(text) = joined(claimed.as_ref()) {
            claims["scope"] = json!(text);
        }
        if let Some(resources) = &resources {
            claims["resource"] = json!(resources);
        }
        if let Some(key) = bound {
            claims["cnf"] = json!({"jkt": ProofKey::of(key).thumbprint()});
        }
        if let Some((name, value)) = &flaw {
            claims[*name] = value.clone();
        }
        let text = if jag { signed_jag(&claims) } else { signed_by(&partner(), &claims) };
        let scope_asked = joined(asked.as_ref()).filter(|text| !text.is_empty());
        let scope_asked = scope_asked.map(|text| format!("&scope={}", text.replace(' ', "+"))).unwrap_or_default();
        let resources_asked: Vec<String> = named.iter().map(|resource| format!("&resource={resource}")).collect();
        let more = scope_asked + &resources_asked.concat();
        let ask = asking("chat", &text, &more);
        let reply = match proven {
            Some(key) => desk.proven(ask, key, 0),
            None => desk.send(&ask, 0),
        };
        // A flaw that does not count for this kind is none.
        let counts = |name: &str, value: &Value| jag || name != "client_id" && *value != json!(IDP);
        if let Some((name, _)) = flaw.as_ref().filter(|(name, value)| counts(name, value)) {
            prop_assert!(reply.status == 400, "{name} {reply:?}");
        }
        if reply.status != 200 {
            prop_assert!(matches!(reply.status, 400), "{reply:?}");
            prop_assert!(desk.store.bytes().is_empty(), "what is refused leaves nothing behind");
            return Ok(());
        }
        let granted = scope_or_empty(&reply.text("scope"));
        let within = |limit: Option<&Vec<&str>>| limit.is_none_or(|limit| granted.iter().all(|token| limit.contains(&token)));
        prop_assert!(granted.iter().all(|token| ["read", "write", "admin"].contains(&token)), "the client's");
        prop_assert!(within(policy.as_ref()), "the policy's: {reply:?}");
        prop_assert!(within(claimed.as_ref()), "the assertion's: {reply:?}");
        prop_assert!(within(asked.as_ref().filter(|asked| !asked.is_empty())), "the request's: {reply:?}");
        prop_assert!(bound.is_none() || proven == bound, "whoever proves the key");
        let told = desk.introspect(&reply.access_token(), 1);
        prop_assert_eq!(told["active"].as_bool(), Some(true));
        prop_assert_eq!(told["cnf"]["jkt"].as_str().map(str::to_owned), proven.map(|key| ProofKey::of(key).thumbprint()));
        prop_assert!(!reply.json().contains_key("refresh_token"));
        prop_assert!(reply.json()["expires_in"].as_u64().is_some_and(|secs| secs <= 300 + 10 + 600));
        if with_resources {
            let audience = match &told["aud"] {
                Value::String(one) => vec![one.clone()],
                several => several.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            };
            prop_assert!(!audience.is_empty());
            if let Some(resources) = &resources {
                prop_assert!(audience.iter().all(|one| resources.contains(&one.as_str())), "{audience:?}");
            }
            if !named.is_empty() {
                prop_assert!(audience.iter().all(|one| named.contains(&one.as_str())), "{audience:?}");
            }
        } else {
            prop_assert!(resources.is_none(), "what is for a resource is not for whatever this engine guards");
        }
    }
}

/// These words, and maybe more.
fn with_words(
    words: &'static [&'static str],
    more: &'static [&'static str],
) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(more, 0..=more.len()).prop_map(move |more| [words, &more].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The other half: where nothing is wrong and the limits meet, the answer is a token for exactly what is within all of them.
    #[test]
    fn what_is_within_the_policy_the_client_and_the_assertion_is_granted(
        policy in prop::option::of(with_words(&["read"], &["write", "root", "mail"])),
        claimed in prop::option::of(with_words(&["read", "write"], &["admin", "root"])),
        asked in prop::option::of(with_words(&["read"], &["write"])),
        proven in prop::option::of(1_u8..3),
        is_bound: bool,
        for_resource: bool,
        jag: bool,
    ) {
        let most = Arc::new(Mutex::new(joined(policy.as_ref()).map(|text| scope(&text))));
        let desk = Desk::with(|builder| {
            let issuers = JwtBearer::new(Most(Arc::clone(&most))).with_issuer(trusted_idp()).with_issuer(trusted_partner());
            let builder = builder.jwt_bearer(issuers).dpop(Dpop::new());
            if !for_resource {
                return builder;
            }
            builder.resource(Resource::new(RESOURCES[0]).with_scopes(scope("read write admin"))).default_resource(RESOURCES[0])
        });
        let mut claims = if jag { jag_claims("a", 0) } else { but(partner_claims(0), "jti", json!("a")) };
        if let Some(text) = joined(claimed.as_ref()) {
            claims["scope"] = json!(text);
        }
        if let Some(key) = proven.filter(|_| is_bound) {
            claims["cnf"] = json!({"jkt": ProofKey::of(key).thumbprint()});
        }
        if for_resource {
            claims["resource"] = json!(RESOURCES[0]);
        }
        let text = if jag { signed_jag(&claims) } else { signed_by(&partner(), &claims) };
        let more = joined(asked.as_ref()).map(|text| format!("&scope={}", text.replace(' ', "+"))).unwrap_or_default();
        let ask = asking("chat", &text, &more);
        let reply = match proven {
            Some(key) => desk.proven(ask, key, 0),
            None => desk.send(&ask, 0),
        };
        prop_assert_eq!(reply.status, 200, "{:?}", reply);
        // What is asked for; of what the assertion has, the client's; the client's own.
        let wanted = asked.or(claimed).unwrap_or_else(|| vec!["read", "write"]);
        let mut expected: Vec<_> = wanted
            .into_iter()
            .filter(|token| ["read", "write", "admin"].contains(token))
            .filter(|token| policy.as_ref().is_none_or(|most| most.contains(token)))
            .collect();
        let granted = scope_or_empty(&reply.text("scope"));
        let mut granted: Vec<_> = granted.iter().collect();
        expected.sort_unstable();
        granted.sort_unstable();
        prop_assert_eq!(granted, expected);
        prop_assert_eq!(desk.grants().len(), 1);
        prop_assert_eq!(desk.introspect(&reply.access_token(), 1)["active"].as_bool(), Some(true));
    }
}

fn scope_or_empty(text: &str) -> Scope {
    if text.is_empty() { Scope::empty() } else { scope(text) }
}
