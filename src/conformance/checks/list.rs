//! Whose grants a list has, and that it has all of them.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::grants::{grant, grant_of, next};
use super::report::cut;
use super::stage::{Outcome, Stage, checks, ensure, same};
use crate::client::Client;
use crate::grant::{Grant, GrantId, Owner};
use crate::store::{Cursor, Insert};

checks! {
    list_has_all_grants_of_an_owner:
        "a grant that is left out survives \"log me out everywhere\"";
    list_at_a_client_is_of_that_client:
        "who ends the sessions at one client ends others, or not all of them";
    list_never_shows_another_owners_grants:
        "one person sees and ends another's sessions";
    grants_without_a_subject_are_in_no_list:
        "a client's own grants are shown to and ended by some person";
    list_shows_no_removed_grant:
        "a person is shown a session that has ended, and believes a thief is still there";
    list_shows_what_is_stored_now:
        "a session is listed with the times of long ago, and looks idle or expired";
    list_has_a_thousand_grants:
        "whoever logs in often enough has sessions that no log-out reaches";
}

/// More pages than any list here has.
const MANY: usize = 3_000;

/// A page by page walk. Each page is within the limit, no grant comes twice, and there is an end.
pub(super) async fn walk(stage: &Stage, owner: &Owner, limit: usize) -> Result<BTreeMap<GrantId, Grant>, Finding> {
    walk_from(stage, owner, None, limit, BTreeMap::new()).await
}

/// The rest of a walk that has come so far.
pub(super) async fn walk_from(
    stage: &Stage,
    owner: &Owner,
    mut after: Option<Cursor>,
    limit: usize,
    mut seen: BTreeMap<GrantId, Grant>,
) -> Result<BTreeMap<GrantId, Grant>, Finding> {
    for _ in 0..MANY {
        let page = stage.page(owner, after.clone(), limit).await?;
        let most = limit.max(1);
        ensure!(page.grants.len() <= most, "list gave {} grants for a limit of {limit}", page.grants.len());
        for grant in page.grants {
            ensure!(owner.owns(&grant), "list gave a grant of another owner");
            ensure!(seen.insert(grant.id, grant).is_none(), "list, {limit} at a time, gave a grant twice");
        }
        ensure!(page.next.is_none() || page.next != after, "list gave a cursor that leads to where it was");
        after = page.next;
        if after.is_none() {
            return Ok(seen);
        }
        stage.turn().await?;
    }
    Err(format!("list, {limit} at a time, did not end after {MANY} pages").into())
}

/// A walk finds these and nothing else, each as it was written.
pub(super) async fn finds(stage: &Stage, owner: &Owner, limit: usize, grants: &[Grant]) -> Outcome {
    let listed = walk(stage, owner, limit).await?;
    for grant in grants {
        match listed.get(&grant.id) {
            Some(listed) => same(grant, listed, "list")?,
            None => return Err(format!("list, {limit} at a time, left out one of {} grants", grants.len()).into()),
        }
    }
    ensure!(listed.len() == grants.len(), "list gave {} grants of {}", listed.len(), grants.len());
    Ok(())
}

/// So many grants of alice's, inserted by many at once.
pub(super) async fn put_many(stage: &Stage, many: usize) -> Result<Vec<Grant>, Finding> {
    let grants: Vec<Grant> = (0..many).map(|_| grant(stage.now)).collect();
    put_all(stage, &grants).await?;
    Ok(grants)
}

/// All of these, inserted by many at once.
pub(super) async fn put_all(stage: &Stage, grants: &[Grant]) -> Outcome {
    let share = grants.len().div_ceil(stage.callers).max(1);
    let shares: Vec<Vec<Grant>> = grants.chunks(share).map(<[Grant]>::to_vec).collect();
    stage
        .at_once(shares.len(), |stage, caller| {
            let share = shares[caller].clone();
            async move {
                for grant in &share {
                    ensure!(stage.insert(grant).await? == Insert::Added, "insert of a new id said Duplicate");
                }
                Ok(())
            }
        })
        .await
        .map(drop)
}

async fn list_has_all_grants_of_an_owner(stage: Stage) -> Outcome {
    let owner = Owner::subject("alice");
    finds(&stage, &owner, 10, &[]).await?;
    let mut grants = Vec::new();
    for client in ["app", "other", "app", "app", "other", "third", "app"] {
        let grant = grant_of(Some("alice"), client, stage.now);
        stage.put(&grant).await?;
        stage.put(&grant_of(Some("bob"), client, stage.now)).await?;
        grants.push(grant);
        finds(&stage, &owner, 100, &grants).await?;
    }
    Ok(())
}

async fn list_at_a_client_is_of_that_client(stage: Stage) -> Outcome {
    let mut grants: BTreeMap<&str, Vec<Grant>> = BTreeMap::new();
    for client in ["app", "ap", "appl", "app", "APP", "app ", "other", "app", "ap"] {
        let grant = grant_of(Some("alice"), client, stage.now);
        stage.put(&grant).await?;
        stage.put(&grant_of(Some("bob"), client, stage.now)).await?;
        grants.entry(client).or_default().push(grant);
    }
    for limit in [1, 2, 100] {
        for (client, grants) in &grants {
            finds(&stage, &Owner::subject("alice").at_client(client), limit, grants).await?;
        }
        finds(&stage, &Owner::subject("alice").at_client("none"), limit, &[]).await?;
        finds(&stage, &Owner::subject("nobody").at_client("app"), limit, &[]).await?;
    }
    Ok(())
}

async fn list_never_shows_another_owners_grants(stage: Stage) -> Outcome {
    // As long as may be, and different at the very end.
    let ends = |most: usize| ["y", "z"].map(|end| "x".repeat(most - 1) + end);
    let (long, long_id) = (ends(Grant::MAX_SUBJECT_BYTES), ends(Client::MAX_ID_BYTES));
    // Prefixes of one another, wildcards, separators, quotes; what makes ("ab", "c") of ("a", "bc").
    let subjects = [
        "a", "ab", "abc", "A", "a ", " a", "a\0", "a\0b", "a:b", "a/b", "a%", "%", "_", "_b", "*", "a*", "?", "[ab]",
        "{a}", "a}", "a{b", "'", "\"", "\\", "a\\", "a\nb", "á", "a\u{301}", "0", "null", "NULL", "", &long[0],
        &long[1],
    ];
    // The longest id that is its own key, one more, and the key of a long one as the id of somebody who asks for it.
    let [longest_key, longer] = [0, 1].map(|more| "k".repeat(Grant::MAX_CLIENT_KEY_BYTES + more));
    let digest = Owner::subject("a").at_client(&longer).client_key().unwrap_or_default().into_owned();
    let clients = ["c", "bc", "b:c", "b", "*", "_", &longest_key, &longer, &digest, &long_id[0], &long_id[1]];
    let mut grants = BTreeMap::new();
    for subject in subjects {
        for client in clients {
            let grant = grant_of(Some(subject), client, stage.now);
            stage.put(&grant).await?;
            grants.insert((subject, client), grant);
        }
    }
    for subject in subjects {
        let of_subject: Vec<Grant> =
            grants.iter().filter(|((owner, _), _)| *owner == subject).map(|(_, grant)| grant.clone()).collect();
        let about = |found: Finding| found.about(format_args!("of the subject {}", cut(subject)));
        finds(&stage, &Owner::subject(subject), 4, &of_subject).await.map_err(about)?;
        for client in clients {
            let owner = Owner::subject(subject).at_client(client);
            let own: Vec<Grant> = grants.get(&(subject, client)).into_iter().cloned().collect();
            finds(&stage, &owner, 4, &own).await.map_err(about)?;
        }
    }
    Ok(())
}

async fn grants_without_a_subject_are_in_no_list(stage: Stage) -> Outcome {
    let nobodys = grant_of(None, "app", stage.now);
    stage.put(&nobodys).await?;
    for subject in ["", "app", "null", "NULL", "None", "\0"] {
        for owner in [Owner::subject(subject), Owner::subject(subject).at_client("app")] {
            let listed = stage.page(&owner, None, 100).await?;
            ensure!(listed.grants.is_empty(), "a grant without a subject was in the list of {}", cut(subject));
        }
    }
    stage.has(&nobodys, "of a grant without a subject").await
}

async fn list_shows_no_removed_grant(stage: Stage) -> Outcome {
    let mut grants = put_many(&stage, 9).await?;
    while let Some(removed) = grants.pop() {
        stage.remove(removed.id).await?;
        finds(&stage, &Owner::subject("alice"), 4, &grants).await?;
        finds(&stage, &Owner::subject("alice").at_client("app"), 4, &grants).await?;
    }
    Ok(())
}

async fn list_shows_what_is_stored_now(stage: Stage) -> Outcome {
    let mut grants = put_many(&stage, 5).await?;
    for at in [0, 2, 4, 2] {
        let second = next(&grants[at]);
        stage.swap(grants[at].version, &second).await?;
        grants[at] = second;
        finds(&stage, &Owner::subject("alice"), 2, &grants).await?;
    }
    Ok(())
}

async fn list_has_a_thousand_grants(stage: Stage) -> Outcome {
    let grants = put_many(&stage, 1_100).await?;
    // With what a server may cap a page at among them, and more than it.
    for limit in [256, 1_000, 1_050, 5_000, 7] {
        finds(&stage, &Owner::subject("alice"), limit, &grants).await?;
    }
    finds(&stage, &Owner::subject("alice").at_client("app"), 256, &grants).await
}
