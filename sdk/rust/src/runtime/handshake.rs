//! The first exchange on a stream: who this is, then which tools it serves. Gives the tools that the host accepted
//! and how often a heartbeat is due; rejected tools are logged and left alone.

use std::collections::VecDeque;
use std::time::Duration;

use grid_proto::adm;
use grid_proto::v1::runtime_service_client::RuntimeServiceClient;
use grid_proto::v1::{self, host_frame::Frame as Heard, runtime_frame::Frame};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use super::attachment::Attachment;
use super::bench::{Accepted, Bench};
use super::context;
use super::emitter::Features;
use super::{Mode, RuntimeBuilder, frames};
use crate::clock;
use crate::connect::{PROTOCOL_VERSION, signed};
use crate::error::Error;
use crate::token::Header;

const CHANNEL: usize = 256;
/// Longer than the host waits for the announcement.
const PATIENCE: Duration = Duration::from_secs(10);
/// Frames that the host may send before it has answered the handshake.
const MOST_EARLY: usize = 1_024;

/// What the host agreed to.
pub(super) struct Agreed {
    pub(super) attachment: Attachment,
    pub(super) connection_id: String,
    pub(super) session_id: String,
    pub(super) tools: Vec<String>,
}

/// A stream whose handshake is under way.
pub(super) struct Handshake<'a> {
    setup: &'a RuntimeBuilder,
    outgoing: mpsc::Sender<v1::RuntimeFrame>,
    inbound: Streaming<v1::HostFrame>,
    early: VecDeque<v1::HostFrame>,
    correlation_id: String,
}

impl<'a> Handshake<'a> {
    /// Opens the stream with the announcement as its first frame.
    pub(super) async fn open(setup: &'a RuntimeBuilder, channel: Channel, header: &Header) -> Result<Self, Error> {
        let correlation_id = clock::correlation_id("runtime");
        let (outgoing, frames) = mpsc::channel(CHANNEL);
        let announce = frames::frame(Frame::Announce(Box::new(announcement(setup, &correlation_id))));
        // The channel is empty and larger than one frame.
        let _ = outgoing.try_send(announce);
        let limit = setup.connector.message_limit;
        let mut service =
            RuntimeServiceClient::new(channel).max_decoding_message_size(limit).max_encoding_message_size(limit);
        let attach = service.attach(signed(ReceiverStream::new(frames), header));
        let inbound = match tokio::time::timeout(PATIENCE, attach).await {
            Ok(Ok(response)) => response.into_inner(),
            Ok(Err(status)) => return Err(Error::from_status(&status, &correlation_id)),
            Err(_) => return Err(Error::late(&correlation_id)),
        };
        Ok(Self { setup, outgoing, inbound, early: VecDeque::new(), correlation_id })
    }

    /// Waits for the host's answers.
    pub(super) async fn agree(mut self) -> Result<Agreed, Error> {
        let announced = self
            .answer(|frame| match frame {
                Heard::Announced(answer) => Some(std::mem::take(&mut **answer)),
                _ => None,
            })
            .await?;
        if let Some(error) = announced.error {
            return Err(Error::refused(error));
        }
        if announced.connection_id.is_empty() {
            return Err(Error::bad_answer("the announcement was neither accepted nor refused", &self.correlation_id));
        }
        tracing::info!(
            connection_id = announced.connection_id,
            mode = announced.mode,
            correlation_id = self.correlation_id,
            "announced"
        );
        let features = Features::of(&announced);
        let verdict = match self.setup.mode {
            Mode::Fulfil => self.fulfil().await?,
            Mode::Register => self.register().await?,
        };
        let (accepted, session_id) = self.accepted(verdict)?;
        let tools = accepted.keys().cloned().collect();
        let limit = self.setup.connector.message_limit;
        let bench = Bench::new(accepted, self.setup.concurrency, limit, features, self.outgoing.clone());
        let work = (bench, self.setup.lifecycle.clone());
        let beat = announced.heartbeat_interval_ms;
        let attachment = Attachment::new(self.outgoing, self.inbound, self.early, work, beat);
        Ok(Agreed { attachment, connection_id: announced.connection_id, session_id, tools })
    }

    async fn fulfil(&mut self) -> Result<Verdict, Error> {
        let names = self.setup.tools.iter().map(|tool| tool.name().to_owned());
        let frame = Frame::Fulfil(v1::FulfillTools {
            session_id: self.setup.session_id.clone(),
            tool_names: names.collect(),
            runtime_id: self.setup.runtime_id.clone(),
            correlation_id: self.correlation_id.clone(),
            contract_digests: self.setup.digests.clone().into_iter().collect(),
        });
        self.say(frame).await?;
        let answer = self
            .answer(|frame| match frame {
                Heard::Fulfilled(answer) => Some(std::mem::take(&mut **answer)),
                _ => None,
            })
            .await?;
        Ok(Verdict {
            failed: answer.status.is_none() || answer.status() == v1::fulfill_tools_response::Status::Failure,
            accepted: answer.fulfilled_tools,
            rejected: answer.rejected_tools,
            errors: answer.errors,
            session_id: answer.session_id,
        })
    }

    async fn register(&mut self) -> Result<Verdict, Error> {
        let declare = |tool: &crate::Tool| adm::FunctionDeclaration {
            name: tool.name().to_owned(),
            description: tool.description().to_owned(),
            parameters: tool.parameters().to_owned(),
        };
        let frame = Frame::Register(v1::RegisterToolsRequest {
            runtime_id: self.setup.runtime_id.clone(),
            tools: vec![adm::Tool { function_declarations: self.setup.tools.iter().map(declare).collect() }],
            session_id: self.setup.session_id.clone(),
            correlation_id: self.correlation_id.clone(),
            ..Default::default()
        });
        self.say(frame).await?;
        let answer = self
            .answer(|frame| match frame {
                Heard::Registered(answer) => Some(std::mem::take(&mut **answer)),
                _ => None,
            })
            .await?;
        Ok(Verdict {
            failed: answer.status.is_none() || answer.status() == v1::register_tools_response::Status::Failure,
            accepted: answer.accepted_tools,
            rejected: answer.rejected_tools,
            errors: answer.errors,
            session_id: answer.session_id,
        })
    }

    /// The accepted tools; an error where there is none.
    fn accepted(&self, verdict: Verdict) -> Result<(Accepted, String), Error> {
        for (index, name) in verdict.rejected.iter().enumerate() {
            let error = verdict.errors.get(index).cloned().unwrap_or_default();
            tracing::warn!(
                tool = name,
                code = error.r#type,
                message = error.message,
                correlation_id = self.correlation_id,
                "the host rejected a tool; it is not served"
            );
        }
        let tools = self.setup.tools.iter();
        let accepted: Accepted = tools
            .filter(|tool| !verdict.failed && verdict.accepted.iter().any(|name| name == tool.name()))
            .map(|tool| (tool.name().to_owned(), tool.clone()))
            .collect();
        if !accepted.is_empty() {
            return Ok((accepted, verdict.session_id));
        }
        Err(match verdict.errors.into_iter().next() {
            Some(error) => Error::refused(error),
            None => Error::bad_answer("the host accepted none of the tools and gave no reason", &self.correlation_id),
        })
    }

    async fn say(&self, frame: Frame) -> Result<(), Error> {
        let sent = self.outgoing.send(frames::frame(frame)).await;
        sent.map_err(|_| Error::broken(&self.correlation_id))
    }

    /// The awaited frame; others wait for their turn.
    async fn answer<A>(&mut self, pick: impl Fn(&mut Heard) -> Option<A>) -> Result<A, Error> {
        let wait = async {
            loop {
                let mut heard = self
                    .inbound
                    .message()
                    .await
                    .map_err(|status| Error::from_status(&status, &self.correlation_id))?
                    .ok_or_else(|| Error::broken(&self.correlation_id))?;
                if let Some(answer) = heard.frame.as_mut().and_then(&pick) {
                    return Ok(answer);
                }
                if let Some(Heard::Bye(_)) = heard.frame {
                    return Err(Error::broken(&self.correlation_id));
                }
                if self.early.len() >= MOST_EARLY {
                    return Err(Error::bad_answer(
                        "the host sends frames without answering the handshake",
                        &self.correlation_id,
                    ));
                }
                self.early.push_back(heard);
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| Err(Error::late(&self.correlation_id)))
    }
}

/// What the host said about the tools.
struct Verdict {
    failed: bool,
    accepted: Vec<String>,
    rejected: Vec<String>,
    errors: Vec<v1::EnhancedError>,
    session_id: String,
}

fn announcement(setup: &RuntimeBuilder, correlation_id: &str) -> v1::AnnounceRuntime {
    v1::AnnounceRuntime {
        runtime_id: setup.runtime_id.clone(),
        language: "rust".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        capabilities: ["basic-execution", "session-management", "level-2", "enhanced-errors"]
            .map(str::to_owned)
            .to_vec(),
        metadata: [("concurrency".to_owned(), setup.concurrency.to_string())].into(),
        compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
        optional_features: ["enhanced-errors", "lifecycle", context::FEATURE, "progress", "streaming"]
            .map(str::to_owned)
            .to_vec(),
        protocol_version: PROTOCOL_VERSION.to_owned(),
        supported_versions: vec![PROTOCOL_VERSION.to_owned()],
        correlation_id: correlation_id.to_owned(),
        ..Default::default()
    }
}
