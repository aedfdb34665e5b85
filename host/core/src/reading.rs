//! What auditors ask of the log, and what they get: records as they are stored. Plain data, free of any transport.

use crate::{event::Sha256, refusal::Refusal};

/// The most records of one page.
pub const MAX_PAGE: usize = 1_000;

/// The records that are wanted: those that have every value that is given here. An empty filter wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// One execution.
    pub invocation: Option<String>,
    /// One workflow.
    pub correlation: Option<String>,
    /// One session.
    pub session: Option<String>,
    /// Who.
    pub principal: Option<String>,
    /// Whose world.
    pub tenant: Option<String>,
    /// Function name.
    pub tool: Option<String>,
    /// As [`crate::event::Outcome::as_str`] writes it.
    pub outcome: Option<String>,
    /// As [`crate::event::Kind::as_str`] writes it.
    pub kind: Option<String>,
    /// As [`crate::Code::as_str`] writes it.
    pub code: Option<String>,
    /// Not before this, in milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Before this, in milliseconds since 1970.
    pub to_ms: Option<u64>,
}

impl Filter {
    /// How many fields of a record a filter can name.
    pub const FIELDS: usize = 9;

    /// What is wanted of each field, by the name that the field has in a record; the order never changes.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, Option<&str>); Self::FIELDS] {
        [
            ("invocation", self.invocation.as_deref()),
            ("correlation", self.correlation.as_deref()),
            ("session", self.session.as_deref()),
            ("principal", self.principal.as_deref()),
            ("tenant", self.tenant.as_deref()),
            ("tool", self.tool.as_deref()),
            ("outcome", self.outcome.as_deref()),
            ("kind", self.kind.as_deref()),
            ("code", self.code.as_deref()),
        ]
    }

    /// The names of what is given, and no value of it: what a record of the reading may say.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let times = [("from_ms", self.from_ms.is_some()), ("to_ms", self.to_ms.is_some())];
        let fields = self.fields().map(|(name, value)| (name, value.is_some()));
        fields.into_iter().chain(times).filter_map(|(name, given)| given.then_some(name)).collect()
    }

    /// Whether a record of this time is wanted.
    #[must_use]
    pub fn holds_at(&self, at_ms: u64) -> bool {
        self.from_ms.is_none_or(|from| at_ms >= from) && self.to_ms.is_none_or(|to| at_ms < to)
    }
}

/// A request for a page of records.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Which.
    pub filter: Filter,
    /// The latest record comes first.
    pub newest_first: bool,
    /// At most so many; the host's own choice where absent, and never more than [`MAX_PAGE`].
    pub limit: Option<usize>,
    /// Where the page before ended; empty for the first one.
    pub page_token: String,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// Names one record, or those of one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The record at this place.
    Index(u64),
    /// All records of an execution; for a proof, the last of them.
    Invocation(String),
}

/// A request for the records at a place or of an execution.
#[derive(Debug, Clone)]
pub struct Get {
    /// Which; nothing where the message named nothing.
    pub which: Option<Which>,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// A request for records as they come.
#[derive(Debug, Clone, Default)]
pub struct Follow {
    /// Which.
    pub filter: Filter,
    /// From this place on; from the present end where absent.
    pub from: Option<u64>,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// One record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place in the log.
    pub index: u64,
    /// One line of JSON, exactly as stored.
    pub line: String,
    /// The hash of the line as a leaf of the log's tree (RFC 6962 section 2.1).
    pub leaf_hash: Sha256,
}

/// A page of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order that was asked for.
    pub rows: Vec<Row>,
    /// For the next page; absent where there is none at present.
    pub next: Option<String>,
}

/// What a follower gets.
#[derive(Debug)]
pub enum Step {
    /// The next record.
    Row(Row),
    /// The host ends it; a request from `next` on misses nothing.
    End {
        /// Why.
        refusal: Refusal,
        /// The place after the last one that was looked at.
        next: u64,
    },
}

/// A request to prove that a record is in the log's tree.
#[derive(Debug, Clone, Default)]
pub struct Prove {
    /// Which; nothing where the message named nothing.
    pub which: Option<Which>,
    /// In the tree of so many records; in the newest published one where absent.
    pub tree_size: Option<u64>,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// Proof that a record is in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The record's place.
    pub index: u64,
    /// Its hash.
    pub leaf_hash: Sha256,
    /// Records of the tree.
    pub tree_size: u64,
    /// From the leaf upwards.
    pub hashes: Vec<Sha256>,
    /// The signed note of the tree, where it is the published one.
    pub checkpoint: Option<String>,
}

/// A request to prove that a tree only added to an earlier one.
#[derive(Debug, Clone, Default)]
pub struct Extend {
    /// Records of the earlier tree.
    pub old_size: u64,
    /// Of the later one; the newest published one where absent.
    pub new_size: Option<u64>,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// Proof of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// Records of the earlier tree.
    pub old_size: u64,
    /// Of the later one.
    pub new_size: u64,
    /// The hashes.
    pub hashes: Vec<Sha256>,
    /// The signed note of the later tree, where it is the published one.
    pub checkpoint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn names_tell_what_is_given_and_no_value_of_it() {
        let filter = Filter { tool: Some("add".into()), kind: Some("x".into()), to_ms: Some(3), ..Filter::default() };
        assert_eq!(filter.names(), ["tool", "kind", "to_ms"]);
        assert!(Filter::default().names().is_empty());
    }

    #[test]
    fn times_begin_with_the_first_moment_and_end_before_the_last() {
        let filter = Filter { from_ms: Some(10), to_ms: Some(20), ..Filter::default() };
        assert_eq!([9, 10, 19, 20].map(|at| filter.holds_at(at)), [false, true, true, false]);
    }
}
