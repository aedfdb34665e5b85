//! Drives the state machine: does what each state asks for and turns the outcome into the next event.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::attachment::{Attachment, Ended};
use super::handshake::Handshake;
use super::machine::{self, Event, State};
use super::{RuntimeBuilder, Status};
use crate::Code;
use crate::clock;
use crate::error::Error;
use crate::token::Header;

/// A silent host that drains without saying how long gets this much.
const HOST_GRACE: Duration = Duration::from_secs(30);

pub(super) struct Life {
    setup: Arc<RuntimeBuilder>,
    status: watch::Sender<Status>,
    stop: CancellationToken,
    channel: Option<Channel>,
    header: Header,
    attachment: Option<Attachment>,
    /// How the host wants the attachment to end, where it is the host who drains.
    host_grace: Option<Duration>,
    tries: u32,
    asked: Option<Duration>,
    served: bool,
    fault: Option<Error>,
}

impl Life {
    pub(super) fn new(setup: Arc<RuntimeBuilder>, status: watch::Sender<Status>, stop: CancellationToken) -> Self {
        Self {
            setup,
            status,
            stop,
            channel: None,
            header: None,
            attachment: None,
            host_grace: None,
            tries: 0,
            asked: None,
            served: false,
            fault: None,
        }
    }

    /// Until told to stop, or until a refusal that no further try can mend.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        let mut state = State::Connecting;
        loop {
            self.status.send_modify(|status| status.state = state);
            let event = match state {
                State::Connecting => self.unless_stopped(Self::connect).await,
                State::Announcing => self.unless_stopped(Self::announce).await,
                State::Serving => self.serve().await,
                State::Draining => self.drain().await,
                State::Backoff => self.unless_stopped(Self::rest).await,
                State::Closed => return self.fault.map_or(Ok(()), Err),
            };
            tracing::debug!(?state, ?event, "runtime moves");
            state = machine::next(state, event);
        }
    }

    async fn unless_stopped(&mut self, step: impl AsyncFnOnce(&mut Self) -> Event) -> Event {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => Event::Stop,
            event = step(self) => event,
        }
    }

    async fn connect(&mut self) -> Event {
        let correlation_id = clock::correlation_id("runtime");
        let reached = async {
            self.header = self.setup.connector.token.header().await?;
            self.setup.connector.channel(&correlation_id).await
        };
        match reached.await {
            Ok(channel) => {
                self.channel = Some(channel);
                Event::Reached
            }
            Err(error) => self.failed(error).await,
        }
    }

    async fn announce(&mut self) -> Event {
        let Some(channel) = self.channel.take() else {
            return Event::Lost;
        };
        let setup = Arc::clone(&self.setup);
        let agreed = async {
            let handshake = Handshake::open(&setup, channel, &self.header).await?;
            handshake.agree().await
        };
        match agreed.await {
            Ok(agreed) => {
                tracing::info!(tools = agreed.tools.join(", "), "serving");
                self.tries = 0;
                self.served = true;
                self.attachment = Some(agreed.attachment);
                self.status.send_modify(|status| {
                    status.connection_id = agreed.connection_id;
                    status.session_id = agreed.session_id;
                    status.tools = agreed.tools;
                });
                Event::Accepted
            }
            Err(error) => self.failed(error).await,
        }
    }

    async fn serve(&mut self) -> Event {
        let Some(attachment) = &mut self.attachment else {
            return Event::Lost;
        };
        match attachment.serve(&self.stop).await {
            Ended::Lost => {
                tracing::warn!("the attachment is lost; its calls are dropped");
                self.attachment = None;
                Event::Lost
            }
            Ended::HostDrains(grace) => {
                self.host_grace = Some(grace);
                Event::Drain
            }
            Ended::Stopped => Event::Drain,
        }
    }

    async fn drain(&mut self) -> Event {
        let Some(mut attachment) = self.attachment.take() else {
            return Event::Lost;
        };
        if let Some(grace) = self.host_grace.take() {
            let grace = if grace.is_zero() { HOST_GRACE } else { grace };
            attachment.finish(grace).await;
        } else {
            let answered = attachment.leave("the program stops", self.setup.grace).await;
            tracing::info!(answered, "left the host");
        }
        if self.stop.is_cancelled() { Event::Stop } else { Event::Lost }
    }

    async fn rest(&mut self) -> Event {
        self.tries = self.tries.saturating_add(1);
        let pause = self.setup.backoff.wait(self.tries, self.asked.take());
        tokio::time::sleep(pause).await;
        Event::Rested
    }

    /// Whether another try can mend it.
    async fn failed(&mut self, error: Error) -> Event {
        let again = match &error {
            Error::Refused(refusal) if refusal.retry_allowed => {
                self.asked = refusal.retry_after;
                true
            }
            Error::Refused(refusal) if refusal.code == Code::INVALID_CREDENTIALS => self.token_changed().await,
            Error::Transport(fault) => fault.transient || self.served,
            // A host that has accepted this runtime once is only restarting badly.
            Error::BadAnswer(_) | Error::Setting(_) => self.served,
            Error::Refused(_) | Error::ToolFailed(_) => false,
        };
        if again {
            tracing::warn!(%error, "not attached; trying again");
            return Event::Lost;
        }
        tracing::error!(%error, "not attached, and trying again would not help");
        self.fault = Some(error);
        Event::Refused
    }

    async fn token_changed(&self) -> bool {
        let fresh = self.setup.connector.token.header().await;
        fresh.is_ok_and(|fresh| fresh != self.header)
    }
}
