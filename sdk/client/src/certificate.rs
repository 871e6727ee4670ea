//! 电子证照: what registrars ask for, and what nodes say about certificates.
//!
//! Every answer here is one node's word. What it says is checked as far as it goes: rows are canonical and belong to
//! their keys, and the rows of a history are chained by their hashes, so that a node can keep back the newest but leave
//! out, change or add none below the row that it shows.

use crate::client::Client;
use crate::error::Error;
use crate::governance::ask;
use crate::nodes::{Failure, Peer};
use crate::signer::Signer;
use hnchain_crypto::Digest;
use hnchain_types::codes::{CertificateId, Division};
use hnchain_types::credential::{
    CertificateTypeRow, Change, Content, Credential, HOLDER_MARK, Issue, Operation, Resume, Step, certificate_type_key,
    credential_key, history_key, holder_prefix, row_hash,
};
use hnchain_types::transaction::{Receipt, Transaction};
use hnchain_types::{Height, limits, proto};
use std::time::Duration;

/// Most rows of a history that are fetched at once: each is one question.
pub const HISTORY_PAGE: usize = 100;
/// Most certificates of a holder in one answer.
pub const HOLDER_PAGE: u32 = 256;

/// The registry of certificates, over a client. See [`Client::certificate`].
#[derive(Clone, Copy, Debug)]
pub struct Certificates<'a> {
    client: &'a Client,
}

/// An operation that is not signed yet.
#[derive(Clone, Debug)]
pub struct CertificateRequest<'a> {
    client: &'a Client,
    operation: Operation,
}

/// A certificate as a node reports it, unproven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateAnswer {
    /// Its current row, if there is one.
    pub certificate: Option<Credential>,
    /// Height at which the node read it.
    pub height: Height,
    /// The node.
    pub endpoint: String,
}

/// Rows of a certificate and of its earlier versions, newest first; each is the one that the row before it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateHistory {
    /// The rows.
    pub rows: Vec<Credential>,
    /// Whether they go back to the first issue; otherwise see [`Certificates::older`].
    pub complete: bool,
    /// Height at which the first was read. Rows below it never change.
    pub height: Height,
    /// The node.
    pub endpoint: String,
}

/// A part of the list of a holder's certificates, in the order of their identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderPage {
    /// The certificates, whatever became of them.
    pub ids: Vec<CertificateId>,
    /// Whether there are more after the last.
    pub more: bool,
    /// Height at which the page was read; pages with the same height are of one state.
    pub height: Height,
    /// The node.
    pub endpoint: String,
}

impl Client {
    /// The registry of 电子证照.
    ///
    /// ```no_run
    /// # async fn example(client: hnchain_sdk::Client, signer: hnchain_sdk::Signer) -> Result<(), hnchain_sdk::Error> {
    /// use std::time::Duration;
    /// # let id = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U".parse().expect("valid");
    /// let request = client.certificate().suspend(&id, "逾期未报送年度报告");
    /// let receipt = request.submit(&signer, Duration::from_secs(30)).await?;
    /// println!("suspended in block {}", receipt.height);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn certificate(&self) -> Certificates<'_> {
        Certificates { client: self }
    }
}

impl<'a> Certificates<'a> {
    const fn request(self, operation: Operation) -> CertificateRequest<'a> {
        CertificateRequest { client: self.client, operation }
    }

    /// Issues the first version of a certificate for a division.
    #[must_use]
    pub fn issue(self, id: &CertificateId, division: Division, content: Content) -> CertificateRequest<'a> {
        self.request(Operation::Issue(Issue { id: id.clone(), division, content }))
    }

    /// Issues the next version, which supersedes the one before.
    #[must_use]
    pub fn change(self, previous: &CertificateId, id: &CertificateId, content: Content) -> CertificateRequest<'a> {
        self.request(Operation::Change(Change { previous: previous.clone(), id: id.clone(), content }))
    }

    /// Suspends a certificate. The reason is public: no personal data.
    #[must_use]
    pub fn suspend(self, id: &CertificateId, reason: &str) -> CertificateRequest<'a> {
        self.request(Operation::Suspend(step(id, reason)))
    }

    /// Ends a suspension.
    #[must_use]
    pub fn resume(self, id: &CertificateId) -> CertificateRequest<'a> {
        self.request(Operation::Resume(Resume { id: id.clone() }))
    }

    /// 吊销. The reason is public: no personal data.
    #[must_use]
    pub fn revoke(self, id: &CertificateId, reason: &str) -> CertificateRequest<'a> {
        self.request(Operation::Revoke(step(id, reason)))
    }

    /// 注销. The reason is public: no personal data.
    #[must_use]
    pub fn cancel(self, id: &CertificateId, reason: &str) -> CertificateRequest<'a> {
        self.request(Operation::Cancel(step(id, reason)))
    }

    /// The current row of a certificate.
    ///
    /// # Errors
    /// No node answered.
    pub async fn get(self, id: &CertificateId) -> Result<CertificateAnswer, Error> {
        const WHAT: &str = "certificate";
        let call = |mut peer: Peer| async move {
            let (row, height) = current(&mut peer, WHAT, id).await?;
            Ok(CertificateAnswer { certificate: row, height, endpoint: peer.name.to_string() })
        };
        self.client.nodes().call(WHAT, self.client.deadline(), call).await
    }

    /// The newest rows of a certificate, `most` of them but at most [`HISTORY_PAGE`]: its current one first, then those
    /// before, then those of earlier versions.
    ///
    /// # Errors
    /// [`Error::Missing`], or no node answered.
    pub async fn history(self, id: &CertificateId, most: usize) -> Result<CertificateHistory, Error> {
        const WHAT: &str = "certificate history";
        let call = |mut peer: Peer| async move {
            let (Some(row), height) = current(&mut peer, WHAT, id).await? else {
                return Err(Failure::Elsewhere(Error::Missing { what: WHAT, key: credential_key(id) }));
            };
            let mut rows = vec![row];
            let complete = follow(&mut peer, WHAT, &mut rows, most.clamp(1, HISTORY_PAGE)).await?;
            Ok(CertificateHistory { rows, complete, height, endpoint: peer.name.to_string() })
        };
        self.client.nodes().call(WHAT, self.client.deadline(), call).await
    }

    /// The rows before one that is known, as [`Certificates::history`] gives them; the known one is not among them.
    ///
    /// # Errors
    /// No node answered.
    pub async fn older(self, than: &Credential, most: usize) -> Result<CertificateHistory, Error> {
        const WHAT: &str = "certificate history";
        let call = |mut peer: Peer| async move {
            let mut rows = vec![than.clone()];
            let complete = follow(&mut peer, WHAT, &mut rows, most.clamp(1, HISTORY_PAGE) + 1).await?;
            rows.remove(0);
            Ok(CertificateHistory { rows, complete, height: than.height, endpoint: peer.name.to_string() })
        };
        self.client.nodes().call(WHAT, self.client.deadline(), call).await
    }

    /// Certificates of a holder, by the commitment, after an identifier; `most` of them, at most [`HOLDER_PAGE`].
    ///
    /// # Errors
    /// No node answered.
    pub async fn of_holder(
        self,
        holder: &Digest,
        after: Option<&CertificateId>,
        most: u32,
    ) -> Result<HolderPage, Error> {
        const WHAT: &str = "certificates of a holder";
        let prefix = &holder_prefix(holder);
        let after = &after.map(|id| format!("{prefix}{id}")).unwrap_or_default();
        let call = |mut peer: Peer| async move {
            let limit = most.clamp(1, HOLDER_PAGE);
            let request = proto::ListRowsRequest { prefix: prefix.clone(), after: after.clone(), limit };
            let page = ask(&mut peer, WHAT, request).await?;
            let ids = listed(prefix, after, &page.rows).map_err(|why| peer.bad(WHAT, why))?;
            if ids.len() > limit as usize || (page.more && ids.is_empty()) {
                return Err(peer.bad(WHAT, "another number of rows than was asked for"));
            }
            Ok(HolderPage { ids, more: page.more, height: Height(page.height), endpoint: peer.name.to_string() })
        };
        self.client.nodes().call(WHAT, self.client.deadline(), call).await
    }

    /// The types of certificates that the chain knows, at most [`limits::CERTIFICATE_TYPES`].
    ///
    /// # Errors
    /// No node answered.
    pub async fn types(self) -> Result<Vec<CertificateTypeRow>, Error> {
        const WHAT: &str = "certificate types";
        let call = |mut peer: Peer| async move {
            let request =
                proto::ListRowsRequest { prefix: certificate_type_key(""), after: String::new(), limit: HOLDER_PAGE };
            let page = ask(&mut peer, WHAT, request).await?;
            let read = |row: &proto::Row| {
                let t = CertificateTypeRow::decode(&row.value).map_err(|e| peer.bad(WHAT, &e))?;
                if certificate_type_key(&t.code) == row.key { Ok(t) } else { Err(peer.bad(WHAT, "another row's key")) }
            };
            page.rows.iter().take(limits::CERTIFICATE_TYPES).map(read).collect()
        };
        self.client.nodes().call(WHAT, self.client.deadline(), call).await
    }
}

impl CertificateRequest<'_> {
    /// What is asked for.
    #[must_use]
    pub const fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Signs it. Nothing is sent.
    ///
    /// # Errors
    /// As [`Signer::transaction`].
    pub fn sign(&self, signer: &Signer) -> Result<Transaction, Error> {
        signer.transaction(|body| body.operation(self.operation.to_proto()))
    }

    /// Signs it, hands it in and waits until it is final.
    ///
    /// # Errors
    /// As [`Client::submit_and_wait`].
    pub async fn submit(&self, signer: &Signer, timeout: Duration) -> Result<Receipt, Error> {
        self.client.submit_and_wait(&self.sign(signer)?, timeout).await
    }
}

fn step(id: &CertificateId, reason: &str) -> Step {
    Step { id: id.clone(), reason: reason.to_owned() }
}

/// Identifiers in the keys of a holder's list.
fn listed(prefix: &str, after: &str, rows: &[proto::Row]) -> Result<Vec<CertificateId>, &'static str> {
    let mut last = after;
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        let id = row.key.strip_prefix(prefix).and_then(|id| id.parse().ok());
        if row.key.as_str() <= last || row.value != HOLDER_MARK {
            return Err("rows that were not asked for");
        }
        ids.push(id.ok_or("a key without an identifier")?);
        last = &row.key;
    }
    Ok(ids)
}

/// The row under a key, with its encoding and the height at which it was read.
async fn row(
    peer: &mut Peer,
    what: &'static str,
    key: &str,
) -> Result<(Option<(Credential, Vec<u8>)>, Height), Failure> {
    let request = proto::ListRowsRequest { prefix: key.to_owned(), after: String::new(), limit: 1 };
    let page = ask(peer, what, request).await?;
    let height = Height(page.height);
    let Some(row) = page.rows.into_iter().next().filter(|r| r.key == key) else { return Ok((None, height)) };
    let read = Credential::decode(&row.value).map_err(|e| peer.bad(what, &e))?;
    if key == credential_key(&read.id) || key == history_key(&read.id, read.sequence) {
        Ok((Some((read, row.value)), height))
    } else {
        Err(peer.bad(what, "the row is of another certificate"))
    }
}

async fn current(
    peer: &mut Peer,
    what: &'static str,
    id: &CertificateId,
) -> Result<(Option<Credential>, Height), Failure> {
    let (found, height) = row(peer, what, &credential_key(id)).await?;
    Ok((found.map(|(row, _)| row), height))
}

/// Adds the rows that the last one follows, until there are `most` or none is left; says whether none is left.
async fn follow(peer: &mut Peer, what: &'static str, rows: &mut Vec<Credential>, most: usize) -> Result<bool, Failure> {
    loop {
        let Some((last, expected)) = rows.last().and_then(|last| Some((last, last.previous_row?))) else {
            return Ok(true);
        };
        if rows.len() >= most {
            return Ok(false);
        }
        let key = match &last.previous_id {
            Some(previous) if last.sequence == 1 => credential_key(previous),
            _ => history_key(&last.id, last.sequence.saturating_sub(1)),
        };
        match row(peer, what, &key).await?.0 {
            Some((row, raw)) if row_hash(&raw) == expected => rows.push(row),
            Some(_) => return Err(peer.bad(what, &format!("row {key} is not the one that was followed"))),
            None => return Err(peer.bad(what, &format!("row {key} is left out"))),
        }
    }
}
