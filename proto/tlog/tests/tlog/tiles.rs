//! Names and contents of tiles.

use grid_tlog::{Hash, MAX_ENTRY, Part, TILE_WIDTH, Tile, read_bundle, read_hashes, write_bundle_entry};

#[test]
fn names_are_those_of_the_specification() {
    for (index, width, path) in [
        (0, 256, "tile/0/000"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (999, 1, "tile/0/999.p/1"),
        (1000, 255, "tile/0/x001/000.p/255"),
        (u64::MAX / 256, 256, "tile/0/x072/x057/x594/x037/x927/935"),
    ] {
        let tile = Tile { part: Part::Hashes(0), index, width };
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse::<Tile>().unwrap(), tile);
    }
    assert_eq!("tile/entries/000.p/7".parse::<Tile>().unwrap(), Tile { part: Part::Entries, index: 0, width: 7 });
    for bad in [
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/+00",
        "tile/data/000",
        "tile/0/x1/000",
        "tile/0/../000",
        "tile/0/000/",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(bad.parse::<Tile>().is_err(), "{bad}");
    }
}

#[test]
fn a_log_has_the_tiles_that_its_size_asks_for() {
    let names = |size| Tile::all(size).map(|tile| tile.to_string()).collect::<Vec<_>>();
    assert!(names(0).is_empty());
    assert_eq!(names(1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
    assert_eq!(names(256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(
        names(257),
        ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
    );
    assert_eq!(Tile::holding(Part::Hashes(1), 0, 255), None);
    assert_eq!(Tile::holding(Part::Hashes(0), 255, 255), None);
    let last = Tile::holding(Part::Entries, u64::MAX - 1, u64::MAX).unwrap();
    assert_eq!((last.index, last.width), (u64::MAX / 256, 255));
}

#[test]
fn bundles_hold_what_was_put_in_and_nothing_more() {
    let mut bytes = Vec::new();
    let long = vec![7; MAX_ENTRY];
    let entries: [&[u8]; 3] = [b"one", b"", &long];
    for entry in entries {
        write_bundle_entry(entry, &mut bytes).unwrap();
    }
    assert_eq!(read_bundle(&bytes, 3).unwrap().collect::<Vec<_>>(), entries);
    assert!(read_bundle(&bytes, 2).is_err());
    assert!(read_bundle(&bytes, 4).is_err());
    assert!(read_bundle(&bytes[..bytes.len() - 1], 3).is_err());
    assert!(write_bundle_entry(&vec![0; MAX_ENTRY + 1], &mut bytes).is_err());
}

#[test]
fn hash_tiles_have_exactly_their_width() {
    let hashes: Vec<Hash> = (0..TILE_WIDTH).map(|at| Hash::leaf(&at.to_be_bytes())).collect();
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    assert_eq!(read_hashes(&bytes, TILE_WIDTH).unwrap(), hashes);
    assert!(read_hashes(&bytes, 255).is_err());
    assert!(read_hashes(&bytes[1..], TILE_WIDTH).is_err());
}
