//! Our path check against jmt's own.

use crate::scene::Tree;
use hnchain_crypto::Digest;
use hnchain_proof::tree::{EMPTY, Sm3Hasher, StateProofError, from_jmt, key_hash, prove, verify_state};
use hnchain_types::{StateRoot, proto};
use jmt::{JellyfishMerkleTree, RootHash};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Random rows over two versions, so that deletions and nodes of older versions take part.
fn trees() -> impl Strategy<Value = (Tree, StateRoot, BTreeMap<String, Vec<u8>>)> {
    let row = proptest::collection::vec(any::<u8>(), 0..40);
    let first = proptest::collection::btree_map(0u16..300, row.clone(), 0..120);
    let second = proptest::collection::btree_map(0u16..300, proptest::option::of(row), 0..60);
    (first, second).prop_map(|(first, second)| {
        let named = |i: u16| format!("anchor/trace/{i}");
        let mut rows: BTreeMap<_, _> = first.into_iter().map(|(i, v)| (named(i), v)).collect();
        let mut tree = Tree::default();
        tree.put(0, &rows.iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect());
        let changes: BTreeMap<_, _> = second.into_iter().map(|(i, v)| (named(i), v)).collect();
        let root = tree.put(1, &changes);
        for (key, change) in changes {
            match change {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
        (tree, root, rows)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn our_check_says_what_jmts_says_on_random_trees(
        (tree, root, rows) in trees(),
        asked in proptest::collection::vec(0u16..320, 12),
        other in 0u16..320,
        claim in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..3)),
    ) {
        let jmt = JellyfishMerkleTree::<_, Sm3Hasher>::new(&tree);
        for i in asked {
            let key = format!("anchor/trace/{i}");
            let (value, theirs) = jmt.get_with_proof(key_hash(&key), 1).unwrap();
            let ours = from_jmt(&key, value.clone(), &theirs).unwrap();
            prop_assert_eq!(value.as_ref(), rows.get(&key));
            prop_assert_eq!(verify_state(&ours, &root), Ok(rows.get(&key).map(Vec::as_slice)));
            prop_assert!(theirs.verify(RootHash(root.0.0), key_hash(&key), value).is_ok());

            // The same path under another key, and under another claim.
            let other = format!("anchor/trace/{other}");
            for (key, claim) in [(&other, rows.get(&key)), (&key, claim.as_ref())] {
                let changed = proto::StateProof {
                    key: key.clone(),
                    present: claim.is_some(),
                    value: claim.cloned().unwrap_or_default(),
                    ..ours.clone()
                };
                let verdict = theirs.verify(RootHash(root.0.0), key_hash(key), claim);
                prop_assert_eq!(verify_state(&changed, &root).is_ok(), verdict.is_ok());
            }
        }
    }

    #[test]
    fn a_bent_path_is_refused((tree, root, _) in trees(), i in 0u16..300, flip in any::<(usize, usize)>()) {
        let good = prove(&tree, 1, &format!("anchor/trace/{i}")).unwrap();
        prop_assert!(verify_state(&good, &root).is_ok());
        let mut longer = good.clone();
        longer.siblings.insert(flip.0 % (good.siblings.len() + 1), EMPTY.0.to_vec());
        prop_assert!(verify_state(&longer, &root).is_err());
        if !good.siblings.is_empty() {
            let mut bent = good.clone();
            bent.siblings[flip.0 % good.siblings.len()][flip.1 % 32] ^= 1;
            prop_assert_eq!(verify_state(&bent, &root), Err(StateProofError::Root));
            let mut shorter = good.clone();
            shorter.siblings.remove(flip.0 % good.siblings.len());
            prop_assert!(verify_state(&shorter, &root).is_err());
        }
    }
}

#[test]
fn an_empty_tree_proves_absence_of_everything() {
    let proof = proto::StateProof { key: "anchor/a/b".to_owned(), ..proto::StateProof::default() };
    assert_eq!(verify_state(&proof, &StateRoot(EMPTY)), Ok(None));
    assert_eq!(verify_state(&proof, &StateRoot(Digest::ZERO)), Err(StateProofError::Root));
}

#[test]
fn an_empty_row_is_present() {
    let mut tree = Tree::default();
    let root = tree.put(0, &[("a".to_owned(), Some(vec![])), ("b".to_owned(), Some(vec![1]))].into());
    assert_eq!(verify_state(&prove(&tree, 0, "a").unwrap(), &root), Ok(Some(&[][..])));
}

#[test]
fn more_siblings_than_bits_are_refused_before_hashing() {
    let siblings = vec![EMPTY.0.to_vec(); 257];
    let proof = proto::StateProof { key: "a".to_owned(), siblings, ..proto::StateProof::default() };
    assert_eq!(verify_state(&proof, &StateRoot(EMPTY)), Err(StateProofError::Shape));
}

#[test]
fn a_version_without_a_root_is_an_error_not_an_absence() {
    assert!(prove(&Tree::default(), 3, "a").is_err());
}
