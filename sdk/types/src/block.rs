//! Headers, blocks and execution results, checked.

use crate::certificate::{Certificate, Statement};
use crate::decode::{canonical, count, fixed};
use crate::transaction::Receipt;
use crate::{
    BlockHash, DecodeError, Epoch, GenesisDigest, Height, ResultHash, StateRoot, ValidatorsHash, View, limits, proto,
};
use hnchain_crypto::{Digest, Tag, merkle};
use prost::Message;
use serde::{Deserialize, Serialize};

/// Room that headers, skips, certificates and protobuf framing take in a stored block beyond its transactions and receipts.
const FRAMING_BYTES: usize = 1024 * 1024 + limits::SKIPS * limits::CERTIFICATE_BYTES;
/// Largest encoded header.
const HEADER_BYTES: usize = 512;
/// Largest encoded [`FinalizedBlock`].
pub const FINALIZED_BYTES: usize = 2 * limits::BLOCK_BYTES + FRAMING_BYTES + limits::CLOSING * (HEADER_BYTES + 4);

/// Fields of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFields {
    /// Which chain.
    pub genesis: GenesisDigest,
    /// Epoch of the view.
    pub epoch: Epoch,
    /// View in which it was proposed.
    pub view: View,
    /// Position in the chain.
    pub height: Height,
    /// Parent block.
    pub parent: BlockHash,
    /// View of the parent block.
    pub parent_view: View,
    /// Proposer's clock, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// RFC 6962 root over the encoded transactions.
    pub payload_root: Digest,
    /// RFC 6962 root over the nullification certificates of the views between parent and block, see [`skips_root`].
    pub skips_root: Digest,
    /// Validator set of the epoch.
    pub validators: ValidatorsHash,
}

/// A header with the bytes that its hash covers. Inside the cluster it travels as those bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Header {
    raw: Vec<u8>,
    hash: BlockHash,
    fields: HeaderFields,
}

impl Header {
    /// Encodes a header.
    #[must_use]
    pub fn new(fields: HeaderFields) -> Self {
        let raw = proto::Header {
            genesis: fields.genesis.0.0.to_vec(),
            epoch: fields.epoch.0,
            view: fields.view.0,
            height: fields.height.0,
            parent: fields.parent.0.0.to_vec(),
            parent_view: fields.parent_view.0,
            time_ms: fields.time_ms,
            payload_root: fields.payload_root.0.to_vec(),
            skips_root: fields.skips_root.0.to_vec(),
            validators_hash: fields.validators.0.0.to_vec(),
        }
        .encode_to_vec();
        let hash = BlockHash(Tag::Header.hash(&[&raw]));
        Self { raw, hash, fields }
    }

    /// Reads an encoded header.
    ///
    /// # Errors
    /// Anything that is not a canonical header of a block at height ≥ 1, or numbers beyond [`limits::NUMBER`] and
    /// [`limits::TIME_MS`].
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Header = canonical("header", raw, HEADER_BYTES)?;
        let fields = HeaderFields {
            genesis: GenesisDigest(Digest(fixed("genesis", &m.genesis)?)),
            epoch: Epoch(m.epoch),
            view: View(m.view),
            height: Height(m.height),
            parent: BlockHash(Digest(fixed("parent", &m.parent)?)),
            parent_view: View(m.parent_view),
            time_ms: m.time_ms,
            payload_root: Digest(fixed("payload_root", &m.payload_root)?),
            skips_root: Digest(fixed("skips_root", &m.skips_root)?),
            validators: ValidatorsHash(Digest(fixed("validators_hash", &m.validators_hash)?)),
        };
        if m.height == 0 || m.view <= m.parent_view {
            return Err(DecodeError::field(
                "header",
                "height is at least 1 and the view is after the parent's",
                "高度至少为 1，视图须在父块之后",
            ));
        }
        if m.height.max(m.view).max(m.epoch) > limits::NUMBER || m.time_ms > limits::TIME_MS {
            return Err(DecodeError::field("header", "a number is out of range", "数值超出范围"));
        }
        Ok(Self { hash: BlockHash(Tag::Header.hash(&[raw])), raw: raw.to_vec(), fields })
    }

    /// The exact bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Block hash.
    #[must_use]
    pub const fn hash(&self) -> BlockHash {
        self.hash
    }
}

impl TryFrom<Vec<u8>> for Header {
    type Error = DecodeError;
    fn try_from(raw: Vec<u8>) -> Result<Self, DecodeError> {
        Self::decode(&raw)
    }
}

impl From<Header> for Vec<u8> {
    fn from(header: Header) -> Self {
        header.raw
    }
}

impl std::ops::Deref for Header {
    type Target = HeaderFields;
    fn deref(&self) -> &HeaderFields {
        &self.fields
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fields.fmt(f)
    }
}

/// RFC 6962 root over encoded nullification certificates, in the order of their views.
#[must_use]
pub fn skips_root<T: AsRef<[u8]>>(skips: &[T]) -> Digest {
    merkle::root(skips)
}

/// RFC 6962 root over the encoded transactions.
#[must_use]
pub fn payload_root<T: AsRef<[u8]>>(transactions: &[T]) -> Digest {
    merkle::root(transactions)
}

/// A header, the transactions and the skips that it commits to. The transactions are raw: they may be malformed.
///
/// The skips are one nullification for each view between the parent's and the block's own, in order. Their signatures
/// are not checked here. Kept with the block, they let anyone show later who skipped which view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// Encoded transactions.
    pub transactions: Vec<Vec<u8>>,
    /// Nullifications of the skipped views.
    pub skips: Vec<Certificate>,
}

impl Block {
    /// Puts header, transactions and skips together.
    ///
    /// # Errors
    /// The header commits to others, there are too many, or the skips are not those of the views in between.
    pub fn new(header: Header, transactions: Vec<Vec<u8>>, skips: Vec<Certificate>) -> Result<Self, DecodeError> {
        let bytes: usize = transactions.iter().map(Vec::len).sum();
        if transactions.len() > limits::BLOCK_TRANSACTIONS || bytes > limits::BLOCK_BYTES {
            return Err(DecodeError::field(
                "transactions",
                "too many or too large for one block",
                "超过一个区块的数量或大小上限",
            ));
        }
        if payload_root(&transactions) != header.payload_root {
            return Err(DecodeError::field(
                "payload_root",
                "the header commits to other transactions",
                "区块头承诺的是其他交易",
            ));
        }
        check_skips(&header, &skips)?;
        Ok(Self { header, transactions, skips })
    }

    /// Reads an encoded block and checks the payload root.
    ///
    /// # Errors
    /// See [`Block::new`] and [`Header::decode`].
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::Block = canonical("block", raw, limits::BLOCK_BYTES + FRAMING_BYTES)?;
        Self::from_proto(m)
    }

    fn from_proto(m: proto::Block) -> Result<Self, DecodeError> {
        count("skips", m.skips.len(), 0, limits::SKIPS)?;
        let skips = m.skips.iter().map(|s| Certificate::decode(s)).collect::<Result<_, _>>()?;
        Self::new(Header::decode(&m.header)?, m.transactions, skips)
    }

    /// Encodes the block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }

    fn to_proto(&self) -> proto::Block {
        proto::Block {
            header: self.header.raw().to_vec(),
            transactions: self.transactions.clone(),
            skips: self.skips.iter().map(Certificate::encode).collect(),
        }
    }
}

fn check_skips(header: &Header, skips: &[Certificate]) -> Result<(), DecodeError> {
    let gap = header.view.0.checked_sub(header.parent_view.0).and_then(|views| views.checked_sub(1));
    // The count comes first: it keeps the views below the block's own.
    let carried = gap.map(|gap| gap.min(limits::SKIPS as u64));
    let complete = carried == Some(skips.len() as u64)
        && (1..).zip(skips.iter().rev()).all(|(i, s)| {
            s.statement == Statement::Nullify && s.view.0 == header.view.0 - i && s.epoch == header.epoch
        });
    if !complete {
        return Err(DecodeError::field(
            "skips",
            "one nullification for each view after the parent's is needed, of the newest where there are very many",
            "父块之后的每个视图须各有一份作废证书（数量过多时为最新的若干份）",
        ));
    }
    let encoded: Vec<_> = skips.iter().map(Certificate::encode).collect();
    if skips_root(&encoded) != header.skips_root {
        return Err(DecodeError::field(
            "skips_root",
            "the header commits to other nullifications",
            "区块头承诺的是其他作废证书",
        ));
    }
    Ok(())
}

/// What executing a block gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionResult {
    raw: Vec<u8>,
    hash: ResultHash,
    /// Root of the state after the block.
    pub state_root: StateRoot,
    /// RFC 6962 root over the encoded receipts.
    pub receipts_root: Digest,
    /// Validator set of the next block.
    pub next_validators: ValidatorsHash,
}

impl ExecutionResult {
    /// Encodes a result.
    #[must_use]
    pub fn new(state_root: StateRoot, receipts_root: Digest, next_validators: ValidatorsHash) -> Self {
        let raw = proto::ExecutionResult {
            state_root: state_root.0.0.to_vec(),
            receipts_root: receipts_root.0.to_vec(),
            next_validators_hash: next_validators.0.0.to_vec(),
        }
        .encode_to_vec();
        Self { hash: ResultHash(Tag::Result.hash(&[&raw])), raw, state_root, receipts_root, next_validators }
    }

    /// Reads an encoded result.
    ///
    /// # Errors
    /// Anything that is not a canonical result.
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::ExecutionResult = canonical("result", raw, 128)?;
        Ok(Self {
            hash: ResultHash(Tag::Result.hash(&[raw])),
            raw: raw.to_vec(),
            state_root: StateRoot(Digest(fixed("state_root", &m.state_root)?)),
            receipts_root: Digest(fixed("receipts_root", &m.receipts_root)?),
            next_validators: ValidatorsHash(Digest(fixed("next_validators_hash", &m.next_validators_hash)?)),
        })
    }

    /// The exact bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// What validators certify.
    #[must_use]
    pub const fn hash(&self) -> ResultHash {
        self.hash
    }
}

/// Checks that the result of an epoch's last block is its own. The certificate of a void descendant names only the result,
/// so it would fit any ancestor of the last block as well; but some transaction of the last block changed the validators,
/// and its receipt says in which block.
fn check_last(header: &Header, receipts: &[Vec<u8>]) -> Result<(), DecodeError> {
    for raw in receipts {
        if Receipt::decode(raw)?.height != header.height {
            return Err(DecodeError::field("receipts", "of another block", "回执属于其他区块"));
        }
    }
    if receipts.is_empty() {
        return Err(DecodeError::field(
            "receipts",
            "no transaction of this block can have changed the validators",
            "该区块没有可变更验证者的交易",
        ));
    }
    Ok(())
}

/// Checks that a certificate makes a block final with its result: by the block's own finalization, or, where `closing` is
/// not empty, by that of the last of those void descendants.
///
/// A block that changes the validators is its epoch's last. What its epoch still builds on it is void: it gives the
/// block's own result, so a finalization of it is one of the block. `closing` leads from the block to the certified one.
/// Signatures are the caller's to check.
///
/// # Errors
/// A certificate of something else; headers that do not lead from the block to what it certifies; descendants of a block
/// that does not end its epoch.
pub fn check_finality(
    header: &Header,
    result: &ExecutionResult,
    certificate: &Certificate,
    closing: &[Header],
) -> Result<(), DecodeError> {
    count("closing", closing.len(), 0, limits::CLOSING)?;
    let linked = closing.iter().try_fold(header, |parent, next| follows_in_epoch(parent, next).then_some(next));
    let Some(certified) = linked.filter(|_| closing.is_empty() || result.next_validators != header.validators) else {
        return Err(DecodeError::field(
            "closing",
            "headers lead from an epoch's last block to a void descendant, one by one",
            "须从任期的末块起逐块连到其后的无效块",
        ));
    };
    let statement = Statement::Finalize { block: certified.hash(), result: result.hash() };
    if certificate.statement != statement || certificate.view != certified.view || certificate.epoch != certified.epoch
    {
        return Err(DecodeError::field("certificate", "certifies another block or result", "证明的是其他区块或结果"));
    }
    Ok(())
}

fn follows_in_epoch(parent: &Header, next: &Header) -> bool {
    // That views ascend is a rule of every header, together with `parent_view`.
    next.parent == parent.hash()
        && next.parent_view == parent.view
        && next.height == parent.height.next()
        && next.genesis == parent.genesis
        && next.epoch == parent.epoch
        && next.validators == parent.validators
}

/// A finalized block as nodes store and serve it. Certificate and result still have to be checked against the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct FinalizedBlock {
    /// The block.
    pub block: Block,
    /// What executing it gave.
    pub result: ExecutionResult,
    /// Its finalization, or that of the last header of `closing`; absent where only a descendant's was seen.
    pub certificate: Option<Certificate>,
    /// Headers of the void blocks from its child to the one that `certificate` finalizes; mostly empty.
    pub closing: Vec<Header>,
    /// Encoded receipts, one per transaction.
    pub receipts: Vec<Vec<u8>>,
}

impl FinalizedBlock {
    /// Reads an encoded finalized block.
    ///
    /// # Errors
    /// Anything malformed; receipts that the result does not commit to; a certificate of another block or result, see
    /// [`check_finality`].
    pub fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let m: proto::FinalizedBlock = canonical("finalized block", raw, FINALIZED_BYTES)?;
        let block = Block::from_proto(m.block.ok_or_else(|| DecodeError::field("block", "missing", "缺失"))?)?;
        let result = ExecutionResult::decode(&m.result)?;
        if m.receipts.len() != block.transactions.len() || merkle::root(&m.receipts) != result.receipts_root {
            return Err(DecodeError::field(
                "receipts",
                "the result commits to other receipts",
                "执行结果承诺的是其他回执",
            ));
        }
        count("closing", m.closing.len(), 0, limits::CLOSING)?;
        let closing: Vec<_> = m.closing.iter().map(|h| Header::decode(h)).collect::<Result<_, _>>()?;
        let certificate = (!m.certificate.is_empty()).then(|| Certificate::decode(&m.certificate)).transpose()?;
        match &certificate {
            Some(c) => check_finality(&block.header, &result, c, &closing)?,
            None if closing.is_empty() => {}
            None => return Err(DecodeError::field("closing", "without a certificate", "缺少对应的证书")),
        }
        if !closing.is_empty() {
            check_last(&block.header, &m.receipts)?;
        }
        Ok(Self { block, result, certificate, closing, receipts: m.receipts })
    }

    /// Encodes it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::FinalizedBlock {
            block: Some(self.block.to_proto()),
            result: self.result.raw().to_vec(),
            certificate: self.certificate.as_ref().map(Certificate::encode).unwrap_or_default(),
            receipts: self.receipts.clone(),
            closing: self.closing.iter().map(|h| h.raw().to_vec()).collect(),
        }
        .encode_to_vec()
    }

    /// The header that `certificate` finalizes: the block's own, or that of a void descendant with the same result.
    #[must_use]
    pub fn certified(&self) -> &Header {
        self.closing.last().unwrap_or(&self.block.header)
    }

    /// Whether it is its epoch's last block: the next one has other validators.
    #[must_use]
    pub fn ends_epoch(&self) -> bool {
        self.result.next_validators != self.block.header.validators
    }
}
