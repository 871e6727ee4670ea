//! Validator sets, proposals and convictions, as nodes list them.
//!
//! A list is one node's word: a node can leave entries out. What it does list is checked as far as it goes: rows are
//! canonical and belong to their keys, and a conviction's two signatures are those of the key that it names, which is the
//! key of that validator, of that organization, in the epoch's set that is proven from the genesis.

use crate::client::Client;
use crate::error::Error;
use crate::nodes::{Failure, Peer};
use hnchain_types::genesis::{Genesis, ValidatorSet};
use hnchain_types::governance::{
    EpochRow, EvidenceRow, Proposal, VALIDATORS_KEY, epoch_key, evidence_key, proposal_key,
};
use hnchain_types::{Epoch, TxId, proto};
use std::borrow::Cow;

/// Rows asked for at once.
const PAGE: u32 = 256;
/// Rows that a whole list may have: far beyond what a chain of governments writes in decades.
const MOST: usize = 100_000;

/// A conviction, and whether what it claims was found true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conviction {
    /// The row.
    pub row: EvidenceRow,
    /// Both signatures are the offender's, and key and organization are those of that validator in the epoch's set, to
    /// which certified steps lead from the genesis.
    pub verified: bool,
}

impl Client {
    /// Validators of an epoch, `None` for the one that the next block belongs to. One node's word.
    ///
    /// # Errors
    /// [`Error::Missing`] for an epoch that has not begun, or no node answered.
    pub async fn validators(&self, epoch: Option<Epoch>) -> Result<EpochRow, Error> {
        let key = epoch.map_or_else(|| VALIDATORS_KEY.to_owned(), epoch_key);
        self.row("validators", &key, move |raw| {
            let row = EpochRow::decode(raw).map_err(|e| e.to_string())?;
            if epoch.is_none_or(|e| e == row.epoch) {
                Ok(row)
            } else {
                Err(format!("the row is of epoch {}", row.epoch))
            }
        })
        .await
    }

    /// A proposal. One node's word.
    ///
    /// # Errors
    /// [`Error::Missing`], or no node answered.
    pub async fn proposal(&self, id: &TxId) -> Result<Proposal, Error> {
        let key = proposal_key(id);
        self.row("proposal", &key, |raw| proposal(&key, raw)).await
    }

    /// All proposals, in no particular order. One node's word.
    ///
    /// # Errors
    /// No node answered.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, Error> {
        self.list("proposals", "governance/", proposal).await
    }

    /// All convictions, by epoch and view; see [`Conviction::verified`]. That the list is whole is one node's word.
    ///
    /// # Errors
    /// No node answered, or none proves the validators of a later epoch.
    pub async fn convictions(&self, trust: &Genesis) -> Result<Vec<Conviction>, Error> {
        let mut rows = self.list("convictions", "evidence/", conviction).await?;
        rows.sort_by_key(|r| (r.evidence.epoch(), r.evidence.view(), r.offender));
        let later = rows.iter().any(|r| r.evidence.epoch() > trust.epoch());
        let path = if later { self.path(trust).await? } else { Vec::new() };
        let mut set: Option<(Epoch, Option<ValidatorSet>)> = None;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let epoch = row.evidence.epoch();
            let known = match &set {
                Some((of, known)) if *of == epoch => known.as_ref(),
                _ => set.insert((epoch, proven(trust, &path, epoch))).1.as_ref(),
            };
            let verified = known.is_some_and(|set| convicts(trust, set, &row));
            found.push(Conviction { row, verified });
        }
        Ok(found)
    }

    /// The changes of validators up to now. They are part of the proof of any key, of one without a record too.
    async fn path(&self, trust: &Genesis) -> Result<Vec<proto::EpochStep>, Error> {
        Ok(self.prove_verified("validators", "path", trust).await?.0.to_message().path)
    }

    pub(crate) async fn row<T>(
        &self,
        what: &'static str,
        key: &str,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Error> {
        let read = &read;
        let found = self
            .nodes()
            .call(what, self.deadline(), |mut peer| async move {
                let request = proto::ListRowsRequest { prefix: key.to_owned(), after: String::new(), limit: 1 };
                let page = ask(&mut peer, what, request).await?;
                match page.rows.first().filter(|r| r.key == key) {
                    Some(row) => read(&row.value).map(Some).map_err(|e| peer.bad(what, &e)),
                    None => Ok(None),
                }
            })
            .await?;
        found.ok_or_else(|| Error::Missing { what, key: key.to_owned() })
    }

    /// Every page from the same node, so that the list is one node's.
    pub(crate) async fn list<T>(
        &self,
        what: &'static str,
        prefix: &str,
        read: impl Fn(&str, &[u8]) -> Result<T, String>,
    ) -> Result<Vec<T>, Error> {
        let read = &read;
        self.nodes()
            .call(what, self.deadline(), |mut peer| async move {
                let (mut found, mut after) = (Vec::new(), String::new());
                loop {
                    let request =
                        proto::ListRowsRequest { prefix: prefix.to_owned(), after: after.clone(), limit: PAGE };
                    let page = ask(&mut peer, what, request).await?;
                    for row in &page.rows {
                        if !row.key.starts_with(prefix) || row.key <= after {
                            return Err(peer.bad(what, "rows that were not asked for"));
                        }
                        found.push(read(&row.key, &row.value).map_err(|e| peer.bad(what, &e))?);
                        after.clone_from(&row.key);
                    }
                    if !page.more || page.rows.is_empty() {
                        return Ok(found);
                    }
                    if found.len() > MOST {
                        return Err(peer.bad(what, "a list without end"));
                    }
                }
            })
            .await
    }
}

/// The validators of an epoch, certified from the genesis on; `None` where the steps do not lead there.
fn proven(trust: &Genesis, path: &[proto::EpochStep], epoch: Epoch) -> Option<ValidatorSet> {
    let steps = usize::try_from(epoch.0.checked_sub(trust.epoch().0)?).ok()?;
    hnchain_proof::follow(trust, path.get(..steps)?).ok().map(Cow::into_owned)
}

/// Key, organization and signatures are those of that validator.
fn convicts(trust: &Genesis, set: &ValidatorSet, row: &EvidenceRow) -> bool {
    let member = set.list().members().get(row.evidence.offender().index());
    member.is_some_and(|(key, organization)| *key == row.offender && *organization == row.organization)
        && row.evidence.verify(trust.digest(), set)
}

pub(crate) async fn ask(
    peer: &mut Peer,
    what: &'static str,
    request: proto::ListRowsRequest,
) -> Result<proto::ListRowsResponse, Failure> {
    match peer.client.list_rows(request).await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(peer.failed(what, &status)),
    }
}

fn proposal(key: &str, raw: &[u8]) -> Result<Proposal, String> {
    let row = Proposal::decode(raw).map_err(|e| e.to_string())?;
    if proposal_key(&row.id) == key { Ok(row) } else { Err(format!("row {key} holds proposal {}", row.id)) }
}

fn conviction(key: &str, raw: &[u8]) -> Result<EvidenceRow, String> {
    let row = EvidenceRow::decode(raw).map_err(|e| e.to_string())?;
    let own = evidence_key(row.evidence.epoch(), &row.offender);
    if own == key { Ok(row) } else { Err(format!("row {key} holds the conviction {own}")) }
}
