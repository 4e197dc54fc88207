//! Refresh tokens: bound, older ones, and another server's.

use super::*;

/// Law 18, and RFC 9449 section 8: who finds a bound token without its key changes nothing, whatever else is wrong.
#[test]
fn a_bound_refresh() {
    let world = town();
    let refresh = |client, person, began| world.with_key(&login(client, person), 1, began).refresh_token();
    let token = refresh("phone", "alice", NOW - 100);
    let no_proof_wanted = public("phone", &renewal_of(&token));
    let base = no_proof_wanted.proven_by(world.proof_at(At::Token, 1, NOW));
    let (unknown_key, no_grant, made_up) = (altered(&token, 0), altered(&token, 5), forged(&token));
    let theirs = refresh("fleet", "alice", NOW - 100);
    let older = refresh("phone", "bob", 3_000);
    world.with_key(&public("phone", &renewal_of(&older)), 1, 3_100);
    // Not the next one of a token that was lost: the grant of before its client's `not_before` is made by a clock that was behind.
    let voided = {
        let request = login("phone", "carol").proven_by(world.proof_at(At::Token, 1, NOW));
        let proof = Reply::of(&run(world.engine.token(&request.ask().request(), Timestamp::from_secs(1_000))));
        assert_eq!(proof.text("error"), "use_dpop_nonce");
        let nonce = proof.header("dpop-nonce")[0].to_owned();
        let request = Parts { proof: request.proof.map(|proof| proof.nonce(&nonce)), ..request };
        let reply = Reply::of(&run(world.engine.token(&request.ask().request(), Timestamp::from_secs(1_000))));
        reply.assert_ok().refresh_token()
    };
    let (expired, guest) = (refresh("phone", "dora", 1), refresh("phone", "guest", NOW - 100));
    world.events.take();
    let early = ["Shape", "UnknownKey", "NoGrant", "Mac", "AnotherClient"];
    let early = early.into_iter().zip(["short", &unknown_key, &no_grant, &made_up, &theirs]);
    let late = [("NotBefore", &voided), ("Expired", &expired), ("NotRenewable", &guest)];
    let of_token =
        early.map(|(why, text)| (why, text, true)).chain(late.map(|(why, text)| (why, text.as_str(), false)));
    for (why, text, is_early) in of_token {
        let mut faults: Vec<Fault<'_>> = head().into_iter().chain(cheap_of_proof()).collect();
        faults.push(fault("UnknownClient", |parts| parts.set("client_id", "nobody")));
        faults.push(fault("UnsupportedGrantType", |parts| parts.set("grant_type", "urn:nobody")));
        let of_token = || fault(why, |parts| parts.set("refresh_token", text));
        if is_early {
            faults.push(of_token());
        }
        faults.extend([signature(), no_proof(), another_key()]);
        if !is_early {
            faults.push(of_token());
        }
        faults.extend(scope_and_target());
        faults.push(hook());
        world.table(At::Token, &base, &faults);
    }
    // An older token beside any fault that is judged before it ends nothing.
    let mut faults: Vec<Fault<'_>> = head().into_iter().chain(cheap_of_proof()).collect();
    faults.extend([signature(), no_proof(), another_key()]);
    let of_older = Parts { parameters: public("phone", &renewal_of(&older)).parameters, ..base.clone() };
    world.table(At::Token, &of_older, &faults);
    world.works(At::Token, &base, 200);
    // And beside any that is judged after it, it does (RFC 9700 section 4.14.2): whoever has it may ask for too much.
    let later = scope_and_target().into_iter().chain([hook()]);
    for (number, (why, change)) in later.enumerate() {
        let older = refresh("phone", "eve", 3_000 + number as u64);
        world.with_key(&public("phone", &renewal_of(&older)), 1, 3_200);
        let held = world.store.bytes().len();
        let mut parts = public("phone", &renewal_of(&older)).proven_by(world.proof_at(At::Token, 1, NOW));
        change(&mut parts);
        Reply::of(&world.to(At::Token, &parts.ask(), NOW)).assert_error(400, "invalid_grant");
        assert!(world.events.names().contains(&"ReplayFound".to_owned()), "{why}");
        assert_eq!(world.store.bytes().len(), held - 1, "{why}");
    }
}

/// The current token for an older one: refused for what the request asks for besides, it changes nothing either.
#[test]
fn a_resync() {
    let world = town();
    let first = world.with_key(&login("fleet", "alice"), 1, 3_000).refresh_token();
    let second = world.with_key(&public("fleet", &renewal_of(&first)), 1, 3_100).refresh_token();
    let base = public("fleet", &renewal_of(&first)).proven_by(world.proof_at(At::Token, 1, NOW));
    let mut faults: Vec<Fault<'_>> = head().into_iter().chain(cheap_of_proof()).collect();
    faults.push(fault("UnknownClient", |parts| parts.set("client_id", "nobody")));
    faults.push(fault("AnotherClient", |parts| parts.set("client_id", "phone")));
    faults.extend([signature(), no_proof(), another_key()]);
    // Those whose key was proven are remembered, so each that comes so far is another proof.
    world.table(At::Token, &base, &faults);
    let before = world.store.bytes();
    let late = || scope_and_target().into_iter().chain([hook()]);
    for (at, (why, first)) in late().enumerate() {
        for (later, second) in late().skip(at) {
            let mut parts = Parts { proof: Some(world.proof_at(At::Token, 1, NOW)), ..base.clone() };
            second(&mut parts);
            first(&mut parts);
            world.to(At::Token, &parts.ask(), NOW);
            let told = refusals(&world.events.take());
            assert!(told.len() == 1 && told[0].contains(why), "{why} and {later}: {told:?}");
            assert_eq!(world.store.bytes(), before);
        }
    }
    assert_eq!(world.works(At::Token, &base, 200).refresh_token(), second);
}

/// Another server's token: the host is asked last of all that is about the client, and what is refused is not taken over.
#[test]
fn a_foreign_refresh() {
    let old = OldServer::default().ready().with(UUID, "app", "alice", at(0));
    let world = World::new([crate::kit::app(), other()], |builder| {
        builder.root_secret(RootSecret::from_bytes(1, &[0x77; 32])).foreign_tokens(old.clone()).on_issue(Host)
    });
    let base = Parts::new("app", &renewal_of(UUID));
    let mut faults = common();
    faults.push(fault("UnauthorizedClient", |parts| parts.basic = vec![("other", SECRET)]));
    let judged_unasked = faults.len();
    faults.push(fault("Shape", |parts| parts.set("refresh_token", "nobody-s")));
    faults.push(fault("Scope", |parts| parts.set("scope", "everything")));
    faults.push(hook());
    old.asked();
    world.table(At::Token, &base, &faults[..judged_unasked]);
    assert!(old.asked().is_empty(), "the other server hears of nothing that is refused before");
    world.table(At::Token, &base, &faults);
    world.works(At::Token, &base, 200);
}

fn other() -> ClientBuilder {
    Client::confidential("other").secret(secret(SECRET)).grant_type("client_credentials")
}
