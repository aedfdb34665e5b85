//! A call whose result comes in pieces. Nothing counts as whole before the end says how much there was and its digest
//! agrees.

use grid_adm::Digesting;
use grid_proto::v1::{self, call_event::Event, call_tool_response::Outcome as Wire};
use serde::Serialize;
use tonic::Streaming;

use super::answer::{Outcome, Sent};
use super::session::{CallOptions, Session, arguments, object_text};
use crate::clock;
use crate::connect::signed;
use crate::error::{Error, Refusal};
use crate::receipt::{self, Receipt};

/// What comes of a streamed call before its end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Piece {
    /// The next part of the result, a JSON text; it may begin and end within a character.
    Chunk(Vec<u8>),
    /// How far the call has come.
    Progress {
        /// From 0 to 1.
        fraction: f64,
        /// For people.
        message: String,
    },
}

/// A result that is complete, and on the host's record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamEnd {
    /// How many chunks there were.
    pub chunks: u64,
    /// How many bytes.
    pub bytes: u64,
    /// `sha256:` and the digest of the bytes in order; it was compared.
    pub digest: String,
    /// The call.
    pub call_id: String,
    /// The host's id of the invocation.
    pub invocation_id: String,
    /// Joins this answer with the host's log.
    pub correlation_id: String,
    /// The answer of an earlier call with the same call id.
    pub repeated: bool,
    /// That the end is on record, where the call asked for it.
    pub receipt: Option<Box<Receipt>>,
}

/// A streamed call. Whoever reads slowly slows the tool down; dropping it stops the call.
#[derive(Debug)]
pub struct CallStream {
    events: Streaming<v1::CallEvent>,
    call_id: String,
    name: String,
    correlation_id: String,
    digesting: Digesting,
    chunks: u64,
    bytes: u64,
    over: bool,
    end: Option<StreamEnd>,
}

impl Session {
    /// Calls a tool whose result comes in pieces. It is sent once and never again: what came of it would be lost with a
    /// broken connection, and the host does not keep it.
    ///
    /// # Errors
    /// `Setting` where the arguments are no JSON object; `Transport`. What the host or the tool refuses comes from
    /// [`CallStream::next`].
    pub async fn call_streaming(
        &self,
        name: &str,
        args: impl Serialize,
        options: CallOptions,
    ) -> Result<CallStream, Error> {
        self.call_streaming_raw(name, arguments(&args)?, options).await
    }

    /// [`Session::call_streaming`] with arguments that are JSON text already.
    ///
    /// # Errors
    /// As [`Session::call_streaming`].
    pub async fn call_streaming_raw(
        &self,
        name: &str,
        args: impl Into<String>,
        options: CallOptions,
    ) -> Result<CallStream, Error> {
        let args = object_text(args.into())?;
        let call_id = options.call_id.unwrap_or_else(clock::call_id);
        let correlation_id = options.correlation_id.unwrap_or_else(|| clock::correlation_id("client"));
        let message = v1::ToolCall {
            correlation_id: correlation_id.clone(),
            call: Some(grid_proto::adm::FunctionCall { call_id: call_id.clone(), name: name.to_owned(), args }),
            session_id: self.id().to_owned(),
            streaming: true,
            deadline_unix_ms: options.deadline.map(clock::deadline_in).unwrap_or_default(),
            receipt: options.receipt,
            provider: options.provider.unwrap_or_default(),
            ..Default::default()
        };
        let shared = &self.client().shared;
        let header = shared.connector.token.header().await?;
        let answered = shared.service.clone().stream_tool_call(signed(message, &header)).await;
        let events = answered.map_err(|status| Error::from_status(&status, &correlation_id))?.into_inner();
        let (name, digesting) = (name.to_owned(), Digesting::default());
        Ok(CallStream { events, call_id, name, correlation_id, digesting, chunks: 0, bytes: 0, over: false, end: None })
    }
}

impl CallStream {
    /// The caller's own name for the call.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The next piece; `None` once the result is complete, which [`CallStream::end`] then describes.
    ///
    /// # Errors
    /// `Refused` by the host, `ToolFailed` by the tool, also after some pieces; `Transport`; `BadAnswer` where pieces are
    /// missing or are not those that the host has on record. What came before is then a part of a result at most.
    pub async fn next(&mut self) -> Result<Option<Piece>, Error> {
        if self.over {
            return Ok(None);
        }
        let read = self.events.message().await;
        let piece = match read.map_err(|status| Error::from_status(&status, &self.correlation_id)) {
            Ok(Some(v1::CallEvent { event: Some(Event::Chunk(chunk)) })) => self.chunk(chunk).map(Some),
            Ok(Some(v1::CallEvent { event: Some(Event::Progress(progress)) })) => {
                return Ok(Some(Piece::Progress { fraction: progress.fraction, message: progress.message }));
            }
            Ok(Some(v1::CallEvent { event: Some(Event::End(end)) })) => self.ended(end).map(|()| None),
            Ok(Some(v1::CallEvent { event: None })) => Err(self.bad("an event is of no known kind")),
            Ok(None) => Err(self.bad("the stream ended without an end")),
            Err(error) => Err(error),
        };
        self.over = !matches!(piece, Ok(Some(_)));
        piece
    }

    /// What the result was; absent before its end.
    #[must_use]
    pub fn end(&self) -> Option<&StreamEnd> {
        self.end.as_ref()
    }

    /// The rest of the result, put together.
    ///
    /// # Errors
    /// As [`CallStream::next`].
    pub async fn collect(&mut self) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next().await? {
            if let Piece::Chunk(chunk) = piece {
                whole.extend_from_slice(&chunk);
            }
        }
        Ok(whole)
    }

    fn chunk(&mut self, chunk: v1::StreamChunk) -> Result<Piece, Error> {
        if chunk.chunk_id != self.chunks {
            return Err(self.bad("a piece of the result is missing"));
        }
        self.chunks += 1;
        self.bytes += u64::try_from(chunk.payload.len()).unwrap_or(u64::MAX);
        self.digesting.feed(&chunk.payload);
        Ok(Piece::Chunk(chunk.payload.into()))
    }

    fn ended(&mut self, end: v1::CallToolResponse) -> Result<(), Error> {
        let whole = match end.outcome {
            Some(Wire::Streamed(whole)) => whole,
            Some(Wire::Error(error)) => {
                let mut refusal = Refusal::from(*error);
                (refusal.invocation_id, refusal.receipt) = (end.invocation_id, receipt::read(end.receipt));
                return Err(Error::Refused(Box::new(refusal)));
            }
            _ => {
                let sent = Sent { call_id: &self.call_id, name: &self.name, correlation_id: &self.correlation_id };
                return match sent.read(end)? {
                    Outcome::Failed(failure) => Err(Error::ToolFailed(Box::new(failure))),
                    Outcome::Succeeded(_) => Err(self.bad("the end has a result, which belongs into chunks")),
                };
            }
        };
        let digest = format!("sha256:{}", self.digesting.digest());
        if (whole.chunks, whole.bytes, &whole.digest) != (self.chunks, self.bytes, &digest) {
            return Err(self.bad("the pieces are not those that the host has on record"));
        }
        self.end = Some(StreamEnd {
            chunks: whole.chunks,
            bytes: whole.bytes,
            digest,
            call_id: self.call_id.clone(),
            invocation_id: end.invocation_id,
            correlation_id: self.correlation_id.clone(),
            repeated: end.repeated,
            receipt: receipt::read(end.receipt),
        });
        Ok(())
    }

    fn bad(&self, message: &str) -> Error {
        Error::bad_answer(message, &self.correlation_id)
    }
}
