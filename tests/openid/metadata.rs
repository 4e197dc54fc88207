//! What the configuration says: OpenID Connect Discovery 1.0 section 3, RP-Initiated Logout section 2.1, Back-Channel Logout section
//! 2.1. What is off is not in it, or said to be off where leaving it out says the contrary.

use regrant::engine::MetadataMembers;
use regrant::jwt::OpenIdProvider;
use serde_json::{Value, json};

use super::provider::{shop, world};
use crate::kit::World;
use crate::kit::bank::{ISSUER, bank};

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
            json!(["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "email"]),
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
}

/// A host cannot claim what the engine does not do.
#[test]
fn a_host_does_not_say_it_for_the_engine() {
    for name in
        ["userinfo_endpoint", "end_session_endpoint", "backchannel_logout_supported", "frontchannel_logout_supported"]
    {
        assert!(MetadataMembers::new().with(name, "x").is_err(), "{name}");
    }
}
