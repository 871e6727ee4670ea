//! Transactions from peers.

use crate::fixture::{Fixture, eventually};
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_node::admission::{Peers, encode_frame};
use hnchain_types::proto;
use hnchain_types::transaction::Transaction;
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

fn frame(list: &[Transaction]) -> Vec<u8> {
    encode_frame(&list.iter().cloned().map(Arc::new).collect::<Vec<_>>()).unwrap()
}

fn forged(tx: &Transaction) -> Transaction {
    let mut envelope = proto::Transaction::decode(tx.raw()).unwrap();
    envelope.signature[40] ^= 1;
    Transaction::decode(&envelope.encode_to_vec()).unwrap()
}

struct Link {
    frames: mpsc::Sender<(PublicKey, Vec<u8>)>,
    backlog: Arc<std::sync::atomic::AtomicUsize>,
}

impl Link {
    fn to(fixture: &Fixture) -> Self {
        let peers = Peers::new(Arc::clone(&fixture.admission));
        let backlog = peers.backlog();
        let (frames, receiver) = mpsc::channel(64);
        tokio::spawn(peers.run(receiver, fixture.stop.clone()));
        Self { frames, backlog }
    }

    async fn send(&self, from: PublicKey, frame: Vec<u8>) {
        self.frames.send((from, frame)).await.unwrap();
        // Taken into a lane, then worked off.
        eventually("the lane takes the frame", || self.frames.capacity() == self.frames.max_capacity()).await;
        eventually("the lane is empty", || self.backlog.load(Ordering::Relaxed) == 0).await;
    }
}

fn peer() -> PublicKey {
    SecretKey::generate().unwrap().public_key()
}

#[tokio::test]
async fn good_ones_are_admitted_in_order_and_not_forwarded() {
    let fixture = Fixture::new();
    let link = Link::to(&fixture);
    let list: Vec<_> = (0..50).map(|n| fixture.anchor(&format!("C-{n}"))).collect();
    link.send(peer(), frame(&list)).await;
    eventually("all are admitted", || fixture.shared.mempool.len() == list.len()).await;
    let taken = fixture.shared.mempool.take(100, usize::MAX, &std::collections::BTreeSet::new());
    let want: Vec<_> = list.iter().map(Transaction::id).collect();
    assert_eq!(taken.iter().map(|t| t.id()).collect::<Vec<_>>(), want);
    assert!(fixture.forwarded().is_empty());
}

#[tokio::test]
async fn a_peer_that_forges_is_muted_and_others_are_heard() {
    let fixture = Fixture::new();
    let link = Link::to(&fixture);
    let (liar, honest) = (peer(), peer());
    let bad: Vec<_> = (0..16).map(|n| forged(&fixture.anchor(&format!("B-{n}")))).collect();
    link.send(liar, frame(&bad)).await;
    link.send(liar, frame(&[fixture.anchor("C-1")])).await;
    let heard = fixture.anchor("C-2");
    link.send(honest, frame(std::slice::from_ref(&heard))).await;
    eventually("the honest peer is heard", || fixture.shared.mempool.contains(&heard.id())).await;
    assert_eq!(fixture.shared.mempool.len(), 1);
}

#[tokio::test]
async fn garbage_mutes_at_once() {
    let fixture = Fixture::new();
    let link = Link::to(&fixture);
    let liar = peer();
    link.send(liar, vec![0xff; 100]).await;
    link.send(liar, frame(&[fixture.anchor("C-1")])).await;
    assert!(fixture.shared.mempool.is_empty());
}

#[tokio::test]
async fn refusals_that_honest_peers_cause_do_not_mute() {
    let fixture = Fixture::new();
    let link = Link::to(&fixture);
    let honest = peer();
    // A node that is a block behind forwards what is final here; one with another view of the members forwards theirs.
    let done = fixture.anchor("C-0");
    fixture.finalize(std::slice::from_ref(&done));
    let stranger = SecretKey::generate().unwrap();
    let mut list: Vec<_> = (0..40).map(|n| fixture.signed_by(&stranger, &format!("S-{n}"))).collect();
    list.push(done);
    link.send(honest, frame(&list)).await;
    let heard = fixture.anchor("C-1");
    link.send(honest, frame(std::slice::from_ref(&heard))).await;
    eventually("still heard", || fixture.shared.mempool.contains(&heard.id())).await;
}
