//! What a runtime and the host can do together beyond level 1, word by word. Both sides have to know a word for it to
//! mean anything.

use std::sync::atomic::{AtomicU8, Ordering};

/// One word of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// Errors with remediation and details.
    EnhancedErrors,
    /// Results in pieces.
    Streaming,
    /// Calls from within a call.
    NestedCalls,
    /// Being told of changes in who serves what.
    Lifecycle,
    /// Saying how far a call has come.
    Progress,
}

impl Feature {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::EnhancedErrors, Self::Streaming, Self::NestedCalls, Self::Lifecycle, Self::Progress];

    /// As the handshake writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnhancedErrors => "enhanced-errors",
            Self::Streaming => "streaming",
            Self::NestedCalls => "nested-calls",
            Self::Lifecycle => "lifecycle",
            Self::Progress => "progress",
        }
    }

    /// The feature of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.as_str() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The features of one attachment. Changed by the runtime while its calls go on; read without a lock.
#[derive(Debug, Default)]
pub struct Features(AtomicU8);

impl Features {
    /// Of these.
    #[must_use]
    pub fn of(features: impl IntoIterator<Item = Feature>) -> Self {
        Self(AtomicU8::new(features.into_iter().fold(0, |bits, feature| bits | feature.bit())))
    }

    /// Whether it is on.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.0.load(Ordering::Acquire) & feature.bit() != 0
    }

    /// Switches it on from now on; false where it was.
    pub fn switch_on(&self, feature: Feature) -> bool {
        self.0.fetch_or(feature.bit(), Ordering::AcqRel) & feature.bit() == 0
    }

    /// Switches it off from now on; false where it was.
    pub fn switch_off(&self, feature: Feature) -> bool {
        self.0.fetch_and(!feature.bit(), Ordering::AcqRel) & feature.bit() != 0
    }

    /// Those that are on.
    #[must_use]
    pub fn list(&self) -> Vec<Feature> {
        Feature::ALL.into_iter().filter(|feature| self.has(*feature)).collect()
    }
}
