//! Logs that nobody changed.

use grid_audit_verify::Options;
use tempfile::TempDir;

use crate::{
    common::{Host, Random, holds},
    maker::{Content, Shape, signer},
};

/// Records in batches, with changes of keys now and then.
pub fn content(random: &mut Random, entries: usize, rotations: usize) -> Content {
    let mut content = Content::new(signer());
    let mut host = Host::new(random.next());
    let every = entries / (rotations + 1);
    while content.size() < entries {
        let batch = if random.once_in(3) { 1 } else { random.in_range(1..=30) };
        content.batch((0..batch).map(|_| host.entry()));
        if content.keys.len() <= rotations && content.size() > every * content.keys.len() {
            content.rotate(signer());
        }
    }
    content
}

#[test]
fn logs_hold_in_every_state_that_a_host_leaves() {
    let count: u64 = std::env::var("GRID_AUDIT_HONEST").map_or(1_000, |count| count.parse().unwrap());
    let seed: u64 = std::env::var("GRID_AUDIT_SEED").map_or(0x5eed, |seed| seed.parse().unwrap());
    println!("{count} logs, seed {seed}");
    for number in 0..count {
        let mut random = Random::new(seed.wrapping_add(number));
        let entries = if random.once_in(20) { random.in_range(500..=1500) } else { random.in_range(1..=300) };
        let rotations = if random.once_in(4) { random.in_range(1..=3) } else { 0 };
        let content = content(&mut random, entries, rotations);
        let shape = Shape::any(&content, &mut random);
        let directory = TempDir::new().unwrap();
        let made = content.write(directory.path(), &shape);
        let key = random.of(&content.keys).1.verifying_key().clone();
        let options = Options::default().key(&key);
        println!("log {number}: {} entries, {shape:?}", content.size());
        let report = holds(directory.path(), &options);
        assert_eq!((report.entries, report.published), (content.size() as u64, made.published as u64));
        assert_eq!(report.root, content.checkpoint(content.size()).root);
        assert_eq!(report.rotations.len(), content.keys.len() - 1);
        let torn = report.findings.iter().any(|finding| finding.name == "batch_incomplete");
        assert_eq!(torn, shape.torn_batch > 0);
    }
}
