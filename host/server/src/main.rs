//! The `grid` program: hands its arguments to the command line.

use std::process::ExitCode;

use grid_server::cli::{self, Services};

fn main() -> ExitCode {
    cli::run(std::env::args_os(), Services::default()).into()
}
