//! `certificate …`.

use super::{ChainId, Key};
use clap::{Args, Subcommand};
use hnchain_crypto::Digest;
use hnchain_types::codes::CertificateId;
use std::path::PathBuf;

/// `certificate …`.
#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Issue the first version of a certificate from a JSON document; only commitments are sent
    #[command(
        after_help = "DOCUMENT is {\"id\", \"division\", \"valid_from\", \"valid_until\", \"holder\": {…}, \"fields\": {…}}.\nDates are written 2026-01-01 (Beijing time) or as milliseconds; valid_until is 长期 or left out for no\nend; holder and fields hold names and texts. They are salted and committed to; salts and values are\nwritten to the opening file before anything is submitted: keep it, nobody can find the salts again.\n\nExamples:\n  hnchain certificate issue licence.json --key registrar.pem\n  hnchain certificate issue permit.json --holder-of licence.json.hnfields.json --key k.pem"
    )]
    Issue(CertificateDocument),
    /// Issue the next version of a certificate (变更, 换发, 延续), which supersedes the one before
    #[command(
        after_help = "DOCUMENT is that of `certificate issue` without division; id carries the next version number.\n\nExamples:\n  hnchain certificate change licence-002.json \\\n      --holder-of licence.json.hnfields.json --key registrar.pem"
    )]
    Change(CertificateDocument),
    /// Suspend a certificate (暂扣)
    #[command(
        after_help = "Examples:\n  hnchain certificate suspend 1.2.156.3005.2.… --reason 逾期未报送年度报告 --key registrar.pem"
    )]
    Suspend(CertificateStep),
    /// End the suspension of a certificate (恢复)
    #[command(after_help = "Examples:\n  hnchain certificate resume 1.2.156.3005.2.… --key registrar.pem")]
    Resume {
        /// 电子证照标识
        id: CertificateId,
        /// The key.
        #[command(flatten)]
        key: Key,
        /// Which chain.
        #[command(flatten)]
        chain: ChainId,
    },
    /// Revoke a certificate for good (吊销)
    #[command(
        after_help = "Examples:\n  hnchain certificate revoke 1.2.156.3005.2.… --reason 提交虚假材料取得登记 --key registrar.pem"
    )]
    Revoke(CertificateStep),
    /// Cancel a certificate for good (注销)
    #[command(
        after_help = "Examples:\n  hnchain certificate cancel 1.2.156.3005.2.… --reason 申请注销 --key registrar.pem"
    )]
    Cancel(CertificateStep),
    /// Show a certificate as a node reports it (unproven)
    #[command(after_help = "Examples:\n  hnchain certificate show 1.2.156.3005.2.… --json")]
    Show {
        /// 电子证照标识
        id: CertificateId,
    },
    /// List what became of a certificate and its earlier versions, newest first
    #[command(
        after_help = "Every row names the hash of the one that it follows, so a node can leave none out below the newest.\n\nExamples:\n  hnchain certificate history 1.2.156.3005.2.… --most 20"
    )]
    History {
        /// 电子证照标识
        id: CertificateId,
        /// Most rows to show, at most 100
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
        most: u32,
    },
    /// List the certificates of a holder, by the commitment that an opening file names
    #[command(
        after_help = "Examples:\n  hnchain certificate of-holder 5a0c…64 hexadecimal digits\n  hnchain certificate of-holder 5a0c…64 digits --after 1.2.156.3005.2.… --most 50"
    )]
    OfHolder {
        /// Commitment to the holder, 64 hexadecimal digits
        holder: Digest,
        /// Begin after this certificate
        #[arg(long, value_name = "ID")]
        after: Option<CertificateId>,
        /// Most certificates to show, at most 256
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=256), value_name = "N")]
        most: u32,
    },
}

/// `certificate issue`, `certificate change`.
#[derive(Debug, Args)]
pub struct CertificateDocument {
    /// Document (JSON); its values stay here; - for standard input
    #[arg(value_name = "DOCUMENT")]
    pub file: PathBuf,
    /// Opening file of another certificate of the same holder: both get the same commitment to the holder
    #[arg(long, value_name = "FILE")]
    pub holder_of: Option<PathBuf>,
    /// The key.
    #[command(flatten)]
    pub key: Key,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainId,
    /// New file for salts and values; default: DOCUMENT.hnfields.json, from version 002 on DOCUMENT.vN.hnfields.json
    #[arg(long, value_name = "FILE")]
    pub opening_out: Option<PathBuf>,
}

/// `certificate suspend`, `certificate revoke`, `certificate cancel`.
#[derive(Debug, Args)]
pub struct CertificateStep {
    /// 电子证照标识
    pub id: CertificateId,
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
