//! `grid policy`: what operators do with a directory of policies before a host has it, and how a host gets it.

mod reload;

use clap::Subcommand;

use super::{Context, Failure};

/// Works on a directory of policies; `reload` alone talks to a host
#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    #[command(flatten)]
    Offline(Box<grid_offline::Policy>),
    Reload(reload::Reload),
}

impl Policy {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Offline(command) => command.run(context),
            Self::Reload(command) => command.run(context),
        }
    }
}
