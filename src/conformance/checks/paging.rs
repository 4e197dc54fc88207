//! Pages of a list, while grants come and go between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::finding::Finding;
use super::grants::{grant, next};
use super::list::{finds, put_many, walk, walk_from};
use super::spawn::Caught;
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::{Grant, GrantId, Owner};
use crate::store::Cursor;

checks! {
    pages_have_between_one_grant_and_the_limit:
        "a host that stops at an empty page leaves sessions alive; one that asks for few gets all";
    list_takes_any_limit:
        "a limit from a page's form brings the server down, or shows nothing";
    removing_a_listed_grant_loses_none_of_the_rest:
        "\"log me out everywhere\", which removes as it lists, leaves sessions alive";
    a_swap_between_pages_neither_hides_nor_repeats_a_grant:
        "a thief who keeps refreshing slips through \"log me out everywhere\"";
    an_insert_between_pages_neither_hides_nor_repeats_a_grant:
        "a thief who keeps logging in keeps another session alive";
    list_is_complete_while_others_come_and_go:
        "a grant that is left out survives \"log me out everywhere\"";
    list_survives_any_cursor:
        "a cursor from a page's form brings the server down, or shows another's sessions";
}

pub(super) fn alice() -> Owner {
    Owner::subject("alice")
}

async fn pages_have_between_one_grant_and_the_limit(stage: Stage) -> Outcome {
    let grants = put_many(&stage, 7).await?;
    for owner in [alice(), alice().at_client("app")] {
        for limit in [1, 2, 3, 6, 7, 8, 100] {
            let (mut seen, mut after) = (0, None);
            while seen < grants.len() {
                let page = stage.page(&owner, after, limit).await?;
                let had = page.grants.len();
                ensure!(had <= limit, "list gave {had} grants for a limit of {limit}");
                ensure!(had > 0, "list gave an empty page after {seen} of {} grants", grants.len());
                seen += had;
                after = page.next;
                ensure!(after.is_some() || seen == grants.len(), "list ended after {seen} of {} grants", grants.len());
            }
        }
    }
    Ok(())
}

async fn list_takes_any_limit(stage: Stage) -> Outcome {
    let grants = put_many(&stage, 5).await?;
    // Of nothing would be no page, so 0 counts as 1.
    for limit in [0, 1, 5, usize::from(u16::MAX), (1 << 31) - 1, usize::MAX / 2, usize::MAX - 1, usize::MAX] {
        for owner in [alice(), alice().at_client("app")] {
            // Whatever is asked for, it is no reason to fail.
            let about = |found: Finding| found.about(format_args!("with a limit of {limit}")).into_broken_promise();
            Caught(Box::pin(finds(&stage, &owner, limit, &grants))).await.and_then(|outcome| outcome).map_err(about)?;
        }
    }
    Ok(())
}

/// The first page, and where the next begins.
pub(super) type Begun = (Vec<Grant>, Option<Cursor>);

pub(super) async fn first_page(stage: &Stage, owner: &Owner, limit: usize) -> Result<Begun, Finding> {
    let page = stage.page(owner, None, limit).await?;
    ensure!(page.next.is_some(), "list of more than {limit} grants, {limit} at a time, gave no second page");
    Ok((page.grants, page.next))
}

pub(super) fn by_id(grants: &[Grant]) -> BTreeMap<GrantId, Grant> {
    grants.iter().map(|grant| (grant.id, grant.clone())).collect()
}

/// The walk found all that were there before the first page and stayed.
pub(super) fn complete(listed: &BTreeMap<GrantId, Grant>, grants: &[Grant], when: &str) -> Outcome {
    let missing = grants.iter().filter(|grant| !listed.contains_key(&grant.id)).count();
    ensure!(missing == 0, "list left out {missing} of {} grants {when}", grants.len());
    Ok(())
}

async fn removing_a_listed_grant_loses_none_of_the_rest(stage: Stage) -> Outcome {
    for limit in [1, 2, 3] {
        let grants = put_many(&stage, 8).await?;
        let mut after = None;
        for _ in 0..=grants.len() {
            // As the end of all sessions does: each page is removed before the next is asked for.
            let page = stage.page(&alice(), after, limit).await?;
            for grant in &page.grants {
                stage.remove(grant.id).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let left = walk(&stage, &alice(), 100).await?;
        ensure!(left.is_empty(), "{} of 8 grants were left after each page was removed as it was listed", left.len());
        // One that is yet to come is removed.
        let grants = put_many(&stage, 8).await?;
        let (seen, after) = first_page(&stage, &alice(), limit).await?;
        let seen = by_id(&seen);
        let (mut rest, mut ended) = (grants.iter().filter(|grant| !seen.contains_key(&grant.id)), Vec::new());
        if let Some(grant) = rest.next() {
            stage.remove(grant.id).await?;
            ended.push(grant.id);
        }
        let listed = walk_from(&stage, &alice(), after, limit, seen).await?;
        let stay: Vec<Grant> = grants.iter().filter(|grant| !ended.contains(&grant.id)).cloned().collect();
        complete(&listed, &stay, "after one of a later page was removed")?;
        for grant in &stay {
            stage.remove(grant.id).await?;
        }
    }
    Ok(())
}

async fn a_swap_between_pages_neither_hides_nor_repeats_a_grant(stage: Stage) -> Outcome {
    let mut grants = put_many(&stage, 8).await?;
    for limit in [1, 2, 3] {
        for owner in [alice(), alice().at_client("app")] {
            let (seen, after) = first_page(&stage, &owner, limit).await?;
            for grant in &mut grants {
                let second = next(grant);
                stage.swap(grant.version, &second).await?;
                *grant = second;
            }
            let listed = walk_from(&stage, &owner, after, limit, by_id(&seen)).await?;
            complete(&listed, &grants, "when all were swapped after the first page")?;
        }
    }
    Ok(())
}

async fn an_insert_between_pages_neither_hides_nor_repeats_a_grant(stage: Stage) -> Outcome {
    let mut grants = put_many(&stage, 8).await?;
    for limit in [1, 2, 3] {
        for owner in [alice(), alice().at_client("app")] {
            let (seen, after) = first_page(&stage, &owner, limit).await?;
            let mut more = put_many(&stage, 6).await?;
            // Some just before what was listed, by id, which is what most stores list by.
            for grant in &seen {
                let near = Grant {
                    id: GrantId::from_u64(grant.id.as_u64().wrapping_sub(1 + u64::from(rand::random::<u32>()))),
                    ..self::grant(stage.now)
                };
                stage.put(&near).await?;
                more.push(near);
            }
            let listed = walk_from(&stage, &owner, after, limit, by_id(&seen)).await?;
            complete(&listed, &grants, "when others were inserted after the first page")?;
            grants.extend(more);
        }
    }
    Ok(())
}

async fn list_is_complete_while_others_come_and_go(stage: Stage) -> Outcome {
    let grants = Arc::new(put_many(&stage, 20).await?);
    let busy = Arc::new(AtomicUsize::new(stage.callers - 1));
    stage
        .at_once(stage.callers, |stage, caller| {
            let (grants, busy) = (Arc::clone(&grants), Arc::clone(&busy));
            async move {
                if caller > 0 {
                    let _done = Done(busy);
                    let begun = Instant::now();
                    for tries in 0.. {
                        if !stage.goes_on(tries, begun) {
                            break;
                        }
                        come_and_go(&stage, &grants, caller).await?;
                    }
                    return Ok(());
                }
                for limit in [1, 3, 7, 100].into_iter().cycle() {
                    let listed = walk(&stage, &alice(), limit).await?;
                    complete(&listed, &grants, "while others came and went")?;
                    stage.turn().await?;
                    if busy.load(Ordering::Relaxed) == 0 {
                        break;
                    }
                }
                Ok(())
            }
        })
        .await
        .map(drop)
}

/// One caller less is busy, also where it failed.
struct Done(Arc<AtomicUsize>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One comes and goes, and one that stays is swapped.
async fn come_and_go(stage: &Stage, grants: &[Grant], caller: usize) -> Outcome {
    let guest = grant(stage.now);
    stage.put(&guest).await?;
    stage.turn().await?;
    if let Some(stored) = stage.load(grants[caller % grants.len()].id).await? {
        stage.swap(stored.version, &next(&stored)).await?;
    }
    stage.turn().await?;
    stage.remove(guest.id).await?;
    Ok(())
}

async fn list_survives_any_cursor(stage: Stage) -> Outcome {
    put_many(&stage, 5).await?;
    let bobs = Grant { owner: Some("bob".into()), ..grant(stage.now) };
    stage.put(&bobs).await?;
    let (_, theirs) = first_page(&stage, &alice(), 2).await?;
    let mut cursors: Vec<Cursor> =
        [&b""[..], b"\0", &[0; 8], &[0xff; 8], &[0x80; 16], b"' OR 1=1 --", b"*", &[0xfe; 2_000]]
            .into_iter()
            .map(|bytes| Cursor::new(bytes.to_vec()))
            .collect();
    cursors.extend(theirs);
    for cursor in cursors {
        // An error is as good as a page; a panic, a stranger's grant or a repeat of this one are not.
        let bob = Owner::subject("bob");
        let listed = Caught((*stage.store).list_dyn(&bob, Some(cursor), 3)).await;
        let listed = listed.map_err(Finding::into_broken_promise)?.unwrap_or_default();
        ensure!(listed.grants.len() <= 1, "a cursor of another list gave {} grants of one", listed.grants.len());
        ensure!(
            listed.grants.iter().all(|grant| grant.id == bobs.id),
            "a cursor of another list gave a grant of another owner"
        );
    }
    Ok(())
}
