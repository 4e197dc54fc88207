//! Data of the host's own: with a grant, published by nothing, read back by the host.

use base64::Engine as _;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Authorization, HostData, MemoryStore};
use std::fmt::Write as _;

use crate::kit::at;
use crate::kit::portal::{OnShelf, Portal, query, run};

const MARKER: &str = "zq-Marker-of-the-host";

fn data() -> HostData {
    HostData::of(&("Pixel 9", MARKER)).unwrap()
}

#[test]
fn a_host_reads_back_what_it_kept_and_nobody_else_does() {
    let (key, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    for world in [OnShelf::simple(), OnShelf::signing(key, JwtAccessTokens::new())] {
        let alice = Authorization::of("alice").with_host_data(data());
        let landing = world.approve(&query("portal"), alice, at(0));
        let first = world.redeem("portal", landing.get("code").unwrap(), at(1));
        let second = world.refresh("portal", &first.refresh_token(), at(2));
        let retried = world.refresh("portal", &first.refresh_token(), at(3));
        let mut published = format!("{landing:?} {:?}", world.events.take());
        for reply in [&first, &second, &retried] {
            let access = world.bearer(&reply.access_token(), at(4)).unwrap();
            assert_eq!(access.host_data(), Some(&data()));
            assert_eq!(access.grant().unwrap().host_data(), Some(&data()));
            write!(published, "{access:?} {:?}", access.grant()).unwrap();
            let introspected = world.introspect("api", &reply.access_token(), at(4));
            for body in [&reply.body, &introspected.body] {
                published += &String::from_utf8_lossy(body);
            }
            for token in
                [reply.access_token(), reply.json().get("id_token").map(ToString::to_string).unwrap_or_default()]
            {
                let claims = token.split('.').nth(1).unwrap_or_default();
                let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
                published += &String::from_utf8_lossy(&claims);
            }
        }
        let sessions = run(world.engine.sessions("alice", None, 10, at(5))).unwrap().sessions;
        let [session] = sessions.as_slice() else { panic!("one session") };
        assert_eq!(session.host_data().unwrap().read::<(String, String)>().unwrap().0, "Pixel 9");
        assert!(session.fields().is_empty());
        write!(published, "{session:?} {:?}", session.host_data()).unwrap();
        assert!(!published.contains(MARKER) && !published.contains("Pixel"), "{published}");
    }
}

/// OpenID Connect Core section 2: `auth_time` is of the login, the grant may be later.
#[test]
fn a_session_tells_when_the_person_logged_in_and_what_its_responses_say() {
    let world = OnShelf::simple();
    let fields = regrant::ResponseFields::new().with("home_uri", "/").unwrap();
    let alice = Authorization::of("alice").with_authenticated_at(at(3)).with_fields(fields.clone());
    let landing = world.approve(&query("portal"), alice, at(50));
    world.redeem("portal", landing.get("code").unwrap(), at(51)).assert_ok();
    let sessions = run(world.engine.sessions("alice", None, 10, at(60))).unwrap().sessions;
    let [session] = sessions.as_slice() else { panic!("one session") };
    assert_eq!((session.authenticated_at(), session.created_at()), (Some(at(3)), at(50)));
    assert_eq!(session.last_refreshed_at(), at(51));
    assert_eq!(session.fields(), &fields);
    assert!(session.host_data().is_none());
}

/// In a realm the record has other members already.
#[test]
fn it_goes_with_the_realm() {
    let world = Portal::new(std::sync::Arc::new(MemoryStore::new()), [], |builder| builder.realm("shop"));
    let alice = Authorization::of("alice").with_host_data(data());
    let landing = world.approve(&query("portal"), alice, at(0));
    let tokens = world.redeem("portal", landing.get("code").unwrap(), at(1));
    let access = world.bearer(&tokens.access_token(), at(2)).unwrap();
    assert_eq!((access.subject(), access.host_data()), (Some("alice"), Some(&data())));
    assert_eq!(access.grant().unwrap().realm(), Some("shop"));
    assert_eq!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 1);
}

#[test]
fn a_plain_grant_stays_what_it_was() {
    let shelf = OnShelf::simple();
    shelf.login("portal", at(0));
    assert!(shelf.store.bytes().values().all(|bytes| bytes[0] == 1), "a record of format 1");
}

#[test]
fn it_has_a_bound_and_no_form() {
    use regrant::grant::HostDataError;
    assert!(matches!(HostData::from_bytes(&[]), Err(HostDataError::Empty)));
    assert!(matches!(HostData::from_bytes(&[7; HostData::MAX_BYTES + 1]), Err(HostDataError::TooLong)));
    assert!(matches!(HostData::of(&"x".repeat(HostData::MAX_BYTES - 1)), Err(HostDataError::TooLong)));
    let most = HostData::from_bytes(&[0xff; HostData::MAX_BYTES]).unwrap();
    assert!(matches!(most.read::<String>(), Err(HostDataError::Json(_))));
    assert_eq!(format!("{most:?}"), "HostData(4096 bytes)");
    let error = HostData::of("secret").unwrap().read::<u32>().unwrap_err();
    assert!(!error.to_string().contains("secret"));
    let world = OnShelf::simple();
    let landing = world.approve(&query("portal"), Authorization::of("alice").with_host_data(most.clone()), at(0));
    let tokens = world.redeem("portal", landing.get("code").unwrap(), at(1));
    assert_eq!(world.bearer(&tokens.access_token(), at(2)).unwrap().host_data(), Some(&most));
}

/// JWTs that are believed by their signature alone: no record is read.
#[test]
fn without_the_record_there_is_none() {
    let (key, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let world = OnShelf::signing(key, JwtAccessTokens::new().danger_signature_alone());
    let landing = world.approve(&query("portal"), Authorization::of("alice").with_host_data(data()), at(0));
    let tokens = world.redeem("portal", landing.get("code").unwrap(), at(1));
    let access = world.bearer(&tokens.access_token(), at(2)).unwrap();
    assert!(access.grant().is_none() && access.host_data().is_none());
}
