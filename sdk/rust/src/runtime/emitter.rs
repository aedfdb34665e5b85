//! A tool's way to its caller while it runs: pieces of its result, and how far it has come.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use grid_proto::v1::{self, runtime_frame::Frame};
use grid_sdk_tool::{Answer, ToolError};
use serde::Serialize;
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::{bench::Job, context, frames};
use crate::Code;

/// Bytes of one chunk at most.
const PIECE: usize = 32 << 10;
/// What a chunk costs of the stream's credit at least, as the host counts.
const LEAST: usize = 256;

tokio::task_local! {
    static CURRENT: Emitter;
}

/// What was agreed with the host.
#[derive(Debug, Clone, Default)]
pub(super) struct Features {
    /// Bytes that a stream may send before the host grants more; absent where results are not sent in pieces.
    pub(super) credit: Option<usize>,
    pub(super) progress: bool,
    /// The host takes calls from within calls.
    pub(super) nested: bool,
}

impl Features {
    pub(super) fn of(announced: &v1::AnnounceRuntimeResponse) -> Self {
        let enabled = |name: &str| announced.enabled_features.iter().any(|feature| feature == name);
        let credit = announced.feature_config.get("streaming.credit").and_then(|text| text.parse().ok());
        Self {
            credit: credit.filter(|_| enabled("streaming")),
            progress: enabled("progress"),
            nested: enabled(context::FEATURE),
        }
    }
}

/// Sends pieces of the result of the call that is being answered. [`Emitter::current`] gives it to a tool.
///
/// All pieces together are the result: one JSON text. Once a tool has sent a piece, what its function returns counts only
/// as success or failure. Where the caller did not ask for a stream, the pieces are put together here and sent as one
/// result.
///
/// ```
/// /// Counts.
/// #[grid_sdk::tool]
/// async fn count(to: u32) -> Result<(), grid_sdk::ToolError> {
///     if let Some(emitter) = grid_sdk::Emitter::current() {
///         for number in 0..to {
///             emitter.item(&number).await?;
///             emitter.progress(f64::from(number) / f64::from(to), "counting");
///         }
///         emitter.finish_items().await?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Emitter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    invocation_id: String,
    correlation_id: String,
    outgoing: mpsc::Sender<v1::RuntimeFrame>,
    /// Bytes that the host has room for; absent where the call is not streamed.
    credit: Option<Arc<Semaphore>>,
    progress: bool,
    /// Bytes of a result that is sent in one piece.
    room: usize,
    /// Chunks that were sent.
    sent: AtomicU64,
    /// One piece at a time, and what is put together here.
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    whole: Vec<u8>,
    begun: bool,
    items: bool,
}

impl Emitter {
    pub(super) fn new(
        job: &Job,
        streaming: bool,
        features: &Features,
        outgoing: mpsc::Sender<v1::RuntimeFrame>,
        room: usize,
    ) -> Self {
        let credit = features.credit.filter(|_| streaming).map(|credit| Arc::new(Semaphore::new(credit)));
        Self(Arc::new(Inner {
            invocation_id: job.invocation_id.clone(),
            correlation_id: job.correlation_id.clone(),
            outgoing,
            credit,
            progress: features.progress,
            room,
            sent: AtomicU64::new(0),
            held: Mutex::default(),
        }))
    }

    /// That of the call that this task, or this thread of a tool, answers; `None` elsewhere, as in a tool's own tests.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The pieces reach the caller as they are sent.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.0.credit.is_some()
    }

    /// Sends the next piece of the result, any part of a JSON text. Waits until the host has room for it: a slow caller
    /// slows the tool down.
    ///
    /// # Errors
    /// `MESSAGE_TOO_LARGE` where the caller asked for one answer and this is more than fits; `CONNECTION_FAILED` where
    /// the host has gone. Return them with `?`.
    pub async fn send(&self, piece: impl AsRef<[u8]>) -> Result<(), ToolError> {
        let mut held = self.0.held.lock().await;
        self.put(&mut held, piece.as_ref()).await
    }

    /// [`Emitter::send`] for a tool that blocks its thread.
    ///
    /// # Errors
    /// As [`Emitter::send`].
    pub fn send_blocking(&self, piece: impl AsRef<[u8]>) -> Result<(), ToolError> {
        tokio::runtime::Handle::current().block_on(self.send(piece))
    }

    /// Sends the next element of a result that is an array; [`Emitter::finish_items`] ends it.
    ///
    /// # Errors
    /// As [`Emitter::send`]; `SERIALIZATION_ERROR` where the element has no JSON form.
    pub async fn item(&self, item: &impl Serialize) -> Result<(), ToolError> {
        let text = serde_json::to_string(item).map_err(|fault| {
            ToolError::new(Code::SERIALIZATION_ERROR, format!("an element of the answer has no JSON form: {fault}"))
        })?;
        let mut held = self.0.held.lock().await;
        let sign = if std::mem::replace(&mut held.items, true) { ',' } else { '[' };
        self.put(&mut held, format!("{sign}{text}").as_bytes()).await
    }

    /// Ends a result that is an array.
    ///
    /// # Errors
    /// As [`Emitter::send`].
    pub async fn finish_items(&self) -> Result<(), ToolError> {
        let mut held = self.0.held.lock().await;
        let end = if std::mem::take(&mut held.items) { "]" } else { "[]" };
        self.put(&mut held, end.as_bytes()).await
    }

    /// Says how far the call has come, from 0 to 1, and in what words; each renews the time that the tool may be silent.
    /// A word for which there is no room is left out.
    pub fn progress(&self, fraction: f64, message: &str) {
        if self.0.progress {
            let (invocation_id, correlation_id) = (self.0.invocation_id.clone(), self.0.correlation_id.clone());
            let progress = v1::Progress { invocation_id, correlation_id, fraction, message: message.to_owned() };
            let _ = self.0.outgoing.try_send(frames::frame(Frame::Progress(progress)));
        }
    }

    async fn put(&self, held: &mut Held, piece: &[u8]) -> Result<(), ToolError> {
        held.begun = true;
        let Some(credit) = &self.0.credit else {
            if held.whole.len() + piece.len() > self.0.room {
                return Err(ToolError::new(
                    Code::MESSAGE_TOO_LARGE,
                    "the tool's answer is larger than one message may be; ask for it as a stream, or ask for less",
                ));
            }
            held.whole.extend_from_slice(piece);
            return Ok(());
        };
        let gone = || ToolError::new(Code::CONNECTION_FAILED, "the host went away while the answer was sent");
        for piece in piece.chunks(PIECE) {
            let cost = u32::try_from(piece.len().max(LEAST)).unwrap_or(u32::MAX);
            credit.acquire_many(cost).await.map_err(|_| gone())?.forget();
            let slot = self.0.outgoing.reserve().await.map_err(|_| gone())?;
            slot.send(self.chunk(piece.to_vec(), false));
        }
        Ok(())
    }

    /// The next chunk.
    fn chunk(&self, payload: Vec<u8>, is_final: bool) -> v1::RuntimeFrame {
        frames::frame(Frame::Chunk(Box::new(v1::StreamChunk {
            invocation_id: self.0.invocation_id.clone(),
            chunk_id: self.0.sent.fetch_add(1, Ordering::AcqRel),
            payload: payload.into(),
            is_final,
            correlation_id: self.0.correlation_id.clone(),
            ..v1::StreamChunk::default()
        })))
    }

    /// The host has room for so many bytes more.
    pub(super) fn grant(&self, bytes: u64) {
        if let Some(credit) = &self.0.credit {
            let room = Semaphore::MAX_PERMITS - credit.available_permits();
            credit.add_permits(usize::try_from(bytes).unwrap_or(usize::MAX).min(room));
        }
    }

    /// Runs a tool that can reach this.
    pub(super) async fn during(&self, work: impl Future<Output = Answer>) -> Answer {
        let answer = CURRENT.scope(self.clone(), work).await?;
        self.settle(answer).await
    }

    /// The same on a thread.
    pub(super) fn during_blocking(&self, work: impl FnOnce() -> Answer) -> Answer {
        let answer = CURRENT.sync_scope(self.clone(), work)?;
        tokio::runtime::Handle::current().block_on(self.settle(answer))
    }

    /// What is put together here, or what the function returned; in pieces where that is too long for one.
    async fn settle(&self, answer: String) -> Answer {
        let mut held = self.0.held.lock().await;
        if held.begun {
            let whole = std::mem::take(&mut held.whole);
            return String::from_utf8(whole).map_err(|_| {
                ToolError::new(Code::SERIALIZATION_ERROR, "the pieces of the tool's answer are no text; mend the tool")
            });
        }
        if self.is_streaming() && answer.len() > self.0.room {
            self.put(&mut held, answer.as_bytes()).await?;
            return Ok(String::new());
        }
        Ok(answer)
    }

    /// The end of a stream that has begun; `None` where the answer is still to be sent as a whole.
    pub(super) fn end(&self, answer: &Answer) -> Option<v1::RuntimeFrame> {
        if self.0.sent.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut end = self.chunk(Vec::new(), true);
        if let (Some(Frame::Chunk(chunk)), Err(fault)) = (&mut end.frame, answer) {
            let (message, kind) = (fault.message().to_owned(), fault.kind().as_str().to_owned());
            chunk.error = Some(v1::Error { message, r#type: kind });
        }
        Some(end)
    }
}
