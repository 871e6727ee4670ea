//! The command line of 河南链: keys, genesis files, records, proofs, verification, status.
//!
//! # What it is for
//! Operators make keys and genesis files; registrars anchor and revoke records; holders fetch proofs; anybody verifies a
//! proof offline, trusting nothing but a genesis file.
//!
//! # Invariants
//! 1. Standard output carries results only; progress, remarks and errors go to standard error.
//! 2. Exit codes: 0 ok, 1 refused or invalid, 2 called wrongly or a file cannot be used, 3 no node answered.
//! 3. `--json` says everything that the text says, and its form does not depend on the language.
//! 4. An opening is on disk before its transaction is sent, and goes away only when the chain refused that transaction.
//! 5. Keys, openings and genesis files are never replaced; every file is written whole or not at all.
//! 6. A secret key never leaves its machine: `genesis possession` proves it instead.
//! 7. `verify` opens no socket.
//!
//! # Example
//! ```
//! use clap::Parser;
//! use hnchain::args::{Cli, Command};
//! let cli = Cli::try_parse_from(["hnchain", "verify", "a.hnproof.json", "--trust", "genesis.json", "--max-age", "10m"])?;
//! let Command::Verify(verify) = cli.command else { unreachable!("verify was asked for") };
//! assert_eq!(verify.max_age, Some(std::time::Duration::from_secs(600)));
//! # Ok::<(), clap::Error>(())
//! ```

pub mod args;
mod chain;
mod changes;
mod context;
mod failure;
mod files;
mod genesis;
mod governance;
pub mod help;
mod keys;
mod lang;
mod members;
mod moment;
mod prove;
mod records;
mod registries;
mod rows;
mod verify;

use args::{Cli, Command};
use clap::FromArgMatches;
use context::Context;
use failure::Failure;
pub use lang::Lang;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs one command line, the program's name first.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let lang = Lang::early(&args);
    let json = args.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    let parsed = help::command(lang).try_get_matches_from(args).and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() => return wrong_usage(&e, lang, json),
        // Help and version. Nothing is left to do when even this cannot be printed.
        Err(e) => {
            let _unprintable = e.print();
            return ExitCode::SUCCESS;
        }
    };
    let context = Context::new(&cli.global, lang);
    match dispatch(&context, &cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(context.lang, context.json);
            failure.exit.into()
        }
    }
}

/// A command line that is none: as every other failure, so also in JSON and with its language.
fn wrong_usage(error: &clap::Error, lang: Lang, json: bool) -> ExitCode {
    if lang == Lang::En && !json {
        // With its colours.
        let _unprintable = error.print();
        return failure::Exit::Usage.into();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    let (text, _) = text.split_once("\n\nFor more information").unwrap_or((text, ""));
    let failure = Failure::usage("USAGE", text, format!("命令行有误：{text}")).hint("see --help", "请看 --help");
    failure.report(lang, json);
    failure.exit.into()
}

fn dispatch(context: &Context, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Keygen(args) => keys::keygen(context, args),
        Command::Key(command) => keys::key(context, command),
        Command::Genesis(command) => genesis::genesis(context, command),
        Command::Verify(args) => verify::verify(context, args),
        Command::Anchor(args) => online(records::anchor(context, args)),
        Command::Revoke(args) => online(records::revoke(context, args)),
        Command::Get(args) => online(records::get(context, args)),
        Command::Prove(args) => online(prove::prove(context, args)),
        Command::Certificate(command) => online(registries::certificate::certificate(context, command)),
        Command::Governance(command) => online(governance::governance(context, command)),
        Command::Member(command) => online(members::member(context, command)),
        Command::Validators(args) => online(governance::validators(context, args)),
        Command::Audit(command) => online(governance::audit(context, command)),
        Command::Realty(command) => online(registries::realty::realty(context, command)),
        Command::Trace(command) => online(registries::trace::trace(context, command)),
        Command::Status(args) => online(chain::status(context, args)),
        Command::Tx(args) => online(chain::tx(context, args)),
        Command::Block(args) => online(chain::block(context, args)),
        Command::Receipt(args) => online(chain::receipt(context, args)),
    }
}

/// One thread is enough: a command waits for one answer at a time.
fn online(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| {
            Failure::usage("RUNTIME", format!("the runtime does not start: {e}"), format!("运行环境无法启动：{e}"))
        })?
        .block_on(command)
}
