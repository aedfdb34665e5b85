//! An entry read back: its bytes as they were stored, and its fields by name.

use serde_json::{Map, Value};

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    index: u64,
    line: Box<str>,
    fields: Map<String, Value>,
}

/// An entry that is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} is not a record: {why}; check the log before you rely on it")]
pub struct Malformed {
    index: u64,
    why: String,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Option<&str> {
                self.text(stringify!($name))
            }
        )*
    };
}

impl Record {
    /// Reads the entry at `index`.
    ///
    /// # Errors
    /// [`Malformed`] where it is not a JSON object.
    pub fn decode(index: u64, entry: &[u8]) -> Result<Self, Malformed> {
        let malformed = |why: String| Malformed { index, why };
        let line = str::from_utf8(entry).map_err(|error| malformed(error.to_string()))?;
        let fields = serde_json::from_str(line).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { index, line: line.into(), fields })
    }

    /// Its place in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The entry itself: one line of JSON, exactly as it was stored.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// All fields.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A field that is text.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// A field that is a number.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<u64> {
        self.fields.get(field)?.as_u64()
    }

    /// What happened, as [`grid_core::event::Kind::as_str`] writes it, or `gap`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("kind").unwrap_or_default()
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.number("at_ms").unwrap_or(0)
    }

    texts! {
        /// Of the request.
        correlation,
        /// Which execution.
        invocation,
        /// In which session.
        session,
        /// As the caller named the call.
        call_id,
        /// Who.
        principal,
        /// Whose world.
        tenant,
        /// How that was proved.
        proof,
        /// Function name.
        tool,
        /// How it ended.
        outcome,
        /// Why it was refused or failed.
        code,
        /// Where it was refused.
        stage,
        /// The runtime.
        runtime,
        /// The rule that decided.
        rule,
        /// The operator's words.
        detail,
    }

    /// How many records a `gap` stands for.
    #[must_use]
    pub fn lost(&self) -> Option<u64> {
        self.number("lost")
    }
}
