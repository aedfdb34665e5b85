//! Approvals that were asked for and not decided, found while a log is opened, and the record that ends each of them:
//! whoever waited for one is gone with the process. Memory is bounded by the calls that waited.

use std::{collections::BTreeMap, sync::LazyLock};

use grid_audit_wal::Entry;
use grid_core::event::Kind;
use memchr::memmem::Finder;

use crate::{Record, encode::Object};

/// Collects while entries pass by in order.
#[derive(Debug, Default)]
pub(crate) struct OpenApprovals(BTreeMap<String, Record>);

// Within a text a quote has a backslash before it, so no text looks like this.
static KIND: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b",\"kind\":\"approval_"));

impl OpenApprovals {
    pub(crate) fn pass(&mut self, entry: Entry<'_>) {
        if KIND.find(entry.bytes).is_none() {
            return;
        }
        let Ok(record) = Record::decode(entry.index, entry.bytes) else { return };
        let Some(approval) = record.text("approval").map(str::to_owned) else { return };
        if record.kind() == Kind::ApprovalRequested.as_str() {
            self.0.insert(approval, record);
        } else if record.kind() == Kind::ApprovalDecided.as_str() {
            self.0.remove(&approval);
        }
    }

    /// Those that are open, oldest first.
    pub(crate) fn left(self) -> Vec<Record> {
        let mut left: Vec<Record> = self.0.into_values().collect();
        left.sort_unstable_by_key(Record::index);
        left
    }
}

/// The end of an approval whose host stopped before anybody decided.
pub(crate) fn end(requested: &Record, at_ms: u64, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.text("approval", requested.text("approval"));
    object.text("args_digest", requested.text("args_digest"));
    object.number("at_ms", Some(at_ms));
    object.text("call_id", requested.call_id());
    object.text("contract", requested.text("contract"));
    object.text("correlation", requested.correlation());
    object.text("detail", Some("the host stopped before anybody decided"));
    object.truth("dynamic", requested.fields().contains_key("dynamic"));
    object.text("effect", requested.text("effect"));
    object.number("epoch", requested.number("epoch"));
    object.text("kind", Some(Kind::ApprovalDecided.as_str()));
    object.text("policy", requested.text("policy"));
    object.text("principal", requested.principal());
    object.text("proof", requested.proof());
    object.text("rule", requested.rule());
    object.text("session", requested.session());
    object.text("tenant", requested.tenant());
    object.text("tool", requested.tool());
    object.text("verdict", Some("void"));
    object.end();
}
