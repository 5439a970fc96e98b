//! Flags, logs, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use regulars::cli::Command;

fn main() -> ExitCode {
    Command::parse().run()
}
