//! The state tree: roots, forks, proofs, pruning.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::*;
use hnchain_proof::tree::{Sm3Hasher, key_hash, verify_state};
use hnchain_storage::{Changes, Options, Overlays};
use hnchain_types::certificate::Certificate;
use hnchain_types::{BlockHash, Height, StateRoot, View};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, Version};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An empty tree for building one version from nothing.
struct Nothing;

impl TreeReader for Nothing {
    fn get_node_option(&self, _: &NodeKey) -> Result<Option<Node>, anyhow::Error> {
        Ok(None)
    }
    fn get_value_option(&self, _: Version, _: KeyHash) -> Result<Option<OwnedValue>, anyhow::Error> {
        Ok(None)
    }
    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>, anyhow::Error> {
        Ok(None)
    }
}

/// Root of a tree built from scratch, row by row.
fn root_from_scratch(rows: &Rows) -> StateRoot {
    let values = rows.iter().map(|(key, row)| (key_hash(key), Some(row.clone())));
    let (root, _) = JellyfishMerkleTree::<_, Sm3Hasher>::new(&Nothing).put_value_set(values, 0).unwrap();
    StateRoot(hnchain_crypto::Digest(root.0))
}

fn changes() -> impl Strategy<Value = Changes> {
    // Few keys, so that rewrites, deletions and deletions of absent rows are common.
    let row = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..5));
    let some = proptest::collection::btree_map((0u8..40).prop_map(|k| format!("anchor/n/{k}")), row, 0..12);
    let no_deletions = some.clone().prop_map(|c| c.into_iter().filter(|(_, row)| row.is_some()).collect());
    let of_genesis = (0u8..20).prop_map(|k| BTreeMap::from([(format!("org/o{k}"), None)]));
    prop_oneof![4 => some, 3 => no_deletions, 1 => of_genesis, 1 => Just(Changes::new())]
}

#[derive(Clone, Debug)]
enum Step {
    /// Execute a block on the candidate chosen by the number.
    Apply(usize, Changes),
    /// Finalize the candidate chosen by the number.
    Finalize(usize),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<usize>(), changes()).prop_map(|(n, c)| Step::Apply(n, c)),
        2 => any::<usize>().prop_map(Step::Finalize),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..25)
}

/// A block that the model knows: where it stands and what the rows are after it.
#[derive(Clone)]
struct Known {
    at: (Height, BlockHash, View),
    rows: Rows,
    finalizing: Option<Certificate>,
}

fn check_view(overlays: &Overlays, known: &Known) {
    let view = overlays.view(&known.at.1).expect("the model knows it");
    for key in (0..40).map(|k| format!("anchor/n/{k}")).chain((0..20).map(|k| format!("org/o{k}"))) {
        assert_eq!(view.row(&key).unwrap(), known.rows.get(&key).cloned(), "{key} at {:?}", known.at);
    }
}

fn check_proofs(overlays: &Overlays, rows: &Rows) {
    let store = overlays.store();
    for key in ["anchor/n/0", "anchor/n/7", "anchor/n/39", "org/o3", "nobody", ""] {
        let Some(proven) = store.prove(key).unwrap() else {
            assert_eq!(store.tip().height, Height(0));
            continue;
        };
        let shown = verify_state(&proven.state, &store.tip().state_root).unwrap();
        assert_eq!(shown, rows.get(key).map(Vec::as_slice));
        assert_eq!(proven.height, store.tip().height);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn roots_over_forks_equal_trees_from_scratch_and_forks_stay_apart(steps in steps(), keep in 1u64..4) {
        let directory = tempfile::tempdir().unwrap();
        let options = Options { keep_versions: keep };
        let store = open(directory.path(), options).unwrap();
        let tip = store.tip();
        prop_assert_eq!(tip.state_root, root_from_scratch(&initial_rows()));
        prop_assert_eq!(store.genesis_root(), tip.state_root);
        let mut overlays = Overlays::new(store);
        let mut candidates =
            vec![Known { at: (tip.height, tip.block, tip.view), rows: initial_rows(), finalizing: None }];
        for (salt, step) in (0u64..).zip(steps) {
            match step {
                Step::Apply(n, changes) => {
                    let parent = candidates[n % candidates.len()].clone();
                    let b = block(parent.at, View(parent.at.2.0 + 1 + salt % 2), salt, u32::try_from(salt % 3).unwrap());
                    let rows = after(&parent.rows, &changes);
                    let result = apply(&mut overlays, &b, changes);
                    prop_assert_eq!(result.state_root, root_from_scratch(&rows));
                    let finalizing = Some(certificate(&b, &result));
                    candidates.push(Known { at: next_of(&b), rows, finalizing });
                }
                Step::Finalize(n) => {
                    let chosen = candidates[n % candidates.len()].clone();
                    let Some(finalizing) = &chosen.finalizing else { continue };
                    let before = overlays.store().tip().height.0;
                    let done = overlays.finalize(&chosen.at.1, finalizing, vec![]).unwrap();
                    let heights: Vec<u64> = done.iter().map(|f| f.block.header.height.0).collect();
                    prop_assert_eq!(heights, (before + 1..=chosen.at.0.0).collect::<Vec<_>>());
                    prop_assert_eq!(overlays.store().tip().block, chosen.at.1);
                    candidates.retain(|c| c.at.1 == chosen.at.1 || overlays.contains(&c.at.1));
                    prop_assert_eq!(candidates.len(), overlays.len() + 1);
                    check_proofs(&overlays, &chosen.rows);
                }
                Step::Reopen => {
                    drop(overlays);
                    overlays = Overlays::new(open(directory.path(), options).unwrap());
                    let tip = overlays.store().tip().block;
                    candidates.retain(|c| c.at.1 == tip);
                }
            }
        }
        candidates.iter().for_each(|known| check_view(&overlays, known));
    }
}

#[test]
fn proofs_equal_those_of_jmt() {
    let directory = tempfile::tempdir().unwrap();
    let mut overlays = Overlays::new(open(directory.path(), Options::default()).unwrap());
    let mut rows = initial_rows();
    let changes: Changes = (0..500).map(|i| (format!("anchor/n/{i}"), Some(vec![1; i % 9]))).collect();
    rows = after(&rows, &changes);
    extend(&mut overlays, 0, 1, changes);
    let memory = Memory::new(&rows);
    for key in (0..1000).map(|i| format!("anchor/n/{i}")).chain(["org/o1".into(), String::new()]) {
        let proven = overlays.store().prove(&key).unwrap().expect("certified");
        assert_eq!(proven.state, hnchain_proof::tree::prove(&memory, 0, &key).unwrap(), "{key}");
    }
}

/// A tree of one version in memory.
struct Memory(BTreeMap<NodeKey, Node>, BTreeMap<KeyHash, Vec<u8>>);

impl Memory {
    fn new(rows: &Rows) -> Self {
        let values = rows.iter().map(|(key, row)| (key_hash(key), Some(row.clone())));
        let (_, batch) = JellyfishMerkleTree::<_, Sm3Hasher>::new(&Nothing).put_value_set(values, 0).unwrap();
        Self(batch.node_batch.nodes().clone(), rows.iter().map(|(k, r)| (key_hash(k), r.clone())).collect())
    }
}

impl TreeReader for Memory {
    fn get_node_option(&self, key: &NodeKey) -> Result<Option<Node>, anyhow::Error> {
        Ok(self.0.get(key).cloned())
    }
    fn get_value_option(&self, _: Version, key: KeyHash) -> Result<Option<OwnedValue>, anyhow::Error> {
        Ok(self.1.get(&key).cloned())
    }
    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>, anyhow::Error> {
        Ok(None)
    }
}

#[test]
fn empty_blocks_keep_the_root_from_height_1_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut overlays = Overlays::new(open(directory.path(), Options { keep_versions: 2 }).unwrap());
    let root = overlays.store().genesis_root();
    for height in 1..8 {
        let done = extend(&mut overlays, height, 0, Changes::new());
        assert_eq!(done.result.state_root, root);
        let proven = overlays.store().prove("org/o1").unwrap().expect("certified");
        assert_eq!(verify_state(&proven.state, &root).unwrap(), Some(&b"organization 1"[..]));
    }
    let done = extend(&mut overlays, 8, 0, BTreeMap::from([("a".into(), Some(vec![1]))]));
    assert_ne!(done.result.state_root, root);
}

#[test]
fn a_state_may_become_empty_and_grow_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut overlays = Overlays::new(open(directory.path(), Options { keep_versions: 1 }).unwrap());
    let delete_all: Changes = initial_rows().into_keys().map(|k| (k, None)).collect();
    let done = extend(&mut overlays, 0, 0, delete_all.clone());
    assert_eq!(done.result.state_root.0, hnchain_proof::tree::EMPTY);
    let done = extend(&mut overlays, 1, 0, delete_all);
    assert_eq!(done.result.state_root.0, hnchain_proof::tree::EMPTY);
    assert!(!overlays.store().prove("org/o1").unwrap().expect("certified").state.present);
    let done = extend(&mut overlays, 2, 0, BTreeMap::from([("a".into(), Some(vec![1]))]));
    assert_eq!(done.result.state_root, root_from_scratch(&BTreeMap::from([("a".into(), vec![1])])));
}

#[test]
fn proofs_name_the_certified_block_they_are_about() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), Options::default()).unwrap();
    assert_eq!(store.prove("org/o1").unwrap(), None, "nothing is certified at genesis");
    let mut overlays = Overlays::new(store.clone());
    let done = extend(&mut overlays, 0, 3, changes_at(1));
    let proven = store.prove("anchor/trace/1-0").unwrap().expect("certified");
    assert_eq!(proven.header, done.block.header.raw());
    assert_eq!(proven.result, done.result.raw());
    assert_eq!(Some(proven.certificate), done.certificate.as_ref().map(Certificate::encode));
}
