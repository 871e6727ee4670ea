//! The verifiers. Whoever changes a genuine bundle, with all digests made right again, may at most leave out its opening,
//! or show the absence of a record that is absent: nothing else is true.

use super::said;
use hnchain_crypto::{Digest, Tag, merkle};
use hnchain_proof::tree::{StateProofError, verify_state};
use hnchain_proof::{Bundle, JSON_BYTES, PROTO_BYTES, ProofError, Verdict, verify};
use hnchain_types::block::ExecutionResult;
use hnchain_types::genesis::Genesis;
use hnchain_types::{StateRoot, proto, wire};
use prost::Message;
use std::sync::LazyLock;

/// A bundle of the vectors, as it lies in the tree.
macro_rules! bundle {
    ($name:literal) => {
        include_bytes!(concat!("../../../../sdk/proof/vectors/", $name, ".hnproof.json"))
    };
}

/// The genuine bundles with their names.
pub(crate) const BUNDLES: [(&str, &[u8]); 4] = [
    ("active", bundle!("active")),
    ("revoked", bundle!("revoked")),
    ("absent", bundle!("absent")),
    ("epoch-two", bundle!("epoch-two")),
];

struct Truth {
    genesis: Genesis,
    verdicts: Vec<Verdict>,
    roots: Vec<StateRoot>,
    proofs: Vec<proto::StateProof>,
}

fn truth() -> &'static Truth {
    static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
        let genesis = Genesis::parse(include_bytes!("../../../../sdk/proof/vectors/genesis.json")).expect("a vector");
        let bundles = BUNDLES.map(|(_, raw)| Bundle::from_json(raw).expect("a vector"));
        let verdicts: Vec<_> = bundles.iter().map(|b| verify(b, &genesis).expect("a vector")).collect();
        let messages: Vec<_> = bundles.iter().map(Bundle::to_message).collect();
        let results = messages.iter().map(|m| ExecutionResult::decode(&m.result).expect("a vector"));
        let roots = results.map(|r| r.state_root).collect();
        let proofs = messages.into_iter().filter_map(|m| m.state).collect();
        Truth { genesis, verdicts, roots, proofs }
    });
    &TRUTH
}

/// State proofs of the genuine bundles.
pub(crate) fn state_proofs() -> &'static [proto::StateProof] {
    &truth().proofs
}

/// Whether the chain of the vectors has a record of this key.
fn exists(key: &str) -> bool {
    let batches =
        key.strip_prefix("anchor/trace/B-").and_then(|n| n.parse::<u32>().ok().filter(|i| i.to_string() == n));
    batches.is_some_and(|n| n < 40)
        || key == "anchor/trace/批次-1"
        || key == "org/henan"
        || truth().proofs.iter().any(|p| p.present && p.key == key)
}

fn refused(error: &ProofError) -> String {
    assert!(!error.message().is_empty() && !error.message_zh().is_empty(), "{error:?}");
    said(error.message())
}

fn judge(bundle: &Bundle) -> Result<(), String> {
    let verdict = verify(bundle, &truth().genesis).map_err(|e| refused(&e))?;
    let same_block = |v: &&Verdict| {
        let claims = Verdict {
            namespace: verdict.namespace.clone(),
            id: verdict.id.clone(),
            record: verdict.record.clone(),
            opening: verdict.opening,
            ..(*v).clone()
        };
        claims == verdict
    };
    let true_ones: Vec<_> = truth().verdicts.iter().filter(same_block).collect();
    assert!(!true_ones.is_empty(), "a block that was never certified is proven: {verdict:?}");
    match &verdict.record {
        Some(record) => {
            let known = true_ones.iter().find(|v| v.record.as_ref() == Some(record));
            let known = known.unwrap_or_else(|| panic!("a record that never was is proven: {verdict:?}"));
            assert!(verdict.opening.is_none() || verdict.opening == known.opening, "another opening: {verdict:?}");
        }
        None => {
            let key = format!("anchor/{}/{}", verdict.namespace, verdict.id);
            assert!(!exists(&key) && verdict.opening.is_none(), "{key} exists and is proven absent");
        }
    }
    Ok(())
}

pub(super) fn json(input: &[u8]) -> Result<(), String> {
    let bundle = Bundle::from_json(input).map_err(|e| refused(&e))?;
    assert!(bundle.to_json() == input && input.len() <= JSON_BYTES, "another text of one bundle");
    judge(&bundle)
}

pub(super) fn protobuf(input: &[u8]) -> Result<(), String> {
    let bundle = Bundle::from_proto(input).map_err(|e| refused(&e))?;
    assert!(bundle.to_proto() == input && input.len() <= PROTO_BYTES, "another encoding of one bundle");
    judge(&bundle)
}

/// Puts the right digest in.
pub(super) fn repair_json(input: &[u8]) -> Option<Vec<u8>> {
    let bundle = Bundle::from_json(input).ok()?;
    let digest = bundle.digest().to_string();
    let mut out = input.to_vec();
    let at = out.len().checked_sub(digest.len() + "\"\n}\n".len())?;
    out.get_mut(at..at + digest.len())?.copy_from_slice(digest.as_bytes());
    Some(out)
}

/// Puts the right digest in.
pub(super) fn repair_protobuf(input: &[u8]) -> Option<Vec<u8>> {
    let mut file = proto::BundleFile::decode(input).ok()?;
    file.digest = Tag::Bundle.hash(&[&file.bundle]).0.to_vec();
    Some(file.encode_to_vec())
}

/// A path in the state tree, against each root that was certified.
pub(super) fn state(input: &[u8]) -> Result<(), String> {
    let proof = proto::StateProof::decode(input).map_err(said)?;
    let mut last = StateProofError::Root;
    for root in &truth().roots {
        match verify_state(&proof, root) {
            Ok(Some(row)) => {
                let known = truth().proofs.iter().any(|p| p.present && p.key == proof.key && p.value == row);
                assert!(known, "a row that never was is proven: {proof:?}");
                return Ok(());
            }
            Ok(None) => {
                assert!(!exists(&proof.key), "{} exists and is proven absent", proof.key);
                return Ok(());
            }
            Err(error) => last = error,
        }
    }
    Err(said(last))
}

/// The leaves of the tree that inclusion is proven in.
pub(crate) fn leaves() -> [[u8; 1]; 7] {
    std::array::from_fn(|i| [u8::try_from(i).unwrap_or(0)])
}

/// A path in a tree of seven leaves, against each leaf.
pub(super) fn inclusion(input: &[u8]) -> Result<(), String> {
    static ROOT: LazyLock<Digest> = LazyLock::new(|| merkle::root(&leaves()));
    let proof: merkle::InclusionProof = wire::decode("inclusion proof", input).map_err(said)?;
    let mut last = Ok(());
    for (index, leaf) in leaves().iter().enumerate() {
        match proof.verify(leaf, &ROOT, leaves().len() as u64) {
            Ok(()) => {
                assert_eq!(merkle::prove(&leaves(), index).as_ref(), Some(&proof), "another path to leaf {index}");
                return Ok(());
            }
            Err(error) => last = Err(said(error)),
        }
    }
    last
}
