//! What a tool knows of the call that it works on, and how it calls others. The call goes up the runtime's own stream, the
//! host decides on it for whoever made the first call and for this runtime, and the answer comes back down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use grid_proto::v1::{self, call_tool_response, runtime_frame::Frame};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::bench::Job;
use super::frames;
use crate::client::{CallAnswer, Outcome, Sent, arguments};
use crate::clock;
use crate::error::Error;

/// The feature that both sides need for it.
pub(super) const FEATURE: &str = "nested-calls";

tokio::task_local! {
    static CURRENT: Context;
}

/// The call that a tool works on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    job: Arc<Job>,
    deadline_unix_ms: u64,
    up: Arc<Up>,
}

/// The calls of one attachment that wait for their answers.
#[derive(Debug)]
pub(super) struct Up {
    /// Absent where the host does not take calls from within calls.
    outgoing: Option<mpsc::UnboundedSender<v1::RuntimeFrame>>,
    waiting: Mutex<HashMap<Key, oneshot::Sender<v1::CallToolResponse>>>,
}

type Key = (String, String);

impl Up {
    pub(super) fn new(outgoing: Option<mpsc::UnboundedSender<v1::RuntimeFrame>>) -> Arc<Self> {
        Arc::new(Self { outgoing, waiting: Mutex::default() })
    }

    /// Hands an answer to whoever waits for it; false where nobody does.
    pub(super) fn answered(&self, answer: v1::CallToolResponse) -> bool {
        let key = (answer.parent_invocation_id.clone(), answer.call_id.clone());
        let waiter = self.lock().remove(&key);
        waiter.is_some_and(|waiter| waiter.send(answer).is_ok())
    }

    /// The stream is gone, and with it every answer.
    pub(super) fn lost(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, oneshot::Sender<v1::CallToolResponse>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a call back that nobody waits for any more.
struct Asked<'a> {
    up: &'a Up,
    key: Key,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.up.lock().remove(&self.key) else { return };
        drop(waiter);
        let (parent_invocation_id, call_id) = std::mem::take(&mut self.key);
        let cancel = v1::CancelToolCall {
            call_id,
            parent_invocation_id,
            reason: "the tool does not wait for it any more".to_owned(),
            ..Default::default()
        };
        if let Some(outgoing) = &self.up.outgoing {
            // Without a stream nothing is left to be taken back.
            drop(outgoing.send(frames::frame(Frame::CancelCall(cancel))));
        }
    }
}

impl Context {
    pub(super) const fn new(job: Arc<Job>, deadline_unix_ms: u64, up: Arc<Up>) -> Self {
        Self { job, deadline_unix_ms, up }
    }

    /// That of the tool which is running here; `None` outside of one. A task that a tool spawns is outside: give it a clone.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    pub(super) async fn around<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    pub(super) fn around_blocking<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// The host's id of the call.
    #[must_use]
    pub fn invocation_id(&self) -> &str {
        &self.job.invocation_id
    }

    /// Joins the call with the host's log.
    #[must_use]
    pub fn correlation_id(&self) -> &str {
        &self.job.correlation_id
    }

    /// When the call has to have ended; `None` where nobody said.
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        let deadline = Some(self.deadline_unix_ms).filter(|deadline| *deadline > 0)?;
        UNIX_EPOCH.checked_add(Duration::from_millis(deadline))
    }

    /// Calls another tool for this call: with the rights of whoever made the first call, as far as this runtime has them
    /// too, in the time that this call has left. It ends with this call at the latest; dropping the future takes it back.
    ///
    /// # Errors
    /// `Refused` by the host (PERMISSION_DENIED where one of the two may not, POLICY_VIOLATION where calls go in a circle
    /// or too deep), `ToolFailed` by the tool, `BadAnswer`, `Transport` where the stream broke, or `Setting` where the
    /// arguments are no JSON object.
    pub async fn call(&self, name: &str, args: impl Serialize) -> Result<CallAnswer, Error> {
        self.call_outcome(name, args, None).await?.into_result()
    }

    /// [`Context::call`] from a tool that blocks its thread.
    ///
    /// # Errors
    /// As [`Context::call`].
    pub fn call_blocking(&self, name: &str, args: impl Serialize) -> Result<CallAnswer, Error> {
        tokio::runtime::Handle::current().block_on(self.call(name, args))
    }

    /// [`Context::call`] with the tool's own error as a value, and with less time where `within` says so.
    ///
    /// # Errors
    /// As [`Context::call`], without `ToolFailed`.
    pub async fn call_outcome(
        &self,
        name: &str,
        args: impl Serialize,
        within: Option<Duration>,
    ) -> Result<Outcome, Error> {
        let args = arguments(&args)?;
        let (call_id, parent) = (clock::call_id(), self.job.invocation_id.clone());
        let correlation_id = self.job.correlation_id.clone();
        let Some(outgoing) = &self.up.outgoing else {
            let message = format!("the host does not take calls from within calls (`{FEATURE}`); call from a client");
            return Err(Error::refused(v1::EnhancedError {
                message,
                r#type: crate::Code::FEATURE_UNAVAILABLE.as_str().to_owned(),
                correlation_id,
                ..Default::default()
            }));
        };
        let own = within.map_or(u64::MAX, clock::deadline_in);
        let parents = if self.deadline_unix_ms == 0 { u64::MAX } else { self.deadline_unix_ms };
        let deadline = Some(own.min(parents)).filter(|deadline| *deadline < u64::MAX);
        let message = v1::ToolCall {
            correlation_id: correlation_id.clone(),
            call: Some(grid_proto::adm::FunctionCall { call_id: call_id.clone(), name: name.to_owned(), args }),
            parent_invocation_id: parent.clone(),
            deadline_unix_ms: deadline.unwrap_or_default(),
            ..Default::default()
        };
        let key = (parent, call_id.clone());
        let (waiter, answer) = oneshot::channel();
        self.up.lock().insert(key.clone(), waiter);
        let asked = Asked { up: &self.up, key };
        if outgoing.send(frames::frame(Frame::Call(message))).is_err() {
            return Err(Error::broken(&correlation_id));
        }
        let answer = answer.await.map_err(|_| Error::broken(&correlation_id))?;
        drop(asked);
        if let Some(call_tool_response::Outcome::Error(error)) = answer.outcome {
            return Err(Error::refused(*error));
        }
        let correlation_id = answer.correlation_id.clone();
        Sent { call_id: &call_id, name, correlation_id: &correlation_id }.read(answer)
    }
}
