//! The command line as clap sees it. The Chinese help is in [`crate::help`].

pub mod certificate;

use crate::lang::Lang;
use crate::moment::duration;
pub use crate::registries::trace::args::TraceCommand;
use clap::{Args, Parser, Subcommand};
use hnchain_crypto::{Digest, PublicKey};
use hnchain_types::TxId;
use hnchain_types::genesis::Role;
use hnchain_types::transaction::RecordKey;
use std::path::PathBuf;
use std::time::Duration;

mod realty;
pub use realty::{RealtyCommand, Registration};

/// Records on 河南链: keys, genesis, anchoring, proofs, verification, status
#[derive(Debug, Parser)]
#[command(name = "hnchain", version, after_help = crate::help::EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// Arguments of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Arguments of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Node to ask, http://host:port; repeat it, and the next one is tried when one fails
    #[arg(
        long = "endpoint",
        global = true,
        env = "HNCHAIN_ENDPOINT",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "http://127.0.0.1:9101",
        value_name = "URL"
    )]
    pub endpoints: Vec<String>,
    /// Complete machine-readable output; errors become JSON on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of texts; default: the locale's
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    pub lang: Option<Lang>,
    /// How long to wait for nodes and for finality: 90s, 10m
    #[arg(long, global = true, value_parser = duration, default_value = "30s", value_name = "TIME")]
    pub timeout: Duration,
}

/// One command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and write it to an encrypted file
    #[command(
        after_help = "Examples:\n  hnchain keygen --out registrar.pem\n  hnchain keygen --out node0/key.pem --password-file node0/key.password --json"
    )]
    Keygen(Keygen),
    /// Look into a key file
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make and check genesis files
    #[command(subcommand)]
    Genesis(GenesisCommand),
    /// Anchor a file: salt it, commit to it, wait until it is final
    #[command(
        after_help = "The file itself is never sent. The opening (salt and digest) is written before anything is\nsubmitted: keep it with the document, it is needed to prove what was recorded.\n\nExamples:\n  hnchain anchor licence.json --namespace certificate --id 1.2.156.3005.2.1 --key registrar.pem\n  hnchain anchor licence-v2.json --namespace certificate --id 1.2.156.3005.2.1 --version 2 --key registrar.pem"
    )]
    Anchor(Anchor),
    /// End a record's validity
    #[command(
        after_help = "Examples:\n  hnchain revoke --namespace certificate --id 1.2.156.3005.2.1 --reason 注销 --key registrar.pem"
    )]
    Revoke(Revoke),
    /// Show a record as a node reports it (unproven; see prove)
    #[command(
        after_help = "Examples:\n  hnchain get --namespace certificate --id 1.2.156.3005.2.1\n  hnchain get --namespace certificate --id 1.2.156.3005.2.1 --json"
    )]
    Get(RecordName),
    /// Fetch a proof that anybody can verify offline
    #[command(
        after_help = "Examples:\n  hnchain prove --namespace certificate --id 1.2.156.3005.2.1 -o licence.hnproof.json \\\n      --opening licence.json.hnopening.json --trust genesis.json"
    )]
    Prove(Prove),
    /// Verify a proof offline, trusting nothing but a genesis file
    #[command(
        after_help = "Exit code 0: the proof holds. It may prove that the record was revoked or does not exist: read the\nstatus, or pass --require-active. Exit code 1: it does not hold, and the step that failed is named.\n\nExamples:\n  hnchain verify licence.hnproof.json --trust genesis.json\n  hnchain verify licence.hnproof.json --trust genesis.json --document licence.json \\\n      --record certificate/1.2.156.3005.2.1 --max-age 10m --require-active\n  curl -s https://example.org/p.hnproof.json | hnchain verify - --trust genesis.json --json"
    )]
    Verify(Verify),
    /// 电子证照: issue, change, suspend, resume, revoke, cancel, look up
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// Changes that the organizations make together: propose, approve, follow
    #[command(subcommand)]
    Governance(GovernanceCommand),
    /// Organizations and signers as a node reports them
    #[command(subcommand)]
    Member(MemberCommand),
    /// Show the validators of an epoch as a node reports them
    #[command(after_help = "Examples:\n  hnchain validators\n  hnchain validators --epoch 0 --json")]
    Validators(Validators),
    /// What is on record against validators
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Real estate: register, seal, look up (不动产登记)
    #[command(subcommand)]
    Realty(RealtyCommand),
    /// 农产品溯源: batches from the field to the shelf, and recalls
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Show the status of nodes
    #[command(
        after_help = "Examples:\n  hnchain status --endpoint http://127.0.0.1:9101 --endpoint http://127.0.0.1:9102\n  hnchain status --watch"
    )]
    Status(Status),
    /// Show a transaction
    #[command(after_help = "Examples:\n  hnchain tx 5a0c…64 hexadecimal digits")]
    Tx(Tx),
    /// Show a block
    #[command(after_help = "Examples:\n  hnchain block 42\n  hnchain block latest --json")]
    Block(Block),
    /// Show what became of a transaction
    #[command(
        after_help = "Exit code 0: accepted. Exit code 1: rejected, or not known to be final.\n\nExamples:\n  hnchain receipt 5a0c…64 hexadecimal digits --wait"
    )]
    Receipt(Receipt),
}

/// How a key file's password is given.
#[derive(Debug, Args)]
pub struct Password {
    /// File with the password in its first line; else HNCHAIN_KEY_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// The key that signs.
#[derive(Debug, Args)]
pub struct Key {
    /// Encrypted key file
    #[arg(long = "key", env = "HNCHAIN_KEY", hide_env_values = true, value_name = "FILE")]
    pub key: PathBuf,
    /// Its password.
    #[command(flatten)]
    pub password: Password,
}

/// `keygen`.
#[derive(Debug, Args)]
pub struct Keygen {
    /// New key file; an existing one is never replaced
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Its password.
    #[command(flatten)]
    pub password: Password,
}

/// `key …`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Open a key file and show its public key
    Show {
        /// Encrypted key file
        file: PathBuf,
        /// Its password.
        #[command(flatten)]
        password: Password,
    },
}

/// `genesis …`.
#[derive(Debug, Subcommand)]
pub enum GenesisCommand {
    /// Make a genesis file from a specification (TOML or JSON)
    #[command(after_help = crate::help::SPECIFICATION)]
    New {
        /// Specification, .toml or .json
        spec: PathBuf,
        /// New genesis file; an existing one is never replaced
        #[arg(short, long, value_name = "FILE", default_value = "genesis.json")]
        out: PathBuf,
    },
    /// Prove possession of a validator key, so that the key never leaves its operator
    #[command(
        after_help = "Examples:\n  hnchain genesis possession --chain-id henan --organization zz-data --key key.pem -o zz.possession.json"
    )]
    Possession {
        /// Name of the chain to be
        #[arg(long, value_name = "NAME")]
        chain_id: String,
        /// Organization that runs the validator
        #[arg(long, value_name = "ID")]
        organization: String,
        /// The key.
        #[command(flatten)]
        key: Key,
        /// New file for the proof; default: standard output
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show a genesis file
    Show {
        /// Genesis file
        file: PathBuf,
    },
    /// Check a genesis file, and its digest if one is given
    #[command(
        after_help = "Compare the digest with one that reached you another way, for example printed in a gazette.\n\nExamples:\n  hnchain genesis check genesis.json --digest 81a2…64 hexadecimal digits"
    )]
    Check {
        /// Genesis file
        file: PathBuf,
        /// Expected digest
        #[arg(long, value_name = "HEX")]
        digest: Option<Digest>,
    },
}

/// Which record.
#[derive(Debug, Args)]
pub struct RecordName {
    /// Registry, for example certificate, realty or trace
    #[arg(long, value_name = "NAME")]
    pub namespace: String,
    /// Identifier within the registry
    #[arg(long, value_name = "ID")]
    pub id: String,
}

/// Which chain is signed for.
#[derive(Debug, Args)]
pub struct ChainId {
    /// Name of the chain to sign for; default: what the node says
    #[arg(long, env = "HNCHAIN_CHAIN_ID", hide_env_values = true, value_name = "NAME")]
    pub chain_id: Option<String>,
}

/// `anchor`.
#[derive(Debug, Args)]
pub struct Anchor {
    /// Document; it stays here; - for standard input
    pub file: PathBuf,
    /// Which record.
    #[command(flatten)]
    pub record: RecordName,
    /// 1 for a new record, else the current version + 1
    #[arg(long = "version", default_value_t = 1, value_name = "N")]
    pub record_version: u64,
    /// The key.
    #[command(flatten)]
    pub key: Key,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainId,
    /// New file for the opening; default: FILE.hnopening.json, from version 2 on FILE.vN.hnopening.json
    #[arg(long, visible_alias = "salt-out", value_name = "FILE")]
    pub opening_out: Option<PathBuf>,
}

/// `revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Which record.
    #[command(flatten)]
    pub record: RecordName,
    /// Why; public, at most 256 bytes, no personal data
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The current version + 1; default: asked from the node
    #[arg(long = "version", value_name = "N")]
    pub record_version: Option<u64>,
    /// The key.
    #[command(flatten)]
    pub key: Key,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainId,
}

/// `prove`.
#[derive(Debug, Args)]
pub struct Prove {
    /// Registry of a record, for example certificate, realty or trace
    #[arg(long, value_name = "NAME", requires = "id", required_unless_present = "row")]
    pub namespace: Option<String>,
    /// Identifier within the registry
    #[arg(long, value_name = "ID", requires = "namespace")]
    pub id: Option<String>,
    /// Instead: any row, by its key, for example certificate/ID, realty/unit/CODE, trace/batch/PRODUCER/CODE
    #[arg(long, value_name = "KEY", conflicts_with_all = ["namespace", "id", "opening"])]
    pub row: Option<String>,
    /// File for the proof, FILE.hnproof.json; an older proof is replaced, no other file; default: standard output
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Enclose this opening, so that the proof is also about the document
    #[arg(long, value_name = "FILE")]
    pub opening: Option<PathBuf>,
    /// Verify the proof under this genesis file before it is written
    #[arg(long, value_name = "GENESIS")]
    pub trust: Option<PathBuf>,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Proof, *.hnproof.json; - for standard input
    pub file: PathBuf,
    /// Genesis file: the only thing that is trusted
    #[arg(long, env = "HNCHAIN_TRUST", hide_env_values = true, value_name = "GENESIS")]
    pub trust: PathBuf,
    /// Refuse a proof of another record than NAMESPACE/ID
    #[arg(long, value_parser = record, value_name = "NAMESPACE/ID")]
    pub record: Option<RecordKey>,
    /// Refuse a proof of another row than this one, for example certificate/ID
    #[arg(long, value_name = "KEY", conflicts_with = "record")]
    pub row: Option<String>,
    /// Check that this document is the one that was recorded; - for standard input
    #[arg(long, value_name = "FILE")]
    pub document: Option<PathBuf>,
    /// Opening to use with --document where the proof encloses none
    #[arg(long, value_name = "FILE", requires = "document")]
    pub opening: Option<PathBuf>,
    /// Refuse a proof that was certified longer ago than this: 10m, 24h, 7d
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub max_age: Option<Duration>,
    /// Refuse unless the record exists and is active
    #[arg(long)]
    pub require_active: bool,
}

/// `governance …`.
#[derive(Debug, Subcommand)]
pub enum GovernanceCommand {
    /// Propose a change; your organization approves by proposing
    #[command(
        after_help = "A new key's holder makes FILE with `hnchain genesis possession`, so that the key stays there. The change takes\neffect with the block in which enough of the organizations that run validators have approved it: more than two\nthirds for validators, organizations and parameters, more than half for signers and certificate types, unless\nthe chain's parameters say otherwise. At most f validators leave, and max(f, 1) join, in one change.\n\nA change as JSON is one of these (and any that the options make):\n  {\"organization\": {\"id\": \"…\", \"name\": \"…\", \"credit_code\": \"…\", \"division\": \"410200\", \"parent\": \"henan\"}}\n  {\"parameters\": {\"suspend_equivocators\": true, \"proposal_open_ms\": 604800000, \"thresholds\": {\"signers\": \"2/3\"}}}\n  {\"certificate_type\": {\"code\": \"21 characters\", \"name\": \"营业执照\", \"retired\": false}}\n\nExamples:\n  hnchain governance propose --join xinyang.possession.json --reason 信阳节点加入 --key admin.pem\n  hnchain governance propose --leave 02ab…66 hexadecimal digits --reason 退役 --key admin.pem\n  hnchain governance propose --rotate 02ab…66 digits:new.possession.json --reason 换钥 --key admin.pem\n  hnchain governance propose --appoint auditor.possession.json --role auditor --reason 任命审计员 --key admin.pem\n  hnchain governance propose --revoke-signer 02ab…66 hexadecimal digits --reason 密钥遗失 --key admin.pem\n  hnchain governance propose --change kaifeng.json --reason 增设机构 --key admin.pem"
    )]
    Propose(Box<Propose>),
    /// Approve a proposal for your organization
    #[command(after_help = "Examples:\n  hnchain governance approve 5a0c…64 hexadecimal digits --key admin.pem")]
    Approve(Approve),
    /// List proposals, newest first
    #[command(after_help = "Examples:\n  hnchain governance list --open")]
    List {
        /// Only those that can still be approved
        #[arg(long)]
        open: bool,
    },
    /// Show a proposal
    #[command(after_help = "Examples:\n  hnchain governance show 5a0c…64 hexadecimal digits")]
    Show {
        /// The transaction that proposed it, 64 hexadecimal digits
        id: TxId,
    },
}

/// `governance propose`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)
    .args(["join", "leave", "rotate", "appoint", "rotate_signer", "revoke_signer", "change"])))]
pub struct Propose {
    /// A validator joins: what its operator's `genesis possession` wrote; repeat it for more
    #[arg(long, value_name = "FILE")]
    pub join: Vec<PathBuf>,
    /// The validator with this public key leaves; repeat it for more
    #[arg(long, value_name = "KEY")]
    pub leave: Vec<PublicKey>,
    /// A validator gets another key: the old public key, a colon, and the new key's possession file
    #[arg(long, value_name = "KEY:FILE", value_parser = rotation)]
    pub rotate: Vec<(PublicKey, PathBuf)>,
    /// A key gets roles: what its holder's `genesis possession` wrote; of a key that has some, they are replaced
    #[arg(long, value_name = "FILE", requires = "roles", conflicts_with_all = ["join", "leave", "rotate"])]
    pub appoint: Option<PathBuf>,
    /// A role for --appoint: its name, or its JSON object as in a genesis; repeat it for more
    #[arg(long = "role", value_name = "ROLE", value_parser = crate::changes::role, requires = "appoint")]
    pub roles: Vec<Role>,
    /// First block time at which the appointed key may act, milliseconds since 1970; 0 for no bound
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "appoint")]
    pub valid_from_ms: u64,
    /// Last block time at which the appointed key may act, milliseconds since 1970; 0 for no bound
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "appoint")]
    pub valid_until_ms: u64,
    /// A signer gets another key: the old public key, a colon, and the new key's possession file
    #[arg(long, value_name = "KEY:FILE", value_parser = rotation,
        conflicts_with_all = ["join", "leave", "rotate", "appoint"])]
    pub rotate_signer: Option<(PublicKey, PathBuf)>,
    /// The signer with this public key is revoked for good
    #[arg(long, value_name = "KEY", conflicts_with_all = ["join", "leave", "rotate", "appoint", "rotate_signer"])]
    pub revoke_signer: Option<PublicKey>,
    /// Any change, as a JSON file
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["join", "leave", "rotate", "appoint", "rotate_signer", "revoke_signer"])]
    pub change: Option<PathBuf>,
    /// Why; public, at most 256 bytes, no personal data
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The key.
    #[command(flatten)]
    pub key: Key,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainId,
}

/// `governance approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The transaction that proposed it, 64 hexadecimal digits
    pub id: TxId,
    /// The key.
    #[command(flatten)]
    pub key: Key,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainId,
}

/// `member …`.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// List organizations as a tree, with their signers, roles and validity
    #[command(after_help = "Examples:\n  hnchain member list\n  hnchain member list --organization kaifeng --json")]
    List {
        /// Only this organization and those below it
        #[arg(long, value_name = "ID")]
        organization: Option<String>,
    },
    /// Show an organization or a signer
    #[command(
        after_help = "Examples:\n  hnchain member show kaifeng\n  hnchain member show 02ab…66 hexadecimal digits"
    )]
    Show {
        /// Id of an organization, or the public key of a signer
        member: String,
    },
    /// Show every version of an organization or a signer, with the proposals that made them
    #[command(
        after_help = "Each version is checked by the hash that the next one names.\n\nExamples:\n  hnchain member history kaifeng\n  hnchain member history 02ab…66 hexadecimal digits --json"
    )]
    History {
        /// Id of an organization, or the public key of a signer
        member: String,
    },
}

/// `validators`.
#[derive(Debug, Args)]
pub struct Validators {
    /// Which epoch; default: the one that the next block belongs to
    #[arg(long, value_name = "N")]
    pub epoch: Option<u64>,
}

/// `audit …`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List validators that signed contradictory votes, and check both signatures of each
    #[command(
        after_help = "Exit code 0: every entry that the node lists holds. Exit code 1: one of them does not. A node can leave\nentries out: ask several with --endpoint one by one.\n\nExamples:\n  hnchain audit evidence --trust genesis.json\n  hnchain audit evidence --epoch 3 --trust genesis.json --json"
    )]
    Evidence {
        /// Only of this epoch
        #[arg(long, value_name = "N")]
        epoch: Option<u64>,
        /// Genesis file of the chain: which chain the votes are for
        #[arg(long, env = "HNCHAIN_TRUST", hide_env_values = true, value_name = "GENESIS")]
        trust: PathBuf,
    },
    /// Submit evidence that somebody kept as a file
    #[command(
        after_help = "Nodes submit what they see by themselves; this is for evidence that was found elsewhere.\n\nExamples:\n  hnchain audit submit votes.hnevidence --key validator.pem"
    )]
    Submit {
        /// Encoded evidence, as `audit evidence --json` gives it in hexadecimal digits
        file: PathBuf,
        /// The key.
        #[command(flatten)]
        key: Key,
        /// Which chain.
        #[command(flatten)]
        chain: ChainId,
    },
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Ask again and again until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Time between two questions
    #[arg(long, value_parser = duration, default_value = "2s", value_name = "TIME", requires = "watch")]
    pub interval: Duration,
}

/// `tx`.
#[derive(Debug, Args)]
pub struct Tx {
    /// Transaction id, 64 hexadecimal digits
    pub id: TxId,
}

/// `block`.
#[derive(Debug, Args)]
pub struct Block {
    /// Height, or latest
    #[arg(value_parser = height, default_value = "latest")]
    pub height: u64,
}

/// `receipt`.
#[derive(Debug, Args)]
pub struct Receipt {
    /// Transaction id, 64 hexadecimal digits
    pub id: TxId,
    /// Wait until it is final, at most --timeout
    #[arg(long)]
    pub wait: bool,
}

fn record(s: &str) -> Result<RecordKey, String> {
    let (namespace, id) = s.split_once('/').ok_or_else(|| "namespace and id with a slash between them".to_owned())?;
    RecordKey::new(namespace, id).map_err(|e| e.to_string())
}

fn rotation(s: &str) -> Result<(PublicKey, PathBuf), String> {
    let (old, file) =
        s.split_once(':').ok_or_else(|| "a public key and a file with a colon between them".to_owned())?;
    Ok((old.parse().map_err(|_| "the old public key has 66 hexadecimal digits".to_owned())?, PathBuf::from(file)))
}

fn height(s: &str) -> Result<u64, String> {
    match s {
        "latest" => Ok(0),
        _ => s.parse().ok().filter(|n| *n > 0).ok_or_else(|| "a height from 1 on, or latest".to_owned()),
    }
}
