//! The host's hook, asked about one answer.

use crate::client::Client;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::{DynIssueHook, GrantChanges, IssueDecision, IssueKind, IssueRequest};
use crate::engine::refusal::{GrantRefusal, Refusal, Unavailable};
use crate::grant::{Grant, Timestamp};
use crate::wire::Form;

/// What the hook is asked about.
pub(super) struct Asked<'a> {
    pub(super) grant: &'a Grant,
    pub(super) client: &'a Client,
    /// The part of the grant's scope that the access token is to have.
    pub(super) mask: u64,
    pub(super) kind: IssueKind,
    pub(super) form: &'a Form<'a>,
    pub(super) now: Timestamp,
}

impl Asked<'_> {
    /// What the hook changes, if it allows the answer.
    pub(super) async fn ask(&self, hook: &dyn DynIssueHook) -> Result<Option<GrantChanges>, Failure> {
        let Self { grant, client, mask, kind, form, now } = *self;
        let scope = grant.scope.select(mask);
        let refused = |why: Refusal| match kind {
            // Its id is that of no record, and never will be.
            IssueKind::Handler | IssueKind::Assertion => Failure::from(why),
            IssueKind::Code | IssueKind::Refresh | IssueKind::Retry | IssueKind::Device => of_grant(grant, why),
        };
        match hook.on_issue_dyn(&IssueRequest { grant, client, scope: &scope, kind, form, now }).await {
            Ok(IssueDecision::Allow) => Ok(None),
            Ok(IssueDecision::AllowWith(changes)) => Ok(Some(changes)),
            Ok(IssueDecision::Refuse) => Err(refused(GrantRefusal::Hook.into())),
            Err(error) => Err(refused(Unavailable::Host.into()).by(error)),
        }
    }
}
