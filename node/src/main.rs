//! The binary `hnchain-node`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hnchain_node::cli::main()
}
