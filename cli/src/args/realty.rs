//! `realty …` as clap sees it.

use super::{ChainId, Key};
use clap::{Args, Subcommand};
use hnchain_crypto::Digest;
use hnchain_types::codes::UnitCode;
use std::path::PathBuf;

/// `realty …`.
#[derive(Debug, Subcommand)]
pub enum RealtyCommand {
    /// First registration of a parcel, or of a fixture on a registered parcel
    #[command(
        after_help = "Wherever FILE has a commitment, {\"commit\": \"DOCUMENT\"} makes one: the document stays here, its opening is\nkept as DOCUMENT.hncommitment.json and used again the next time.\n\nExamples:\n  hnchain realty register flat.json --key kaifeng-realty.pem"
    )]
    Register(Registration),
    /// Transfer to other holders; mortgages and interests follow
    #[command(after_help = "Examples:\n  hnchain realty transfer sale.json --key kaifeng-realty.pem")]
    Transfer(Registration),
    /// Change use or particulars
    #[command(after_help = "Examples:\n  hnchain realty change use.json --key kaifeng-realty.pem")]
    Change(Registration),
    /// Cancel a unit's right for good
    #[command(after_help = "Examples:\n  hnchain realty cancel gone.json --key kaifeng-realty.pem")]
    Cancel(Registration),
    /// Correct an entry, which stays readable
    #[command(after_help = "Examples:\n  hnchain realty correct name.json --key kaifeng-realty.pem")]
    Correct(Registration),
    /// Register a mortgage; its rank is the order of registration
    #[command(after_help = "Examples:\n  hnchain realty mortgage loan.json --key kaifeng-realty.pem")]
    Mortgage(Registration),
    /// End a mortgage, notice, objection or interest
    #[command(after_help = "Examples:\n  hnchain realty release paid.json --key kaifeng-realty.pem")]
    Release(Registration),
    /// Seal a unit, with a court's key; behind another seal it waits
    #[command(after_help = "Examples:\n  hnchain realty seal order.json --key kaifeng-court.pem")]
    Seal(Registration),
    /// Lift a seal, with the key of the court that sealed
    #[command(after_help = "Examples:\n  hnchain realty unseal lifted.json --key kaifeng-court.pem")]
    Unseal(Registration),
    /// Register a notice
    #[command(after_help = "Examples:\n  hnchain realty notice presale.json --key kaifeng-realty.pem")]
    Notice(Registration),
    /// Register an objection; it lapses after 15 days without a suit
    #[command(after_help = "Examples:\n  hnchain realty objection doubt.json --key kaifeng-realty.pem")]
    Objection(Registration),
    /// Register a right of habitation or an easement
    #[command(after_help = "Examples:\n  hnchain realty interest dwelling.json --key kaifeng-realty.pem")]
    Interest(Registration),
    /// Register that a suit was filed, or from when a noticed registration is possible
    #[command(after_help = "Examples:\n  hnchain realty progress suit.json --key kaifeng-realty.pem")]
    Progress(Registration),
    /// Show who holds a unit under which burdens, as a node reports it
    #[command(after_help = "Examples:\n  hnchain realty show 410202001001GB00001F00010001")]
    Show {
        /// Real estate unit code, 28 characters
        unit: UnitCode,
    },
    /// Show a unit's chain of title, entry by entry, as a node reports it
    #[command(after_help = "Examples:\n  hnchain realty title 410202001001GB00001F00010001 --json")]
    Title {
        /// Real estate unit code, 28 characters
        unit: UnitCode,
        /// Begin after this entry
        #[arg(long, default_value_t = 0, value_name = "N")]
        after: u32,
        /// Most entries to show
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
        most: u32,
    },
    /// List the units that a commitment holds, as a node reports them
    #[command(after_help = "Examples:\n  hnchain realty held 5a0c…64 hexadecimal digits")]
    Held {
        /// Commitment, 64 hexadecimal digits
        holder: Digest,
        /// Begin after this unit
        #[arg(long, value_name = "UNIT")]
        after: Option<UnitCode>,
        /// Most units to list
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
        most: u32,
    },
}

/// A registration in a file.
#[derive(Debug, Args)]
pub struct Registration {
    /// What to register, JSON; - for standard input
    pub file: PathBuf,
    /// The key.
    #[command(flatten)]
    pub key: Key,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainId,
}
