//! The binary `hnchain`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hnchain::run(std::env::args_os())
}
