//! What a tool knows of the call that it works on, and how it calls others. The call goes up the runtime's own stream, the
//! host decides on it for whoever made the first call and for this runtime, and the answer comes back down.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use grid_proto::v1::{self, call_tool_response, runtime_frame::Frame};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore, oneshot};

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

/// Calls that wait to be written; what tools call beyond that waits until the host has taken some.
const ROOM: usize = 64;

/// The calls that the tools of one attachment make.
#[derive(Debug)]
pub(super) struct Up {
    /// The host takes calls from within calls.
    enabled: bool,
    calls: Mutex<Calls>,
    /// Closed with the stream.
    room: Semaphore,
    more: Notify,
}

#[derive(Debug, Default)]
struct Calls {
    waiting: HashMap<Key, oneshot::Sender<v1::CallToolResponse>>,
    /// To be written, in the order in which it was said. Calls are as many as there is room for; what takes one back
    /// needs none, for there is one at most for each call that waits.
    queue: VecDeque<v1::RuntimeFrame>,
    lost: bool,
}

type Key = (String, String);

impl Up {
    pub(super) fn new(enabled: bool) -> Arc<Self> {
        let (room, more) = (Semaphore::new(ROOM), Notify::new());
        Arc::new(Self { enabled, calls: Mutex::default(), room, more })
    }

    /// Sends a call as soon as there is room for it; `None` where the stream is gone.
    async fn ask(&self, key: Key, call: v1::ToolCall) -> Option<Asked<'_>> {
        let room = self.room.acquire().await.ok()?;
        let (waiter, answer) = oneshot::channel();
        let mut calls = self.lock();
        if calls.lost {
            return None;
        }
        calls.waiting.insert(key.clone(), waiter);
        calls.queue.push_back(frames::frame(Frame::Call(call)));
        drop(calls);
        // Given back when the frame is taken.
        room.forget();
        self.more.notify_one();
        Some(Asked { up: self, key, answer })
    }

    /// The next frame for the host; pending while no tool has one.
    pub(super) async fn next(&self) -> v1::RuntimeFrame {
        loop {
            let frame = self.lock().queue.pop_front();
            if let Some(frame) = frame {
                if matches!(frame.frame, Some(Frame::Call(_))) {
                    self.room.add_permits(1);
                }
                return frame;
            }
            self.more.notified().await;
        }
    }

    /// Hands an answer to whoever waits for it; false where nobody does.
    pub(super) fn answered(&self, answer: v1::CallToolResponse) -> bool {
        let key = (answer.parent_invocation_id.clone(), answer.call_id.clone());
        let waiter = self.lock().waiting.remove(&key);
        waiter.is_some_and(|waiter| waiter.send(answer).is_ok())
    }

    /// The stream is gone, and with it every answer.
    pub(super) fn lost(&self) {
        self.room.close();
        *self.lock() = Calls { lost: true, ..Calls::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was sent. Dropped before its answer, it is taken back.
struct Asked<'a> {
    up: &'a Up,
    key: Key,
    answer: oneshot::Receiver<v1::CallToolResponse>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut calls = self.up.lock();
        // Without a stream nothing is left to be taken back.
        if calls.waiting.remove(&self.key).is_none() {
            return;
        }
        let (parent_invocation_id, call_id) = std::mem::take(&mut self.key);
        calls.queue.push_back(frames::frame(Frame::CancelCall(v1::CancelToolCall {
            call_id,
            parent_invocation_id,
            reason: "the tool does not wait for it any more".to_owned(),
            ..Default::default()
        })));
        drop(calls);
        self.up.more.notify_one();
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
        if !self.up.enabled {
            let message = format!("the host does not take calls from within calls (`{FEATURE}`); call from a client");
            return Err(Error::refused(v1::EnhancedError {
                message,
                r#type: crate::Code::FEATURE_UNAVAILABLE.as_str().to_owned(),
                correlation_id,
                ..Default::default()
            }));
        }
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
        let broken = || Error::broken(&correlation_id);
        let mut asked = self.up.ask((parent, call_id.clone()), message).await.ok_or_else(broken)?;
        let answer = (&mut asked.answer).await.map_err(|_| broken())?;
        drop(asked);
        if let Some(call_tool_response::Outcome::Error(error)) = answer.outcome {
            return Err(Error::refused(*error));
        }
        let correlation_id = answer.correlation_id.clone();
        Sent { call_id: &call_id, name, correlation_id: &correlation_id }.read(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Poll, Waker};

    use super::*;

    /// What the future gives without waiting.
    fn once<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut std::task::Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn key(call_id: &str) -> Key {
        ("i1".to_owned(), call_id.to_owned())
    }

    fn said(up: &Up) -> Option<Frame> {
        once(pin!(up.next())).and_then(|frame| frame.frame)
    }

    #[test]
    fn calls_wait_for_room_and_what_takes_one_back_comes_after_it() {
        let up = Up::new(true);
        let mut asked: Vec<_> = (0..ROOM)
            .map(|n| once(pin!(up.ask(key(&n.to_string()), v1::ToolCall::default()))).flatten().expect("there is room"))
            .collect();
        let mut next = Box::pin(up.ask(key("next"), v1::ToolCall::default()));
        assert!(once(next.as_mut()).is_none(), "there is no room left");
        let never = Box::pin(up.ask(key("never"), v1::ToolCall::default()));
        drop(never);
        drop(asked.remove(0));
        assert!(once(next.as_mut()).is_none(), "the call still waits to be written");
        for _ in 0..ROOM {
            assert!(matches!(said(&up), Some(Frame::Call(_))));
        }
        let Some(Frame::CancelCall(cancel)) = said(&up) else { panic!("it was taken back") };
        assert_eq!(cancel.call_id, "0");
        let next = once(next.as_mut()).flatten();
        assert!(next.is_some() && matches!(said(&up), Some(Frame::Call(_))));
        assert!(said(&up).is_none(), "what never had room is not taken back");
    }

    #[test]
    fn a_lost_stream_ends_the_calls_that_wait_and_takes_no_more() {
        let up = Up::new(true);
        let mut asked = once(pin!(up.ask(key("a"), v1::ToolCall::default()))).flatten().expect("there is room");
        up.lost();
        assert!(matches!(once(pin!(&mut asked.answer)), Some(Err(_))));
        assert!(matches!(once(pin!(up.ask(key("b"), v1::ToolCall::default()))), Some(None)));
        drop(asked);
        assert!(said(&up).is_none());
    }
}
