//! What is in one file: as a process reads it, as it is on the disk, and what lies between the two.

/// What became of a piece whose sync failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is on the disk.
    Written,
    /// It is not, and nobody will try again: reading shows it until the memory is needed for something else.
    Forgotten,
    /// The next sync takes it.
    Kept,
}

#[derive(Debug, Clone, Default)]
pub struct Content {
    now: Vec<u8>,
    disk: Vec<u8>,
    /// Since the last sync, oldest first.
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Size(usize),
    Bytes { at: usize, bytes: Vec<u8> },
}

impl Content {
    /// After a loss of power that left this.
    fn durable(bytes: Vec<u8>) -> Self {
        Self { now: bytes.clone(), disk: bytes, changes: Vec::new() }
    }

    pub fn now(&self) -> &[u8] {
        &self.now
    }

    /// Bytes that it takes on the disk.
    pub fn allocated(&self) -> usize {
        self.disk.len()
    }

    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if end > self.now.len() {
            self.resize(end);
        }
        self.now[at..end].copy_from_slice(bytes);
        self.changes.push(Change::Bytes { at, bytes: bytes.to_vec() });
    }

    pub fn resize(&mut self, size: usize) {
        resize(&mut self.now, size);
        self.changes.push(Change::Size(size));
    }

    pub fn sync(&mut self) {
        self.disk = self.applied(usize::MAX, &mut || true);
        self.changes.clear();
    }

    /// The length stays to be synced: file systems give up when they cannot write such things.
    pub fn fail_sync(&mut self, grain: usize, fate: &mut dyn FnMut() -> Fate) {
        for change in std::mem::take(&mut self.changes) {
            let Change::Bytes { at, bytes } = change else {
                self.changes.push(change);
                continue;
            };
            for (at, bytes) in pieces(at, &bytes, grain) {
                match fate() {
                    Fate::Written if at + bytes.len() <= self.disk.len() => {
                        self.disk[at..at + bytes.len()].copy_from_slice(bytes);
                    }
                    Fate::Forgotten => {}
                    _ => self.changes.push(Change::Bytes { at, bytes: bytes.to_vec() }),
                }
            }
        }
    }

    /// The memory was needed: reading shows what is on the disk, and what is still to be synced.
    pub fn evict(&mut self) {
        self.now = self.applied(usize::MAX, &mut || true);
    }

    /// What is left after a loss of power; `keep` is asked for each piece.
    pub fn survivor(&self, grain: usize, keep: &mut dyn FnMut() -> bool) -> Self {
        Self::durable(self.applied(grain, keep))
    }

    fn applied(&self, grain: usize, keep: &mut dyn FnMut() -> bool) -> Vec<u8> {
        let mut data = self.disk.clone();
        let mut size = data.len();
        for change in &self.changes {
            match change {
                Change::Size(new) if keep() => {
                    data.truncate(*new);
                    size = *new;
                }
                Change::Size(_) => {}
                Change::Bytes { at, bytes } => {
                    for (at, bytes) in pieces(*at, bytes, grain) {
                        if keep() {
                            let end = at + bytes.len();
                            let longer = data.len().max(end);
                            resize(&mut data, longer);
                            data[at..end].copy_from_slice(bytes);
                        }
                    }
                }
            }
        }
        // Bytes beyond a length that was lost are lost with it.
        resize(&mut data, size);
        data
    }
}

/// As `Vec::resize` does; that goes byte by byte in a build that is not optimised.
fn resize(bytes: &mut Vec<u8>, size: usize) {
    bytes.truncate(size);
    bytes.extend_from_slice(&vec![0; size - bytes.len()]);
}

/// Cuts at multiples of `grain` in the file.
fn pieces(at: usize, bytes: &[u8], grain: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(from..).filter(|rest| !rest.is_empty())?;
        let length = rest.len().min(grain - (at + from) % grain);
        let piece = (at + from, &rest[..length]);
        from += length;
        Some(piece)
    })
}
