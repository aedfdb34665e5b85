//! What the figures were measured on, as far as it bears on them.

use std::fs;

use serde::Serialize;

/// The machine.
#[derive(Debug, Serialize)]
pub struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    memory_mib: u64,
    /// Processes that were running or wanted to, over the last minute, when the run ended.
    load: f64,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let value_of = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let first = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        let memory = value_of(&read("/proc/meminfo"), "MemTotal");
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: value_of(&read("/proc/cpuinfo"), "model name"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_mib: first(&memory).parse::<u64>().unwrap_or(0) / 1024,
            load: first(&read("/proc/loadavg")).parse().unwrap_or(0.0),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let processor = if self.processor.is_empty() { "unnamed processor" } else { &self.processor };
        write!(
            f,
            "{} cores, {processor}, {} MiB, Linux {}, load {:.1}",
            self.cores, self.memory_mib, self.kernel, self.load
        )
    }
}
