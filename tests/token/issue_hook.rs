//! The host's hook where a code is redeemed and where a grant handler lets somebody in; at a refresh it is tested in
//! `refresh/hook.rs`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use regrant::engine::{GrantChanges, HookError, IssueDecision, IssueHook, IssueKind, IssueRequest};
use regrant::{Authorization, HostData, ResponseFields};

use crate::kit::portal::{OnShelf, from, query, redemption, renewal, run};
use crate::kit::schedule::pause;
use crate::kit::{Fault, Password, Reply, World, app, at};

/// What one question was.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Question {
    kind: IssueKind,
    client: String,
    subject: Option<String>,
    scope: String,
    device: Option<String>,
    resources: Vec<String>,
}

/// Answers as it is told, and notes each question.
#[derive(Clone, Default)]
struct Hook(Arc<Mutex<(Option<Answer>, Vec<Question>)>>);

type Answer = fn() -> Result<IssueDecision, HookError>;

impl Hook {
    fn answer(&self, answer: Answer) {
        self.0.lock().unwrap().0 = Some(answer);
    }

    fn questions(&self) -> Vec<Question> {
        std::mem::take(&mut self.0.lock().unwrap().1)
    }

    fn kinds(&self) -> Vec<IssueKind> {
        self.questions().iter().map(|question| question.kind).collect()
    }
}

impl IssueHook for Hook {
    async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        let shown = format!("{request:?}");
        assert!(!shown.contains("alice") && !shown.contains("Marker"), "{shown}");
        let mut told = self.0.lock().unwrap();
        told.1.push(Question {
            kind: request.kind(),
            client: request.client().id().into(),
            subject: request.grant().subject().map(Into::into),
            scope: request.scope().as_str().into(),
            device: request.parameter("device_id").map(Into::into),
            resources: request.all("resource").map(Into::into).collect(),
        });
        told.0.map_or(Ok(IssueDecision::Allow), |answer| answer())
    }
}

fn portal() -> (OnShelf, Hook) {
    let hook = Hook::default();
    (OnShelf::on_shelf(|builder| builder.on_issue(hook.clone())), hook)
}

const REFUSE: Answer = || Ok(IssueDecision::Refuse);
const ALLOW: Answer = || Ok(IssueDecision::Allow);
const FAIL: Answer = || Err(HookError::new("the account service is down"));

#[test]
fn every_answer_with_tokens_is_asked_about_once_with_the_parameters_of_its_request() {
    let (world, hook) = portal();
    let code = world.code("portal", at(0));
    assert_eq!(hook.questions(), [], "nothing is issued yet but a code");
    let more = "&device_id=Marker-7&resource=https://a.example&resource=https://b.example";
    let first = world.token("portal", &format!("{}{more}", redemption("portal", &code)), at(1));
    let of_alice = Question {
        kind: IssueKind::Code,
        client: "portal".into(),
        subject: Some("alice".into()),
        scope: "openid read".into(),
        device: Some("Marker-7".into()),
        resources: vec!["https://a.example".into(), "https://b.example".into()],
    };
    assert_eq!(hook.questions(), std::slice::from_ref(&of_alice));
    let token = first.refresh_token();
    for kind in [IssueKind::Refresh, IssueKind::Retry] {
        world.token("portal", &format!("{}&scope=read{more}", renewal(&token)), at(2)).assert_ok();
        assert_eq!(hook.questions(), [Question { kind, scope: "read".into(), ..of_alice.clone() }]);
    }
    world.token("portal", "grant_type=client_credentials&device_id=7&device_id=8", at(3)).assert_ok();
    let of_client = Question {
        kind: IssueKind::Handler,
        subject: None,
        scope: "read write".into(),
        device: None,
        resources: Vec::new(),
        ..of_alice
    };
    assert_eq!(hook.questions(), [of_client]);
}

/// Nothing is written: the code is good yet (RFC 6749 section 4.1.2), and of a login nothing is kept.
#[test]
fn what_the_hook_refuses_or_cannot_decide_changes_nothing() {
    let (world, hook) = portal();
    let code = world.code("portal", at(0));
    let stored = world.store.bytes();
    for (answer, status, error, event) in
        [(REFUSE, 400, "invalid_grant", "Refused"), (FAIL, 503, "temporarily_unavailable", "Failed")]
    {
        hook.answer(answer);
        world.events.take();
        world.redeem("portal", &code, at(1)).assert_error(status, error);
        world.token("portal", "grant_type=client_credentials", at(1)).assert_error(status, error);
        let events = world.events.take();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|told| told.starts_with(event)), "{events:?}");
        assert!(events[1].contains("grant: None"), "of no grant that anybody could find: {}", events[1]);
        assert_eq!(world.store.bytes(), stored);
    }
    hook.answer(ALLOW);
    let token = world.redeem("portal", &code, at(2)).refresh_token();
    hook.answer(REFUSE);
    world.redeem("portal", &code, at(3)).assert_error(400, "invalid_grant");
    world.refresh("portal", &token, at(3)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty(), "a second redemption ends the grant, whatever the hook would say");
}

#[test]
fn a_refused_login_by_password_keeps_nothing_and_another_may_follow() {
    let hook = Hook::default();
    let world = World::new([app()], |builder| builder.grant_handler(Password).on_issue(hook.clone()));
    hook.answer(REFUSE);
    world.login(at(0)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
    hook.answer(ALLOW);
    world.login(at(1)).assert_ok();
    assert_eq!(hook.kinds(), [IssueKind::Handler, IssueKind::Handler]);
}

#[test]
fn only_what_passes_every_check_is_asked_about() {
    let (world, hook) = portal();
    let code = world.code("portal", at(0));
    let good = redemption("portal", &code);
    for (body, client) in [
        (good.replace("code_verifier=d", "code_verifier=e"), "portal"),
        (good.replace("portal.example", "portal.example.evil"), "portal"),
        (good.clone(), "rival"),
        (format!("{good}&code=x"), "portal"),
        ("grant_type=client_credentials&scope=root".into(), "portal"),
        ("grant_type=client_credentials".into(), "rival"),
    ] {
        assert!(world.token(client, &body, at(1)).status >= 400);
        assert_eq!(hook.questions(), [], "{body}");
    }
    world.token("portal", &good, at(61)).assert_error(400, "invalid_grant");
    assert_eq!(hook.questions(), [], "too late");
}

/// However often the swap has to be tried, and where its reply got lost.
#[test]
fn a_redemption_asks_once_over_all_attempts() {
    fn gold() -> Result<IssueDecision, HookError> {
        let fields = ResponseFields::new().with("tier", "gold").map_err(HookError::new)?;
        Ok(IssueDecision::AllowWith(GrantChanges::new().with_fields(fields)))
    }
    let (world, hook) = portal();
    hook.answer(gold);
    for fault in [Fault::SwapLost, Fault::SwapAppliedAndReplyLost] {
        let code = world.code("portal", at(0));
        world.store.fail_next(fault);
        let reply = world.redeem("portal", &code, at(1));
        assert_eq!(reply.text("tier"), "gold", "{fault:?}");
        assert_eq!(hook.kinds(), [IssueKind::Code], "{fault:?}");
    }
}

#[test]
fn changes_are_kept_with_the_grant_from_its_first_answer_on() {
    fn changes() -> Result<IssueDecision, HookError> {
        let fields = ResponseFields::new().with("tier", "gold").map_err(HookError::new)?;
        let data = HostData::of("seen in Lisbon").map_err(HookError::new)?;
        Ok(IssueDecision::AllowWith(GrantChanges::new().with_fields(fields).with_host_data(data)))
    }
    let (world, hook) = portal();
    hook.answer(changes);
    let by_code = world.login("portal", at(0));
    let by_client = world.token("portal", "grant_type=client_credentials", at(0));
    hook.answer(ALLOW);
    for reply in [&by_code, &by_client] {
        assert_eq!(reply.text("tier"), "gold");
        let access = world.bearer(&reply.access_token(), at(1)).unwrap();
        assert_eq!(access.host_data().unwrap().read::<String>().unwrap(), "seen in Lisbon");
        assert!(!String::from_utf8_lossy(&reply.body).contains("Lisbon"));
    }
    let next = world.refresh("portal", &by_code.refresh_token(), at(2));
    assert_eq!(next.text("tier"), "gold");
    hook.answer(|| Ok(IssueDecision::AllowWith(GrantChanges::new().without_host_data())));
    // A retry repeats what is stored, and writes nothing.
    let stored = world.store.bytes();
    world.refresh("portal", &by_code.refresh_token(), at(3)).assert_ok();
    assert_eq!(world.store.bytes(), stored);
    let last = world.refresh("portal", &next.refresh_token(), at(4));
    assert_eq!(last.text("tier"), "gold", "what the hook does not name stays");
    assert!(world.bearer(&last.access_token(), at(5)).unwrap().host_data().is_none());
    let of_alice = world.store.grants().into_iter().find(|grant| grant.subject().is_some()).unwrap();
    assert_eq!(of_alice.encode()[0], 1, "without any it is a record of format 1");
}

/// Takes its time: a clock goes on meanwhile.
#[derive(Clone, Default)]
struct Slow(Arc<AtomicU64>);

impl IssueHook for Slow {
    async fn on_issue(&self, _: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        pause().await;
        self.0.fetch_add(60, Ordering::Relaxed);
        Ok(IssueDecision::Allow)
    }
}

/// The record forgets what a code was asked with once that has expired, but not what the answer, which has waited so long, depends on.
#[test]
fn a_redemption_that_waits_past_its_code_hands_out_no_more_than_was_approved() {
    let plain = query("portal").replace("scope=openid+read", "scope=read");
    for (query, approved) in [(&plain, true), (&plain, false), (&query("portal"), false)] {
        let slow = Slow::default();
        let world = OnShelf::on_shelf(|builder| builder.on_issue(slow.clone()));
        let alice = Authorization::of("alice");
        let alice = if approved { alice } else { alice.without_refresh_token() };
        let landing = world.approve(query, alice, at(0));
        let ask = from("portal", &redemption("portal", landing.get("code").unwrap()));
        let reply = Reply::of(&run(world.engine.token(&ask.request(), || at(1 + slow.0.load(Ordering::Relaxed)))));
        assert_eq!(reply.assert_ok().json().contains_key("refresh_token"), approved, "{query}");
        assert_eq!(world.store.grants()[0].is_renewable(), approved, "{query}");
    }
}
