//! What the configuration says: OpenID Connect Discovery 1.0 section 3, RP-Initiated Logout section 2.1, Back-Channel Logout section
//! 2.1. What is off is not in it, or said to be off where leaving it out says the contrary.

use regrant::engine::{MetadataMembers, Profile};
use regrant::jwt::OpenIdProvider;
use regrant::{Endpoints, MemoryStore, StaticClients};
use serde_json::{Value, json};

use super::provider::{Directory, shop, world};
use crate::kit::World;
use crate::kit::bank::{ISSUER, KEY, bank};

fn configuration(world: &World) -> Value {
    serde_json::from_slice(world.engine.openid_configuration().unwrap().body()).unwrap()
}

#[test]
fn what_is_on_is_said() {
    let world = world([shop("shop").pairwise_subjects(), shop("news")], |builder| {
        builder.openid(
            OpenIdProvider::new()
                .with_claims(["email", "sub"])
                .with_acr_values(["urn:mfa"])
                .with_claims_parameter(true),
        )
    });
    let said = configuration(&world);
    for (name, value) in [
        ("userinfo_endpoint", json!(format!("{ISSUER}/userinfo"))),
        ("end_session_endpoint", json!(format!("{ISSUER}/logout"))),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
        ("subject_types_supported", json!(["public", "pairwise"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        ("claims_parameter_supported", json!(true)),
        ("acr_values_supported", json!(["urn:mfa"])),
        (
            "claims_supported",
            json!(["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid", "email"]),
        ),
    ] {
        assert_eq!(said[name], value, "{name}");
    }
}

#[test]
fn what_is_off_is_not() {
    let said = configuration(&bank());
    assert_eq!(said["claims_parameter_supported"], json!(false));
    for name in [
        "userinfo_endpoint",
        "end_session_endpoint",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "claims_supported",
        "acr_values_supported",
        "frontchannel_logout_supported",
        "check_session_iframe",
    ] {
        assert!(said.get(name).is_none(), "{name}");
    }
    // An engine that could, and no client that would hear of it.
    let said = configuration(&world([crate::kit::bank::portal()], |builder| builder));
    assert_eq!(said["end_session_endpoint"], json!(format!("{ISSUER}/logout")));
    for name in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
        assert!(said.get(name).is_none(), "{name}");
    }
}

/// A host cannot claim what the engine does not do.
#[test]
fn a_host_does_not_say_it_for_the_engine() {
    for name in [
        "userinfo_endpoint",
        "end_session_endpoint",
        "backchannel_logout_supported",
        "frontchannel_logout_supported",
        "claims_supported",
        "acr_values_supported",
        "registration_endpoint",
        "client_id_metadata_document_supported",
        "mtls_endpoint_aliases",
    ] {
        assert!(MetadataMembers::new().with(name, "x").is_err(), "{name}");
    }
}

/// Nor does a registry for the profile: FAPI 2.0 has no ID tokens by a secret (section 5.4.1), whatever clients there are.
#[test]
fn a_profile_does_not_promise_what_it_refuses() {
    let by_secret = shop("shop").id_token_signed_response_alg("HS256");
    let clients = [by_secret, crate::kit::profiles::key_client()];
    let clients = clients.into_iter().fold(StaticClients::new(), |all, one| all.with(one.build().unwrap()).unwrap());
    let events = crate::kit::Events::default();
    let profile = Profile::Fapi2Security;
    let engine = crate::kit::profiles::profiled(MemoryStore::new(), clients, profile, &events)
        .signing_key(KEY.clone())
        .id_tokens(Directory)
        .endpoints(crate::kit::profiles::endpoints().with_jwks("/jwks"))
        .build()
        .unwrap();
    let said: Value = serde_json::from_slice(engine.openid_configuration().unwrap().body()).unwrap();
    assert_eq!(said["id_token_signing_alg_values_supported"], json!(["ES256"]));
}

/// RFC 8705 section 5: a token that is bound to a certificate is shown at userinfo too.
#[test]
fn userinfo_has_an_alias_for_who_shows_a_certificate() {
    let aliases = Endpoints::new().with_userinfo("https://mtls.example/userinfo");
    let places = Endpoints::new().with_authorization("/a").with_token("/t").with_jwks("/j").with_mtls_aliases(aliases);
    let said = configuration(&world([shop("shop")], |builder| builder.endpoints(places)));
    assert_eq!(said["mtls_endpoint_aliases"], json!({"userinfo_endpoint": "https://mtls.example/userinfo"}));
}
