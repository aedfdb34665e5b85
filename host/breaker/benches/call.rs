//! What breakers cost a call: asked by the resolver, entered, and told how it ended.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use grid_breaker::{Blame, Breakers, Key, Settings};
use grid_core::{Code, clock::SystemClock, id::CorrelationId};

const KEY: Key<'_> = Key { runtime: "calculator/7", provider: "calculator", tool: "calculate_sum" };

fn call(c: &mut Criterion) {
    let correlation = CorrelationId::mint(1_700_000_000_000);
    let breakers = Breakers::new(Settings::default(), SystemClock::shared());
    c.bench_function("breakers: a call that goes well", |bench| {
        bench.iter(|| {
            let _ = black_box(breakers.admits(&KEY));
            let Ok(pass) = breakers.enter(&KEY, &correlation) else { return };
            pass.well(black_box(Duration::from_millis(1)), Blame::ALL, &correlation);
        });
    });
    c.bench_function("breakers: whether a runtime may be chosen", |bench| {
        bench.iter(|| black_box(breakers.admits(&KEY)).is_ok());
    });
    let hour = Duration::from_secs(3_600);
    let open =
        Breakers::new(Settings { recovery: hour, max_recovery: hour, ..Settings::default() }, SystemClock::shared());
    for _ in 0..5 {
        let _ = open.enter(&KEY, &correlation).map(|pass| pass.failed(Code::Timeout, Blame::ALL, &correlation));
    }
    c.bench_function("breakers: a runtime that is kept away", |bench| {
        bench.iter(|| black_box(open.admits(&KEY)).is_err());
    });
    let over = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..3)
        .map(|_| {
            let (breakers, correlation, over) = (Arc::clone(&breakers), correlation.clone(), Arc::clone(&over));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(pass) = breakers.enter(&KEY, &correlation) {
                        pass.well(Duration::from_millis(1), Blame::ALL, &correlation);
                    }
                }
            })
        })
        .collect();
    c.bench_function("breakers: the same while three threads call the same tool", |bench| {
        bench.iter(|| {
            let Ok(pass) = breakers.enter(&KEY, &correlation) else { return };
            pass.well(black_box(Duration::from_millis(1)), Blame::ALL, &correlation);
        });
    });
    over.store(true, Ordering::Relaxed);
    for other in others {
        let _ = other.join();
    }
}

criterion_group!(benches, call);
criterion_main!(benches);
