//! Frozen bytes. A digest that changes here changes the state root of every chain: do it on purpose or not at all.

use crate::council::{Council, joins};
use crate::scene::{World, codes, commitment, genesis, sign};
use hnchain_crypto::{Hasher, sm3};
use hnchain_ledger::{Changes, genesis_rows};
use hnchain_types::transaction::Receipt;

/// SM3 over each change: length and bytes of the key, 1 and length and bytes of the row, or 0 for a deletion.
fn digest(changes: &Changes) -> String {
    let mut hasher = Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for (key, row) in changes {
        add(key.as_bytes());
        add(&[u8::from(row.is_some())]);
        add(row.as_deref().unwrap_or_default());
    }
    hasher.finalize().to_string()
}

#[test]
fn the_rows_of_a_genesis_are_frozen() {
    let rows: Changes = genesis_rows(&genesis()).into_iter().map(|(k, v)| (k, Some(v))).collect();
    assert_eq!(digest(&rows), "c91d436ca7ac5b70224bc80d636601473f609ae1ed163e8119035a332de891e0");
}

#[test]
fn the_changes_and_receipts_of_a_block_are_frozen() {
    let mut w = World::new();
    let old = w.body().anchor("certificate", "1.2.156.3005.2.1", 1, commitment(1));
    let old = sign(&w.keys.zhengzhou, &old);
    w.block(&[old]);
    let bodies = [
        w.body().anchor("certificate", "1.2.156.3005.2.1", 2, commitment(2)),
        w.body().anchor_batch("realty", "410102001001GB00001F00010001", 1, commitment(3), 1000),
        w.body().revoke("certificate", "1.2.156.3005.2.1", 3, "证照注销"),
        w.body().revoke("certificate", "1.2.156.3005.2.1", 4, "again"),
    ];
    let txs: Vec<_> = bodies.iter().map(|b| sign(&w.keys.zhengzhou, b)).collect();
    let execution = w.execute(&txs);
    assert_eq!(codes(&execution.receipts), ["", "", "", "ANCHOR_REVOKED"]);
    assert_eq!(
        execution.changes.keys().collect::<Vec<_>>(),
        [
            "anchor/certificate/1.2.156.3005.2.1",
            "anchor/realty/410102001001GB00001F00010001",
            "block/1",
            "history/certificate/1.2.156.3005.2.1/1",
            "history/certificate/1.2.156.3005.2.1/2",
        ]
    );
    assert_eq!(digest(&execution.changes), "a81c8fc117ff5cab4234a75fda44d846422e1c49be1c6326de3176181860379f");
    let receipts: Vec<_> = execution.receipts.iter().map(Receipt::raw).collect();
    assert_eq!(sm3(&receipts.concat()).to_string(), "7f329c8a54a6c8f9d69aa492ce34a52e4c80886ed3a74a4c1ab9445de2a81e63");
}

#[test]
fn the_changes_and_receipts_of_traceability_are_frozen() {
    use crate::trace::{Who, commission, id, part, recall, split, step, unsigned};
    let mut s = crate::trace::Scene::new();
    let batch = s.batch(Who::Farm, "苹果-2024-001", "812.5 kg");
    let parts = vec![part(Who::Farm, "A-1", "400 kg"), part(Who::Farm, "A-2", "400 kg")];
    let ops = [
        vec![split(&batch, "812.5 kg", "12.5 kg", parts), step(&id(Who::Farm, "A-1"), recall())],
        vec![commission(Who::Farm, "苹果-2024-001", "1 kg", true)],
    ];
    let txs = ops.map(|ops| {
        let kind = |op: &hnchain_types::trace::Operation| hnchain_types::proto::operation::Kind::Trace(op.to_proto());
        unsigned(Who::Farm, &ops.iter().fold(s.w.body(), |body, op| body.operation(kind(op))))
    });
    let execution = s.w.execute(&txs);
    assert_eq!(codes(&execution.receipts), ["", "TRACE_EXISTS"]);
    let receipts: Vec<_> = execution.receipts.iter().map(Receipt::raw).collect();
    assert_eq!(
        [digest(&execution.changes), sm3(&receipts.concat()).to_string()],
        [
            "d60c44de092f96ea121b05e010bce4c998cb7a3d46567340ebf57f4df687b10d",
            "eb3c282c910081ef4d12550f0de1a41251b1fbfd006126c6bf6f8deaae611110",
        ]
    );
}

#[test]
fn the_changes_and_receipts_of_governance_are_frozen() {
    let mut c = Council::strict(7);
    let proposal = c.almost(joins(&[7], 7));
    let evidence = c.evidence(2, 2, 0, 9);
    let txs = [c.last(proposal), c.accuse(0, &evidence)];
    let execution = c.w.execute(&txs);
    assert_eq!(codes(&execution.receipts), ["", ""]);
    let kinds: Vec<_> = execution.changes.keys().map(|k| k.split('/').next().unwrap_or_default()).collect();
    // The newcomer's and the offender's rows (the offender's change twice), and the epoch that begins.
    let rows = ["block", "evidence", "governance", "member-history", "member-history", "signer", "signer"];
    assert_eq!(kinds, [rows.as_slice(), &["validators", "validators"]].concat());
    let receipts: Vec<_> = execution.receipts.iter().map(Receipt::raw).collect();
    assert_eq!(
        [digest(&execution.changes), sm3(&receipts.concat()).to_string()],
        [
            "4aa6c3c5a0eb12157971a3ccdfb01a3f0ab2ad8ddbca8bef4bfc2c388cb672f4",
            "54478d9ee7a089bff1587a1b8d46c842fcf3c035d2d197ce3d16fcb82d23ce9f",
        ]
    );
}
