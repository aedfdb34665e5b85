//! The port to durable memory. One implementation writes segments ([`crate::FileStorage`]), one keeps bytes for
//! tests ([`crate::MemoryStorage`]); the writer's thread owns it and nobody else calls it.

use std::{fmt::Debug, io};

use grid_tlog::Frontier;

use crate::{Chain, Error};

/// One entry with its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its index.
    pub index: u64,
    /// Its bytes, as they were encoded.
    pub bytes: &'a [u8],
}

/// Called for every entry of the log, in order.
pub type Visit<'a> = dyn FnMut(Entry<'_>) + 'a;

/// Frames, one behind the other.
pub trait Storage: Debug + Send + 'static {
    /// Shows every complete frame to `chain`, cuts an incomplete last one, and is then ready to append. Gives the
    /// number of bytes that were cut.
    ///
    /// # Errors
    /// [`Error`] where the log is damaged before its tail, or cannot be read.
    fn recover(&mut self, chain: &mut Chain<'_>) -> Result<u64, Error>;

    /// Writes one frame behind the last; `edge` is that of the tree before it. It counts only after
    /// [`Storage::sync`].
    ///
    /// # Errors
    /// Those of the operating system. After one, nothing but [`Storage::reset`] may be called.
    fn append(&mut self, frame: &[u8], edge: &Frontier) -> io::Result<()>;

    /// Makes what was appended durable.
    ///
    /// # Errors
    /// As for [`Storage::append`]; a sync that failed is never tried again on the same file descriptor.
    fn sync(&mut self) -> io::Result<()>;

    /// Goes back to the last frame that was synced, on new file descriptors. Only where records may be lost.
    ///
    /// # Errors
    /// Those of the operating system.
    fn reset(&mut self) -> io::Result<()>;

    /// Whether appends can surely take `bytes` without asking the file system for more. Where they cannot, it
    /// tries to get more, and may wait for that.
    fn has_room(&mut self, bytes: u64) -> bool;

    /// The longest frame that it takes.
    fn max_frame(&self) -> usize;
}
