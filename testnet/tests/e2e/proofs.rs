//! Bundles hold without the network, and no byte of them can be changed.

use crate::harness::{Cluster, Dice, NAMESPACE};
use hnchain_sdk::proof::{Bundle, verify};
use hnchain_testnet::{Plan, members};
use hnchain_types::genesis::Genesis;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bundles_verify_with_the_network_stopped_and_every_changed_byte_is_refused() {
    let mut dice = Dice::new("changed_byte");
    let mut cluster = Cluster::start(4).await;
    let acknowledged = [cluster.anchor("proof.1").await, cluster.anchor("proof.2").await];
    let client = cluster.client();
    let mut files = Vec::new();
    for a in &acknowledged {
        let bundle = client.prove_with_opening(NAMESPACE, &a.id, &a.opening).await.unwrap();
        files.push(bundle.to_json());
    }
    let absence = client.prove(NAMESPACE, "proof.3").await.unwrap().to_json();
    for end in cluster.network.stop_all().await.unwrap() {
        assert!(end.unwrap().clean());
    }

    let genesis = Genesis::parse(&std::fs::read(cluster.path().join("genesis.json")).unwrap()).unwrap();
    let check = |json: &[u8]| Bundle::from_json(json).and_then(|b| verify(&b, &genesis));
    for (file, a) in files.iter().zip(&acknowledged) {
        let verdict = check(file).unwrap();
        assert_eq!(verdict.record.unwrap().key.id(), a.id);
        assert!(verdict.certified.signers.len() >= genesis.validators().quorum());
    }
    assert!(check(&absence).unwrap().record.is_none());

    let file = &files[0];
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] = changed[at].wrapping_add(1 + u8::try_from(dice.below(255)).unwrap());
        assert!(check(&changed).is_err(), "byte {at} of {} can be changed", file.len());
    }
    for cut in [0, 1, file.len() / 2, file.len() - 1] {
        assert!(check(&file[..cut]).is_err(), "cut to {cut} bytes");
    }
    assert!(check(&[file.as_slice(), b" "].concat()).is_err(), "a byte more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_refused_under_another_chains_genesis() {
    let mut cluster = Cluster::start(1).await;
    let a = cluster.anchor("proof.1").await;
    let bundle = cluster.client().prove_with_opening(NAMESPACE, &a.id, &a.opening).await.unwrap();
    cluster.network.stop_all().await.unwrap();
    verify(&bundle, cluster.network.genesis()).unwrap();
    let keys = [crate::harness::stranger()];
    let plan = Plan::new(1);
    let other = members::genesis(&plan.chain_id, 1, plan.parameters, &keys, 0, &[]).unwrap();
    assert_eq!(verify(&bundle, &other).unwrap_err().code(), "PROOF_OTHER_CHAIN");
}
