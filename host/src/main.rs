//! The `sundae` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    sundae::cli::main(std::env::args_os())
}
