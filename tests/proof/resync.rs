//! The current refresh token for an older one, for who proves the key: design, "Resync instead of logout".

use super::house::{LOGIN, ask, house, renewal};
use crate::kit::proof::ProofKey;
use crate::kit::{World, at};

/// What logs people out at other servers: one login shared by twelve processes, the same refresh token sent five times within a second,
/// and again 7 min 45 s later, when its successor had been used twice.
#[test]
fn twelve_processes_on_one_login_stay_logged_in() {
    let world = house();
    let key = ProofKey::of(1);
    let first = world.proven("fleet", LOGIN, &key, at(0)).refresh_token();
    let mut processes = vec![first.clone(); 12];
    let mut generations = vec![first.clone()];
    for process in processes.iter_mut().take(5) {
        *process = world.proven("fleet", &renewal(&first), &key, at(100)).refresh_token();
    }
    assert!(processes[..5].iter().all(|token| *token == processes[0]), "one successor");
    generations.push(processes[0].clone());
    for now in [at(200), at(300)] {
        let current = generations.last().unwrap().clone();
        processes[0] = world.proven("fleet", &renewal(&current), &key, now).refresh_token();
        generations.push(processes[0].clone());
    }
    world.events.take();
    let stored = world.store.bytes();
    let current = generations.last().unwrap();
    // 7 min 45 s after the first.
    for process in &mut processes[5..] {
        let reply = world.proven("fleet", &renewal(process), &key, at(565));
        reply.assert_ok();
        assert_eq!(reply.text("token_type"), "DPoP");
        *process = reply.refresh_token();
        assert_eq!(process, current);
    }
    assert_eq!(world.store.bytes(), stored, "nothing is written");
    let events = world.events.names();
    assert_eq!(events.iter().filter(|name| *name == "Resynced").count(), 7);
    assert!(!events.iter().any(|name| name == "ReplayFound"));
    for process in &processes[1..5] {
        world.proven("fleet", &renewal(process), &key, at(566)).assert_ok();
    }
    world.proven("fleet", &renewal(current), &key, at(567)).assert_ok();
}

/// The same of bearers is a replay (law 3).
#[test]
fn bearers_are_logged_out_as_ever() {
    let world = house();
    for (client, key) in [
        ("fleet", None),
        ("fleet-machine", None),
        ("fleet-machine", Some(ProofKey::of(1))),
        ("phone", Some(ProofKey::of(1))),
    ] {
        let send = |world: &World, body: &str, now| match &key {
            Some(key) => world.proven(client, body, key, now),
            None => world.bare(client, body, now),
        };
        let first = send(&world, LOGIN, at(0)).refresh_token();
        let second = send(&world, &renewal(&first), at(100)).refresh_token();
        send(&world, &renewal(&second), at(300)).assert_ok();
        send(&world, &renewal(&first), at(565)).assert_error(400, "invalid_grant");
        assert!(world.store.bytes().is_empty(), "{client}");
        assert!(world.events.names().iter().any(|name| name == "ReplayFound"));
    }
}

#[test]
fn only_who_proves_the_key_freshly_is_given_the_current_token() {
    let world = house();
    let (key, other) = (ProofKey::of(1), ProofKey::of(2));
    let first = world.proven("fleet", LOGIN, &key, at(0)).refresh_token();
    let caught = ask("fleet", &renewal(&first)).header("dpop", world.fresh(&key, at(100)).sign());
    let second = world.send(&caught, at(100)).refresh_token();
    let third = world.proven("fleet", &renewal(&second), &key, at(200)).refresh_token();
    let stored = world.store.bytes();
    world.bare("fleet", &renewal(&first), at(201)).assert_error(400, "invalid_dpop_proof");
    world.proven("fleet", &renewal(&first), &other, at(201)).assert_error(400, "invalid_grant");
    world.send(&caught, at(201)).assert_error(400, "use_dpop_nonce");
    assert_eq!(world.store.bytes(), stored);
    let again = ask("fleet", &renewal(&first)).header("dpop", world.fresh(&key, at(202)).sign());
    assert_eq!(world.send(&again, at(202)).refresh_token(), third);
    world.send(&again, at(203)).assert_error(400, "use_dpop_nonce");
    assert_eq!(world.store.bytes(), stored);
}

/// Never past the grant's end, and the idle expiry does not move.
#[test]
fn a_resync_extends_nothing() {
    let world = World::new(
        super::house::clients().into_iter().map(|client| {
            client.lifetimes(regrant::Lifetimes::default().with_idle(std::time::Duration::from_secs(1_000)))
        }),
        |builder| super::house::plain(builder).dpop(regrant::engine::Dpop::new()),
    );
    let key = ProofKey::of(1);
    let first = world.proven("fleet", LOGIN, &key, at(0)).refresh_token();
    let second = world.proven("fleet", &renewal(&first), &key, at(100)).refresh_token();
    world.proven("fleet", &renewal(&second), &key, at(200)).assert_ok();
    world.proven("fleet", &renewal(&first), &key, at(1_199)).assert_ok();
    world.proven("fleet", &renewal(&first), &key, at(1_200)).assert_error(400, "invalid_grant");
}
