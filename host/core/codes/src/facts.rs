//! What is said about every code: where it belongs, how grave it is, whose doing it was, whether to repeat,
//! and what to do.

use std::fmt;

/// What holds for a code wherever it appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Where it belongs.
    pub category: Category,
    /// How grave it is.
    pub severity: Severity,
    /// Whose doing it was.
    pub fault: Fault,
    /// Whether and when to send the request again.
    pub retry: Retry,
    /// What to do, most specific first.
    pub remediation: &'static [&'static str],
}

/// The protocol's categories, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Category {
    /// Who may do what.
    Authorization = 0,
    /// What was sent.
    Validation = 1,
    /// What happened on the way to, or in, a tool.
    Runtime = 2,
    /// What happened to the bytes.
    Transport = 3,
    /// How the host was set up.
    Configuration = 4,
}

impl Category {
    /// Every category, in the order of the protocol.
    pub const ALL: [Self; 5] =
        [Self::Authorization, Self::Validation, Self::Runtime, Self::Transport, Self::Configuration];

    /// The protocol's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The protocol's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "AUTHORIZATION",
            Self::Validation => "VALIDATION",
            Self::Runtime => "RUNTIME",
            Self::Transport => "TRANSPORT",
            Self::Configuration => "CONFIGURATION",
        }
    }
}

/// The protocol's severities, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// As intended.
    Info = 0,
    /// Expected in daily work; programs deal with it.
    Warning = 1,
    /// The request failed; somebody should look at it in time.
    Error = 2,
    /// An operator should look now.
    Critical = 3,
    /// The host does not start, or should not go on.
    Fatal = 4,
}

impl Severity {
    /// Every severity, from the lightest.
    pub const ALL: [Self; 5] = [Self::Info, Self::Warning, Self::Error, Self::Critical, Self::Fatal];

    /// The protocol's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The protocol's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
            Self::Fatal => "FATAL",
        }
    }
}

/// Whose doing it was. Only the runtime's counts against a runtime's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller's: its rights, its request, its wish.
    Caller,
    /// The runtime's: its program, its tools, its connection.
    Runtime,
    /// The host's, or of what it stands on.
    Host,
}

/// Whether the same request may be sent again. "Again" means unchanged and by a program: `retry_allowed` is false
/// where something else has to happen first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// By no program; a person decides.
    Never,
    /// Once somebody has put something right.
    AfterFix(Fix),
    /// Once the caller has renewed something.
    AfterRenewal(Renewal),
    /// Whatever the contract's effect: nothing ran.
    After {
        /// Wait before the first repeat; grows with each.
        default_ms: u64,
        /// Repeats, the first attempt not counted.
        at_most: u32,
    },
    /// Only where a second run does no harm: the tool may have run.
    IfRepeatable {
        /// Wait before the first repeat; grows with each.
        default_ms: u64,
        /// Repeats, the first attempt not counted.
        at_most: u32,
        /// Another runtime, or another host, is more likely to succeed than the same.
        elsewhere: bool,
    },
}

/// What has to be put right before a repeat makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fix {
    /// What the caller sends.
    Request,
    /// What the caller may do: roles, scope or policy.
    Rights,
    /// Which contracts the host serves.
    Contract,
    /// The program that speaks the protocol wrongly.
    Program,
    /// The host's configuration, or what it stands on.
    Host,
}

/// What the caller has to renew before a repeat makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Renewal {
    /// Its token.
    Credential,
    /// Its session.
    Session,
    /// The agreement on a protocol version.
    Negotiation,
}

impl Retry {
    /// Whether the same request may be sent again as it is. `repeatable`: a second run does no harm.
    #[must_use]
    pub const fn retry_allowed(self, repeatable: bool) -> bool {
        match self {
            Self::Never | Self::AfterFix(_) | Self::AfterRenewal(_) => false,
            Self::After { .. } => true,
            Self::IfRepeatable { .. } => repeatable,
        }
    }

    /// The wait before the first repeat, in milliseconds.
    #[must_use]
    pub const fn retry_after_ms(self) -> Option<u64> {
        match self {
            Self::Never | Self::AfterFix(_) | Self::AfterRenewal(_) => None,
            Self::After { default_ms, .. } | Self::IfRepeatable { default_ms, .. } => Some(default_ms),
        }
    }

    /// How often to repeat at most; 0 where no program may.
    #[must_use]
    pub const fn max_retries(self) -> u32 {
        match self {
            Self::Never | Self::AfterFix(_) | Self::AfterRenewal(_) => 0,
            Self::After { at_most, .. } | Self::IfRepeatable { at_most, .. } => at_most,
        }
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Never => f.write_str("never"),
            Self::AfterFix(fix) => write!(f, "after a fix: {fix}"),
            Self::AfterRenewal(renewal) => write!(f, "after renewal: {renewal}"),
            Self::After { default_ms, at_most } => write!(f, "after {default_ms} ms, at most {at_most}"),
            Self::IfRepeatable { default_ms, at_most, elsewhere } => {
                let place = if elsewhere { ", better elsewhere" } else { "" };
                write!(f, "if repeatable, after {default_ms} ms, at most {at_most}{place}")
            }
        }
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Rights => "rights",
            Self::Contract => "contract",
            Self::Program => "program",
            Self::Host => "host",
        })
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "credential",
            Self::Session => "session",
            Self::Negotiation => "negotiation",
        })
    }
}
