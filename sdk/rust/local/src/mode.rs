//! Where a call runs: the six modes, which of several settings counts, and what a mode means for one call (R-109 to
//!

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

/// Arguments of this many bytes are worth keeping here.
const LARGE: usize = 1 << 20;

/// Where calls run. With a host, every local run is governed: the host is asked first and told afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ExecutionMode {
    /// Always at a runtime of the host.
    #[default]
    Remote,
    /// Here where the tool is here, otherwise and where that fails at a runtime.
    LocalFirst,
    /// Here or not at all.
    LocalOnly,
    /// As `LocalFirst`, and never without the host's decision. The two differ only in programs that have no host.
    GovernedLocal,
    /// By the call: `send_*` and `fetch_*` at a runtime; `calculate_*`, `transform_*` and whatever has arguments of
    /// 1 MiB or more as `LocalFirst`; the rest at a runtime.
    Auto,
    /// By the environment: `LocalFirst` in development, `LocalOnly` in tests, `Remote` in production.
    EnvironmentAware,
}

/// Where a program runs, for [`ExecutionMode::EnvironmentAware`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Environment {
    /// On somebody's desk.
    Development,
    /// In a test.
    Test,
    /// For real.
    #[default]
    Production,
}

/// What a mode means for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Remote,
    Local { may_fall_back: bool },
}

impl ExecutionMode {
    const ALL: [Self; 6] =
        [Self::Remote, Self::LocalFirst, Self::LocalOnly, Self::GovernedLocal, Self::Auto, Self::EnvironmentAware];

    /// The mode of everything in this process that no closer setting speaks of.
    #[must_use]
    pub fn global() -> Self {
        let index = usize::from(GLOBAL.load(Ordering::Relaxed));
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// Sets [`ExecutionMode::global`].
    pub fn set_global(self) {
        let index = Self::ALL.iter().position(|mode| *mode == self).unwrap_or_default();
        GLOBAL.store(u8::try_from(index).unwrap_or_default(), Ordering::Relaxed);
    }

    pub(crate) fn plan(self, environment: Environment, tool: &str, args: &str) -> Plan {
        let begins = |prefixes: [&str; 2]| prefixes.iter().any(|prefix| tool.starts_with(prefix));
        match self {
            Self::Remote => Plan::Remote,
            Self::LocalFirst | Self::GovernedLocal => Plan::Local { may_fall_back: true },
            Self::LocalOnly => Plan::Local { may_fall_back: false },
            Self::Auto if begins(["send_", "fetch_"]) => Plan::Remote,
            Self::Auto if begins(["calculate_", "transform_"]) || args.len() >= LARGE => {
                Plan::Local { may_fall_back: true }
            }
            Self::Auto => Plan::Remote,
            Self::EnvironmentAware => match environment {
                Environment::Development => Plan::Local { may_fall_back: true },
                Environment::Test => Plan::Local { may_fall_back: false },
                Environment::Production => Plan::Remote,
            },
        }
    }
}

/// A text that names no mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an execution mode; use remote, local_first, local_only, governed_local, auto or environment_aware")]
pub struct NotAMode;

impl fmt::Display for ExecutionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remote => "remote",
            Self::LocalFirst => "local_first",
            Self::LocalOnly => "local_only",
            Self::GovernedLocal => "governed_local",
            Self::Auto => "auto",
            Self::EnvironmentAware => "environment_aware",
        })
    }
}

impl FromStr for ExecutionMode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Self, NotAMode> {
        Self::ALL.into_iter().find(|mode| mode.to_string().eq_ignore_ascii_case(text)).ok_or(NotAMode)
    }
}

static GLOBAL: AtomicU8 = AtomicU8::new(0);

/// The settings of all levels but the global one; the closest to the call counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Modes {
    pub(crate) tools: BTreeMap<String, ExecutionMode>,
    pub(crate) session: Option<ExecutionMode>,
    pub(crate) client: Option<ExecutionMode>,
}

impl Modes {
    /// Tool before session before client before global.
    pub(crate) fn of(&self, tool: &str) -> ExecutionMode {
        let closest = self.tools.get(tool).copied().or(self.session).or(self.client);
        closest.unwrap_or_else(ExecutionMode::global)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FALLS_BACK: Plan = Plan::Local { may_fall_back: true };
    const STAYS: Plan = Plan::Local { may_fall_back: false };

    #[test]
    fn the_closest_setting_counts_and_remote_is_the_default() {
        assert_eq!(ExecutionMode::global(), ExecutionMode::Remote);
        let mut modes = Modes::default();
        assert_eq!(modes.of("add"), ExecutionMode::Remote);
        ExecutionMode::Auto.set_global();
        assert_eq!(modes.of("add"), ExecutionMode::Auto);
        ExecutionMode::Remote.set_global();
        modes.client = Some(ExecutionMode::LocalFirst);
        assert_eq!(modes.of("add"), ExecutionMode::LocalFirst);
        modes.session = Some(ExecutionMode::GovernedLocal);
        assert_eq!(modes.of("add"), ExecutionMode::GovernedLocal);
        modes.tools.insert("add".into(), ExecutionMode::LocalOnly);
        assert_eq!(modes.of("add"), ExecutionMode::LocalOnly);
        assert_eq!(modes.of("subtract"), ExecutionMode::GovernedLocal);
    }

    #[test]
    fn modes_are_read_by_their_names() {
        for mode in ExecutionMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!("LOCAL_FIRST".parse(), Ok(ExecutionMode::LocalFirst));
        assert_eq!("local".parse::<ExecutionMode>(), Err(NotAMode));
    }

    #[test]
    fn each_mode_has_one_meaning_for_a_call() {
        let plan = |mode: ExecutionMode, environment, tool, args| mode.plan(environment, tool, args);
        let large = "x".repeat(LARGE);
        for environment in [Environment::Development, Environment::Test, Environment::Production] {
            assert_eq!(plan(ExecutionMode::Remote, environment, "t", "{}"), Plan::Remote);
            assert_eq!(plan(ExecutionMode::LocalFirst, environment, "t", "{}"), FALLS_BACK);
            assert_eq!(plan(ExecutionMode::GovernedLocal, environment, "t", "{}"), FALLS_BACK);
            assert_eq!(plan(ExecutionMode::LocalOnly, environment, "t", "{}"), STAYS);
            assert_eq!(plan(ExecutionMode::Auto, environment, "t", "{}"), Plan::Remote);
            assert_eq!(plan(ExecutionMode::Auto, environment, "t", &large), FALLS_BACK);
            assert_eq!(plan(ExecutionMode::Auto, environment, "calculate_sum", "{}"), FALLS_BACK);
            assert_eq!(plan(ExecutionMode::Auto, environment, "transform_x", "{}"), FALLS_BACK);
            assert_eq!(plan(ExecutionMode::Auto, environment, "send_mail", &large), Plan::Remote);
            assert_eq!(plan(ExecutionMode::Auto, environment, "fetch_x", "{}"), Plan::Remote);
        }
        let aware = ExecutionMode::EnvironmentAware;
        assert_eq!(plan(aware, Environment::Development, "t", "{}"), FALLS_BACK);
        assert_eq!(plan(aware, Environment::Test, "t", "{}"), STAYS);
        assert_eq!(plan(aware, Environment::Production, "t", "{}"), Plan::Remote);
    }
}
