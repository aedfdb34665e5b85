//! What the suites share: records that are made by hand, and logs on the disk.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use grid_audit::{Ledger, Options, Reader, Record};
use grid_audit_export::{Exporter, Options as Following, Status};
use grid_core::{
    clock::SystemClock,
    event::{Event, Kind},
    id::CorrelationId,
};
use grid_tlog::{Kind as KeyKind, Signer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A record with these fields.
pub fn record(index: u64, fields: Value) -> Record {
    Record::decode(index, fields.to_string().as_bytes()).unwrap()
}

/// One that has every field, each with what would break a careless writer.
pub fn hostile() -> Record {
    record(
        7,
        json!({
            "accepted": ["a,b", "c\"d"],
            "args_digest": "sha256:00ff",
            "args_shape": "{path:string(12)}",
            "at_ms": 1_700_000_000_123_u64,
            "cache_age_ms": 0,
            "call_id": "-2+3",
            "code": "TIMEOUT",
            "connection": "c-1",
            "contract": "sha256:01",
            "correlation": "a|b\\c=d",
            "deadline_ms": 1_700_000_030_000_u64,
            "detail": "line one\r\nline \"two\", | = \\ \u{1b}[2J\u{0}end",
            "duration_us": 1_234_567,
            "dynamic": true,
            "effect": "write",
            "epoch": 3,
            "invocation": "i-1",
            "kind": "concluded",
            "outcome": "failed",
            "principal": "=cmd|' /C calc'!A0",
            "proof": "token",
            "rejected": [{"code": "UNSUPPORTED_TOOL", "name": "x"}],
            "result_bytes": 10,
            "result_digest": "sha256:02",
            "rule": "'quoted'",
            "runtime": "files/a",
            "session": "s-1",
            "stage": "dispatch",
            "tenant": "@acme",
            "tool": "<script>alert(1)</script>",
            "unheard_of": {"nested": "=1"},
        }),
    )
}

/// A small generator with a seed, so that a failure can be had again.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    /// Text of what other formats mean something by.
    pub fn text(&mut self) -> String {
        const SIGNS: &[char] = &[
            'a', 'B', '7', ' ', '"', '\'', ',', ';', '|', '=', '\\', '\n', '\r', '\t', '+', '-', '@', '<', '>', '&',
            '\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{202e}', 'ß', '€', '😀', '{', '}', '[', ':', '#',
        ];
        (0..self.below(12)).map(|_| SIGNS[self.below(SIGNS.len() as u64) as usize]).collect()
    }
}

fn signer() -> Arc<Signer> {
    Arc::new(Signer::generate("example.org/test/host/audit", KeyKind::Note).unwrap())
}

/// A log on the disk and its writer.
pub struct Log {
    pub folder: TempDir,
    runtime: Runtime,
    ledger: Ledger,
    written: u64,
    /// No two logs have the same records.
    id: u64,
}

static LOGS: AtomicU64 = AtomicU64::new(0);

impl Log {
    /// With the two records or fewer that a ledger begins with.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let options = Options { segment_bytes: 1 << 20, ..Options::new(folder.path(), signer()) };
        let opened = Ledger::open(options, SystemClock::shared(), Arc::new(()), runtime.handle());
        Self { folder, ledger: opened.unwrap().0, runtime, written: 0, id: LOGS.fetch_add(1, Ordering::Relaxed) }
    }

    /// Appends `count` records and comes back when they are durable.
    pub fn append(&mut self, count: u64) {
        let ledger = self.ledger.clone();
        let (id, from) = (self.id, self.written);
        self.written += count;
        self.runtime.block_on(async move {
            for at in from..from + count - 1 {
                ledger.note(event(id, at)).await;
            }
            ledger.record(event(id, from + count - 1)).await.unwrap();
        });
    }

    /// Durable records.
    pub fn len(&self) -> u64 {
        self.ledger.status().records
    }

    pub fn reader(&self) -> Reader {
        Reader::open(self.folder.path()).unwrap()
    }

    /// Every line as a sink of JSON lines gets it.
    pub fn lines(&self) -> Vec<String> {
        let records = self.reader().records(0).map(Result::unwrap);
        records.map(|record| format!("{{\"index\":{},{}", record.index(), &record.line()[1..])).collect()
    }

    /// Small batches and short waits.
    pub fn following(&self, name: &str) -> Following {
        quick(self.folder.path(), name)
    }
}

pub fn quick(directory: &std::path::Path, name: &str) -> Following {
    Following {
        batch_records: 16,
        poll: Duration::from_millis(2),
        backoff: Duration::from_millis(2),
        max_backoff: Duration::from_millis(20),
        ..Following::new(directory, name, SystemClock::shared())
    }
}

fn event(log: u64, at: u64) -> Event {
    let mut event =
        Event::new(Kind::Refused, 1_700_000_000_000 + at, CorrelationId::parse(&format!("log-{log}-{at}")).unwrap());
    event.tool = Some("files.read".into());
    event.detail = Some(format!("record {at} \"quoted\" = | \\ end"));
    event
}

/// Looks again and again; a minute is longer than anything here takes.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn until_delivered(exporter: &Exporter, next: u64) -> Status {
    until("delivery", || exporter.status().next >= next);
    exporter.status()
}
