//! Merkle trees after RFC 6962 section 2.1, with SM3: leaf prefix 0x00, node prefix 0x01, empty tree SM3("").

use crate::{Digest, sm3, sm3_parts};
use serde::{Deserialize, Serialize};

/// A path that does not lead from the leaf to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// The proof is of a tree of another size.
    #[error("the proof is of a tree of another size")]
    Size,
    /// The index is not below the size.
    #[error("the index is not below the tree size")]
    Index,
    /// More or fewer hashes than index and size call for.
    #[error("the path has the wrong length for this index and size")]
    Length,
    /// The path leads to another root.
    #[error("the path leads to another root")]
    Root,
}

/// Hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    sm3_parts(&[&[0], leaf])
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    sm3_parts(&[&[1], &left.0, &right.0])
}

/// Root over leaves in order.
#[must_use]
pub fn root<T: AsRef<[u8]>>(leaves: &[T]) -> Digest {
    MerkleTree::new(leaves).root()
}

/// Proof of one leaf; `None` where there is no such leaf.
#[must_use]
pub fn prove<T: AsRef<[u8]>>(leaves: &[T], index: usize) -> Option<InclusionProof> {
    MerkleTree::new(leaves).prove(index)
}

/// All levels of a tree, leaves first, for proving many leaves at O(log n) each.
///
/// A last node without a sibling moves up unchanged, which gives the tree of RFC 6962.
#[derive(Clone, Debug)]
pub struct MerkleTree {
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// Hashes leaves and all nodes above them.
    #[must_use]
    pub fn new<T: AsRef<[u8]>>(leaves: &[T]) -> Self {
        let mut levels = vec![leaves.iter().map(|l| leaf_hash(l.as_ref())).collect::<Vec<_>>()];
        while let Some(last) = levels.last().filter(|l| l.len() > 1) {
            let next = last
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_hash(left, right),
                    _ => pair[0],
                })
                .collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|l| l.first()).copied().unwrap_or_else(|| sm3(b""))
    }

    /// Proof of one leaf.
    #[must_use]
    pub fn prove(&self, index: usize) -> Option<InclusionProof> {
        let size = self.levels[0].len();
        if index >= size {
            return None;
        }
        let mut position = index;
        let mut path = Vec::new();
        for level in &self.levels[..self.levels.len() - 1] {
            if let Some(sibling) = level.get(position ^ 1) {
                path.push(*sibling);
            }
            position /= 2;
        }
        Some(InclusionProof { index: index as u64, size: size as u64, path })
    }
}

/// That a leaf is at a place in a tree of known size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InclusionProof {
    /// Place of the leaf, from 0.
    pub index: u64,
    /// Number of leaves.
    pub size: u64,
    /// Siblings from the leaf up.
    pub path: Vec<Digest>,
}

impl InclusionProof {
    /// Checks the path from a leaf to the root of a tree of `size` leaves.
    ///
    /// The size has to come from where the root comes from: a root alone does not fix it, and one path is good for
    /// several pairs of index and size (the second leaf of two is also "the third of three").
    ///
    /// # Errors
    /// See [`MerkleError`].
    pub fn verify(&self, leaf: &[u8], root: &Digest, size: u64) -> Result<(), MerkleError> {
        if self.size != size {
            return Err(MerkleError::Size);
        }
        if self.index >= self.size {
            return Err(MerkleError::Index);
        }
        let (mut position, mut last) = (self.index, self.size - 1);
        let mut hash = leaf_hash(leaf);
        let mut path = self.path.iter();
        while last > 0 {
            // A last node with an even position has no sibling on its level.
            if position % 2 == 1 || position < last {
                let sibling = path.next().ok_or(MerkleError::Length)?;
                hash = if position % 2 == 1 { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
            }
            position /= 2;
            last /= 2;
        }
        if path.next().is_some() {
            return Err(MerkleError::Length);
        }
        if hash == *root { Ok(()) } else { Err(MerkleError::Root) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of RFC 6962, word for word.
    fn definition(leaves: &[Vec<u8>]) -> Digest {
        match leaves {
            [] => sm3(b""),
            [leaf] => leaf_hash(leaf),
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&definition(&leaves[..k]), &definition(&leaves[k..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_definition() {
        for n in 0..70usize {
            let leaves: Vec<_> = (0..n).map(|i| vec![u8::try_from(i).expect("small"); i % 5]).collect();
            assert_eq!(root(&leaves), definition(&leaves), "{n} leaves");
        }
    }

    /// Computed by another program (Python's `hashlib` over OpenSSL) from the definition.
    #[test]
    fn golden_roots_of_zero_to_eight_leaves() {
        let golden = [
            "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b",
            "265a931c3d9e95aeffdd1d3653fdc5ddc0c50100e656bdef4aeba09fd43bebea",
            "5f4c609d311545d17cf002108167c248f9b8bfbc2c468a17456da04f90588c53",
            "2965a6112b6c5f59ef9ccf6521d05e3c271b2a47c436809b195d184271df25bb",
            "a55d42c6ec0b828646c90bafd03f6885a3cbff881ab2fa489100c8527860459d",
            "c13c464e890216c2d123e16161d8d3251c47ccf8558e521640527fefe8059799",
            "83e2f24f2d9f742db10069ebcc13bbec6411fc4c5c97a7bf115ddbb0968d8d8a",
            "3c5f82a412484065b04e04b396fcdd521733baa7e2901b9b7d4487873eab1380",
            "358e702f0cb7f0de71d163d1594684df3f69bfb3104a498f4bc694510d47f35f",
        ];
        let leaves: Vec<_> = (0..8).map(|i| format!("leaf {i}")).collect();
        for (n, expected) in golden.iter().enumerate() {
            assert_eq!(root(&leaves[..n]).to_string(), *expected, "{n} leaves");
        }
    }

    #[test]
    fn a_place_holds_in_a_tree_of_the_known_size_only() {
        let leaves = [b"a", b"b"];
        let root = root(&leaves);
        let honest = prove(&leaves, 1).expect("within");
        assert_eq!(honest.verify(b"b", &root, 2), Ok(()));
        let moved = InclusionProof { index: 2, size: 3, ..honest };
        assert_eq!(moved.verify(b"b", &root, 2), Err(MerkleError::Size));
        assert_eq!(moved.verify(b"b", &root, 3), Ok(()), "why the size must not come from the proof");
    }

    proptest! {
        #[test]
        fn every_leaf_proves_and_nothing_else(n in 1usize..130, pick in any::<prop::sample::Index>(), flip in any::<usize>()) {
            let leaves: Vec<_> = (0..n as u64).map(|i| i.to_be_bytes().to_vec()).collect();
            let tree = MerkleTree::new(&leaves);
            let i = pick.index(n);
            let proof = tree.prove(i).expect("within");
            prop_assert_eq!(proof.verify(&leaves[i], &tree.root(), n as u64), Ok(()));
            prop_assert!(proof.verify(b"other", &tree.root(), n as u64).is_err());
            let outside = InclusionProof { index: proof.size, ..proof.clone() };
            prop_assert_eq!(outside.verify(&leaves[i], &tree.root(), n as u64), Err(MerkleError::Index));
            let moved = InclusionProof { index: (i as u64 + 1) % n as u64, ..proof.clone() };
            prop_assert!(moved.verify(&leaves[i], &tree.root(), n as u64).is_err() || n == 1);
            let mut longer = proof.clone();
            longer.path.push(Digest::ZERO);
            prop_assert_eq!(longer.verify(&leaves[i], &tree.root(), n as u64), Err(MerkleError::Length));
            if !proof.path.is_empty() {
                let mut bent = proof.clone();
                let at = flip % bent.path.len();
                bent.path[at].0[flip % 32] ^= 1;
                prop_assert_eq!(bent.verify(&leaves[i], &tree.root(), n as u64), Err(MerkleError::Root));
                let mut shorter = proof;
                shorter.path.pop();
                prop_assert_eq!(shorter.verify(&leaves[i], &tree.root(), n as u64), Err(MerkleError::Length));
            }
        }
    }
}
