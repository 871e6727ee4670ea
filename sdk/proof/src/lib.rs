//! Verification without a node: proof bundles and the rules that accept or refuse them.

pub mod tree;
