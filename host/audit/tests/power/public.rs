//! What the log shows to others, against its entries: checkpoint, tiles, and every signature that was ever made.

use std::path::Path;

use grid_audit::{Disk, History, Signed};
use grid_tlog::{Checkpoint, Frontier, Hash, Part, TILE_WIDTH, Tile, VerifyingKey, read_bundle, read_hashes};

use crate::{machine::DIRECTORY, sim::SimDisk, story::Entries};

/// All entries must be published.
pub fn check(disk: &SimDisk, entries: &Entries, keys: &History) {
    let read =
        |name: &str| disk.read(&Path::new(DIRECTORY).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let mut edge = Frontier::new();
    let mut roots = vec![edge.root()];
    for entry in entries {
        edge.push(Hash::leaf(entry));
        roots.push(edge.root());
    }
    assert_eq!(text("log.vkeys").parse::<History>().unwrap(), *keys);
    assert_eq!(text("log.vkey"), format!("{}\n", keys.present().unwrap()));
    let key = keys.at(entries.len() as u64).unwrap();
    let (checkpoint, _) = Checkpoint::open(&text("checkpoint"), key).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (entries.len() as u64, edge.root()));
    for tile in Tile::all(checkpoint.size) {
        check_tile(tile, &read(&tile.to_string()), entries);
    }
    let mut last = 0;
    for line in text("checkpoints.log").lines() {
        let line = Signed::parse(line).unwrap();
        assert!(line.size > last, "signatures are not in order");
        last = line.size;
        assert_eq!(line.trailer.root, roots[usize::try_from(last).unwrap()], "signature over {last} entries");
        assert!(line.trailer.is_signed_by(last, keys.at(last).unwrap()));
    }
    assert_eq!(last, checkpoint.size);
}

/// What anybody sees now: how large the newest tree is, and its root. Nothing where none is published, or where
/// nobody sees anything any more.
pub fn shown(disk: &SimDisk, key: &VerifyingKey) -> Option<(u64, Hash)> {
    let note = String::from_utf8(disk.read(&Path::new(DIRECTORY).join("checkpoint")).ok()?).unwrap();
    let (checkpoint, _) = Checkpoint::open(&note, key).unwrap();
    Some((checkpoint.size, checkpoint.root))
}

fn check_tile(tile: Tile, bytes: &[u8], entries: &Entries) {
    let first = tile.index * u64::from(TILE_WIDTH);
    match tile.part {
        Part::Entries => {
            let mine = &entries[usize::try_from(first).unwrap()..];
            let found: Vec<_> = read_bundle(bytes, tile.width).unwrap().collect();
            assert!(found.iter().zip(mine).all(|(found, mine)| found == mine), "{tile}");
        }
        Part::Hashes(level) => {
            let width = 256_u64.pow(u32::from(level));
            for (at, hash) in (first..).zip(read_hashes(bytes, tile.width).unwrap()) {
                let range = usize::try_from(at * width).unwrap()..usize::try_from((at + 1) * width).unwrap();
                let mut subtree = Frontier::new();
                entries[range].iter().for_each(|entry| subtree.push(Hash::leaf(entry)));
                assert_eq!(hash, subtree.root(), "{tile}");
            }
        }
    }
}
