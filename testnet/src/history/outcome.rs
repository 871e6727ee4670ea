//! What the nodes have at the end: the whole chain, and every record on each of them.

use super::Found;
use crate::Error;
use hnchain_sdk::Client;
use hnchain_types::Height;
use hnchain_types::TxId;
use hnchain_types::transaction::{Operation, Outcome as ReceiptOutcome, Receipt, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Records that are read at the same time.
const AT_ONCE: usize = 32;
/// How often a node's height is looked at.
const POLL: Duration = Duration::from_millis(50);

/// The chain and the nodes at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Blocks from height 1 on.
    pub blocks: Vec<Vec<Applied>>,
    /// The nodes.
    pub nodes: Vec<FinalNode>,
}

/// A transaction of a block and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The transaction.
    pub transaction: TxId,
    /// Record and version, where it writes one record.
    pub write: Option<(String, u64)>,
    /// Whether it was applied.
    pub accepted: bool,
    /// Whether it was rejected because of its version.
    pub wrong_version: bool,
}

/// A node at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalNode {
    /// Which one.
    pub index: usize,
    /// Its height.
    pub height: u64,
    /// Hash of its last block and its state root.
    pub tip: String,
    /// Its records.
    pub records: BTreeMap<String, Found>,
}

impl Outcome {
    /// Waits until all nodes (one client each) are at the same height and stay there, then asks each for every block and
    /// for every record that the chain or `names` mention. Nothing may be written meanwhile.
    ///
    /// # Errors
    /// The nodes do not come together in time, or one does not answer or gives an answer that contradicts itself.
    pub async fn collect(
        clients: &[Client],
        namespace: &str,
        names: &BTreeSet<String>,
        limit: Duration,
    ) -> Result<Self, Error> {
        let top = together(clients, limit).await?;
        let mut outcome = Self::default();
        let mut names = names.clone();
        for (index, client) in clients.iter().enumerate() {
            let (tip, blocks) = chain(index, client, top).await?;
            if index == 0 {
                names.extend(blocks.iter().flatten().filter_map(|a| a.write.as_ref().map(|(r, _)| r.clone())));
                outcome.blocks = blocks;
            } else if outcome.blocks != blocks {
                return Err(Error::Fault(format!("node{index} has other blocks than node0 up to height {top}")));
            }
            let records = records(index, client, namespace, &names).await?;
            outcome.nodes.push(FinalNode { index, height: top, tip, records });
        }
        Ok(outcome)
    }
}

/// The height at which all nodes are.
async fn together(clients: &[Client], limit: Duration) -> Result<u64, Error> {
    let deadline = Instant::now() + limit;
    loop {
        let mut heights = Vec::new();
        for client in clients {
            heights.push(client.status().await.ok().map(|s| (s.height.0, s.mempool_transactions)));
        }
        // A heartbeat block in between makes them differ for a moment; what still waits would come after our reading.
        if let Some(Some((height, 0))) = heights.first()
            && heights.iter().all(|h| *h == heights[0])
        {
            return Ok(*height);
        }
        if Instant::now() > deadline {
            return Err(Error::Fault(format!("the nodes did not come together: heights and queues {heights:?}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn chain(index: usize, client: &Client, top: u64) -> Result<(String, Vec<Vec<Applied>>), Error> {
    let fault = |what: String| Error::Fault(format!("node{index}: {what}"));
    let mut stream = client.subscribe(Height(1));
    let mut blocks = Vec::new();
    let mut tip = String::new();
    while (blocks.len() as u64) < top {
        let block = stream.next().await.ok_or_else(|| fault("the blocks end early".into()))?;
        let block = block.map_err(|e| fault(e.to_string()))?;
        tip = format!("{} {}", block.block.header.hash(), block.result.state_root);
        let pairs = block.block.transactions.iter().zip(&block.receipts);
        blocks.push(pairs.map(|(t, r)| applied(t, r)).collect::<Result<_, _>>().map_err(fault)?);
    }
    Ok((tip, blocks))
}

fn applied(transaction: &[u8], receipt: &[u8]) -> Result<Applied, String> {
    let receipt = Receipt::decode(receipt).map_err(|e| e.to_string())?;
    let transaction = Transaction::decode(transaction).map_err(|e| e.to_string())?;
    let write = match transaction.body().operations.as_slice() {
        [Operation::Anchor(anchor)] => Some((anchor.record.id().to_owned(), anchor.version)),
        _ => None,
    };
    let wrong_version = match &receipt.outcome {
        ReceiptOutcome::Accepted(_) => false,
        ReceiptOutcome::Rejected(r) => {
            matches!(r.code.as_str(), "ANCHOR_VERSION" | "ANCHOR_EXISTS" | "ANCHOR_NOT_FOUND")
        }
    };
    Ok(Applied { transaction: transaction.id(), write, accepted: receipt.accepted(), wrong_version })
}

async fn records(
    index: usize,
    client: &Client,
    namespace: &str,
    names: &BTreeSet<String>,
) -> Result<BTreeMap<String, Found>, Error> {
    let names: Vec<&String> = names.iter().collect();
    let mut found = BTreeMap::new();
    for chunk in names.chunks(AT_ONCE) {
        let mut asked = tokio::task::JoinSet::new();
        for name in chunk {
            let (client, namespace, name) = (client.clone(), namespace.to_owned(), (*name).clone());
            asked.spawn(async move { (client.record(&namespace, &name).await, name) });
        }
        while let Some(joined) = asked.join_next().await {
            let (answer, name) = joined.map_err(|e| Error::Fault(e.to_string()))?;
            let answer = answer.map_err(|e| Error::Fault(format!("node{index}: {name}: {e}")))?;
            if let Some(r) = answer.record {
                found.insert(name, Found { version: r.version, transaction: r.transaction });
            }
        }
    }
    Ok(found)
}
