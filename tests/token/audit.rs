//! Events from which a line of an audit log can be written: who, at which client, which grant.

use std::sync::{Arc, Mutex};

use regrant::Authorization;
use regrant::event::{Event, EventSink};

use crate::kit::at;
use crate::kit::portal::{OnShelf, query, redemption, run};

/// The kind of an event, and whose it was.
type Line = (String, Option<String>);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Line>>>);

impl Log {
    fn take(&self) -> Vec<Line> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl EventSink for Log {
    fn event(&self, event: &Event<'_>) {
        let shown = format!("{event:?}");
        assert!(!shown.contains("alice"), "Debug shows no person: {shown}");
        let name = shown.split([' ', '(']).next().unwrap_or_default().to_owned();
        let subject = match *event {
            Event::CodeIssued { subject, .. }
            | Event::CodeReplayed { subject, .. }
            | Event::Issued { subject, .. }
            | Event::Refreshed { subject, .. }
            | Event::Retried { subject, .. }
            | Event::ReplayFound { subject, .. }
            | Event::RetiredIntrospected { subject, .. }
            | Event::Revoked { subject, .. }
            | Event::AccessRevoked { subject, .. }
            | Event::Refused { subject, .. }
            | Event::StoreBehind { subject, .. }
            | Event::Failed { subject, .. } => subject,
            _ => None,
        };
        self.0.lock().unwrap().push((name, subject.map(|subject| subject.as_str().to_owned())));
    }
}

fn world(named: bool, realm: Option<&str>) -> (OnShelf, Log) {
    let log = Log::default();
    let world = OnShelf::on_shelf(|builder| {
        let builder = builder.subjects_in_events(named).events(log.clone());
        match realm {
            Some(realm) => builder.realm(realm),
            None => builder,
        }
    });
    (world, log)
}

/// A life with everything in it.
fn live(world: &OnShelf) {
    let code = world.code("portal", at(0));
    let first = world.redeem("portal", &code, at(1));
    let second = world.refresh("portal", &first.refresh_token(), at(2));
    world.refresh("portal", &first.refresh_token(), at(3)).assert_ok();
    world.introspect("portal", &first.refresh_token(), at(3));
    world.revoke("portal", &second.access_token(), at(3));
    let third = world.refresh("portal", &second.refresh_token(), at(4));
    assert_eq!(
        world
            .token(
                "portal",
                &format!("grant_type=refresh_token&refresh_token={}&scope=root", third.refresh_token()),
                at(4)
            )
            .status,
        400
    );
    world.refresh("portal", &first.refresh_token(), at(5)).assert_error(400, "invalid_grant");
    let code = world.code("portal", at(10));
    world.redeem("portal", &code, at(11)).assert_ok();
    world.redeem("portal", &code, at(12)).assert_error(400, "invalid_grant");
    world.redeem("portal", &code, at(12)).assert_error(400, "invalid_grant");
}

const NAMES: [&str; 14] = [
    "CodeIssued",
    "Issued",
    "Refreshed",
    "Retried",
    "RetiredIntrospected",
    "AccessRevoked",
    "Refreshed",
    "Refused",
    "ReplayFound",
    "Revoked",
    "CodeIssued",
    "Issued",
    "CodeReplayed",
    "Revoked",
];

#[test]
fn every_event_of_a_grant_says_whose_it_is_where_the_host_asks() {
    for realm in [None, Some("shop")] {
        let (world, log) = world(true, realm);
        live(&world);
        let mut lines = log.take();
        // Nobody's: there is no such grant any more.
        assert_eq!(lines.pop(), Some(("Refused".into(), None)));
        assert_eq!(lines.iter().map(|line| &*line.0).collect::<Vec<_>>(), NAMES);
        for (name, subject) in lines {
            assert_eq!(subject.as_deref(), Some("alice"), "{name}");
        }
    }
}

/// It is a person, and logs are read by many.
#[test]
fn nobody_is_named_unless_the_host_asks() {
    let (world, log) = world(false, None);
    live(&world);
    let lines = log.take();
    assert_eq!(lines.len(), NAMES.len() + 1);
    assert!(lines.iter().all(|line| line.1.is_none()), "{lines:?}");
}

#[test]
fn an_approval_says_which_grant_it_made_and_the_event_whose() {
    let (world, log) = world(true, None);
    let query = query("portal");
    let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(world.engine.authorize(&request, at(0))).unwrap();
    let approval = run(world.engine.approve(&asked, Authorization::of("alice"), at(0))).unwrap();
    assert_eq!(approval.response.status(), 303);
    let grant = approval.grant.unwrap();
    assert_eq!(world.store.grants()[0].id(), grant);
    let (_, location) = approval.response.headers().find(|(name, _)| *name == "location").unwrap();
    let url = url::Url::parse(location).unwrap();
    let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    world.token("portal", &redemption("portal", &code), at(1)).assert_ok();
    let sessions = run(world.engine.sessions("alice", None, 10, at(2))).unwrap().sessions;
    assert_eq!(sessions[0].id(), grant);
    log.take();
    let wider = Authorization::of("alice").with_scope(regrant::Scope::parse("admin").unwrap());
    let refused = run(world.engine.approve(&asked, wider, at(2))).unwrap();
    assert_eq!((refused.response.status(), refused.grant), (303, None));
    assert_eq!(log.take(), [("Failed".into(), Some("alice".into()))]);
    // A client by itself is no person.
    world.token("portal", "grant_type=client_credentials", at(3)).assert_ok();
    assert_eq!(log.take(), [("Issued".into(), None)]);
}
