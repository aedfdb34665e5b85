//! Logs that somebody changed, in every way that we could think of, one change at a time. A change that leaves what a
//! host itself could have left is none, and each such case is excluded where it is made, with its reason:
//!
//! - bytes behind the last batch that was published, at the end of the last segment: they look like a batch that was
//!   being written when the host stopped, and only a receipt shows that it was complete once;
//! - the end of `checkpoints.log`, as far as the segments have the same signatures: a host that starts cuts it there
//!   and writes it again;
//! - a missing `checkpoint` or `checkpoints.log` where the segments go back to the first entry: nothing was published
//!   yet, and all of it is in the segments;
//! - stale partial tiles and segments that nothing needs any more may go;
//! - earlier lines of `checkpoints.log` alone, once their segments are gone: what they signed is still proved by later
//!   ones.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use grid_audit_verify::{Evidence, Options};
use grid_tlog::{Checkpoint, Part, Tile, VerifyingKey, read_bundle, write_bundle_entry};
use tempfile::TempDir;

use crate::{
    common::{Random, fails, holds},
    honest::content,
    maker::{Content, Made, Shape, reseal, signer},
};

/// Changes of one log before another one is made.
const EACH: u64 = 40;

/// What is done to a log.
enum Change {
    /// Files get other bytes, or go.
    Files(Vec<(PathBuf, Option<Vec<u8>>)>),
    /// The directory is another one.
    Whole(TempDir),
    /// The log stays; whoever checks it has this key.
    Key(VerifyingKey),
}

/// A log, another one by the same keeper, and chance.
struct Bench {
    made: Made,
    twin: Made,
    random: Random,
    /// What whoever checks has kept.
    kept: Option<String>,
    _directories: [TempDir; 2],
}

type Mutator = fn(&mut Bench) -> Option<Change>;

const MUTATORS: [(&str, Mutator); 26] = [
    ("bit flipped", flip),
    ("byte replaced", replace),
    ("file truncated", truncate),
    ("bytes appended", append),
    ("file missing", remove),
    ("entry inserted", |bench| {
        bundle(bench, |entries, random| entries.insert(random.below(entries.len() + 1), b"{}".to_vec()))
    }),
    ("entry deleted", |bench| bundle(bench, |entries, random| drop(entries.remove(random.below(entries.len()))))),
    ("entries swapped", |bench| {
        bundle(bench, |entries, random| {
            let (one, two) = (random.below(entries.len()), random.below(entries.len()));
            entries.swap(one, two);
        })
    }),
    ("entry duplicated", |bench| {
        bundle(bench, |entries, random| {
            let (from, to) = (random.below(entries.len()), random.below(entries.len()));
            entries[to] = entries[from].clone();
        })
    }),
    ("file of another log", splice),
    ("tiles exchanged", exchange),
    ("tile moved", move_tile),
    ("tile copied", copy_tile),
    ("hashes made again without the key", rehash),
    ("signed with another key", resign),
    ("another key asked for", |_| Some(Change::Key(signer().verifying_key().clone()))),
    ("old checkpoint", old_checkpoint),
    ("rolled back", roll_back),
    ("checkpoint of another size", |bench| note(bench, |checkpoint, random| checkpoint.size += 1 + random.next() % 3)),
    ("checkpoint of another root", |bench| {
        note(bench, |checkpoint, _| checkpoint.root = grid_tlog::Hash::leaf(b"other"))
    }),
    ("checkpoint of another origin", |bench| note(bench, |checkpoint, _| checkpoint.origin.push('x'))),
    ("signature missing", line_missing),
    ("signatures out of order", lines_swapped),
    ("signature made up", line_forged),
    ("batch changed with its checksum", frame_changed),
    ("batches moved", frames_moved),
];

#[test]
fn no_changed_log_is_accepted() {
    let count: u64 = std::env::var("GRID_AUDIT_MUTANTS").map_or(10_000, |count| count.parse().unwrap());
    let seed: u64 = std::env::var("GRID_AUDIT_SEED").map_or(0xbad, |seed| seed.parse().unwrap());
    println!("{count} mutants, seed {seed}");
    let mut tried: BTreeMap<&str, u64> = BTreeMap::new();
    let mut bench = Bench::new(seed);
    for number in 0..count {
        if number % EACH == 0 {
            bench = Bench::new(seed.wrapping_add(number));
        }
        let (name, change) = bench.change(number);
        println!("mutant {number}: {name}");
        bench.reject(change);
        *tried.entry(name).or_default() += 1;
    }
    println!("{tried:#?}");
    let fewest = MUTATORS.iter().map(|(name, _)| tried.get(name).copied().unwrap_or(0)).min();
    assert!(count < 2_000 || fewest > Some(count / 200), "one sort of change was hardly ever made: {tried:#?}");
}

impl Bench {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let entries = if random.once_in(12) { random.in_range(257..=700) } else { random.in_range(20..=255) };
        let rotations = usize::from(random.once_in(4));
        let mut log = content(&mut random, entries, rotations);
        let mut shape = Shape::any(&log, &mut random);
        if shape.published.is_empty() {
            shape.published.push(random.in_range(1..=log.batches.len()));
        }
        shape.segments = !random.once_in(5);
        if !shape.segments {
            // A copy of what is public, as it was when it was published.
            log = log.at_batch(*shape.published.last().unwrap());
            shape = Shape { segments: false, ..Shape::whole(&log) };
        }
        // The same keeper had another log of that name.
        let other = content(&mut random, entries, 0).by(log.keys[0].1.clone());
        let directories = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let made = log.write(directories[0].path(), &shape);
        let twin = other.write(directories[1].path(), &Shape { removed: false, ..Shape::whole(&other) });
        let bench = Self { made, twin, random, kept: None, _directories: directories };
        holds(&bench.made.path, &Options::default().key(&bench.made.content.key()));
        bench
    }

    /// One change that makes a difference.
    fn change(&mut self, number: u64) -> (&'static str, Change) {
        for turn in number.. {
            let (name, mutator) = MUTATORS[usize::try_from(turn).unwrap() % MUTATORS.len()];
            self.kept = None;
            let differs = |(path, bytes): &(PathBuf, Option<Vec<u8>>)| fs::read(path).ok() != *bytes;
            match mutator(self) {
                Some(Change::Files(files)) if !files.iter().any(differs) => {}
                Some(change) => return (name, change),
                None => {}
            }
        }
        unreachable!("there is always something to change")
    }

    fn reject(&self, change: Change) {
        let key = self.made.content.key();
        let kept: Vec<Evidence> = self.kept.iter().map(|note| Evidence::parse("kept", note).unwrap()).collect();
        let options = Options::default().key(&key).kept(&kept);
        match change {
            Change::Key(key) => drop(fails(&self.made.path, &Options::default().key(&key))),
            Change::Whole(directory) => drop(fails(directory.path(), &options)),
            Change::Files(files) => {
                let before: Vec<_> = files.iter().map(|(path, _)| (path.clone(), fs::read(path).ok())).collect();
                for ((path, old), (_, new)) in before.iter().zip(&files) {
                    println!("  {} {}", path.strip_prefix(&self.made.path).unwrap().display(), difference(old, new));
                }
                apply(&files);
                let failure = fails(&self.made.path, &options);
                assert!(!failure.what.is_empty());
                apply(&before);
            }
        }
    }

    /// All files that prove something.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = tree(&self.made.path);
        files.retain(|path| !path.ends_with("wal/spare"));
        files
    }

    fn tiles(&self) -> Vec<PathBuf> {
        tree(&self.made.path.join("tile"))
    }

    /// Tiles that a checkpoint of this size asks for.
    fn needed(&self) -> Vec<PathBuf> {
        Tile::all(self.made.published as u64).map(|tile| self.there(tile)).collect()
    }

    fn there(&self, tile: Tile) -> PathBuf {
        let path = self.made.path.join(tile.to_string());
        if path.exists() { path } else { self.made.path.join(tile.full().to_string()) }
    }

    fn has_segments(&self) -> bool {
        !self.made.frames.is_empty()
    }

    fn is_last_segment(&self, path: &Path) -> bool {
        self.made.frames.last().is_some_and(|frame| frame.file == path)
    }

    /// Up to where a change of a byte is seen: in the last segment, what is behind the last published batch and is not
    /// followed by another one may be a batch that was never complete.
    fn seen_flips(&self, path: &Path, length: usize) -> usize {
        if !self.is_last_segment(path) {
            return length;
        }
        let frames = self.made.frames.iter().filter(|frame| frame.file == path);
        let last = frames.clone().next_back().unwrap();
        self.seen_cuts(path, length).max(last.offset)
    }

    /// Up to where a cut is seen.
    fn seen_cuts(&self, path: &Path, length: usize) -> usize {
        let mut frames = self.made.frames.iter().filter(|frame| frame.file == path);
        if path.ends_with("checkpoints.log") {
            let lines = fs::read_to_string(path).unwrap();
            let size = |line: &str| line.split(' ').next().and_then(|size| size.parse().ok()).unwrap_or(usize::MAX);
            // Behind the line with which the segments begin, a host writes it again.
            let upto = if self.has_segments() { self.made.first } else { self.made.published };
            let kept = lines.split_inclusive('\n').take_while(|line| upto > 0 && size(line) <= upto);
            return kept.map(str::len).sum();
        }
        if self.is_last_segment(path) {
            // A file is made at its full size; that it is shorter is seen where a batch is missing.
            let published = frames.rfind(|frame| frame.end <= self.made.published);
            return published.map_or(0, |frame| frame.offset + frame.length - 8);
        }
        match frames.next_back() {
            Some(last) => last.offset + last.length - 8,
            None => length,
        }
    }

    fn pick(&mut self) -> (PathBuf, Vec<u8>) {
        let files = self.files();
        let path = self.random.of(&files).clone();
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    }
}

fn tree(path: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).into_iter().flatten().map(Result::unwrap) {
        if entry.path().is_dir() { files.extend(tree(&entry.path())) } else { files.push(entry.path()) }
    }
    files.sort();
    files
}

/// For whoever looks for the reason why a change was not seen.
fn difference(old: &Option<Vec<u8>>, new: &Option<Vec<u8>>) -> String {
    let (Some(old), Some(new)) = (old, new) else {
        return format!("{} -> {}", old.is_some(), new.is_some());
    };
    let at = old.iter().zip(new).position(|(old, new)| old != new);
    format!("{} -> {} bytes, first difference at {at:?}", old.len(), new.len())
}

fn apply(files: &[(PathBuf, Option<Vec<u8>>)]) {
    for (path, bytes) in files {
        match bytes {
            Some(bytes) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            None => drop(fs::remove_file(path)),
        }
    }
}

fn one(path: PathBuf, bytes: Vec<u8>) -> Option<Change> {
    Some(Change::Files(vec![(path, Some(bytes))]))
}

fn flip(bench: &mut Bench) -> Option<Change> {
    let (path, mut bytes) = bench.pick();
    let at = bench.random.below(bench.seen_flips(&path, bytes.len()));
    *bytes.get_mut(at)? ^= 1 << bench.random.below(8);
    one(path, bytes)
}

fn replace(bench: &mut Bench) -> Option<Change> {
    let (path, mut bytes) = bench.pick();
    let at = bench.random.below(bench.seen_flips(&path, bytes.len()));
    *bytes.get_mut(at)? = *bench.random.of(b"0123456789abcdefAZ+/= \n{}\",\x00\xff");
    one(path, bytes)
}

fn truncate(bench: &mut Bench) -> Option<Change> {
    let (path, mut bytes) = bench.pick();
    let end = bench.seen_cuts(&path, bytes.len());
    if end == 0 {
        return None;
    }
    bytes.truncate(bench.random.below(end));
    one(path, bytes)
}

/// Behind anything they do not belong there, also behind the zeros of a segment, if it is further from the last batch
/// than a batch is long.
fn append(bench: &mut Bench) -> Option<Change> {
    let (path, mut bytes) = bench.pick();
    let last = bench.made.frames.last().filter(|last| last.file == path);
    let torn = last.is_some_and(|last| last.offset + last.length + 8192 > bytes.len());
    // The line that comes next may have been begun.
    if torn || path.ends_with("checkpoints.log") {
        return None;
    }
    let length = bench.random.in_range(1..=40);
    bytes.extend((0..length).map(|_| 1 + (bench.random.next() % 255) as u8));
    one(path, bytes)
}

fn remove(bench: &mut Bench) -> Option<Change> {
    let mut files = bench.needed();
    let log = &bench.made.path;
    files.extend(["log.vkey", "log.vkeys", "checkpoints.log"].map(|name| log.join(name)));
    let whole = bench.has_segments() && bench.made.first == 0;
    if !whole {
        files.push(log.join("checkpoint"));
    }
    let mut segments: Vec<_> = bench.made.frames.iter().map(|frame| (frame.file.clone(), frame.first)).collect();
    segments.dedup_by(|one, two| one.0 == two.0);
    for (at, (path, _)) in segments.iter().enumerate() {
        let end = segments.get(at + 1).map(|(_, first)| *first);
        // The first may go when it is in full tiles, the last when nothing of it was published: both as in a log's life.
        let goes = at == 0 && end.is_some_and(|end| end <= bench.made.published / 256 * 256);
        let seen = end.is_some() || segments[at].1 < bench.made.published;
        if !goes && seen && segments.len() > 1 {
            files.push(path.clone());
        }
    }
    let path = bench.random.of(&files).clone();
    Some(Change::Files(vec![(path, None)]))
}

fn bundle(bench: &mut Bench, change: fn(&mut Vec<Vec<u8>>, &mut Random)) -> Option<Change> {
    let bundles: Vec<Tile> = Tile::all(bench.made.published as u64).filter(|tile| tile.part == Part::Entries).collect();
    let tile = *bench.random.of(&bundles);
    let path = bench.there(tile);
    let bytes = fs::read(&path).unwrap();
    let width = if path.ends_with(tile.to_string()) { tile.width } else { 256 };
    let mut entries: Vec<Vec<u8>> = read_bundle(&bytes, width).unwrap().map(<[u8]>::to_vec).collect();
    change(&mut entries, &mut bench.random);
    let mut changed = Vec::new();
    entries.iter().for_each(|entry| write_bundle_entry(entry, &mut changed).unwrap());
    one(path, changed)
}

fn splice(bench: &mut Bench) -> Option<Change> {
    let (path, _) = bench.pick();
    let other = bench.twin.path.join(path.strip_prefix(&bench.made.path).unwrap());
    let bytes = fs::read(other).ok()?;
    one(path, bytes)
}

fn exchange(bench: &mut Bench) -> Option<Change> {
    let tiles = bench.tiles();
    let (one, two) = (bench.random.of(&tiles).clone(), bench.random.of(&tiles).clone());
    let (first, second) = (fs::read(&one).ok(), fs::read(&two).ok());
    Some(Change::Files(vec![(one, second), (two, first)]))
}

fn elsewhere(bench: &mut Bench) -> Option<(PathBuf, PathBuf)> {
    let tiles = bench.tiles();
    let from = bench.random.of(&tiles).clone();
    let part = *bench.random.of(&[Part::Entries, Part::Hashes(0), Part::Hashes(1), Part::Hashes(2), Part::Hashes(7)]);
    let width = if bench.random.once_in(2) { 256 } else { u16::try_from(bench.random.in_range(1..=255)).unwrap() };
    let to = bench.made.path.join(Tile { part, index: bench.random.next() % 4, width }.to_string());
    (!to.exists()).then_some((from, to))
}

fn move_tile(bench: &mut Bench) -> Option<Change> {
    let (from, to) = elsewhere(bench)?;
    let bytes = fs::read(&from).ok();
    Some(Change::Files(vec![(from, None), (to, bytes)]))
}

fn copy_tile(bench: &mut Bench) -> Option<Change> {
    let (from, to) = elsewhere(bench)?;
    one(to, fs::read(from).unwrap())
}

/// Other entries with all tiles made for them. Who has no key keeps what was signed.
fn rehash(bench: &mut Bench) -> Option<Change> {
    let content = tampered(bench);
    let there = bench.made.published.min(content.size());
    // Of a log with one entry nothing may be left to hash.
    if content.batches.is_empty() || content.entries[..there] == bench.made.content.entries[..bench.made.published] {
        return None;
    }
    let directory = TempDir::new().unwrap();
    let published = content.batches.iter().filter(|end| **end <= bench.made.published).count().max(1);
    let segments = bench.random.once_in(2);
    let shape = Shape { published: vec![published], segments, ..Shape::whole(&content) };
    content.write(directory.path(), &shape);
    for name in ["checkpoint", "checkpoints.log", "log.vkey", "log.vkeys"] {
        fs::copy(bench.made.path.join(name), directory.path().join(name)).unwrap();
    }
    Some(Change::Whole(directory))
}

/// Everything anew, with a key of one's own.
fn resign(bench: &mut Bench) -> Option<Change> {
    let content = tampered(bench);
    let directory = TempDir::new().unwrap();
    let shape = Shape { segments: bench.random.once_in(2), ..Shape::whole(&content) };
    content.write(directory.path(), &shape);
    Some(Change::Whole(directory))
}

/// The same log with one entry changed, by somebody with another key.
fn tampered(bench: &mut Bench) -> Content {
    let original = &bench.made.content;
    let mut entries = original.entries.clone();
    let at = bench.random.below(bench.made.published);
    match bench.random.below(4) {
        0 => drop(entries.remove(at)),
        1 => entries.insert(at, entries[at].clone()),
        2 => {
            let text = String::from_utf8(entries[at].clone()).unwrap();
            entries[at] = text.replace("\"at_ms\":1", "\"at_ms\":2").into_bytes();
        }
        _ => entries.swap(at, (at + 1) % original.size()),
    }
    let mut content = Content::new(signer());
    let mut entries = entries.into_iter();
    while entries.len() > 0 {
        let batch = bench.random.in_range(1..=20);
        content.batch(entries.by_ref().take(batch));
    }
    content
}

/// The public part shows an earlier state of itself.
fn old_checkpoint(bench: &mut Bench) -> Option<Change> {
    let content = &bench.made.content;
    let batches = content.batches.iter().filter(|end| **end <= bench.made.published).count();
    if batches < 2 {
        return None;
    }
    let earlier = content.batches[bench.random.below(batches - 1)];
    let directory = TempDir::new().unwrap();
    content.write(directory.path(), &Shape { published: vec![batches], segments: false, ..Shape::whole(content) });
    fs::write(directory.path().join("checkpoint"), content.note(earlier)).unwrap();
    bench.kept = Some(content.note(content.batches[batches - 1]));
    Some(Change::Whole(directory))
}

/// The whole directory is an earlier one, or one of another history; whoever checks has kept a later checkpoint.
fn roll_back(bench: &mut Bench) -> Option<Change> {
    let content = &bench.made.content;
    let earlier = bench.random.below(content.batches.len());
    let directory = TempDir::new().unwrap();
    let older = content.at_batch(earlier);
    older.write(directory.path(), &Shape::whole(&older));
    let newer = bench.random.in_range(earlier..=content.batches.len() - 1);
    bench.kept = Some(content.note(content.batches[newer]));
    Some(Change::Whole(directory))
}

/// A checkpoint that says something else, signed by the log's own key or another.
fn note(bench: &mut Bench, change: fn(&mut Checkpoint, &mut Random)) -> Option<Change> {
    let mut checkpoint = bench.made.content.checkpoint(bench.made.published);
    change(&mut checkpoint, &mut bench.random);
    let own = usize::try_from(checkpoint.size).unwrap();
    let signed = match bench.random.once_in(2) {
        true => checkpoint.sign(bench.made.content.signer_at(own)),
        false => checkpoint.sign(&signer()),
    };
    one(bench.made.path.join("checkpoint"), signed.to_string().into_bytes())
}

fn lines(bench: &Bench) -> (PathBuf, Vec<String>) {
    let path = bench.made.path.join("checkpoints.log");
    let text = fs::read_to_string(&path).unwrap();
    (path, text.split_inclusive('\n').map(str::to_owned).collect())
}

fn line_missing(bench: &mut Bench) -> Option<Change> {
    let (path, mut lines) = lines(bench);
    let size = |line: &str| -> usize { line.split(' ').next().unwrap().parse().unwrap_or(usize::MAX) };
    let whole = lines.iter().filter(|line| line.ends_with('\n')).count();
    // The last one may not have been written yet, and those before the segments are proved by later ones.
    let seen: Vec<usize> =
        (0..whole.saturating_sub(1)).filter(|at| size(&lines[*at]) >= bench.made.first.max(1)).collect();
    if seen.is_empty() || !bench.has_segments() {
        return None;
    }
    lines.remove(*bench.random.of(&seen));
    one(path, lines.concat().into_bytes())
}

fn lines_swapped(bench: &mut Bench) -> Option<Change> {
    let (path, mut lines) = lines(bench);
    if lines.len() < 2 {
        return None;
    }
    let at = bench.random.below(lines.len() - 1);
    if bench.random.once_in(2) {
        lines.swap(at, at + 1);
    } else {
        lines.insert(at, lines[at].clone());
    }
    one(path, lines.concat().into_bytes())
}

/// A signature by a stranger, or by the log's key over a tree that no batch left.
fn line_forged(bench: &mut Bench) -> Option<Change> {
    let (path, lines) = lines(bench);
    let content = &bench.made.content;
    let size = bench.random.in_range(1..=content.size());
    let known = content.batches.contains(&size);
    let other = content.clone().by(signer());
    // Before the segments, a tree that was signed by the log's key and is the log's is a tree that was signed.
    let forged = if known || size <= bench.made.first || !bench.has_segments() { &other } else { content }.line(size);
    let of = |line: &str| -> usize { line.split(' ').next().unwrap().parse().unwrap_or(usize::MAX) };
    let mut text: Vec<String> = lines.iter().filter(|line| of(line) < size).cloned().collect();
    text.push(forged);
    text.extend(lines.iter().filter(|line| of(line) > size).cloned());
    one(path, text.concat().into_bytes())
}

fn frame_changed(bench: &mut Bench) -> Option<Change> {
    if !bench.has_segments() {
        return None;
    }
    let frame = bench.random.of(&bench.made.frames).clone();
    let mut bytes = fs::read(&frame.file).unwrap();
    let changed = &mut bytes[frame.offset..frame.offset + frame.length];
    // In an entry, in the roots, in the key's id or in the signature; zeros between them say nothing.
    let end = changed.len().next_multiple_of(8) - 8;
    let at = bench.random.in_range(36..=end - 1);
    let before = changed.to_vec();
    changed[at] ^= 1 << bench.random.below(8);
    reseal(changed);
    let entries = &bench.made.content.entries[frame.first..frame.end];
    let body: usize = 32 + entries.iter().map(|entry| entry.len() + 4).sum::<usize>();
    let zeros = body + 68..body + 72;
    if zeros.contains(&at) || at >= body + 136 || before == changed {
        return None;
    }
    one(frame.file, bytes)
}

fn frames_moved(bench: &mut Bench) -> Option<Change> {
    if bench.made.frames.len() < 2 {
        return None;
    }
    let at = bench.random.below(bench.made.frames.len() - 1);
    let (one_frame, two) = (bench.made.frames[at].clone(), bench.made.frames[at + 1].clone());
    if one_frame.file != two.file {
        return None;
    }
    let bytes = fs::read(&one_frame.file).unwrap();
    let range = |frame: &crate::maker::Frame| frame.offset..frame.offset + frame.length;
    let (first, second) = (&bytes[range(&one_frame)], &bytes[range(&two)]);
    let rest = &bytes[range(&two).end..];
    let middle = match bench.random.below(3) {
        0 => [second, first].concat(),
        1 => second.to_vec(),
        _ => [first, first, second].concat(),
    };
    let mut changed = [&bytes[..one_frame.offset], &middle, rest].concat();
    changed.resize(bytes.len().max(changed.len()), 0);
    one(one_frame.file, changed)
}
