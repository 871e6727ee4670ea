//! The ledger: any block of transactions that decode executes, to the same result each time, to rows that read back.

use super::{said, truth};
use hnchain_crypto::Digest;
use hnchain_ledger::{BlockContext, Chain, Execution, MemoryState, current_set, execute};
use hnchain_types::genesis::{Genesis, Role, Signer};
use hnchain_types::governance::{EpochRow, EvidenceRow, Proposal, VALIDATORS_KEY};
use hnchain_types::record::Record;
use hnchain_types::transaction::{Receipt, Transaction};
use hnchain_types::{BlockHash, Height, ResultHash, TxId, limits, proto};
use prost::Message;
use std::sync::LazyLock;

/// Most transactions of an input.
const TRANSACTIONS: usize = 64;
/// Time of the first block, within the validity of the vectors' transactions.
const TIME_MS: u64 = 1_700_000_001_000;

/// The genesis of the vectors with an administrator for each organization that runs validators.
pub(crate) fn genesis() -> &'static Genesis {
    static GENESIS: LazyLock<Genesis> = LazyLock::new(|| {
        let mut document = truth::genesis().document().clone();
        document.signers.push(Signer {
            public_key: truth::key(12).public_key(),
            organization: "zhengzhou".to_owned(),
            roles: vec![Role::Administrator {}],
            valid_from_ms: 0,
            valid_until_ms: 0,
        });
        Genesis::create(&document).expect("a genesis")
    });
    &GENESIS
}

/// The transactions of an encoded block; its header does not matter.
pub(super) fn block(input: &[u8]) -> Result<(), String> {
    let message = proto::Block::decode(input).map_err(said)?;
    if message.transactions.len() > TRANSACTIONS {
        return Err("too many transactions".to_owned());
    }
    let read: Vec<_> = message.transactions.iter().map(|raw| Transaction::decode(raw)).collect();
    let refused = read.iter().find_map(|t| t.as_ref().err().map(ToString::to_string));
    let transactions: Vec<Transaction> = read.into_iter().flatten().collect();
    let mut state = MemoryState::from_genesis(genesis());
    let first = BlockContext { height: Height(1), time_ms: TIME_MS, parent: None };
    let execution = run(&state, first, &transactions);
    state.apply(first.height, &execution.changes, transactions.iter().map(Transaction::id));
    // Whatever became of them: each is on the chain once.
    let parent = Some((first.height, BlockHash(Digest::ZERO), ResultHash(Digest::ZERO)));
    let second = BlockContext { height: Height(2), time_ms: TIME_MS + 1, parent };
    let again = run(&state, second, &transactions);
    assert!(again.receipts.iter().all(|r| !r.accepted()), "a transaction was accepted twice");
    assert_eq!(again.changes.len(), 1, "refused transactions changed something: {:?}", again.changes.keys());
    match execution.receipts.iter().find(|r| !r.accepted()) {
        Some(receipt) => Err(format!("{:?}", receipt.outcome)),
        None => refused.map_or(Ok(()), Err),
    }
}

fn run(state: &MemoryState, block: BlockContext, transactions: &[Transaction]) -> Execution {
    let chain = Chain::new(genesis());
    let execution = execute(state, &chain, &block, transactions).expect("a state in memory can be read");
    let again = execute(state, &chain, &block, transactions).expect("a state in memory can be read");
    assert_eq!(execution, again, "L1: two results of one block");
    assert_eq!(execution.receipts.len(), transactions.len(), "L3: a receipt for everything");
    for ((receipt, transaction), index) in execution.receipts.iter().zip(transactions).zip(0u32..) {
        assert_eq!((receipt.transaction, receipt.height, receipt.index), (transaction.id(), block.height, index));
        assert_eq!(Receipt::decode(receipt.raw()).as_ref(), Ok(receipt), "a receipt that nobody can read");
    }
    for (key, row) in &execution.changes {
        if let Some(row) = row {
            check_row(key, row);
        }
    }
    check_next(state, &execution);
    execution
}

/// Rows are read by others: they are as strict as they are.
fn check_row(key: &str, row: &[u8]) {
    let kind = key.split('/').next().unwrap_or_default();
    match kind {
        "anchor" => {
            let record = Record::decode(row).unwrap_or_else(|e| panic!("{key}: {e}"));
            assert_eq!(record.key.state_key(), key);
        }
        VALIDATORS_KEY => drop(EpochRow::decode(row).unwrap_or_else(|e| panic!("{key}: {e}"))),
        "governance" => drop(Proposal::decode(row).unwrap_or_else(|e| panic!("{key}: {e}"))),
        "evidence" => drop(EvidenceRow::decode(row).unwrap_or_else(|e| panic!("{key}: {e}"))),
        _ => {}
    }
    assert!(row.len() <= limits::PROPOSAL_BYTES, "{key}: {} bytes", row.len());
}

fn check_next(state: &MemoryState, execution: &Execution) {
    let (_, _, before) = current_set(state).expect("a state in memory can be read");
    let Some(next) = &execution.next else {
        return assert_eq!(execution.next_validators, before.hash(), "another set without another epoch");
    };
    assert_eq!(execution.next_validators, next.validators.hash());
    assert_ne!(next.validators.hash(), before.hash(), "an epoch without a change");
    let stay = next.validators.public_keys().filter(|k| before.index_of(k).is_some()).count();
    let gone = before.len() - stay;
    let come = next.validators.len() - stay;
    let most = before.faults().max(1);
    assert!(gone <= most && come <= most, "{gone} go and {come} come, at most {most} may");
    assert!(next.validators.len() >= 4, "a set that tolerates nobody");
}

/// Lets approvals name the first proposal, whose id every change of it changes.
pub(super) fn repair(input: &[u8]) -> Option<Vec<u8>> {
    let mut block = proto::Block::decode(input).ok()?;
    let mut proposal: Option<TxId> = None;
    for raw in &mut block.transactions {
        let Ok(transaction) = Transaction::decode(raw) else { continue };
        let mut envelope = proto::Transaction::decode(raw.as_slice()).ok()?;
        let mut body = proto::Body::decode(envelope.body.as_slice()).ok()?;
        for operation in &mut body.operations {
            match &mut operation.kind {
                Some(proto::operation::Kind::Propose(_)) => {
                    proposal.get_or_insert(transaction.id());
                }
                Some(proto::operation::Kind::Approve(approve)) => {
                    if let Some(id) = proposal {
                        approve.proposal = id.0.0.to_vec();
                    }
                }
                _ => {}
            }
        }
        envelope.body = body.encode_to_vec();
        *raw = envelope.encode_to_vec();
    }
    Some(block.encode_to_vec())
}
