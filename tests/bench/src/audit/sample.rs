//! What one measurement of the log gave.

use std::time::Duration;

use serde::Serialize;

use crate::sample::quantile;

/// One setup with some callers in one round.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Sample {
    pub(super) records: usize,
    pub(super) records_per_second: f64,
    /// Until the record was acknowledged; of the bare file, until the batch was synced.
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
    /// Records that one sync made durable, in the mean.
    pub(super) batch: f64,
    /// What sealing, writing and syncing one batch took, in the mean.
    pub(super) commit_us: f64,
    pub(super) cpu_us_per_record: Cpu,
}

/// Processor time by who spent it. The thread that fills the next segment with zeros is left out: it ends too soon.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Cpu {
    /// Making events, sending them, waking up.
    pub(super) callers: f64,
    /// Encoding, hashing, signing, writing, syncing, waking others up.
    pub(super) writer: f64,
    /// Tiles, the list of signatures, the checkpoint.
    pub(super) publisher: f64,
}

impl Cpu {
    pub(super) fn total(&self) -> f64 {
        self.callers + self.writer + self.publisher
    }

    pub(super) fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self { callers: of(self.callers), writer: of(self.writer), publisher: of(self.publisher) }
    }
}

impl Sample {
    /// `cpu` in seconds over all records.
    pub(super) fn of(mut latencies: Vec<u64>, records: usize, took: Duration, cpu: Cpu) -> Self {
        latencies.sort_unstable();
        Self {
            records,
            records_per_second: records as f64 / took.as_secs_f64(),
            p50_us: quantile(&latencies, 0.5) / 1e3,
            p99_us: quantile(&latencies, 0.99) / 1e3,
            p999_us: quantile(&latencies, 0.999) / 1e3,
            batch: 0.0,
            commit_us: 0.0,
            cpu_us_per_record: cpu.map(|seconds| seconds / records.max(1) as f64 * 1e6),
        }
    }

    pub(super) fn batched(self, batch: f64) -> Self {
        Self { batch, ..self }
    }

    pub(super) fn committed_in(self, commit_us: f64) -> Self {
        Self { commit_us, ..self }
    }
}
