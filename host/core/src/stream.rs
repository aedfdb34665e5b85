//! Results that come in pieces: what a runtime sends of one, what its caller hears, and the pipe between the line to
//! the runtime, which waits for nobody, and the path of the call, which waits for the caller.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    Refusal,
    id::{CorrelationId, InvocationId},
    outcome::CallAnswer,
};

/// The key of `feature_config` under which [`CREDIT`] is announced.
pub const CREDIT_KEY: &str = "streaming.credit";
/// Bytes of chunks that a runtime may send of one stream before its caller takes any; what is granted later only makes
/// up for what was taken. So much of a stream waits in the host and no more.
pub const CREDIT: u64 = 256 << 10;
/// A chunk costs its length of that, and at least this: a small one takes room too.
pub const LEAST: u64 = 256;

/// What a chunk costs of its stream's credit, in bytes. The empty one that ends a stream costs nothing.
#[must_use]
pub fn cost(length: usize, is_final: bool) -> u64 {
    match length {
        0 if is_final => 0,
        length => u64::try_from(length).unwrap_or(u64::MAX).max(LEAST),
    }
}

/// One piece of a result, as a runtime sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkFrame {
    /// Unchecked.
    pub invocation_id: String,
    /// Unchecked.
    pub correlation_id: String,
    /// Unchecked.
    pub chunk_id: u64,
    /// A part of the content.
    pub payload: Bytes,
    /// Nothing follows.
    pub is_final: bool,
    /// The tool's own error, message and kind; then the payload counts for nothing.
    pub error: Option<(String, String)>,
}

/// How far a call has come, as a runtime says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProgressFrame {
    /// Unchecked.
    pub invocation_id: String,
    /// Unchecked.
    pub correlation_id: String,
    /// How far, and in what words.
    pub progress: Progress,
}

/// One piece of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// From 0, without gaps.
    pub number: u64,
    /// Any part of a JSON text; it may begin and end within a character.
    pub payload: Bytes,
    /// Nothing follows.
    pub is_final: bool,
}

/// How far a call has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// 0 to 1.
    pub fraction: f64,
    /// For people.
    pub message: String,
}

/// A result that was sent in pieces and is kept nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed {
    /// How many pieces.
    pub chunks: u64,
    /// How many bytes in all.
    pub bytes: u64,
    /// SHA-256 over the bytes in order.
    pub digest: [u8; 32],
}

/// What the caller of a streamed call hears: chunks and progress, then one end.
#[derive(Debug)]
pub enum CallEvent {
    /// A piece of the result.
    Chunk(Arc<Ids>, Chunk),
    /// How far the call has come.
    Progress(Arc<Ids>, Progress),
    /// How it ended; on record.
    End(Box<Result<CallAnswer, Refusal>>),
}

/// The execution that pieces belong to.
#[derive(Debug, Clone)]
pub struct Ids {
    /// Minted by the host.
    pub invocation: InvocationId,
    /// The caller's.
    pub correlation: CorrelationId,
}

/// What a runtime says of a call before it ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A piece of the result, the next one.
    Chunk(Chunk),
    /// How far it has come.
    Progress(Progress),
}

/// From the line to a runtime to the path of one call. Whoever puts something in never waits: of progress the last word
/// is kept, and the line takes no more chunks than the stream has credit for.
#[derive(Debug, Default)]
pub struct Pipe {
    held: Mutex<Held>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Held {
    chunks: VecDeque<Chunk>,
    progress: Option<Progress>,
}

impl Pipe {
    /// Puts in.
    pub fn put(&self, heard: Heard) {
        let mut held = self.lock();
        match heard {
            Heard::Chunk(chunk) => held.chunks.push_back(chunk),
            Heard::Progress(progress) => held.progress = Some(progress),
        }
        drop(held);
        self.more.notify_one();
    }

    /// Takes out what is there.
    #[must_use]
    pub fn take(&self) -> Option<Heard> {
        let mut held = self.lock();
        let progress = held.progress.take().map(Heard::Progress);
        progress.or_else(|| held.chunks.pop_front().map(Heard::Chunk))
    }

    /// Takes out, as soon as something is there. It has one reader, which may give up waiting at any time.
    pub async fn next(&self) -> Heard {
        loop {
            if let Some(heard) = self.take() {
                return heard;
            }
            self.more.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
