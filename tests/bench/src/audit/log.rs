//! The log under load: as it ships, and with parts of it switched off.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use grid_audit::{Chain, FileOptions, FileStorage, Ledger, Observer, Options as LogOptions, Storage};
use grid_core::clock::SystemClock;
use grid_tlog::{Frontier, Kind, Signer};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};

use super::{
    Options,
    records::Template,
    sample::{Cpu, Sample},
};
use crate::{Fallible, clock::now, cpu::Used};

/// Its threads' names.
const WRITER: &str = "audit";
const PUBLISHER: &str = "audit-publish";
/// How long the publisher may take to catch up with what was measured.
const PATIENCE: Duration = Duration::from_secs(20);

/// What of it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Shipped,
    Unpublished,
    Diskless,
}

#[derive(Debug)]
pub(super) struct Log {
    ledger: Ledger,
    batches: Arc<Batches>,
    published: bool,
    template: Template,
}

/// Counts what became durable.
#[derive(Debug, Default)]
struct Batches {
    batches: AtomicU64,
    records: AtomicU64,
    nanos: AtomicU64,
}

impl Observer for Batches {
    fn committed(&self, records: usize, took: Duration) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Batches {
    fn read(&self) -> [f64; 3] {
        [&self.batches, &self.records, &self.nanos].map(|counter| counter.load(Ordering::Relaxed) as f64)
    }
}

/// Takes frames and forgets them.
#[derive(Debug)]
struct Nowhere;

impl Storage for Nowhere {
    fn recover(&mut self, _chain: &mut Chain<'_>) -> Result<u64, grid_audit::Error> {
        Ok(0)
    }

    fn append(&mut self, _frame: &[u8], _edge: &Frontier) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn has_room(&mut self, _bytes: u64) -> bool {
        true
    }

    fn max_frame(&self) -> usize {
        4 << 20
    }
}

impl Log {
    pub(super) fn open(folder: &Path, kept: Kept, runtime: &Runtime) -> Fallible<Self> {
        let signer = Arc::new(Signer::generate("bench.example/one/host/audit", Kind::Note)?);
        let options = LogOptions::new(folder.join(format!("{kept:?}").to_lowercase()), signer);
        let (clock, batches) = (SystemClock::shared(), Arc::new(Batches::default()));
        let (ledger, _) = match kept {
            Kept::Shipped => Ledger::open(options, clock, batches.clone(), runtime.handle())?,
            Kept::Unpublished => {
                let (directory, segment_bytes) = (options.directory.clone(), options.segment_bytes);
                let storage = FileStorage::open(FileOptions { directory, segment_bytes }, clock.clone())?;
                Ledger::start(storage, &options, clock, batches.clone(), runtime.handle())?
            }
            Kept::Diskless => Ledger::start(Nowhere, &options, clock, batches.clone(), runtime.handle())?,
        };
        Ok(Self { ledger, batches, published: kept == Kept::Shipped, template: Template::new()? })
    }

    pub(super) fn measure(&self, callers: usize, options: &Options, runtime: &Runtime) -> Fallible<Sample> {
        runtime.block_on(async {
            let sample = self.load(callers, options).await?;
            self.settle().await?;
            Ok(sample)
        })
    }

    pub(super) fn close(self, runtime: &Runtime) -> Fallible<()> {
        Ok(runtime.block_on(self.ledger.close())?)
    }

    async fn load(&self, callers: usize, options: &Options) -> Fallible<Sample> {
        let begin = now() + Duration::from_secs_f64(options.warm_up);
        let end = begin + Duration::from_secs_f64(options.seconds);
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            tasks.spawn(keep_recording(self.ledger.clone(), self.template.clone(), begin, end));
        }
        sleep(begin - now()).await;
        let (cpu_before, before) = (Used::by(std::process::id())?, self.batches.read());
        sleep(end - now()).await;
        let (cpu_after, after) = (Used::by(std::process::id())?, self.batches.read());
        let mut latencies = Vec::new();
        while let Some(finished) = tasks.join_next().await {
            latencies.extend(finished??);
        }
        let [batches, stored, nanos] =
            std::array::from_fn(|at| after.get(at).zip(before.get(at)).map_or(0.0, |(a, b)| a - b));
        let spent = cpu_after.seconds_by_thread(&cpu_before);
        let of = |thread: &str| spent.get(thread).copied().unwrap_or(0.0);
        let (writer, publisher) = (of(WRITER), of(PUBLISHER));
        let callers = spent.values().sum::<f64>() - writer - publisher;
        let records = latencies.len();
        let sample = Sample::of(latencies, records, end - begin, Cpu { callers, writer, publisher });
        Ok(sample.batched(stored / batches).committed_in(nanos / batches / 1e3))
    }

    /// Leaves the disk to what is measured next.
    async fn settle(&self) -> Fallible<()> {
        if !self.published {
            return Ok(());
        }
        let until = now() + PATIENCE;
        loop {
            let status = self.ledger.status();
            if let Some(trouble) = status.publishing {
                return Err(format!("the log does not publish: {trouble}").into());
            }
            if status.published == status.records {
                return Ok(());
            }
            if now() >= until {
                return Err("the publisher does not keep up with the log".into());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Records calls until `end`; gives the nanoseconds of the records that were sent and acknowledged between the two.
async fn keep_recording(ledger: Ledger, template: Template, begin: Instant, end: Instant) -> Fallible<Vec<u64>> {
    let mut latencies = Vec::with_capacity(1 << 12);
    let mut note = |sent: Instant| {
        let received = now();
        if received >= begin && received < end {
            latencies.push(u64::try_from((received - sent).as_nanos()).unwrap_or(u64::MAX));
        }
    };
    loop {
        let (admitted, concluded) = template.call();
        let sent = now();
        if sent >= end {
            return Ok(latencies);
        }
        ledger.admit(admitted).await?;
        note(sent);
        let sent = now();
        ledger.conclude(concluded).await?;
        note(sent);
    }
}
