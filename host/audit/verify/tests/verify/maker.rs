//! Makes logs of any shape, as a host leaves them or as somebody without a host writes them: the bytes follow the
//! crate documentation of grid-audit-wal, not its code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Part, Signer, Tile, VerifyingKey, write_bundle_entry};

use crate::common::Random;

const ORIGIN: &str = "example.org/test/host-1/audit";
const HEADER: usize = 4096;
const SEGMENT: usize = 32 << 10;

pub fn signer() -> Arc<Signer> {
    Arc::new(Signer::generate(ORIGIN, Kind::Note).unwrap())
}

/// A log's content: what was written, in which batches, signed by whom.
#[derive(Debug, Clone)]
pub struct Content {
    pub entries: Vec<Vec<u8>>,
    /// The tree's edge before each entry, and behind the last.
    edges: Vec<Frontier>,
    /// Where each batch ends.
    pub batches: Vec<usize>,
    /// Each from a size on.
    pub keys: Vec<(u64, Arc<Signer>)>,
}

impl Content {
    pub fn new(signer: Arc<Signer>) -> Self {
        let edges = vec![Frontier::new()];
        Self { entries: Vec::new(), edges, batches: Vec::new(), keys: vec![(0, signer)] }
    }

    /// The same by another keeper, who never had another key.
    pub fn by(self, signer: Arc<Signer>) -> Self {
        Self { keys: vec![(0, signer)], ..self }
    }

    pub fn size(&self) -> usize {
        self.entries.len()
    }

    pub fn batch(&mut self, entries: impl IntoIterator<Item = Vec<u8>>) {
        for entry in entries {
            let mut edge = self.edges.last().unwrap().clone();
            edge.push(Hash::leaf(&entry));
            self.edges.push(edge);
            self.entries.push(entry);
        }
        self.batches.push(self.size());
    }

    /// Hands over to another key, as `grid audit rotate` does.
    pub fn rotate(&mut self, next: Arc<Signer>) {
        let (old, new) = (self.present().verifying_key().to_string(), next.verifying_key().to_string());
        let message = format!("grid/key-rotation/v1\n{old}\n{new}\n");
        let proof = BASE64_STANDARD.encode(next.sign(message.as_bytes()));
        let record = format!(
            "{{\"at_ms\":1,\"kind\":\"key_rotated\",\"new_key\":\"{new}\",\"old_key\":\"{old}\",\"proof\":\"{proof}\"}}"
        );
        self.batch([record.into_bytes()]);
        self.keys.push((self.size() as u64 + 1, next));
    }

    pub fn present(&self) -> &Arc<Signer> {
        &self.keys.last().unwrap().1
    }

    pub fn key(&self) -> VerifyingKey {
        self.present().verifying_key().clone()
    }

    pub fn signer_at(&self, size: usize) -> &Signer {
        &self.keys.iter().rev().find(|(from, _)| *from <= size as u64).unwrap().1
    }

    pub fn edge(&self, size: usize) -> &Frontier {
        &self.edges[size]
    }

    pub fn checkpoint(&self, size: usize) -> Checkpoint {
        Checkpoint { origin: ORIGIN.into(), size: size as u64, root: self.edge(size).root() }
    }

    /// The signed note over the first `size` entries.
    pub fn note(&self, size: usize) -> String {
        self.checkpoint(size).sign(self.signer_at(size)).to_string()
    }

    /// The same log when it had the first `batches` batches.
    pub fn at_batch(&self, batches: usize) -> Self {
        let batches = self.batches[..batches].to_vec();
        let size = batches.last().copied().unwrap_or(0);
        let keys = self.keys.iter().filter(|(from, _)| *from <= size as u64 + 1).cloned().collect();
        Self { entries: self.entries[..size].to_vec(), edges: self.edges[..=size].to_vec(), batches, keys }
    }

    fn tile(&self, tile: Tile) -> Vec<u8> {
        let first = usize::try_from(tile.index * 256).unwrap();
        let items = first..first + usize::from(tile.width);
        match tile.part {
            Part::Entries => {
                let mut bytes = Vec::new();
                self.entries[items].iter().for_each(|entry| write_bundle_entry(entry, &mut bytes).unwrap());
                bytes
            }
            Part::Hashes(level) => {
                let width = 256_usize.pow(level.into());
                let hash = |item: usize| {
                    let mut subtree = Frontier::new();
                    let leaves = &self.entries[item * width..(item + 1) * width];
                    leaves.iter().for_each(|entry| subtree.push(Hash::leaf(entry)));
                    *subtree.root().as_bytes()
                };
                items.flat_map(hash).collect()
            }
        }
    }
}

/// In which state a host left its files.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Batches at whose ends something was published; partial tiles of earlier ones stay until they are full.
    pub published: Vec<usize>,
    /// Tiles and signatures are written as far as this batch, and the checkpoint is not.
    pub ahead: Option<usize>,
    /// Bytes of a next line of `checkpoints.log`, where there is a next batch.
    pub torn_line: usize,
    /// Signatures at the end of `checkpoints.log` that the segments still have and it has not again.
    pub unlisted: bool,
    /// Bytes of a batch that never became complete.
    pub torn_batch: usize,
    /// Segments that nothing needs are gone.
    pub removed: bool,
    /// The private segments are there.
    pub segments: bool,
}

impl Shape {
    /// Everything published, segments kept.
    pub fn whole(content: &Content) -> Self {
        Self {
            published: vec![content.batches.len()],
            ahead: None,
            torn_line: 0,
            unlisted: false,
            torn_batch: 0,
            removed: false,
            segments: true,
        }
    }

    /// What a crash, a restart or a busy publisher may leave.
    pub fn any(content: &Content, random: &mut Random) -> Self {
        let batches = content.batches.len();
        let mut published: Vec<usize> = (0..random.below(6)).map(|_| random.in_range(1..=batches)).collect();
        if random.once_in(2) {
            published.push(batches);
        }
        published.sort_unstable();
        published.dedup();
        let last = published.last().copied().unwrap_or(0);
        let ahead = (last < batches && random.once_in(3)).then(|| random.in_range(last..=batches));
        Self {
            published,
            ahead,
            torn_line: if random.once_in(3) { random.in_range(1..=120) } else { 0 },
            unlisted: random.once_in(5),
            torn_batch: if random.once_in(3) { random.in_range(1..=3000) } else { 0 },
            removed: random.once_in(2),
            segments: true,
        }
    }
}

/// A log on the disk, with what the one who changes it must know.
#[derive(Debug)]
pub struct Made {
    pub content: Content,
    pub path: PathBuf,
    /// Entries under the checkpoint.
    pub published: usize,
    /// The first entry of the segments.
    pub first: usize,
    /// Files of the segments, and where each batch is in them.
    pub frames: Vec<Frame>,
}

#[derive(Debug, Clone)]
pub struct Frame {
    pub file: PathBuf,
    pub offset: usize,
    pub length: usize,
    pub first: usize,
    pub end: usize,
}

impl Content {
    /// Writes all files into `path`.
    pub fn write(&self, path: &Path, shape: &Shape) -> Made {
        let size = |batch: usize| batch.checked_sub(1).map_or(0, |at| self.batches[at]);
        let published = size(shape.published.last().copied().unwrap_or(0));
        let ahead = shape.ahead.map_or(published, size).max(published);
        fs::create_dir_all(path).unwrap();
        let keys: String = self.keys.iter().map(|(from, key)| format!("{from} {}\n", key.verifying_key())).collect();
        fs::write(path.join("log.vkeys"), keys).unwrap();
        fs::write(path.join("log.vkey"), format!("{}\n", self.key())).unwrap();
        for batch in &shape.published {
            self.write_tiles(path, size(*batch));
        }
        if ahead > published {
            self.write_tiles(path, ahead);
        }
        if published > 0 {
            fs::write(path.join("checkpoint"), self.note(published)).unwrap();
        }
        let segments = self.segments();
        let first = if shape.removed { self.removable(&segments, published) } else { 0 };
        let mut frames = Vec::new();
        if shape.segments {
            fs::create_dir_all(path.join("wal")).unwrap();
            for (at, segment) in segments.iter().enumerate().filter(|(_, segment)| segment.first >= first) {
                let torn = if at + 1 == segments.len() { shape.torn_batch } else { 0 };
                frames.extend(self.write_segment(path, segment, torn));
            }
            fs::write(path.join("wal/spare"), vec![0; SEGMENT]).unwrap();
        }
        let listed = if shape.unlisted && shape.segments { first } else { ahead };
        self.write_lines(path, listed, shape.torn_line * usize::from(shape.segments));
        Made { content: self.clone(), path: path.to_owned(), published, first, frames }
    }

    fn write_tiles(&self, path: &Path, size: usize) {
        for tile in Tile::all(size as u64) {
            let file = path.join(tile.to_string());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, self.tile(tile)).unwrap();
            if tile.is_full() {
                let mut partial = file.into_os_string();
                partial.push(".p");
                let _ = fs::remove_dir_all(partial);
            }
        }
    }

    pub fn line(&self, size: usize) -> String {
        let checkpoint = self.checkpoint(size);
        let signer = self.signer_at(size);
        let signature = BASE64_STANDARD.encode(signer.sign(checkpoint.to_string().as_bytes()));
        format!("{size} {} {:08x} {signature}\n", checkpoint.root, signer.verifying_key().id())
    }

    fn write_lines(&self, path: &Path, listed: usize, torn: usize) {
        let mut text: String = self.batches.iter().filter(|end| **end <= listed).map(|end| self.line(*end)).collect();
        if let Some(next) = self.batches.iter().find(|end| **end > listed) {
            let line = self.line(*next);
            text.push_str(&line[..torn.min(line.len() - 1)]);
        }
        fs::write(path.join("checkpoints.log"), text).unwrap();
    }

    /// Which batches lie in which segment.
    fn segments(&self) -> Vec<Segment> {
        let mut segments = vec![Segment { first: 0, frames: Vec::new(), used: HEADER }];
        let mut from = 0;
        for end in &self.batches {
            let frame = self.frame(from, *end);
            if segments.last().unwrap().used + frame.len() > SEGMENT {
                segments.push(Segment { first: from, frames: Vec::new(), used: HEADER });
            }
            let segment = segments.last_mut().unwrap();
            segment.used += frame.len();
            segment.frames.push((from, *end, frame));
            from = *end;
        }
        segments
    }

    /// The first entry of the segments that are still needed.
    fn removable(&self, segments: &[Segment], published: usize) -> usize {
        let full = published / 256 * 256;
        let mut open = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let text = str::from_utf8(entry).unwrap();
            let invocation = text.split("\"invocation\":\"").nth(1).map(|rest| rest[..34].to_owned());
            match invocation {
                Some(invocation) if text.contains("\"admitted\"") => drop(open.insert(invocation, index)),
                Some(invocation) if text.contains("\"concluded\"") && index < published => {
                    open.remove(&invocation);
                }
                _ => {}
            }
        }
        let needed = open.values().copied().min().unwrap_or(usize::MAX).min(full);
        segments.iter().map(|segment| segment.first).take_while(|first| *first <= needed).last().unwrap()
    }

    pub fn frame(&self, from: usize, end: usize) -> Vec<u8> {
        let (before, after) = (self.edge(from).root(), self.checkpoint(end));
        let signer = self.signer_at(end);
        let mut bytes = vec![0; 32];
        for entry in &self.entries[from..end] {
            bytes.extend_from_slice(&u32::try_from(entry.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(entry);
        }
        bytes.extend_from_slice(before.as_bytes());
        bytes.extend_from_slice(after.root.as_bytes());
        bytes.extend_from_slice(&signer.verifying_key().id().to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&signer.sign(after.to_string().as_bytes()));
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes[..6].copy_from_slice(b"\xf5GAF\x01\x02");
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        bytes[16..24].copy_from_slice(&(from as u64).to_le_bytes());
        bytes[24..28].copy_from_slice(&u32::try_from(end - from).unwrap().to_le_bytes());
        bytes[28..32].copy_from_slice(&136_u32.to_le_bytes());
        reseal(&mut bytes);
        bytes
    }

    fn write_segment(&self, path: &Path, segment: &Segment, torn: usize) -> Vec<Frame> {
        let file = path.join(format!("wal/{:020}.seg", segment.first));
        let mut bytes = vec![0; HEADER];
        bytes[..8].copy_from_slice(b"\xf5GRIDWAL");
        bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
        bytes[16..24].copy_from_slice(&(segment.first as u64).to_le_bytes());
        bytes[24..40].copy_from_slice(&[9; 16]);
        let edge: Vec<u8> = self.edge(segment.first).subtrees().iter().flat_map(|hash| *hash.as_bytes()).collect();
        bytes[40..40 + edge.len()].copy_from_slice(&edge);
        let crc = crc32c::crc32c(&bytes[16..HEADER]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        let mut frames = Vec::new();
        for (first, end, frame) in &segment.frames {
            let (file, offset, length) = (file.clone(), bytes.len(), frame.len());
            frames.push(Frame { file, offset, length, first: *first, end: *end });
            bytes.extend_from_slice(frame);
        }
        if torn > 0 {
            let mut next = self.clone();
            next.batch((0..4).map(|at| format!("{{\"at_ms\":{at},\"kind\":\"refused\"}}").repeat(20).into_bytes()));
            let frame = next.frame(self.size(), next.size());
            bytes.extend_from_slice(&frame[..torn.min(frame.len() - 9)]);
        }
        let size = bytes.len().max(SEGMENT);
        bytes.resize(size, 0);
        fs::write(file, bytes).unwrap();
        frames
    }
}

/// Gives a frame that was changed a checksum that fits.
pub fn reseal(frame: &mut [u8]) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[..12]), &frame[16..]);
    frame[12..16].copy_from_slice(&crc.to_le_bytes());
}

#[derive(Debug)]
struct Segment {
    first: usize,
    frames: Vec<(usize, usize, Vec<u8>)>,
    used: usize,
}
