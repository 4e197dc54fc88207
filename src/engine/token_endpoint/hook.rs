//! The host's hook, asked about one answer.

use crate::client::Client;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::{DynIssueHook, GrantChanges, IssueDecision, IssueKind, IssueRequest};
use crate::engine::refusal::{GrantRefusal, Refusal, Unavailable};
use crate::engine::resources::Target;
use crate::grant::{Grant, Timestamp};
use crate::wire::Form;

/// What the hook is asked about.
pub(super) struct Asked<'a> {
    pub(super) grant: &'a Grant,
    pub(super) client: &'a Client,
    /// The part of the grant's scope that the access token is to have, and whom it is to be for.
    pub(super) mask: u64,
    pub(super) target: &'a Target<'a>,
    pub(super) kind: IssueKind,
    pub(super) form: &'a Form<'a>,
    pub(super) now: Timestamp,
}

impl Asked<'_> {
    /// What the hook changes, if it allows the answer.
    pub(super) async fn ask(&self, hook: &dyn DynIssueHook) -> Result<Option<GrantChanges>, Failure> {
        let Self { grant, client, mask, target, kind, form, now } = *self;
        let (scope, audience) = (grant.scope.select(mask), target.audience());
        ask(hook, &IssueRequest { grant, client, scope: &scope, audience, kind, form, now }, GrantRefusal::Hook).await
    }
}

/// The same of any answer; `refusal` is what a no is.
pub(super) async fn ask(
    hook: &dyn DynIssueHook,
    request: &IssueRequest<'_>,
    refusal: impl Into<Refusal>,
) -> Result<Option<GrantChanges>, Failure> {
    let refused = |why: Refusal| match request.kind {
        // Its id is that of no record, and never will be.
        IssueKind::Handler | IssueKind::Assertion => Failure::from(why),
        IssueKind::Code | IssueKind::Refresh | IssueKind::Retry | IssueKind::Device | IssueKind::Exchange => {
            of_grant(request.grant, why)
        }
    };
    match hook.on_issue_dyn(request).await {
        Ok(IssueDecision::Allow) => Ok(None),
        Ok(IssueDecision::AllowWith(changes)) => Ok(Some(changes)),
        Ok(IssueDecision::Refuse) => Err(refused(refusal.into())),
        Err(error) => Err(refused(Unavailable::Host.into()).by(error)),
    }
}
