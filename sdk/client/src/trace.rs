//! 农产品溯源: what happens to batches, and what became of them.
//!
//! Each operation has a method that signs it, hands it in and waits until it is final; [`Traces::submit`] does so with
//! several at once, all or none. Questions are answered by one node: [`Answer`] says which and at which height. Events and
//! children never change, and a batch's row says how many there are and what the last event's hash is, so that what was
//! left out or altered is noticed as far as the row is true; that is what a proof of the row is for.
//!
//! ```no_run
//! use hnchain_sdk::{Client, Options, Signer};
//! use hnchain_types::trace::{BatchId, Part, Ship, Split};
//! use std::time::Duration;
//!
//! # async fn run(client: Client, signer: Signer) -> Result<(), Box<dyn std::error::Error>> {
//! let trace = client.trace(Duration::from_secs(30));
//! let orchard: BatchId = "91411282MA0000X15A/2024-001".parse()?;
//! let box_of = |n: u32| -> Result<Part, hnchain_types::DecodeError> {
//!     Ok(Part { batch: format!("91411282MA0000X15A/2024-001-{n}").parse()?, quantity: "10 kg".parse()? })
//! };
//! let split = Split { batch: orchard.clone(), taken: "20 kg".parse()?, loss: "0 kg".parse()?, parts: vec![box_of(1)?, box_of(2)?] };
//! trace.split(&signer, split).await?;
//! trace.ship(&signer, &box_of(1)?.batch, Ship { to: "supermarket".into() }).await?;
//!
//! let mut below = trace.descendants(&orchard, 256);
//! while let Some(found) = below.next().await? {
//!     println!("{} {}", "  ".repeat(found.depth), found.batch.id);
//! }
//! # Ok(()) }
//! ```

use crate::client::Client;
use crate::error::Error;
use crate::governance::ask;
use crate::signer::Signer;
use hnchain_types::trace::lineage::{Descent, Found, Need, RecallStatus, Walk, recall_of};
use hnchain_types::trace::{
    Act, Aggregate, Batch, BatchId, Certify, Child, Commission, Destroy, Disaggregate, Event, Harvest, Input, Inspect,
    Operation, RECALLS_KEY, Recall, Receive, Return, Sell, Ship, Split, Step, Transform, recalls,
};
use hnchain_types::transaction::{Receipt, Transaction};
use hnchain_types::{Height, limits, proto};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most rows in a page.
pub const PAGE: u32 = 256;

/// Operations and questions of 农产品溯源.
#[derive(Clone, Copy, Debug)]
pub struct Traces<'a> {
    client: &'a Client,
    timeout: Duration,
}

/// What one node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// Height at which the node read it.
    pub height: Height,
    /// The node.
    pub endpoint: String,
}

/// A batch and all that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestry {
    /// The batch.
    pub batch: Batch,
    /// Each ancestor once.
    pub ancestors: BTreeMap<BatchId, Batch>,
    /// Whether the batch or an ancestor is recalled.
    pub recall: RecallStatus,
}

impl Client {
    /// Operations and questions of 农产品溯源; operations wait at most this long until they are final.
    #[must_use]
    pub const fn trace(&self, timeout: Duration) -> Traces<'_> {
        Traces { client: self, timeout }
    }
}

impl Signer {
    /// Signs operations on batches, all or none.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn trace(&self, operations: &[Operation]) -> Result<Transaction, Error> {
        let kind = |op: &Operation| proto::operation::Kind::Trace(op.to_proto());
        self.transaction(|body| operations.iter().fold(body, |body, op| body.operation(kind(op))))
    }
}

/// One method for each act on a batch.
macro_rules! acts {
    ($($(#[$doc:meta])* $method:ident: $act:ident;)*) => {
        impl Traces<'_> {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Traces::submit`].
                pub async fn $method(&self, signer: &Signer, batch: &BatchId, act: $act) -> Result<Receipt, Error> {
                    let step = Step { batch: batch.clone(), act: Act::$act(act) };
                    self.submit(signer, &[step.into()]).await
                }
            )*
        }
    };
}

acts! {
    /// Makes a new batch without ancestors.
    commission: Commission;
    /// Records 投入品 used on a growing batch.
    input: Input;
    /// Harvests a growing batch.
    harvest: Harvest;
    /// Gives an inspection agency's verdict.
    inspect: Inspect;
    /// Records a 承诺达标合格证.
    certify: Certify;
    /// Packs a batch into a container.
    aggregate: Aggregate;
    /// Takes a batch out of its container.
    disaggregate: Disaggregate;
    /// Ships a batch to another organization.
    ship: Ship;
    /// Receives a batch.
    receive: Receive;
    /// Sells some of a batch to consumers.
    sell: Sell;
    /// Recalls a batch and all of its descendants.
    recall: Recall;
    /// Returns a batch to whom it came from, or to its maker.
    give_back: Return;
    /// Destroys what is left of a batch.
    destroy: Destroy;
}

impl<'a> Traces<'a> {
    /// Hands in operations, all or none, and waits until they are final.
    ///
    /// # Errors
    /// As [`Client::submit_and_wait`]; operations that break a format rule.
    pub async fn submit(&self, signer: &Signer, operations: &[Operation]) -> Result<Receipt, Error> {
        self.client.submit_and_wait(&signer.trace(operations)?, self.timeout).await
    }

    /// Splits a batch into several of the same goods.
    ///
    /// # Errors
    /// As [`Traces::submit`].
    pub async fn split(&self, signer: &Signer, split: Split) -> Result<Receipt, Error> {
        self.submit(signer, &[split.into()]).await
    }

    /// Makes other batches of batches.
    ///
    /// # Errors
    /// As [`Traces::submit`].
    pub async fn transform(&self, signer: &Signer, transform: Transform) -> Result<Receipt, Error> {
        self.submit(signer, &[transform.into()]).await
    }

    /// A batch as it stands. One node's word.
    ///
    /// # Errors
    /// [`Error::Missing`], or no node answered.
    pub async fn batch(&self, id: &BatchId) -> Result<Answer<Batch>, Error> {
        const WHAT: &str = "batch";
        let key = id.key();
        let rows = self.page(WHAT, &key, "", 1, |raw| of(id, raw)).await?;
        let Answer { value, height, endpoint } = rows;
        let first = value.into_iter().find(|(k, _)| *k == key);
        let (_, value) = first.ok_or(Error::Missing { what: WHAT, key })?;
        Ok(Answer { value, height, endpoint })
    }

    /// How many recalls there were. One node's word.
    ///
    /// # Errors
    /// No node answered.
    pub async fn recalls(&self) -> Result<u64, Error> {
        let read = |raw: &[u8]| recalls(Some(raw)).map_err(|e| e.to_string());
        let rows = self.page("recalls", RECALLS_KEY, "", 1, read).await?;
        Ok(rows.value.first().map_or(0, |(_, count)| *count))
    }

    /// A page of a batch's events after a number, at most [`PAGE`]; empty at the end. They are consecutive and those that
    /// the row counts.
    ///
    /// # Errors
    /// No node answered truly.
    pub async fn events(&self, batch: &Batch, after: u32, limit: u32) -> Result<Vec<Event>, Error> {
        let range = Range { of: &batch.id, prefix: "event", count: batch.events, after, limit };
        let read = |raw: &[u8]| Event::decode(raw).map(|e| (e.batch.clone(), e.number, e)).map_err(|e| e.to_string());
        self.consecutive("events", range, read).await
    }

    /// All events of a batch, in order, that its row covers by hash.
    ///
    /// # Errors
    /// No node answered truly.
    pub async fn history(&self, batch: &Batch) -> Result<Vec<Event>, Error> {
        let mut all = Vec::new();
        while (all.len() as u64) < u64::from(batch.events) {
            let after = u32::try_from(all.len()).unwrap_or(u32::MAX);
            all.extend(self.events(batch, after, PAGE).await?);
        }
        if batch.covers(&all) { Ok(all) } else { Err(broken("events", "events that the row does not cover")) }
    }

    /// A page of a batch's children after a number, at most [`PAGE`]; empty at the end. They are consecutive and those that
    /// the row counts.
    ///
    /// # Errors
    /// No node answered truly.
    pub async fn children(&self, batch: &Batch, after: u32, limit: u32) -> Result<Vec<Child>, Error> {
        self.children_of(&batch.id, batch.children, after, limit).await
    }

    async fn children_of(&self, of: &BatchId, count: u32, after: u32, limit: u32) -> Result<Vec<Child>, Error> {
        let range = Range { of, prefix: "child", count, after, limit };
        let read = |raw: &[u8]| Child::decode(raw).map(|c| (c.parent.clone(), c.number, c)).map_err(|e| e.to_string());
        self.consecutive("children", range, read).await
    }

    /// A batch with all of its ancestors, at most 1024, and whether any of them is recalled.
    ///
    /// # Errors
    /// [`Error::Missing`], or no node answered truly.
    pub async fn ancestry(&self, id: &BatchId) -> Result<Ancestry, Error> {
        let batch = self.batch(id).await?.value;
        let (mut ancestors, mut walk) = (BTreeMap::new(), Walk::new(limits::TRACE_ANCESTORS));
        let too_many = |e: hnchain_types::trace::lineage::TooMany| broken("ancestors", &e.to_string());
        walk.add(&batch.parents).map_err(too_many)?;
        while let Some(next) = walk.pop() {
            let row = self.batch(&next).await?.value;
            walk.add(&row.parents).map_err(too_many)?;
            ancestors.insert(next, row);
        }
        if ancestors.len() != batch.ancestors as usize {
            return Err(broken("ancestors", "another number than the row counts"));
        }
        let recall = recall_of(&batch, None, &ancestors);
        Ok(Ancestry { batch, ancestors, recall })
    }

    /// All descendants of a batch, each once, parents before children, in pages of `page` rows (at most [`PAGE`]). However
    /// many there are, a page for each generation is held.
    #[must_use]
    pub fn descendants(&self, id: &BatchId, page: u32) -> Descendants<'a> {
        Descendants { traces: *self, descent: Descent::new(id.clone()), page: page.clamp(1, PAGE) }
    }

    /// Rows after a number, in order and without a hole.
    async fn consecutive<T>(
        &self,
        what: &'static str,
        range: Range<'_>,
        read: impl Fn(&[u8]) -> Result<(BatchId, u32, T), String>,
    ) -> Result<Vec<T>, Error> {
        let Range { of, prefix, count, after, limit } = range;
        let limit = limit.clamp(1, PAGE).min(count.saturating_sub(after));
        if limit == 0 {
            return Ok(Vec::new());
        }
        let prefix = format!("trace/{prefix}/{of}/");
        let rows = self.page(what, &prefix, &format!("{prefix}{after:08}"), limit, read).await?.value;
        let mut found = Vec::with_capacity(rows.len());
        for ((_, (owner, number, row)), expected) in rows.into_iter().zip(after + 1..) {
            if owner != *of || number != expected {
                return Err(broken(what, "a row is missing"));
            }
            found.push(row);
        }
        if found.is_empty() { Err(broken(what, "rows that the batch counts are missing")) } else { Ok(found) }
    }

    /// At most `limit` rows under a prefix, after a key, in the order of their keys.
    async fn page<T>(
        &self,
        what: &'static str,
        prefix: &str,
        after: &str,
        limit: u32,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<Answer<Vec<(String, T)>>, Error> {
        let read = &read;
        self.client
            .nodes()
            .call(what, self.client.deadline(), |mut peer| async move {
                let request = proto::ListRowsRequest { prefix: prefix.to_owned(), after: after.to_owned(), limit };
                let page = ask(&mut peer, what, request).await?;
                let mut found: Vec<(String, T)> = Vec::new();
                for row in page.rows.into_iter().take(limit as usize) {
                    let last = found.last().map_or(after, |(key, _)| key.as_str());
                    if !row.key.starts_with(prefix) || row.key.as_str() <= last {
                        return Err(peer.bad(what, "rows that were not asked for"));
                    }
                    // The shortest key is the first: where it is another, there is no such row.
                    if limit == 1 && after.is_empty() && row.key != prefix {
                        break;
                    }
                    found.push((row.key, read(&row.value).map_err(|e| peer.bad(what, &e))?));
                }
                Ok(Answer { value: found, height: Height(page.height), endpoint: peer.name.to_string() })
            })
            .await
    }
}

/// Which rows of a batch.
struct Range<'a> {
    of: &'a BatchId,
    prefix: &'static str,
    count: u32,
    after: u32,
    limit: u32,
}

/// All descendants of a batch, page by page.
#[derive(Debug)]
pub struct Descendants<'a> {
    traces: Traces<'a>,
    descent: Descent,
    page: u32,
}

impl Descendants<'_> {
    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// No node answered, or a row does not belong to the others. The search can be asked again after the former.
    pub async fn next(&mut self) -> Result<Option<Found>, Error> {
        loop {
            match self.descent.poll() {
                Need::Done => return Ok(None),
                Need::Found(found) => return Ok(Some(*found)),
                Need::Batch(id) => {
                    let row = self.traces.batch(&id).await?.value;
                    self.descent.batch(row).map_err(|e| broken("descendants", &e.to_string()))?;
                }
                Need::Children { of, after, count } => {
                    let rows = self.traces.children_of(&of, count, after, self.page).await?;
                    self.descent.children(&rows).map_err(|e| broken("descendants", &e.to_string()))?;
                }
            }
        }
    }
}

fn of(id: &BatchId, raw: &[u8]) -> Result<Batch, String> {
    let row = Batch::decode(raw).map_err(|e| e.to_string())?;
    if row.id == *id { Ok(row) } else { Err(format!("the row is of {}, not of {id}", row.id)) }
}

fn broken(what: &'static str, why: &str) -> Error {
    Error::BadResponse { endpoint: "the node".to_owned(), what, why: why.to_owned() }
}
