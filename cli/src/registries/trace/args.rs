//! The command line of `trace`.

use crate::args::{ChainId, Key};
use clap::{Args, Subcommand};
use hnchain_types::trace::BatchId;
use std::path::PathBuf;

/// `trace …`.
#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// Make new batches without ancestors
    #[command(
        after_help = "{\"batch\": \"91411282MA0000X15A/2024-001\", \"product\": \"06901234567892\", \"quantity\": \"1000.0 kg\",\n \"place\": {\"division\": \"411282\", \"commitment\": \"…64 hexadecimal digits\"}, \"growing\": true}\n\nExamples:\n  hnchain trace commission orchard.json --key farm.pem"
    )]
    Commission(Document),
    /// Record pesticides and fertilizers used on growing batches
    #[command(
        after_help = "{\"batch\": …, \"kind\": \"pesticide\", \"product\": \"PD20240001\", \"safety_days\": 14}\n\nExamples:\n  hnchain trace input spraying.json --key farm.pem"
    )]
    Input(Document),
    /// Harvest growing batches; refused inside the safety interval
    #[command(
        after_help = "{\"batch\": …, \"quantity\": \"812.5 kg\"}\n\nExamples:\n  hnchain trace harvest picked.json --key farm.pem"
    )]
    Harvest(Document),
    /// Give an inspection agency's verdict
    #[command(
        after_help = "{\"batch\": …, \"passed\": true, \"report\": \"…64 hexadecimal digits\"}\n\nExamples:\n  hnchain trace inspect report.json --key agency.pem"
    )]
    Inspect(Document),
    /// Record conformity certificates
    #[command(
        after_help = "{\"batch\": …, \"certificate\": \"…64 hexadecimal digits\"}\n\nExamples:\n  hnchain trace certify certificate.json --key farm.pem"
    )]
    Certify(Document),
    /// Split batches into several of the same goods
    #[command(
        after_help = "{\"batch\": …, \"taken\": \"100 kg\", \"loss\": \"0 kg\", \"parts\": [{\"batch\": …, \"quantity\": \"50 kg\"}, …]}\n\nExamples:\n  hnchain trace split boxes.json --key farm.pem"
    )]
    Split(Document),
    /// Make other batches of batches
    #[command(
        after_help = "{\"inputs\": [{\"batch\": …, \"quantity\": \"50 kg\"}], \"outputs\": [{\"batch\": …, \"product\": …, \"quantity\": \"30 L\"}],\n \"place\": {…}, \"yield_permille\": 900, \"conversion\": {\"numerator\": 2, \"denominator\": 3}}\n\nExamples:\n  hnchain trace transform juice.json --key plant.pem"
    )]
    Transform(Document),
    /// Pack batches into a container
    #[command(
        after_help = "{\"batch\": …, \"container\": \"PALLET-7\"}\n\nExamples:\n  hnchain trace aggregate pallet.json --key plant.pem"
    )]
    Aggregate(Document),
    /// Take batches out of their container
    #[command(after_help = "{\"batch\": …}\n\nExamples:\n  hnchain trace disaggregate pallet.json --key shop.pem")]
    Disaggregate(Document),
    /// Ship batches to another organization
    #[command(
        after_help = "{\"batch\": …, \"to\": \"supermarket\"}\n\nExamples:\n  hnchain trace ship boxes.json --key farm.pem"
    )]
    Ship(Document),
    /// Receive batches
    #[command(
        after_help = "{\"batch\": …, \"place\": {…}}\n\nExamples:\n  hnchain trace receive boxes.json --key shop.pem"
    )]
    Receive(Document),
    /// Sell to consumers
    #[command(
        after_help = "{\"batch\": …, \"quantity\": \"2.5 kg\"}\n\nExamples:\n  hnchain trace sell sales.json --key shop.pem"
    )]
    Sell(Document),
    /// Recall batches and all of their descendants
    #[command(
        after_help = "{\"batch\": …, \"reason\": …}\n\nExamples:\n  hnchain trace recall recall.json --key bureau.pem"
    )]
    Recall(Document),
    /// Return batches to whom they came from, or to their maker
    #[command(
        after_help = "{\"batch\": …, \"to\": \"farm\", \"reason\": …, \"place\": {…}}\n\nExamples:\n  hnchain trace return returns.json --key shop.pem"
    )]
    Return(Document),
    /// Destroy what is left of batches
    #[command(
        after_help = "{\"batch\": …, \"reason\": …}\n\nExamples:\n  hnchain trace destroy destroyed.json --key shop.pem"
    )]
    Destroy(Document),
    /// Show a batch and whether it is recalled, as a node reports it
    #[command(after_help = "Examples:\n  hnchain trace show 91411282MA0000X15A/2024-001")]
    Show {
        /// Credit code of the producer, a slash, the batch's code
        batch: BatchId,
    },
    /// Show everything that happened to a batch, and whether its quantities balance
    #[command(after_help = "Examples:\n  hnchain trace history 91411282MA0000X15A/2024-001 --json")]
    History {
        /// Credit code of the producer, a slash, the batch's code
        batch: BatchId,
    },
    /// Show all that a batch was made of
    #[command(after_help = "Examples:\n  hnchain trace ancestors 91411282MA0000X15A/2024-001-7 --svg origin.svg")]
    Ancestors(Tree),
    /// Show all that was made of a batch
    #[command(
        after_help = "Examples:\n  hnchain trace descendants 91411282MA0000X15A/2024-001\n  hnchain trace descendants 91411282MA0000X15A/2024-001 --dot | dot -Tpdf -o recall.pdf"
    )]
    Descendants(Tree),
}

/// An operation.
#[derive(Debug, Args)]
pub struct Document {
    /// JSON document, or an array of at most 64 that are applied together or not at all; - for standard input
    pub file: PathBuf,
    /// The key.
    #[command(flatten)]
    pub key: Key,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainId,
}

/// `trace ancestors` and `trace descendants`.
#[derive(Debug, Args)]
pub struct Tree {
    /// Credit code of the producer, a slash, the batch's code
    pub batch: BatchId,
    /// Print it as DOT for Graphviz
    #[arg(long, conflicts_with = "svg")]
    pub dot: bool,
    /// Draw it into this SVG file instead, at most 500 batches; an older file is replaced
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Most batches to show
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
}
