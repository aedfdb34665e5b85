//! `grid completions`: the script that lets a shell complete this command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Context, Failure, Line};

/// Prints completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid completions bash > ~/.local/share/bash-completion/completions/grid
  grid completions zsh > ~/.zfunc/_grid
  grid completions fish > ~/.config/fish/completions/grid.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Line::command(), "grid", &mut script);
        Ok(context.output.text(&String::from_utf8_lossy(&script))?)
    }
}
