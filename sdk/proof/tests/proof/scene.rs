//! A small chain of four validators with a real state tree, and the bundles that its nodes would hand out.

use hnchain_crypto::{Digest, SecretKey, Tag};
use hnchain_proof::commitment::{Opening, commit};
use hnchain_proof::tree::{Sm3Hasher, key_hash, prove};
use hnchain_proof::{Bundle, ProofError, Verdict, verify};
use hnchain_types::block::{ExecutionResult, Header, HeaderFields, payload_root, skips_root};
use hnchain_types::certificate::{Certificate, Statement};
use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Validator, ValidatorSet};
use hnchain_types::{Epoch, Height, StateRoot, ValidatorIndex, View, proto};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, Version};
use prost::Message;
use std::collections::BTreeMap;

/// The document behind the record `ACTIVE`.
pub(crate) const DOCUMENT: &str = "示例营业执照：一号";
pub(crate) const SALT: [u8; 16] = [0x5a; 16];
pub(crate) const ACTIVE: &str = "anchor/certificate/1.2.156.3005.2.11100000000013338W011.001.U";
pub(crate) const REVOKED: &str = "anchor/realty/410102001001GB00001F00010001";
pub(crate) const BATCH: &str = "anchor/trace/批次-1";
pub(crate) const ABSENT: &str = "anchor/certificate/none";

pub(crate) fn opening() -> Opening {
    Opening::of(DOCUMENT.as_bytes(), SALT)
}

/// A tree in memory.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<NodeKey, Node>,
    values: BTreeMap<(KeyHash, Version), Option<OwnedValue>>,
}

impl TreeReader for Tree {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get(key).cloned())
    }

    fn get_value_option(&self, max: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.values.range((key, 0)..=(key, max)).next_back().and_then(|(_, v)| v.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

impl Tree {
    /// Writes rows as one version and gives the root.
    pub(crate) fn put(&mut self, version: Version, rows: &BTreeMap<String, Option<Vec<u8>>>) -> StateRoot {
        let set = rows.iter().map(|(k, v)| (key_hash(k), v.clone()));
        let (root, batch) = JellyfishMerkleTree::<_, Sm3Hasher>::new(self).put_value_set(set, version).unwrap();
        self.nodes.extend(batch.node_batch.nodes().clone());
        self.values.extend(batch.node_batch.values().iter().map(|((version, key), v)| ((*key, *version), v.clone())));
        StateRoot(Digest(root.0))
    }
}

/// Everything that a node knows about one certified block.
pub(crate) struct Scene {
    pub(crate) genesis: Genesis,
    /// Validators of the block's epoch.
    pub(crate) keys: Vec<SecretKey>,
    /// How the validators came to be these.
    pub(crate) path: Vec<proto::EpochStep>,
    pub(crate) tree: Tree,
    pub(crate) header: Header,
    pub(crate) result: ExecutionResult,
}

pub(crate) const VERSION: Version = 1;
pub(crate) const TIME_MS: u64 = 1_700_000_123_456;

pub(crate) fn genesis(chain_id: &str) -> (Genesis, Vec<SecretKey>) {
    let keys: Vec<_> = (1..=4).map(|i| SecretKey::from_bytes(&[i; 32]).unwrap()).collect();
    let organizations = ["henan", "zhengzhou", "kaifeng", "pingdingshan"];
    let codes = ["91410000170001401D", "11410100MB7H00025X", "11410200MB7H00033X", "11410400MB7H0005XT"];
    let document = Document {
        version: 1,
        chain_id: chain_id.to_owned(),
        name: "河南链（示例）".to_owned(),
        time_ms: 1_700_000_000_000,
        parameters: Parameters::default(),
        organizations: organizations
            .iter()
            .zip(codes)
            .map(|(id, code)| Organization {
                id: (*id).to_owned(),
                name: format!("示例机构 {id}"),
                credit_code: code.to_owned(),
                division: "410000".to_owned(),
                parent: None,
            })
            .collect(),
        certificate_types: vec![],
        signers: vec![],
        validators: organizations.iter().zip(&keys).map(|(o, k)| Validator::new(chain_id, o, k)).collect(),
    };
    (Genesis::create(&document).unwrap(), keys)
}

/// A record as the ledger would have written it at height 5.
pub(crate) fn record(key: &str) -> proto::Record {
    let mut parts = key.splitn(3, '/').skip(1);
    proto::Record {
        namespace: parts.next().unwrap().to_owned(),
        id: parts.next().unwrap().to_owned(),
        version: 1,
        commitment: commit(DOCUMENT.as_bytes(), &SALT).0.to_vec(),
        status: proto::RecordStatus::Active.into(),
        organization: "zhengzhou".to_owned(),
        height: 5,
        time_ms: TIME_MS - 1_000,
        transaction_id: Tag::Transaction.hash(&[key.as_bytes()]).0.to_vec(),
        ..proto::Record::default()
    }
}

/// The rows of the scene: the named records among others.
pub(crate) fn rows() -> BTreeMap<String, Vec<u8>> {
    let mut rows: BTreeMap<_, _> =
        (0..40).map(|i| format!("anchor/trace/B-{i}")).map(|key| (key.clone(), record(&key).encode_to_vec())).collect();
    let previous = Tag::Anchor.hash(&[b"row of version 1"]).0.to_vec();
    let active = proto::Record { version: 2, previous: previous.clone(), ..record(ACTIVE) };
    let revoked = proto::Record {
        version: 2,
        previous,
        status: proto::RecordStatus::Revoked.into(),
        reason: "注销登记".to_owned(),
        ..record(REVOKED)
    };
    let batch = proto::Record { batch_size: 1000, ..record(BATCH) };
    rows.extend([
        (ACTIVE.to_owned(), active.encode_to_vec()),
        (REVOKED.to_owned(), revoked.encode_to_vec()),
        (BATCH.to_owned(), batch.encode_to_vec()),
        ("org/henan".to_owned(), b"not a record".to_vec()),
    ]);
    rows
}

fn fields(genesis: &Genesis) -> HeaderFields {
    HeaderFields {
        genesis: genesis.digest(),
        epoch: genesis.epoch(),
        view: View(9),
        height: Height(7),
        parent: genesis.block_hash(),
        parent_view: View(8),
        time_ms: TIME_MS,
        payload_root: payload_root::<Vec<u8>>(&[]),
        skips_root: skips_root::<Vec<u8>>(&[]),
        validators: genesis.validators().hash(),
    }
}

/// Keys and validators of an epoch. In epoch 1 the fourth validator has a new key; in epoch 2 the first has left and
/// another organization's joined.
pub(crate) fn epoch(number: usize) -> (Vec<SecretKey>, ValidatorSet) {
    const MEMBERS: [(u8, &str); 6] =
        [(1, "henan"), (2, "zhengzhou"), (3, "kaifeng"), (4, "pingdingshan"), (5, "pingdingshan"), (6, "luoyang")];
    let indices = [[0, 1, 2, 3], [0, 1, 2, 4], [1, 2, 4, 5]][number];
    let keys = indices.map(|i| SecretKey::from_bytes(&[MEMBERS[i].0; 32]).unwrap());
    let members: Vec<_> = keys.iter().zip(indices).map(|(k, i)| (k.public_key(), MEMBERS[i].1)).collect();
    (keys.to_vec(), ValidatorSet::of(&members).unwrap())
}

/// The last block of an epoch, before it is certified.
pub(crate) struct Change {
    pub(crate) genesis: Genesis,
    pub(crate) fields: HeaderFields,
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) certified: hnchain_types::ValidatorsHash,
    pub(crate) enclosed: Vec<u8>,
}

impl Change {
    pub(crate) fn new(
        genesis: &Genesis,
        number: u64,
        (keys, validators): &(Vec<SecretKey>, ValidatorSet),
        (_, next): &(Vec<SecretKey>, ValidatorSet),
    ) -> Self {
        let height = Height(number + 2);
        let fields = HeaderFields { epoch: Epoch(number), height, validators: validators.hash(), ..fields(genesis) };
        let keys = keys.clone();
        Self { genesis: genesis.clone(), fields, keys, certified: next.hash(), enclosed: next.encode() }
    }

    /// The step, signed by the first three keys.
    pub(crate) fn step(&self) -> proto::EpochStep {
        let header = Header::new(self.fields.clone());
        let root = StateRoot(Digest([self.fields.height.0.try_into().unwrap(); 32]));
        let result = ExecutionResult::new(root, hnchain_crypto::merkle::root::<Vec<u8>>(&[]), self.certified);
        let statement = Statement::Finalize { block: header.hash(), result: result.hash() };
        let digest = statement.digest(self.genesis.digest(), header.epoch, header.view);
        let votes = (0..3).map(|i| (ValidatorIndex(i), self.keys[i as usize].sign(&digest))).collect();
        proto::EpochStep {
            certificate: Certificate { epoch: header.epoch, view: header.view, statement, votes }.encode(),
            header: header.raw().to_vec(),
            result: result.raw().to_vec(),
            validators: self.enclosed.clone(),
        }
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(rows(), |_| ())
    }

    /// A chain whose validators certified these rows under a header that `change` made.
    pub(crate) fn with(rows: BTreeMap<String, Vec<u8>>, change: impl FnOnce(&mut HeaderFields)) -> Self {
        let (genesis, keys) = genesis("henan-demo");
        let validators = genesis.validators().clone();
        Self::of(genesis, (keys, &validators), rows, change)
    }

    /// The same chain after two changes of validators.
    pub(crate) fn after_two_changes() -> Self {
        let (genesis, _) = genesis("henan-demo");
        let [first, second, third] = [0, 1, 2].map(epoch);
        let path =
            vec![Change::new(&genesis, 0, &first, &second).step(), Change::new(&genesis, 1, &second, &third).step()];
        let scene = Self::of(genesis, (third.0, &third.1), rows(), |h| h.epoch = Epoch(2));
        Self { path, ..scene }
    }

    fn of(
        genesis: Genesis,
        (keys, validators): (Vec<SecretKey>, &ValidatorSet),
        rows: BTreeMap<String, Vec<u8>>,
        change: impl FnOnce(&mut HeaderFields),
    ) -> Self {
        let mut tree = Tree::default();
        let root = tree.put(VERSION, &rows.into_iter().map(|(k, v)| (k, Some(v))).collect());
        let mut fields = HeaderFields { validators: validators.hash(), ..fields(&genesis) };
        change(&mut fields);
        let receipts = hnchain_crypto::merkle::root::<Vec<u8>>(&[]);
        let result = ExecutionResult::new(root, receipts, validators.hash());
        Self { header: Header::new(fields), result, genesis, keys, path: Vec::new(), tree }
    }

    pub(crate) fn finalize(&self) -> Statement {
        Statement::Finalize { block: self.header.hash(), result: self.result.hash() }
    }

    /// Signatures of these validators under a statement for a view.
    pub(crate) fn certificate(&self, statement: Statement, view: View, signers: &[u32]) -> Certificate {
        let digest = statement.digest(self.genesis.digest(), self.header.epoch, view);
        let votes = signers.iter().map(|i| (ValidatorIndex(*i), self.keys[*i as usize].sign(&digest))).collect();
        Certificate { epoch: self.header.epoch, view, statement, votes }
    }

    /// The bundle of a key as a message, signed by validators 0, 1 and 3.
    pub(crate) fn message(&self, key: &str) -> proto::ProofBundle {
        proto::ProofBundle {
            version: 1,
            header: self.header.raw().to_vec(),
            result: self.result.raw().to_vec(),
            certificate: self.certificate(self.finalize(), self.header.view, &[0, 1, 3]).encode(),
            state: Some(prove(&self.tree, VERSION, key).unwrap()),
            opening: None,
            path: self.path.clone(),
        }
    }

    pub(crate) fn bundle(&self, key: &str) -> Bundle {
        Bundle::from_message(self.message(key)).unwrap()
    }

    /// The verdict on a message.
    pub(crate) fn judge(&self, message: proto::ProofBundle) -> Result<Verdict, ProofError> {
        verify(&Bundle::from_message(message)?, &self.genesis)
    }
}
