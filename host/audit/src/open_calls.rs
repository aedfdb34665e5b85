//! Admissions without a conclusion, found while a log is opened, and the record that closes each of them: every
//! intent gets exactly one outcome. A call that its caller may still run is left to the host. Memory is bounded by the
//! calls that were open.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use grid_audit_wal::Entry;
use grid_core::event::{Kind, Outcome};
use memchr::memmem::Finder;
use serde::Deserialize;

use crate::{Record, encode::Object};

/// Collects while entries pass by in order.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls {
    open: HashMap<String, (u64, Box<[u8]>)>,
    epoch: u64,
}

/// What was open, each oldest first.
#[derive(Debug)]
pub(crate) struct Left {
    /// Nobody can say any more how they ended; or nobody has said in time.
    pub(crate) abandoned: Vec<Record>,
    /// Their callers may still run them and report.
    pub(crate) local: Vec<Record>,
    /// The latest policy epoch.
    pub(crate) epoch: u64,
}

#[derive(Deserialize)]
struct Peek<'a> {
    kind: &'a str,
    invocation: Option<&'a str>,
}

impl OpenCalls {
    pub(crate) fn pass(&mut self, entry: Entry<'_>) {
        self.epoch = self.epoch.max(epoch(entry.bytes));
        pass(entry, |invocation, index| match index {
            Some(index) => drop(self.open.insert(invocation.to_owned(), (index, entry.bytes.into()))),
            None => drop(self.open.remove(invocation)),
        });
    }

    /// The admissions that are still open at `now_ms`.
    pub(crate) fn left(self, now_ms: u64) -> Left {
        let sorted: BTreeMap<u64, Box<[u8]>> = self.open.into_values().collect();
        let admissions = sorted.into_iter().filter_map(|(index, bytes)| Record::decode(index, &bytes).ok());
        let is_live = |admission: &Record| {
            is_local(admission) && admission.number("expires_ms").is_some_and(|expires| expires > now_ms)
        };
        let (local, abandoned) = admissions.partition(is_live);
        Left { abandoned, local, epoch: self.epoch }
    }
}

/// Tells of an admission with its index, of a conclusion with none, and of nothing else.
pub(crate) fn pass(entry: Entry<'_>, tell: impl FnOnce(&str, Option<u64>)) {
    let peek = glance(entry.bytes).or_else(|| serde_json::from_slice(entry.bytes).ok());
    let Some(Peek { kind, invocation: Some(invocation) }) = peek else {
        return;
    };
    if kind == Kind::Admitted.as_str() {
        tell(invocation, Some(entry.index));
    } else if kind == Kind::Concluded.as_str() {
        tell(invocation, None);
    }
}

fn is_local(admission: &Record) -> bool {
    admission.fields().contains_key("local")
}

static EPOCH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b",\"epoch\":"));
static INVOCATION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b",\"invocation\":\""));

/// Both fields where they stand as [`encode`](crate::encode::encode) puts them, side by side, which spares the publisher
/// a parse of every record. Within a text a quote has a backslash before it, so `,"` and a name begin no text.
fn glance(entry: &[u8]) -> Option<Peek<'_>> {
    let at = INVOCATION.find(entry)? + INVOCATION.needle().len();
    let text = str::from_utf8(entry.get(at..)?).ok()?;
    let (invocation, rest) = text.split_once("\",\"kind\":\"")?;
    let (kind, _) = rest.split_once('"')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (plain(invocation) && plain(kind)).then_some(Peek { kind, invocation: Some(invocation) })
}

/// The policy epoch that an entry names, found in the same way; 0 where it names none.
fn epoch(entry: &[u8]) -> u64 {
    let digits = EPOCH.find(entry).and_then(|at| entry.get(at + EPOCH.needle().len()..)).unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

/// The conclusion of an admission whose host stopped before it knew.
pub(crate) fn conclusion(admission: &Record, at_ms: u64, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    let (outcome, detail) = match is_local(admission) {
        true => (Outcome::Unreported, "its time passed while the host was down"),
        false => (Outcome::Unknown, "the host stopped before the outcome was known"),
    };
    object.number("at_ms", Some(at_ms));
    object.text("call_id", admission.call_id());
    object.text("connection", admission.text("connection"));
    object.text("contract", admission.text("contract"));
    object.text("correlation", admission.correlation());
    object.text("detail", Some(detail));
    object.truth("dynamic", admission.fields().contains_key("dynamic"));
    object.text("effect", admission.text("effect"));
    object.text("invocation", admission.invocation());
    object.text("kind", Some(Kind::Concluded.as_str()));
    object.truth("local", is_local(admission));
    object.text("outcome", Some(outcome.as_str()));
    object.text("principal", admission.principal());
    object.text("proof", admission.proof());
    object.text("runtime", admission.runtime());
    object.text("session", admission.session());
    object.text("tenant", admission.tenant());
    object.text("tool", admission.tool());
    object.end();
}

#[cfg(test)]
mod tests;
