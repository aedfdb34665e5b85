//! What a swap asks of the host around it.

use std::{future::Future, sync::Arc, time::Duration};

use grid_core::{Refusal, provider::Swapped};

use crate::hook::Hook;

/// What shall be done.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Function name.
    pub tool: Arc<str>,
    /// Who shall serve it.
    pub provider: Arc<str>,
    /// Although it says that it is not well.
    pub force: bool,
    /// Only look.
    pub dry_run: bool,
}

/// Programs around the flip, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before it; one that fails ends the swap.
    pub before: Vec<Hook>,
    /// After it; one that fails takes it back.
    pub after: Vec<Hook>,
}

/// Why a provider is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sick {
    /// It is there and says that it is not well; somebody may want it all the same.
    Unwell(String),
    /// It cannot serve at all.
    Gone(String),
}

impl Sick {
    /// In words.
    #[must_use]
    pub fn why(&self) -> &str {
        let (Self::Unwell(why) | Self::Gone(why)) = self;
        why
    }
}

/// The host, as a swap sees it. Every step is bounded by the swap; what it waits for may be dropped at any time.
pub trait Providers: Send + Sync {
    /// Who has the calls of the tool now; nobody where there is none.
    fn serving(&self, tool: &str) -> Option<Arc<str>>;

    /// The programs around a swap of the tool.
    fn hooks(&self, tool: &str) -> Hooks;

    /// Until a runtime of the provider is there and each has made itself ready; with `look` only whether one is there.
    fn activate(&self, wish: &Wish, look: bool) -> impl Future<Output = Result<(), String>> + Send;

    /// Whether all its runtimes are well.
    fn health(&self, wish: &Wish) -> impl Future<Output = Result<(), Sick>> + Send;

    /// Runs a program.
    fn hook(&self, hook: &Hook, limit: Duration) -> impl Future<Output = Result<(), String>> + Send;

    /// From this on, calls that come go to the provider; nothing is kept over a restart yet. `None` takes every such
    /// choice back.
    fn flip(&self, tool: &Arc<str>, provider: Option<&Arc<str>>);

    /// Writes the swap down and keeps it over restarts.
    ///
    /// # Errors
    /// It cannot be written; nothing of it is kept.
    fn committed(&self, wish: &Wish, report: &Swapped) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Writes down that it was taken back.
    fn rolled_back(&self, wish: &Wish, report: &Swapped) -> impl Future<Output = ()> + Send;

    /// Why the provider still has calls of the tool to expect, such as those of a tenant for which it is chosen.
    fn kept_for(&self, tool: &str, provider: &str) -> Option<String>;

    /// Calls of the tool that the provider has.
    fn in_flight(&self, tool: &str, provider: &str) -> u32;

    /// Until it has none.
    fn drained(&self, tool: &str, provider: &str) -> impl Future<Output = ()> + Send;

    /// Has each of its runtimes clean up.
    fn cleanup(&self, tool: &Arc<str>, provider: &str) -> impl Future<Output = Result<(), String>> + Send;
}
