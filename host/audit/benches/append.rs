//! What a durable record costs: encoding one, and records a second with 1 to 256 callers that wait, beside a
//! bare write and `fdatasync` of the same bytes in batches of that size, which no log can beat.
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up fails")]

use std::{
    fs::{File, OpenOptions},
    hint::black_box,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use grid_audit::{Durability, Ledger, Options, encode::encode};
use grid_core::{
    clock::SystemClock,
    event::{Event, Kind, Outcome},
    id::{CallId, CorrelationId, InvocationId, RuntimeId, SessionId},
};
use grid_tlog::Signer;
use tokio::{runtime::Runtime, task::JoinSet};

const WAITERS: [usize; 4] = [1, 16, 64, 256];

fn admission() -> Event {
    let correlation = CorrelationId::parse("host-1700000000-0123abcd").unwrap();
    let mut event = Event::new(Kind::Admitted, 1_700_000_000_123, correlation);
    event.session = Some(SessionId::mint());
    event.invocation = Some(InvocationId::mint());
    event.call_id = CallId::parse("call-000017").ok();
    event.tool = Some(Arc::from("files.read"));
    event.contract = Some([7; 32]);
    event.effect = Some("read");
    event.args_digest = Some([9; 32]);
    event.args_shape = Some("{path:string(24),limit:number}".into());
    event.rule = Some(Arc::from("role:reader"));
    event.epoch = Some(3);
    event.cache_age_ms = Some(1200);
    event.deadline_ms = Some(1_700_000_030_123);
    event.runtime = RuntimeId::parse("files/a").ok();
    event
}

fn bench_encode(criterion: &mut Criterion) {
    let event = admission();
    let mut out = Vec::with_capacity(2048);
    criterion.bench_function("encode", |bench| {
        bench.iter(|| {
            out.clear();
            encode(black_box(&event), &mut out);
            out.len()
        });
    });
}

/// The two records of one call.
fn call() -> (Event, Event) {
    let intent = admission();
    let mut outcome = intent.clone();
    outcome.kind = Kind::Concluded;
    outcome.outcome = Some(Outcome::Success);
    outcome.duration_us = Some(1234);
    outcome.result_digest = Some([5; 32]);
    (intent, outcome)
}

/// `total` records by `waiters` tasks, each waiting for one before it sends the next.
async fn admit(ledger: &Ledger, waiters: usize, total: u64) {
    let mut tasks = JoinSet::new();
    for waiter in 0..waiters {
        let share = total / waiters as u64 + u64::from((total % waiters as u64) > waiter as u64);
        let ledger = ledger.clone();
        tasks.spawn(async move {
            let (intent, outcome) = call();
            for at in 0..share {
                if at % 2 == 0 {
                    black_box(ledger.admit(intent.clone()).await.unwrap());
                } else {
                    ledger.conclude(outcome.clone()).await.unwrap();
                }
            }
            if share % 2 == 1 {
                ledger.conclude(outcome).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

fn bench_ledger(criterion: &mut Criterion, flavour: &str, runtime: &Runtime, how: Durability) {
    let mut group = criterion.benchmark_group(format!("append {flavour}"));
    group.throughput(Throughput::Elements(1));
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for waiters in WAITERS {
        let directory = tempfile::tempdir_in(".").unwrap();
        let signer = Signer::generate("bench.example/log", grid_tlog::Kind::Note).unwrap();
        let mut options = Options::new(directory.path(), Arc::new(signer));
        options.durability = how;
        let clock = SystemClock::shared();
        let (ledger, _) = Ledger::open(options, clock, Arc::new(()), runtime.handle()).unwrap();
        group.bench_with_input(BenchmarkId::from_parameter(waiters), &waiters, |bench, waiters| {
            bench.iter_custom(|total| timed(|| runtime.block_on(admit(&ledger, *waiters, total))));
        });
        runtime.block_on(ledger.close()).unwrap();
    }
    group.finish();
}

#[expect(clippy::disallowed_methods, reason = "a bench measures the machine")]
fn timed(run: impl FnOnce()) -> Duration {
    let began = Instant::now();
    run();
    began.elapsed()
}

fn zeroed(directory: &Path) -> File {
    let file = OpenOptions::new().create_new(true).write(true).open(directory.join("raw")).unwrap();
    file.write_all_at(&vec![0; 64 << 20], 0).unwrap();
    file.sync_all().unwrap();
    file
}

fn bench_raw(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append raw");
    group.throughput(Throughput::Elements(1));
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    let mut event = Vec::new();
    encode(&admission(), &mut event);
    for waiters in WAITERS {
        let directory = tempfile::tempdir_in(".").unwrap();
        let file = zeroed(directory.path());
        let batch = event.repeat(waiters);
        let mut at = 0;
        group.bench_with_input(BenchmarkId::from_parameter(waiters), &waiters, |bench, waiters| {
            bench.iter_custom(|total| {
                timed(|| {
                    for _ in 0..total.div_ceil(*waiters as u64) {
                        at = if at + batch.len() > 64 << 20 { 0 } else { at };
                        file.write_all_at(&batch, at as u64).unwrap();
                        file.sync_data().unwrap();
                        at += batch.len().next_multiple_of(8);
                    }
                })
            });
        });
    }
    group.finish();
}

fn bench_append(criterion: &mut Criterion) {
    let alone = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let two = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    bench_raw(criterion);
    bench_ledger(criterion, "on one thread", &alone, Durability::Full);
    bench_ledger(criterion, "on two workers", &two, Durability::Full);
    bench_ledger(criterion, "relaxed, on one thread", &alone, Durability::Relaxed);
}

criterion_group!(benches, bench_encode, bench_append);
criterion_main!(benches);
