//! What a streamed result costs on its way, a MiB in chunks of 32 KiB: the check of its content and the digest together,
//! and the digest alone.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use grid_adm::Digesting;
use grid_core::stream::Chunk;
use grid_dispatch::Delivery;

const PIECE: usize = 32 << 10;
const WHOLE: usize = 1 << 20;

/// Name, beginning, what comes again and again.
const CONTENTS: [(&str, &str, &str); 6] = [
    ("text", "\"", "x"),
    ("script", "\"", "größe 大きさ μέγεθος, "),
    ("lines", "\"", "A line of a file that somebody reads, as long as lines often are\\n"),
    ("numbers", "[", "3.25,-17,123456,0.015625,98.6,"),
    ("objects", "[", r#"{"id":4711,"name":"bolt","tags":["steel","m8"],"at":{"x":1,"y":null}},"#),
    ("nested", "[", r#"[[[[[{"a":{"b":{"c":[1]}}}]]]]],"#),
];

fn pieces(begin: &str, again: &str) -> Vec<Chunk> {
    let mut text = begin.to_owned();
    text.push_str(&again.repeat(WHOLE / again.len()));
    let chunks = text.as_bytes().chunks(PIECE).zip(0..);
    chunks.map(|(piece, number)| Chunk { number, payload: piece.to_vec().into(), is_final: false }).collect()
}

fn flow(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    group.throughput(Throughput::Bytes(1 << 20));
    for (name, begin, again) in CONTENTS {
        let pieces = pieces(begin, again);
        group.bench_function(BenchmarkId::new("check and digest", name), |bench| {
            bench.iter(|| {
                let (mut delivery, _events) = Delivery::new();
                for piece in &pieces {
                    assert!(delivery.count(black_box(piece)).is_ok());
                }
                delivery.sent()
            });
        });
    }
    let pieces = pieces("\"", "x");
    group.bench_function("digest", |bench| {
        bench.iter(|| {
            let mut digesting = Digesting::default();
            for piece in &pieces {
                digesting.feed(black_box(&piece.payload));
            }
            digesting.digest()
        });
    });
    group.finish();
}

criterion_group!(benches, flow);
criterion_main!(benches);
