//! `grid config`: what holds and where it comes from, and what may be written.

use clap::Subcommand;

use super::{Context, Failure};
use grid_config::{page, schema, to_json, to_toml};

/// Shows the configuration, or what it may be
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  grid config dump                       what holds, and where it comes from
  grid config schema > grid.schema.json  for editors")]
pub(super) enum Config {
    /// Prints every setting with its value and where that comes from; secrets are left out
    #[command(after_help = "Examples:
  grid config dump
  grid config dump --set server.listen=127.0.0.1:9000
  grid config dump --json | jq '.settings[\"server.listen\"].value'")]
    Dump,
    /// Prints the JSON Schema (draft 2020-12) of the configuration file
    #[command(after_help = "Examples:
  grid config schema > grid.schema.json

Editors use it where the file begins with
  #:schema ./grid.schema.json")]
    Schema,
    /// Prints the page of documentation that lists all settings, as Markdown
    #[command(after_help = "Examples:
  grid config docs > docs/configuration.md")]
    Docs,
}

impl Config {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Dump => {
                let reading = context.read();
                context.values(&reading)?;
                for warning in reading.warnings() {
                    context.output.warning(&warning.to_string());
                }
                if context.output.is_json() {
                    context.output.json(&to_json(&reading))?;
                } else {
                    context.output.text(&to_toml(&reading))?;
                }
            }
            Self::Schema => context.output.json(&schema())?,
            Self::Docs => context.output.text(&page())?,
        }
        Ok(())
    }
}
