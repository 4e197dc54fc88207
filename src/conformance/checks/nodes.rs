//! One store on several nodes, used in turns. Where a store is open on several, all checks of races use them too.

use super::finding::Finding;
use super::grants::{HOUR, expiring, grant, next};
use super::list::{finds, put_many, walk_from};
use super::paging::{alice, by_id, complete, first_page};
use super::stage::{Outcome, Stage, checks, ensure};
use crate::grant::{Grant, Owner};
use crate::store::{Insert, Swap};

checks! {
    every_node_sees_what_another_wrote:
        "a node that remembers goes on with a revoked grant, and takes an old refresh token for the current one";
    a_cursor_of_one_node_leads_on_at_another:
        "behind a load balancer, a list ends early or fails, and sessions survive \"log me out everywhere\"";
}

fn nodes(stage: &Stage) -> Result<[Stage; 2], Finding> {
    if stage.nodes.len() < 2 {
        return Err(Finding::Nothing("the store was not open on several nodes: see `check_reopening`"));
    }
    Ok([stage.at(0), stage.at(1)])
}

async fn every_node_sees_what_another_wrote(stage: Stage) -> Outcome {
    let [one, other] = nodes(&stage)?;
    drop(stage);
    for (writer, reader) in [(&one, &other), (&other, &one), (&one, &other)] {
        let about = |found: Finding| found.about("at a node, after another one wrote");
        in_turns(writer, reader).await.map_err(about)?;
        purged(writer, reader).await.map_err(about)?;
    }
    Ok(())
}

/// The reader looks before each write of the other, so that it has something to remember.
async fn in_turns(writer: &Stage, reader: &Stage) -> Outcome {
    let first = grant(writer.now);
    let lists = [alice(), alice().at_client("app")];
    let sees = async |grants: &[Grant]| -> Outcome {
        for owner in &lists {
            finds(reader, owner, 10, grants).await?;
        }
        Ok(())
    };
    reader.has_not(first.id, "before the insert").await?;
    sees(&[]).await?;
    writer.put(&first).await?;
    reader.has(&first, "after the insert").await?;
    sees(std::slice::from_ref(&first)).await?;
    let rival = Grant { owner: Some("mallory".into()), ..first.clone() };
    ensure!(reader.insert(&rival).await? == Insert::Duplicate, "insert of an id that exists said Insert");
    let second = next(&first);
    ensure!(writer.swap(first.version, &second).await? == Swap::Swapped, "compare_and_swap said Lost");
    let swap = reader.swap(first.version, &next(&first)).await?;
    ensure!(swap == Swap::Lost, "compare_and_swap said Swapped with the version before that of the other node");
    reader.has(&second, "after the swap").await?;
    sees(std::slice::from_ref(&second)).await?;
    let third = next(&second);
    ensure!(reader.swap(second.version, &third).await? == Swap::Swapped, "compare_and_swap said Lost");
    writer.has(&third, "after a swap of the other node").await?;
    writer.remove(first.id).await?;
    ensure!(reader.swap(third.version, &next(&third)).await? == Swap::Lost, "a swap of a removed grant said Swapped");
    reader.has_not(first.id, "after the remove").await?;
    ensure!(reader.remove(first.id).await?.is_none(), "remove of a removed grant returned it again");
    sees(&[]).await
}

async fn purged(writer: &Stage, reader: &Stage) -> Outcome {
    let dead = expiring(writer.now + HOUR, grant(writer.now));
    writer.put(&dead).await?;
    reader.has(&dead, "after the insert").await?;
    writer.purge(writer.now + HOUR * 2, 10).await?;
    if writer.load(dead.id).await?.is_none() {
        reader.has_not(dead.id, "after a purge").await?;
    }
    writer.remove(dead.id).await.map(drop)
}

async fn a_cursor_of_one_node_leads_on_at_another(stage: Stage) -> Outcome {
    let nodes = nodes(&stage)?;
    let grants = put_many(&stage, 9).await?;
    drop(stage);
    for owner in [Owner::subject("alice"), alice().at_client("app")] {
        for limit in [1, 2, 4] {
            for (from, to) in [(0, 1), (1, 0)] {
                let (seen, after) = first_page(&nodes[from], &owner, limit).await?;
                let about = |found: Finding| found.about("with the cursor of another node");
                let listed = walk_from(&nodes[to], &owner, after, limit, by_id(&seen)).await.map_err(about)?;
                complete(&listed, &grants, "with the cursor of another node")?;
            }
        }
    }
    Ok(())
}
