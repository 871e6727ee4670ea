//! `hnchain-simulator`: runs seeds.

use clap::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = Command::new("hnchain-simulator")
        .about("Deterministic simulation of whole clusters: a seed decides everything")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(hnchain_simulator::cli::command())
        .subcommands(hnchain_simulator::modes::commands());
    match command.get_matches().subcommand() {
        Some(("run", matches)) => hnchain_simulator::cli::execute(matches),
        Some((mode, matches)) => hnchain_simulator::modes::execute(mode, matches),
        None => ExitCode::FAILURE,
    }
}
