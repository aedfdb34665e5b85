//! Ids as types. Those that the host mints are 128 random bits and cost nothing to copy; those that others
//! choose are bounded, printable and never parsed (protocol section 4, Q21).

#![deny(missing_docs)]

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

/// A text that is not such an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

macro_rules! minted {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, from the operating system's randomness.
            #[must_use]
            pub fn mint() -> Self {
                Self(Uuid::new_v4())
            }

            /// The 128 bits.
            #[must_use]
            pub fn as_u128(self) -> u128 {
                self.0.as_u128()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            /// Exactly the form that `Display` writes, so that one id has one spelling.
            fn from_str(text: &str) -> Result<Self, Malformed> {
                let hex = text.strip_prefix($prefix).ok_or(Malformed)?;
                let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
                if hex.len() != 32 || !hex.bytes().all(plain) {
                    return Err(Malformed);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| Malformed)
            }
        }
    };
}

minted!(
    /// A session.
    SessionId, "s-"
);
minted!(
    /// One admitted execution; joins decision, execution and audit.
    InvocationId, "i-"
);
minted!(
    /// One call that waits for a person.
    ApprovalId, "a-"
);
minted!(
    /// One attached runtime connection.
    ConnectionId, "c-"
);

macro_rules! given {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes 1 to 128 printable ASCII characters that are not all blank.
            ///
            /// # Errors
            /// [`Malformed`] for anything else.
            pub fn parse(text: &str) -> Result<Self, Malformed> {
                is_plain(text).then(|| Self(Arc::from(text))).ok_or(Malformed)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

given!(
    /// Joins a whole workflow. The first sender mints it, everybody copies it unchanged.
    CorrelationId
);
given!(
    /// A caller's name for one call: the idempotency key within a session.
    CallId
);
given!(
    /// Who is asking.
    PrincipalId
);
given!(
    /// Whose world a call belongs to.
    TenantId
);
given!(
    /// One runtime: the provider's name, alone or followed by `/` and a replica name.
    RuntimeId
);

impl CorrelationId {
    /// A new one of the form `host-{unix seconds}-{8 hex}` (protocol section 4).
    #[must_use]
    pub fn mint(unix_ms: u64) -> Self {
        let random = Uuid::new_v4().as_u128();
        Self(Arc::from(format!("host-{}-{:08x}", unix_ms / 1000, random & 0xffff_ffff)))
    }
}

impl RuntimeId {
    /// The provider that this runtime serves: the part before the first `/`.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(provider, _)| provider)
    }
}

fn is_plain(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
        && text.bytes().any(|byte| byte != b' ')
}

#[cfg(test)]
mod tests;
