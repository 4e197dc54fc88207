//! The host's hook on refresh.

use std::sync::{Arc, Mutex};

use regrant::ResponseFields;
use regrant::engine::{GrantChanges, HookError, IssueDecision, IssueHook, IssueKind, IssueRequest};

use crate::kit::{Fault, Password, World, app, at, forged};

/// A hook that answers as it is told, and notes each call: was it a retry, and over which scope?
#[derive(Clone, Default)]
struct Hook(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    answer: Option<fn() -> Result<IssueDecision, HookError>>,
    calls: Vec<(bool, String)>,
}

impl Hook {
    fn answer(&self, answer: fn() -> Result<IssueDecision, HookError>) {
        self.0.lock().unwrap().answer = Some(answer);
    }

    fn calls(&self) -> Vec<(bool, String)> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }
}

impl IssueHook for Hook {
    async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        assert_eq!((request.client().id(), request.grant().subject()), ("app", Some("alice")));
        if request.kind() == IssueKind::Handler {
            return Ok(IssueDecision::Allow);
        }
        let mut told = self.0.lock().unwrap();
        told.calls.push((request.kind() == IssueKind::Retry, request.scope().as_str().into()));
        told.answer.map_or(Ok(IssueDecision::Allow), |answer| answer())
    }
}

fn fields(name: &str, value: &str) -> IssueDecision {
    with(ResponseFields::new().with(name, value).unwrap())
}

fn with(fields: ResponseFields) -> IssueDecision {
    IssueDecision::AllowWith(GrantChanges::new().with_fields(fields))
}

fn hooked() -> (World, Hook) {
    let hook = Hook::default();
    (World::new([app()], |builder| builder.grant_handler(Password).on_issue(hook.clone())), hook)
}

/// RFC 6749 section 5.2: `invalid_grant`.
#[test]
fn a_hook_may_refuse_and_the_grant_stays() {
    let (world, hook) = hooked();
    let token = world.login(at(0)).refresh_token();
    let before = world.store.bytes();
    hook.answer(|| Ok(IssueDecision::Refuse));
    for _ in 0..2 {
        world.events.take();
        let refused = world.refresh(&token, at(1));
        assert!(world.events.take()[0].contains("why: Grant(Hook)"));
        assert_eq!(refused, world.refresh("made-up", at(1)), "like every other invalid grant");
        assert_eq!(world.store.bytes(), before);
    }
    hook.answer(|| Ok(IssueDecision::Allow));
    let next = world.refresh(&token, at(2)).refresh_token();
    // Its permission counts on a retry too.
    hook.answer(|| Ok(IssueDecision::Refuse));
    world.refresh(&token, at(3)).assert_error(400, "invalid_grant");
    hook.answer(|| Ok(IssueDecision::Allow));
    assert_eq!(world.refresh(&token, at(4)).refresh_token(), next);
}

#[test]
fn a_hook_may_fail_and_nothing_changes() {
    let (world, hook) = hooked();
    let token = world.login(at(0)).refresh_token();
    let before = world.store.bytes();
    hook.answer(|| Err(HookError::new("the account service is down")));
    world.events.take();
    let reply = world.refresh(&token, at(1));
    reply.assert_error(503, "temporarily_unavailable");
    assert!(!String::from_utf8_lossy(&reply.body).contains("account"));
    assert_eq!((world.store.bytes(), world.events.names()), (before, vec!["Failed".into()]));
    hook.answer(|| Ok(IssueDecision::Allow));
    world.refresh(&token, at(1)).assert_ok();
}

#[test]
fn a_hook_gives_new_fields_and_a_retry_repeats_the_stored_ones() {
    let (world, hook) = hooked();
    let first = world.login(at(0)).refresh_token();
    hook.answer(|| Ok(fields("tier", "gold")));
    let second = world.refresh(&first, at(1));
    assert_eq!(second.text("tier"), "gold");
    hook.answer(|| Ok(fields("tier", "silver")));
    let before = world.store.bytes();
    let again = world.refresh(&first, at(2));
    assert_eq!((again.text("tier"), again.refresh_token()), ("gold".into(), second.refresh_token()));
    assert_eq!(world.store.bytes(), before, "a retry writes nothing");
    hook.answer(|| Ok(IssueDecision::Allow));
    let third = world.refresh(&second.refresh_token(), at(3));
    assert_eq!(third.text("tier"), "gold", "they stay");
    hook.answer(|| Ok(with(ResponseFields::new())));
    assert!(!world.refresh(&third.refresh_token(), at(4)).json().contains_key("tier"));
    assert_eq!(hook.calls().iter().map(|call| call.0).collect::<Vec<_>>(), [false, true, false, false]);
}

#[test]
fn a_hook_runs_once_and_only_after_every_check() {
    let (world, hook) = hooked();
    let token = world.login(at(0)).refresh_token();
    for fault in [Fault::SwapLost, Fault::SwapAppliedAndReplyLost] {
        world.store.fail_next(fault);
        let token = world.login(at(0)).refresh_token();
        world.refresh(&token, at(1)).assert_ok();
        assert_eq!(hook.calls(), [(false, "read write".into())], "{fault:?}");
    }
    world.post(&format!("grant_type=refresh_token&refresh_token={token}&scope=write"), at(1)).assert_ok();
    assert_eq!(hook.calls(), [(false, "write".into())]);
    let next = world.refresh(&token, at(2)).refresh_token();
    hook.calls();
    for (body, secs) in [
        (format!("refresh_token={}", forged(&next)), 3),
        (format!("refresh_token={next}&scope=root"), 3),
        (format!("refresh_token={next}"), 86_400 * 31),
        (format!("refresh_token={token}"), 1_000),
    ] {
        let reply = world.post(&format!("grant_type=refresh_token&{body}"), at(secs));
        assert_eq!(reply.status, 400);
        assert_eq!(hook.calls(), []);
    }
}
