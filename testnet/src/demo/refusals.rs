//! What must not pass: requests that the chain refuses, and proofs that the verifier refuses.

use super::anchor::Anchored;
use super::offline::{bundle_file, trust};
use super::report::RefusalLine;
use crate::samples::Kind;
use crate::{Network, members};
use anyhow::Context as _;
use hnchain_crypto::SecretKey;
use hnchain_sdk::proof::{Bundle, ProofError, verify};
use hnchain_sdk::{Client, Error, Signer};
use hnchain_types::genesis::Genesis;
use hnchain_types::transaction::{BodyBuilder, Transaction};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// How long a refusal may take: some come from a node, some from a block.
const ANSWER: Duration = Duration::from_secs(30);

/// Sends requests that break a rule each.
pub(super) async fn online(
    client: &Client,
    network: &Network,
    signers: &BTreeMap<Kind, Signer>,
    anchored: &[Anchored],
) -> anyhow::Result<Vec<RefusalLine>> {
    let first = anchored.first().context("at least one record")?;
    let (namespace, id) = (first.sample.kind.namespace(), first.sample.id.as_str());
    let signer = signers.get(&first.sample.kind).context("a signer for each kind")?;
    let other = signers.iter().find(|(k, _)| **k != first.sample.kind).context("another kind")?.1;
    let key = network.client_key(namespace)?;
    let unknown = Signer::new(SecretKey::generate()?, signer.chain_id());
    let commitment = first.opening.commitment();
    let elsewhere = Signer::new(key.clone(), "another-chain");
    let cases = [
        ("duplicate record id  重复的记录", "ANCHOR_EXISTS", signer.anchor(namespace, id, 1, commitment)?),
        ("version that is not the next  版本不连续", "ANCHOR_VERSION", signer.anchor(namespace, id, 9, commitment)?),
        ("unknown signer  未登记的签名者", "SIGNER_UNKNOWN", unknown.anchor(namespace, "demo.1", 1, commitment)?),
        ("signer without the role  越权写入", "ROLE_MISSING", other.anchor(namespace, "demo.2", 1, commitment)?),
        ("another chain's transaction  他链交易", "TX_CHAIN", elsewhere.anchor(namespace, "demo.3", 1, commitment)?),
        ("expired transaction  过期交易", "TX_EXPIRED", expired(signer.chain_id(), namespace, &key)?),
    ];
    let mut lines = Vec::new();
    for (what, expected, transaction) in cases {
        let answer = client.submit_and_wait(&transaction, ANSWER).await;
        lines.push(RefusalLine::new(what, expected, answer.err().map(|e| describe(&e))));
    }
    Ok(lines)
}

fn expired(chain_id: &str, namespace: &str, key: &SecretKey) -> anyhow::Result<Transaction> {
    let body =
        BodyBuilder::new(chain_id, u64::MAX, 1, [0; 16]).anchor(namespace, "demo.4", 1, hnchain_crypto::sm3(b""));
    Ok(Transaction::sign(body.encode(), key)?)
}

fn describe(error: &Error) -> (String, String) {
    (error.code().to_owned(), error.to_string())
}

/// Shows the verifier proofs that are not what they claim to be.
pub(super) fn offline(network: &Network, anchored: &[Anchored]) -> anyhow::Result<Vec<RefusalLine>> {
    let first = anchored.first().context("at least one record")?;
    let file = bundle_file(network.directory(), first);
    let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
    let trust = trust(network)?;
    let mut tampered = bytes.clone();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    let altered = first.sample.bytes.iter().chain(b" ").copied().collect::<Vec<_>>();
    let opens = first.opening.is_of(&altered);
    Ok(vec![
        RefusalLine::any("one byte of the bundle changed  篡改证明一个字节", refuse(&tampered, &trust)),
        RefusalLine::any("another chain's genesis  以他链创世文件验证", refuse(&bytes, &other_genesis()?)),
        RefusalLine::any(
            "a document changed by one space  原文被改动",
            (!opens).then(|| ("OPENING".to_owned(), "the commitment is to another document".to_owned())),
        ),
    ])
}

fn refuse(bundle: &[u8], trust: &Genesis) -> Option<(String, String)> {
    let verdict = Bundle::from_json(bundle).and_then(|b| verify(&b, trust));
    verdict.err().map(|e: ProofError| (e.code().to_owned(), e.to_string()))
}

/// A chain with the same name and organizations, and other keys.
fn other_genesis() -> anyhow::Result<Genesis> {
    let keys = [SecretKey::generate()?];
    Ok(members::genesis(super::CHAIN, 1, hnchain_types::genesis::Parameters::default(), &keys, 0, &[])?)
}
