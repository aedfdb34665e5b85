//! A decision from the cache, and one that has to be made; and how long after a revocation was asked for the last permit
//! of the old epoch comes, where others ask without pause.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use grid_authorize::{Authorize, Disclosure, Roles, Settings};
use grid_contract::{Manifest, Options};
use grid_core::{clock::SystemClock, principal::SecurityContext};
use grid_testkit::{Scene, Strict, principal};

const MANIFEST: &str = r#"{"manifest_version": "1.0.0", "contracts": [{
    "name": "bench", "required_roles": ["user", "auditor"], "function_declarations": [{
        "name": "sum", "description": "Adds", "parameters": {"type": "OBJECT"}}]}]}"#;

fn settings(cache: bool) -> Settings {
    Settings {
        cache,
        ttl: Duration::from_secs(60),
        deny_ttl: Duration::from_secs(5),
        entries: 10_000,
        timeout: Duration::from_millis(100),
        disclosure: Disclosure::Full,
    }
}

fn options() -> Options {
    Options {
        extra_args: grid_adm::ExtraArgs::Reject,
        timeout: Duration::from_secs(30),
        max_timeout: Duration::from_secs(300),
        max_approval: Duration::from_secs(300),
    }
}

fn decision(c: &mut Criterion) {
    let Ok(loaded) = Manifest::read(MANIFEST, options()) else { return };
    let Some(contract) = loaded.manifest.get("sum") else { return };
    let scene = Scene::new(Strict::new(loaded.manifest));
    let session = scene.session("agent", "demo", &["user", "auditor"]);
    let context = SecurityContext { principal: principal("agent", "demo", &["user", "auditor"]), claim: None };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    for (name, cache) in [("decision/hit", true), ("decision/miss", false)] {
        let stage = Authorize::new(Arc::new(Roles), settings(cache), SystemClock::shared());
        c.bench_function(name, |b| {
            b.iter(|| runtime.block_on(stage.lists(black_box(&context), &session, black_box(&contract), false)));
        });
    }
}

/// What an asker has seen: the epoch of its last permit, and when the last one before that epoch came, in nanoseconds.
#[derive(Debug, Default)]
struct Seen {
    epoch: AtomicU64,
    last_of_old: AtomicU64,
    over: AtomicBool,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn revocation(c: &mut Criterion) {
    let Ok(loaded) = Manifest::read(MANIFEST, options()) else { return };
    let Some(contract) = loaded.manifest.get("sum") else { return };
    let scene = Scene::new(Strict::new(loaded.manifest));
    let session = scene.session("agent", "demo", &["user", "auditor"]);
    let context = SecurityContext { principal: principal("agent", "demo", &["user", "auditor"]), claim: None };
    let (clock, seen) = (SystemClock::shared(), Seen::default());
    let stage = Authorize::new(Arc::new(Roles), settings(true), clock.clone());
    let ask = || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
        let (mut epoch, mut last) = (0, 0);
        while !seen.over.load(Ordering::Relaxed) {
            let Ok(decision) = runtime.block_on(stage.foresee(&context, &session, &contract, false)).decision else {
                continue;
            };
            if decision.epoch > epoch {
                seen.last_of_old.store(last, Ordering::Relaxed);
                epoch = decision.epoch;
                seen.epoch.store(epoch, Ordering::Release);
            }
            last = nanos(clock.elapsed());
        }
    };
    thread::scope(|scope| {
        scope.spawn(ask);
        c.bench_function("revocation/to the last permit", |b| {
            b.iter_custom(|times| {
                let mut sum = 0;
                for _ in 0..times {
                    let asked = nanos(clock.elapsed());
                    let epoch = stage.invalidate();
                    while seen.epoch.load(Ordering::Acquire) < epoch {
                        thread::yield_now();
                    }
                    sum += seen.last_of_old.load(Ordering::Relaxed).saturating_sub(asked);
                }
                Duration::from_nanos(sum)
            });
        });
        seen.over.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, decision, revocation);
criterion_main!(benches);
