//! Signing keys as a host sees them. What they sign is tested beside the code.

use std::sync::Arc;
use std::time::Duration;

use regrant::engine::EngineSlot;
use regrant::jwt::{
    GeneratedPem, IdClaims, JwtAccessTokens, SigningAlgorithm, SigningKey, SigningKeyError, SigningKeyStepError,
};
use regrant::{Key, Lifetimes, RootSecret};

use crate::kit::portal::{OnShelf, Portal, ScopeAsClaim, portal_as};
use crate::kit::{SECRET, at, secret};

/// The key of RFC 8037 appendix A.1.
const PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

#[test]
fn a_key_is_named_by_its_thumbprint() {
    let key = SigningKey::from_pkcs8_pem(PEM).unwrap();
    // RFC 8037 appendix A.3.
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(key.clone().algorithm(), SigningAlgorithm::EdDsa);
    assert_eq!(format!("{key:?}"), "SigningKey(EdDSA kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)");
}

#[test]
fn a_generated_key_is_read_back() {
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let (key, pem) = SigningKey::generate(algorithm).unwrap();
        let again = SigningKey::from_pkcs8_pem(pem.reveal()).unwrap();
        assert_eq!((again.kid(), again.algorithm()), (key.kid(), algorithm));
        assert_eq!(key.kid().len(), 43);
    }
}

/// By `openssl pkey`, where there is one.
#[test]
fn other_tools_read_the_pem() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
        let (_, pem) = SigningKey::generate(algorithm).unwrap();
        let openssl = Command::new("openssl")
            .args(["pkey", "-noout", "-check"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut openssl) = openssl else { return };
        openssl.stdin.take().unwrap().write_all(pem.reveal().as_bytes()).unwrap();
        let output = openssl.wait_with_output().unwrap();
        assert!(output.status.success(), "{algorithm}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn errors_say_nothing_of_the_key() {
    let error = SigningKey::from_pkcs8_pem("-----BEGIN EC PRIVATE KEY-----\nsecret").unwrap_err();
    assert_eq!(error, SigningKeyError::Pem);
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn keys_go_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<SigningKey>();
    shared::<GeneratedPem>();
    shared::<IdClaims>();
}

/// The header of a JWT, as text.
fn header(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap();
    String::from_utf8(base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

fn new_key(algorithm: SigningAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().0
}

/// RFC 7517 section 5, OpenID Connect Core section 10.1.1: nobody is shown a signature before its key.
#[test]
fn a_running_engine_goes_over_to_another_key_in_three_steps() {
    let (old, new) = (new_key(SigningAlgorithm::Es256), new_key(SigningAlgorithm::EdDsa));
    let lifetimes = Lifetimes::default().with_access_token(Duration::from_secs(1_000));
    let world = OnShelf::on_shelf(|builder| {
        let builder = builder.signing_key(old.clone()).jwt_access_tokens(JwtAccessTokens::new());
        builder.id_tokens(ScopeAsClaim).lifetimes(lifetimes)
    });
    let engine = &world.engine;
    let set = || String::from_utf8(engine.jwks().body().to_vec()).unwrap();
    // The moment that it names, of a step that came too early.
    let early = |step: Result<(), SigningKeyStepError>| match step {
        Err(SigningKeyStepError::TooEarly { at, .. }) => at,
        other => panic!("{other:?}"),
    };
    let by_old = world.login("portal", at(0));
    assert_eq!(engine.sign_with(new.kid(), at(0)), Err(SigningKeyStepError::NotPublished));
    engine.publish_signing_key(new.clone(), at(0)).unwrap();
    assert!(set().contains(old.kid()) && set().contains(new.kid()));
    assert_eq!(early(engine.sign_with(new.kid(), at(299))), at(300));
    assert_eq!(engine.retire_signing_key(old.kid(), at(299)), Err(SigningKeyStepError::Signing));
    let still_by_old = world.login("portal", at(299));
    assert!(header(&still_by_old.access_token()).contains(old.kid()), "what was refused changed nothing");
    engine.sign_with(new.kid(), at(300)).unwrap();
    let by_new = world.refresh("portal", &by_old.refresh_token(), at(300));
    for token in [by_new.access_token(), by_new.text("id_token")] {
        assert!(header(&token).contains(new.kid()) && header(&token).contains("EdDSA"));
    }
    for tokens in [&by_old, &still_by_old, &by_new] {
        assert!(world.bearer(&tokens.access_token(), at(301)).is_ok());
    }
    // 1,000 seconds of life, and 5 that clocks may differ by.
    assert_eq!(early(engine.retire_signing_key(old.kid(), at(1_304))), at(1_305));
    assert!(set().contains(old.kid()));
    engine.retire_signing_key(old.kid(), at(1_305)).unwrap();
    assert!(!set().contains(old.kid()) && set().contains(new.kid()));
    assert!(world.bearer(&by_old.access_token(), at(301)).is_err(), "whoever stole it makes no tokens any more");
    assert!(world.bearer(&by_new.access_token(), at(301)).is_ok());
    world.refresh("portal", &by_new.refresh_token(), at(1_306)).assert_ok();
}

/// Tokens of the lifetimes before are out, and another node may have signed them: the old key stays for as long as they live.
#[test]
fn a_key_waits_for_tokens_of_lifetimes_that_were_longer() {
    let (old, new) = (new_key(SigningAlgorithm::Es256), new_key(SigningAlgorithm::EdDsa));
    let of = |secs| Lifetimes::default().with_access_token(Duration::from_secs(secs));
    let build = |secs| {
        OnShelf::on_shelf(|builder| {
            builder.key(Key::from_bytes(1, &[1; 32])).signing_key(old.clone()).lifetimes(of(secs))
        })
    };
    let world = build(1_000);
    world.engine.set_lifetimes(of(5_000)).unwrap();
    world.engine.set_lifetimes(of(60)).unwrap();
    world.engine.publish_signing_key(new.clone(), at(0)).unwrap();
    world.engine.sign_with(new.kid(), at(300)).unwrap();
    let early = world.engine.retire_signing_key(old.kid(), at(5_304));
    assert!(matches!(early, Err(SigningKeyStepError::TooEarly { at: then, .. }) if then == at(5_305)), "{early:?}");
    // The engine that takes its place knows of them.
    let slot = EngineSlot::new(world.engine);
    slot.exchange(build(60).engine).unwrap();
    assert!(slot.engine().retire_signing_key(old.kid(), at(5_304)).is_err());
    slot.engine().retire_signing_key(old.kid(), at(5_305)).unwrap();
}

/// What a client's own lifetimes gave lives on when they are shorter in the engine that takes its place.
#[test]
fn an_exchange_remembers_the_lifetimes_of_clients() {
    let (old, new) = (new_key(SigningAlgorithm::Es256), new_key(SigningAlgorithm::EdDsa));
    let build = |secs: u64| -> OnShelf {
        let own = Lifetimes::default().with_access_token(Duration::from_secs(secs));
        Portal::new(Arc::default(), [portal_as("vault").secret(secret(SECRET)).lifetimes(own)], |builder| {
            builder.signing_key(old.clone()).jwt_access_tokens(JwtAccessTokens::new())
        })
    };
    let slot = EngineSlot::new(build(86_400).engine);
    slot.exchange(build(3_600).engine).unwrap();
    let engine = slot.engine();
    engine.publish_signing_key(new.clone(), at(0)).unwrap();
    engine.sign_with(new.kid(), at(300)).unwrap();
    // Another node may have signed until now by the day that its client had.
    assert!(engine.retire_signing_key(old.kid(), at(300 + 86_404)).is_err());
    engine.retire_signing_key(old.kid(), at(300 + 86_405)).unwrap();
}

/// After a restart: the host says since when, or waits anew.
#[test]
fn a_key_that_the_builder_was_given_waits_unless_the_host_knows_better() {
    let (old, new) = (new_key(SigningAlgorithm::Es256), new_key(SigningAlgorithm::EdDsa));
    let unknown = OnShelf::on_shelf(|builder| builder.signing_key(old.clone()).accept_signing_key(new.clone()));
    let known =
        OnShelf::on_shelf(|builder| builder.signing_key(old.clone()).accept_signing_key_since(new.clone(), at(0)));
    assert!(unknown.engine.sign_with(new.kid(), at(10_000)).is_err());
    assert!(unknown.engine.sign_with(new.kid(), at(10_300)).is_ok());
    assert!(known.engine.sign_with(new.kid(), at(299)).is_err());
    assert!(known.engine.sign_with(new.kid(), at(300)).is_ok());
}

#[test]
fn an_engine_that_signs_nothing_takes_no_steps() {
    let (world, key) = (OnShelf::simple(), new_key(SigningAlgorithm::EdDsa));
    assert_eq!(world.engine.publish_signing_key(key.clone(), at(0)), Err(SigningKeyStepError::NoSigningKeys));
    assert_eq!(world.engine.sign_with(key.kid(), at(0)), Err(SigningKeyStepError::NoSigningKeys));
    assert_eq!(world.engine.retire_signing_key(key.kid(), at(0)), Err(SigningKeyStepError::NoSigningKeys));
}

/// A client's own lifetimes count too, whichever node signed: what one does not know of, another has handed out.
#[test]
fn a_key_waits_for_tokens_of_clients_that_have_longer_ones() {
    let (old, new) = (new_key(SigningAlgorithm::Es256), new_key(SigningAlgorithm::EdDsa));
    let day = Lifetimes::default().with_access_token(Duration::from_secs(86_400));
    let world: OnShelf =
        Portal::new(Arc::default(), [portal_as("vault").secret(secret(SECRET)).lifetimes(day)], |builder| {
            builder.signing_key(old.clone()).jwt_access_tokens(JwtAccessTokens::new())
        });
    let engine = &world.engine;
    engine.publish_signing_key(new.clone(), at(0)).unwrap();
    engine.sign_with(new.kid(), at(300)).unwrap();
    for secs in [300, 300 + 86_404] {
        let early = engine.retire_signing_key(old.kid(), at(secs));
        let is_early = |at_last| matches!(early, Err(SigningKeyStepError::TooEarly { at, .. }) if at == at_last);
        assert!(is_early(at(300 + 86_400 + 5)), "{early:?}");
    }
    engine.retire_signing_key(old.kid(), at(300 + 86_405)).unwrap();
}

/// OpenID Connect Back-Channel Logout section 2.4: a logout token is good for two minutes, and another node may have signed it. Where logins
/// cannot name their session there is none.
#[test]
fn a_key_waits_for_logout_tokens() {
    let minute = Lifetimes::default().with_access_token(Duration::from_secs(60));
    for (has_sessions, issues_id_tokens, life) in [(true, true, 120), (true, false, 60), (false, true, 60)] {
        let (old, new) = (new_key(SigningAlgorithm::Es256), new_key(SigningAlgorithm::EdDsa));
        let world = OnShelf::on_shelf(|builder| {
            let builder = builder.signing_key(old.clone()).jwt_access_tokens(JwtAccessTokens::new()).lifetimes(minute);
            let builder = if issues_id_tokens { builder.id_tokens(ScopeAsClaim) } else { builder };
            if has_sessions { builder.root_secret(RootSecret::from_bytes(1, &[7; 32])) } else { builder }
        });
        world.engine.publish_signing_key(new.clone(), at(0)).unwrap();
        world.engine.sign_with(new.kid(), at(300)).unwrap();
        let early = world.engine.retire_signing_key(old.kid(), at(300 + life + 4));
        let end = at(300 + life + 5);
        assert!(matches!(early, Err(SigningKeyStepError::TooEarly { at, .. }) if at == end), "{life}: {early:?}");
        world.engine.retire_signing_key(old.kid(), end).unwrap();
    }
}
