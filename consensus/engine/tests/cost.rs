//! What a block costs on the wire: the figures of docs/consensus.md.
//!
//! ```sh
//! cargo test -p hnchain-consensus --test cost -- --ignored --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod harness;

use harness::Cluster;
use std::collections::BTreeMap;

/// Messages and bytes by kind.
type Traffic = BTreeMap<&'static str, (u64, u64)>;

/// What all validators together sent for each of some blocks, made one after another without loss. Every block is made
/// for its transactions, or, where there are none, for the heartbeat.
fn per_block(n: usize, blocks: u8, transactions: u8, bytes: usize) -> Traffic {
    let mut c = Cluster::new(n, 1);
    (c.faults.min_delay, c.faults.max_delay) = (5, 5);
    let mut before = Traffic::new();
    for block in 0..=blocks {
        for node in &mut c.nodes {
            node.mempool.extend((0..transactions).map(|t| [&[block, t][..], &vec![0; bytes - 2]].concat()));
        }
        let waiting = c.nodes[0].mempool.first().cloned();
        (0..n).for_each(|i| {
            if let Some(t) = &waiting {
                c.submit_to(i, t);
            }
        });
        c.run_while(10_000, "a block", |c| (0..n).any(|i| c.height(i) <= usize::from(block)));
        c.run(500);
        if block == 0 {
            before = std::mem::take(&mut c.traffic); // its parent, the genesis, has no certificate
        }
    }
    let heights: Vec<_> = (0..n).map(|i| c.height(i)).collect();
    assert_eq!(heights, vec![usize::from(blocks) + 1; n], "one block each time\n{}", c.trace.join("\n"));
    assert!(before.contains_key("proposal"));
    let each = |v: u64| v / u64::from(blocks);
    c.traffic.iter().map(|(kind, (messages, bytes))| (*kind, (each(*messages), each(*bytes)))).collect()
}

fn kib(bytes: u64) -> String {
    if bytes < 10 * 1024 { format!("{bytes} B") } else { format!("{} KiB", bytes / 1024) }
}

#[test]
#[ignore = "prints figures; minutes for a hundred validators"]
fn messages_and_bytes_of_a_block() {
    println!(
        "| n | block | proposals | notarize | finalize | all messages | all bytes | sent by the leader | by another |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (n, blocks) in [(4, 10), (19, 5), (31, 4), (100, 2)] {
        for (name, transactions) in [("empty", 0), ("100 × 500 B", 100)] {
            let traffic = per_block(n, blocks, transactions, 500);
            assert!(traffic.keys().all(|k| ["proposal", "notarize", "finalize"].contains(k)), "{traffic:?}");
            let cell = |kind| traffic.get(kind).map_or_else(String::new, |(m, b)| format!("{m} / {}", kib(*b)));
            let all = traffic.values().fold((0, 0), |a, v| (a.0 + v.0, a.1 + v.1));
            let peers = n as u64 - 1;
            let finalize = traffic["finalize"].1 / n as u64;
            let (leader, other) = (traffic["proposal"].1 + finalize, traffic["notarize"].1 / peers + finalize);
            println!(
                "| {n} | {name} | {} | {} | {} | {} | {} | {} | {} |",
                cell("proposal"),
                cell("notarize"),
                cell("finalize"),
                all.0,
                kib(all.1),
                kib(leader),
                kib(other)
            );
            assert!(traffic["proposal"].0 == peers && all.0 <= peers * (2 * peers + 2), "{traffic:?}");
        }
    }
}
