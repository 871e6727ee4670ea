//! What nodes answer to questions, checked as far as one answer alone can be.

use crate::error::Error;
use hnchain_crypto::{Digest, PublicKey};
use hnchain_proof::Record;
use hnchain_types::block::{ExecutionResult, Header};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::transaction::{Receipt, RecordKey, Transaction};
use hnchain_types::{BlockHash, Epoch, GenesisDigest, Height, StateRoot, TxId, ValidatorIndex, View, proto};

/// A transaction that a node took.
#[derive(Clone, Debug, PartialEq)]
pub struct Submitted {
    /// Its id.
    pub id: TxId,
    /// Its receipt, when the same bytes were final before.
    pub receipt: Option<Receipt>,
    /// The node that took it.
    pub endpoint: String,
}

/// What a node knows of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionState {
    /// Neither queued nor in a block there.
    Unknown,
    /// Queued, or in a block that is not final.
    Pending(Option<Transaction>),
    /// In a final block.
    Final {
        /// The transaction.
        transaction: Option<Transaction>,
        /// What became of it.
        receipt: Receipt,
    },
}

/// Answer to a question for a record: one node's word, see [`crate::Client::prove`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordAnswer {
    /// The record, if there is one.
    pub record: Option<Record>,
    /// Height at which the node read it.
    pub height: Height,
    /// The node.
    pub endpoint: String,
}

/// A header, what its block gave, and the certificate over both where the node has one.
#[derive(Clone, Debug)]
pub struct CertifiedHeader {
    /// The header.
    pub header: Header,
    /// What executing the block gave.
    pub result: ExecutionResult,
    /// Finalization; absent where only a descendant's was seen. Its signatures are not checked here.
    pub certificate: Option<Certificate>,
}

/// A node's own account of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node.
    pub endpoint: String,
    /// Name of the chain.
    pub chain_id: String,
    /// Identity of the chain.
    pub genesis: GenesisDigest,
    /// Version of the software.
    pub version: String,
    /// Current epoch.
    pub epoch: Epoch,
    /// Current view.
    pub view: View,
    /// Newest finalized height stored.
    pub height: Height,
    /// Its block.
    pub block: BlockHash,
    /// Its time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Newest height that peers are known to have finalized.
    pub network_height: Height,
    /// Index in the validator set; absent for an observer.
    pub validator: Option<ValidatorIndex>,
    /// Configured peers.
    pub peers: Vec<PeerStatus>,
    /// Queued transactions.
    pub mempool_transactions: u64,
    /// Their bytes.
    pub mempool_bytes: u64,
    /// State after the newest finalized block.
    pub state_root: StateRoot,
    /// Views given up since the node started.
    pub nullified_views: u64,
}

/// A peer of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Chain identity.
    pub public_key: PublicKey,
    /// Address.
    pub address: String,
    /// Whether there is a session.
    pub connected: bool,
}

pub(crate) fn receipt_of(id: &TxId, raw: &[u8]) -> Result<Receipt, String> {
    let receipt = Receipt::decode(raw).map_err(|e| e.to_string())?;
    if receipt.transaction == *id {
        Ok(receipt)
    } else {
        Err(format!("the receipt is of transaction {}, not of {id}", receipt.transaction))
    }
}

pub(crate) fn transaction_state(id: &TxId, m: &proto::TransactionResponse) -> Result<TransactionState, String> {
    let transaction = if m.transaction.is_empty() {
        None
    } else {
        let t = Transaction::decode(&m.transaction).map_err(|e| e.to_string())?;
        if t.id() != *id {
            return Err(format!("transaction {} was sent instead of {id}", t.id()));
        }
        // The id covers key and body, so anybody can make one: only the signature shows that its signer asked for it.
        let key = t.public_key().to_verifying_key().map_err(|e| e.to_string())?;
        t.verify(&key).map_err(|e| e.to_string())?;
        Some(t)
    };
    match proto::TransactionState::try_from(m.state) {
        Ok(proto::TransactionState::Final) => {
            Ok(TransactionState::Final { transaction, receipt: receipt_of(id, &m.receipt)? })
        }
        Ok(_) if !m.receipt.is_empty() => Err("a receipt of a transaction that is not final".to_owned()),
        Ok(proto::TransactionState::Pending) => Ok(TransactionState::Pending(transaction)),
        Ok(proto::TransactionState::Unknown) => Ok(TransactionState::Unknown),
        _ => Err(format!("unknown transaction state {}", m.state)),
    }
}

pub(crate) fn record(key: &RecordKey, row: &[u8]) -> Result<Option<Record>, String> {
    if row.is_empty() {
        return Ok(None);
    }
    let record = Record::decode(row).map_err(|e| e.to_string())?;
    if record.key == *key {
        Ok(Some(record))
    } else {
        Err(format!("the row is of {}, not of {}", record.key.state_key(), key.state_key()))
    }
}

pub(crate) fn header(asked: Height, m: &proto::HeaderResponse) -> Result<CertifiedHeader, String> {
    let header = Header::decode(&m.header).map_err(|e| e.to_string())?;
    let result = ExecutionResult::decode(&m.result).map_err(|e| e.to_string())?;
    same_height(asked, header.height)?;
    let certificate = if m.certificate.is_empty() {
        None
    } else {
        let c = Certificate::decode(&m.certificate).map_err(|e| e.to_string())?;
        if c.statement != (Statement::Finalize { block: header.hash(), result: result.hash() }) {
            return Err("the certificate is over another block or result".to_owned());
        }
        Some(c)
    };
    Ok(CertifiedHeader { header, result, certificate })
}

/// 0 asks for the newest block.
pub(crate) fn same_height(asked: Height, got: Height) -> Result<(), String> {
    if asked.0 == 0 || asked == got { Ok(()) } else { Err(format!("block {got} was sent instead of {asked}")) }
}

pub(crate) fn status(endpoint: &str, m: proto::StatusResponse) -> Result<NodeStatus, String> {
    let peers = m
        .peers
        .into_iter()
        .map(|p| {
            let public_key = PublicKey::from_bytes(&p.public_key).map_err(|e| e.to_string())?;
            Ok(PeerStatus { public_key, address: p.address, connected: p.connected })
        })
        .collect::<Result<_, String>>()?;
    Ok(NodeStatus {
        endpoint: endpoint.to_owned(),
        chain_id: m.chain_id,
        genesis: GenesisDigest(digest("genesis", &m.genesis)?),
        version: m.version,
        epoch: Epoch(m.epoch),
        view: View(m.view),
        height: Height(m.height),
        block: BlockHash(digest("block", &m.block)?),
        time_ms: m.time_ms,
        network_height: Height(m.network_height),
        validator: m.validator.map(ValidatorIndex),
        peers,
        mempool_transactions: m.mempool_transactions,
        mempool_bytes: m.mempool_bytes,
        state_root: StateRoot(digest("state_root", &m.state_root)?),
        nullified_views: m.nullified_views,
    })
}

pub(crate) fn digest(field: &str, bytes: &[u8]) -> Result<Digest, String> {
    Digest::try_from(bytes).map_err(|_| format!("{field}: {} bytes, 32 are needed", bytes.len()))
}

/// Checks namespace and id before anything is asked.
pub(crate) fn key(namespace: &str, id: &str) -> Result<RecordKey, Error> {
    Ok(RecordKey::new(namespace, id)?)
}
