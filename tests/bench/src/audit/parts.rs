//! What the parts of a record's way cost by themselves, on a thread that does nothing else. That they cost the same
//! within the log is assumed: there, other things wash the caches in between.

use std::{hint::black_box, time::Duration};

use grid_audit::encode::encode;
use grid_core::event::Event;
use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Signer};
use serde::Serialize;

use super::records::Template;
use crate::{Fallible, clock::now, sample::median};

/// Records at once.
const BATCH: usize = 64;
/// How long each part is measured in each round; the middle pass counts.
const TIME: Duration = Duration::from_millis(15);

/// Microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Parts {
    /// Event to bytes, a record.
    pub(super) encode_us: f64,
    /// Its leaf, and its share of the tree's nodes, a record.
    pub(super) hash_us: f64,
    /// Root, text and signature of a checkpoint, a batch.
    pub(super) sign_us: f64,
}

impl Parts {
    pub(super) fn measure() -> Fallible<Self> {
        let template = Template::new()?;
        let (events, entries) = (events(&template), template.entries(BATCH));
        let signer = Signer::generate("bench.example/one/host/audit", Kind::Note)?;
        let mut out = Vec::with_capacity(BATCH << 10);
        let mut edge = Frontier::new();
        let encode_us = pass_us(|| {
            out.clear();
            events.iter().for_each(|event| encode(black_box(event), &mut out));
        });
        let hash_us = pass_us(|| entries.iter().for_each(|entry| edge.push(Hash::leaf(black_box(entry)))));
        let sign_us = pass_us(|| {
            let origin = signer.verifying_key().name().to_owned();
            let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root() };
            black_box(signer.sign(checkpoint.to_string().as_bytes()));
        });
        Ok(Self { encode_us: encode_us / BATCH as f64, hash_us: hash_us / BATCH as f64, sign_us })
    }

    /// The middle of each.
    pub(super) fn median(all: &[Self]) -> Self {
        let middle = |of: fn(&Self) -> f64| median(all.iter().map(of));
        Self {
            encode_us: middle(|parts| parts.encode_us),
            hash_us: middle(|parts| parts.hash_us),
            sign_us: middle(|parts| parts.sign_us),
        }
    }
}

fn events(template: &Template) -> Vec<Event> {
    (0..BATCH / 2).flat_map(|_| <[Event; 2]>::from(template.call())).collect()
}

/// Microseconds of the middle pass of many.
fn pass_us(mut pass: impl FnMut()) -> f64 {
    let mut took = Vec::new();
    let until = now() + TIME;
    while took.is_empty() || now() < until {
        let begin = now();
        pass();
        took.push(begin.elapsed().as_nanos() as f64 / 1e3);
    }
    median(took)
}
