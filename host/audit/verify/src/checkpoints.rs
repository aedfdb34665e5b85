//! `checkpoints.log`: every signature that the log's keeper made and the tiles have passed, a line each:
//! `<size> <root> <key id> <signature>`.

use std::io::{BufRead, BufReader, Read};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_audit_wal::Sealed;
use grid_tlog::Hash;

use crate::{Error, Failure, Source, Unreadable};

pub(crate) const FILE: &str = "checkpoints.log";
/// No line is longer.
const LONGEST: u64 = 20 + 1 + 44 + 1 + 8 + 1 + 88 + 1;

/// One signature over a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) key: u32,
    pub(crate) signature: [u8; 64],
}

impl Signed {
    /// What a batch of the segments was signed with.
    pub(crate) fn of(sealed: &Sealed) -> Self {
        let trailer = sealed.trailer;
        Self { size: sealed.end(), root: trailer.root, key: trailer.key, signature: trailer.signature }
    }

    /// As a line of the file.
    pub(crate) fn line(&self) -> String {
        let Self { size, root, key, signature } = self;
        format!("{size} {root} {key:08x} {}\n", BASE64_STANDARD.encode(signature))
    }

    /// There is one way to write it, so it is written again and compared.
    fn parse(line: &[u8]) -> Option<Self> {
        let text = str::from_utf8(line).ok()?;
        let mut parts = text.strip_suffix('\n')?.split(' ');
        let signed = Self {
            size: parts.next()?.parse().ok()?,
            root: parts.next()?.parse().ok()?,
            key: u32::from_str_radix(parts.next()?, 16).ok()?,
            signature: BASE64_STANDARD.decode(parts.next()?).ok()?.try_into().ok()?,
        };
        (signed.line() == text).then_some(signed)
    }
}

/// The lines, one after the other, never all at once.
pub(crate) struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    /// Where the next line begins.
    offset: u64,
    next: Option<(Signed, u64)>,
    /// What stands at the end and is no line.
    pub(crate) torn: Option<Vec<u8>>,
}

impl Lines {
    /// None where the log does not show the file.
    pub(crate) fn open<S: Source>(source: &S) -> Result<Option<Self>, Error> {
        let Some(reader) = source.stream(FILE)? else {
            return Ok(None);
        };
        let reader = BufReader::with_capacity(64 << 10, reader);
        let mut lines = Self { reader, offset: 0, next: None, torn: None };
        lines.advance()?;
        Ok(Some(lines))
    }

    /// The size that the next line is about.
    pub(crate) fn next_size(&self) -> Option<u64> {
        self.next.map(|(signed, _)| signed.size)
    }

    /// The next line where it is about a tree of `size` entries, with its offset.
    pub(crate) fn take(&mut self, size: u64) -> Result<Option<(Signed, u64)>, Error> {
        let Some(taken) = self.next.filter(|(signed, _)| signed.size == size) else {
            return Ok(None);
        };
        self.advance()?;
        Ok(Some(taken))
    }

    fn advance(&mut self) -> Result<(), Error> {
        let before = self.next.take();
        let start = self.offset;
        let line = self.line()?;
        if line.is_empty() {
            return Ok(());
        }
        let fail = |what: &str| -> Error { Failure::new(what).within(FILE).offset(start).into() };
        let Some(signed) = Signed::parse(&line) else {
            // A line that is followed by others was whole once.
            if !self.line()?.is_empty() {
                return Err(fail("a line is not written as it should be"));
            }
            self.torn = Some(line);
            return Ok(());
        };
        if before.is_some_and(|(before, _)| before.size >= signed.size) {
            return Err(fail("the sizes of the signed trees do not ascend"));
        }
        self.next = Some((signed, start));
        Ok(())
    }

    fn line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.reader).take(LONGEST + 1);
        bounded.read_until(b'\n', &mut line).map_err(Unreadable::io(FILE))?;
        self.offset += line.len() as u64;
        Ok(line)
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("offset", &self.offset).field("next", &self.next).finish_non_exhaustive()
    }
}
