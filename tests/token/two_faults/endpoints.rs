//! Codes, devices and the other grants, pushed requests, and what is said about a token.

use super::*;

/// A code is not burnt by any of it.
#[test]
fn a_bound_code() {
    let world = town();
    let jkt = ProofKey::of(1).thumbprint();
    let code = |secs| {
        let query = format!(
            "response_type=code&client_id=app&redirect_uri={CALLBACK}&code_challenge={CHALLENGE}\
             &code_challenge_method=S256&dpop_jkt={jkt}"
        );
        run(async {
            let request = Request::new("GET", b"").with_query(query.as_bytes());
            let asked = world.engine.authorize(&request, at(secs)).await.unwrap();
            let approval = Authorization::of("alice").with_page_shown();
            Landing::of(&world.engine.approve(&asked, approval, at(secs)).await.unwrap().response)
        })
    };
    let code = |secs| code(secs).get("code").unwrap().to_owned();
    let (own, old) = (code(NOW - 1), code(NOW - 61));
    let of = |code: &str| {
        Parts::new(
            "app",
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ],
        )
    };
    let base = of(&own).proven_by(world.proof_at(At::Token, 1, NOW));
    let (made_up, no_grant) = (forged(&own), altered(&own, 5));
    for (why, text) in [("Shape", "short"), ("NoGrant", &no_grant), ("Mac", &made_up), ("Expired", &old)] {
        let mut faults = common_with_proof();
        faults.push(no_proof());
        faults.push(unauthorized());
        let of_code = || fault(why, |parts| parts.set("code", text));
        let is_early = why != "Expired";
        if is_early {
            faults.push(of_code());
        }
        faults.push(fault("AnotherClient", |parts| parts.basic = vec![("other", OTHER_SECRET)]));
        faults.extend([signature(), another_key()]);
        if !is_early {
            faults.push(of_code());
        }
        faults.push(fault("RedirectUri", |parts| parts.set("redirect_uri", "https://portal.example/other")));
        faults.push(fault("Verifier", |parts| parts.set("code_verifier", &VERIFIER.replace('d', "e"))));
        faults.push(fault("Target", |parts| parts.set("resource", "https://nowhere.example/")));
        faults.push(hook());
        world.table(At::Token, &base, &faults);
    }
    world.works(At::Token, &base, 200);
}

#[test]
fn client_credentials() {
    let world = town();
    let base = Parts::new("app", &[("grant_type", "client_credentials")]);
    let base = base.proven_by(world.proof_at(At::Token, 1, NOW));
    let mut faults = common_with_proof();
    faults.push(no_proof());
    faults.push(fault("UnsupportedGrantType", |parts| parts.set("grant_type", "urn:nobody")));
    faults.push(unauthorized());
    faults.push(signature());
    faults.extend(scope_and_target());
    faults.push(hook());
    world.table(At::Token, &base, &faults);
    assert!(world.store.bytes().is_empty());
    // The proof is not spent either: it makes one grant, and no second.
    let once = || Reply::of(&world.to(At::Token, &base.ask(), NOW));
    once().assert_ok();
    once().assert_error(400, "invalid_dpop_proof");
}

/// A device begins, and polls (RFC 8628 sections 3.1 and 3.4).
#[test]
fn a_device() {
    let world = town();
    let begin = |secs| {
        let parts = Parts::new("app", &[]).proven_by(world.proof_at(At::Device, 1, secs));
        Reply::of(&world.to(At::Device, &parts.ask(), secs))
    };
    let base = Parts::new("app", &[]).proven_by(world.proof_at(At::Device, 1, NOW));
    let mut faults = common_with_proof();
    faults.push(no_proof());
    faults.push(unauthorized());
    faults.extend(scope_and_target());
    faults.push(signature());
    world.table(At::Device, &base, &faults);
    assert!(world.store.bytes().is_empty(), "no device has a place");
    let answer = |begun: &Reply, approves: bool, secs| {
        run(async {
            let login = world.engine.device_login(&begun.text("user_code"), "alice", None, at(secs)).await.unwrap();
            if approves {
                world.engine.approve_device(&login, Authorization::of("alice"), at(secs)).await.unwrap();
            } else {
                world.engine.deny_device(&login, at(secs)).await.unwrap();
            }
        });
    };
    let (own, denied, pending) = (begin(NOW - 60), begin(NOW - 60), begin(NOW - 60));
    let late = begin(1);
    answer(&own, true, NOW - 30);
    answer(&denied, false, NOW - 30);
    world.events.take();
    let code = own.text("device_code");
    let base = Parts::new("app", &[("grant_type", DEVICE_CODE), ("device_code", &code)]);
    let base = base.proven_by(world.proof_at(At::Token, 1, NOW));
    let (made_up, no_grant) = (forged(&code), altered(&code, 5));
    let (denied, pending, late) = (denied.text("device_code"), pending.text("device_code"), late.text("device_code"));
    for (why, text, is_early) in [
        ("Shape", "short", true),
        ("NoGrant", &no_grant, true),
        ("Mac", &made_up, true),
        ("DeviceDenied", &denied, false),
        ("DeviceExpired", &late, false),
        ("authorization_pending", &pending, false),
    ] {
        let mut faults = common_with_proof();
        faults.push(no_proof());
        faults.push(unauthorized());
        let of_code = || fault(why, |parts| parts.set("device_code", text));
        if is_early {
            faults.push(of_code());
        }
        faults.push(fault("AnotherClient", |parts| parts.basic = vec![("other", OTHER_SECRET)]));
        faults.extend([signature(), another_key()]);
        // A device that polls in time is told so once in an interval.
        if !is_early && why != "authorization_pending" {
            faults.push(of_code());
        }
        if why != "authorization_pending" {
            faults.push(fault("Target", |parts| parts.set("resource", "https://nowhere.example/")));
            faults.push(hook());
        }
        world.table(At::Token, &base, &faults);
        if why == "authorization_pending" {
            let mut parts = base.clone();
            for (_, change) in [of_code(), hook()] {
                change(&mut parts);
            }
            let reply = Reply::of(&world.to(At::Token, &parts.ask(), NOW));
            reply.assert_error(400, why);
        }
    }
    world.works(At::Token, &base, 200);
}

/// Token exchange (RFC 8693): nothing is written but what was used once.
#[test]
fn an_exchange() {
    let world = town();
    let login = login("phone", "alice");
    let subject = Reply::of(&world.to(At::Token, &login.ask(), NOW - 10)).assert_ok().access_token();
    world.events.take();
    let base = Parts::new(
        "app",
        &[("grant_type", EXCHANGE), ("subject_token", &subject), ("subject_token_type", ACCESS), ("audience", API)],
    );
    let base = base.proven_by(world.proof_at(At::Token, 1, NOW));
    let made_up = forged(&subject);
    for (why, text) in [("SubjectToken(Grant(Shape))", "short"), ("SubjectToken(Grant(Mac))", made_up.as_str())] {
        let mut faults = common_with_proof();
        faults.push(no_proof());
        faults.push(unauthorized());
        faults.push(fault("MissingParameter", |parts| parts.remove("subject_token")));
        faults.push(fault("TokenType", |parts| parts.set("subject_token_type", "urn:nothing")));
        faults.push(fault("RequestedTokenType", |parts| parts.set("requested_token_type", "urn:nothing")));
        faults.push(fault("Target", |parts| parts.set("resource", "no URI")));
        faults.push(signature());
        faults.push(fault(why, |parts| parts.set("subject_token", text)));
        faults.push(fault("ActorToken(Grant(Shape))", |parts| {
            parts.set("actor_token", "short");
            parts.set("actor_token_type", ACCESS);
        }));
        faults.push(fault("Scope", |parts| parts.set("scope", "everything")));
        faults.push(fault("Policy", |parts| parts.set("policy", "no")));
        faults.push(fault("Target", |parts| parts.set("audience", "urn:another")));
        world.table(At::Token, &base, &faults);
    }
    world.works(At::Token, &base, 200);
}

/// An assertion as a grant (RFC 7523 section 2.1) is used once, and by no refusal.
#[test]
fn an_assertion_as_a_grant() {
    let world = town();
    let signer = Signer::new("partner");
    let now = at(NOW).as_secs();
    let jkt = ProofKey::of(1).thumbprint();
    let claims = json!({
        "iss": PARTNER, "sub": "carol", "aud": ISSUER, "iat": now, "exp": now + 300, "jti": "a", "cnf": {"jkt": jkt},
    });
    let of = |signer: &Signer, name: &str, value: &str| {
        let mut claims = claims.clone();
        claims[name] = Value::from(value);
        signer.jwt(&Signer::new("partner").header("EdDSA"), &claims)
    };
    let good = of(&signer, "jti", "a");
    let (nobody, elsewhere) = (of(&signer, "iss", "https://nobody.example"), of(&signer, "aud", "https://x.example"));
    let (made_up, stranger) = (of(&Signer::new("evil"), "jti", "a"), of(&signer, "sub", "mallory"));
    let base = Parts::new("app", &[("grant_type", JWT_BEARER), ("assertion", &good)]);
    let base = base.proven_by(world.proof_at(At::Token, 1, NOW));
    let mut faults = common_with_proof();
    faults.push(no_proof());
    faults.push(unauthorized());
    faults.push(fault("MissingParameter", |parts| parts.remove("assertion")));
    faults.push(fault("Assertion(Jws(Compact))", |parts| parts.set("assertion", "a.b")));
    faults.push(fault("Assertion(Issuer)", |parts| parts.set("assertion", &nobody)));
    faults.push(fault("Assertion(Audience)", |parts| parts.set("assertion", &elsewhere)));
    faults.push(fault("Assertion(Signature)", |parts| parts.set("assertion", &made_up)));
    faults.push(signature());
    faults.push(fault("Assertion(Unproven)", by_another_key));
    faults.extend(scope_and_target());
    faults.push(fault("Handler(", |parts| parts.set("assertion", &stranger)));
    faults.push(hook());
    world.table(At::Token, &base, &faults);
    assert!(world.store.bytes().is_empty());
    world.works(At::Token, &base, 200);
    // Used for this; for another scope it is not.
    let mut other = Parts { proof: Some(world.proof_at(At::Token, 1, NOW)), ..base.clone() };
    other.set("scope", "read");
    Reply::of(&world.to(At::Token, &other.ask(), NOW)).assert_error(400, "invalid_grant");
}

/// Pushed requests (RFC 9126 section 2.1): the request itself comes after whose it is.
#[test]
fn a_pushed_request() {
    let world = town();
    let base = Parts::new(
        "app",
        &[
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", CALLBACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ],
    );
    let base = base.proven_by(world.proof_at(At::Push, 1, NOW));
    let mut faults = common_with_proof();
    let mismatch = fault("ClientIdMismatch", |parts| parts.set("client_id", "other"));
    faults.insert(faults.len() - 1, mismatch);
    faults.push(fault("PushedRequestUri", |parts| parts.set("request_uri", "urn:any")));
    faults.push(signature());
    let request = || {
        // One that names a key and proves none is no fault (RFC 9449 section 10), so these two are not of one table.
        let of_key = [no_proof(), fault("DpopJkt", |parts| parts.set("dpop_jkt", &ProofKey::of(2).thumbprint()))];
        of_key.map(|row| {
            let uri = fault("UnregisteredRedirectUri", |parts| parts.set("redirect_uri", "https://evil.example/"));
            [row, uri, fault("ResponseType", |parts| parts.set("response_type", "token"))]
        })
    };
    for rows in request() {
        let faults: Vec<Fault<'_>> = faults.iter().map(|(why, change)| fault(why, change)).chain(rows).collect();
        world.table(At::Push, &base, &faults);
    }
    assert!(world.store.bytes().is_empty());
    world.works(At::Push, &base, 201);
}

/// Revocation and introspection (RFC 7009, RFC 7662): no proof is looked at there, so none is wrong.
#[test]
fn what_is_said_about_a_token() {
    let world = town();
    let parts = Parts::new("app", &[("grant_type", "password"), ("username", "alice"), ("password", "any")]);
    let token = world.with_key(&parts, 1, NOW - 10).refresh_token();
    let base = Parts::new("app", &[("token", &token)]).proven_by(ProofKey::of(3).proof("GET", "https://evil.example"));
    let mut faults = common();
    faults.push(fault("MissingParameter", |parts| parts.remove("token")));
    for desk in [At::Introspect, At::Revoke] {
        world.table(desk, &base, &faults);
    }
    assert_eq!(world.works_bare(At::Introspect, &base).json()["active"], true);
    world.works_bare(At::Revoke, &base);
    assert_eq!(world.works_bare(At::Introspect, &base).json()["active"], false);
}
