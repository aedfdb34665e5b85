//! A session whose calls run here or at a runtime, as their modes say. The walk of a local call: find the tool, take a
//! place for its outcome, ask the host, check the grant, run, put the outcome into its place.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use grid_sdk::{CallOptions, Listing, Session, arguments};
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use crate::client::Shared;
use crate::clock;
use crate::epoch;
use crate::error::{Answered, FellBack, LocalError, Ran};
use crate::executor::Executor;
use crate::fallback::Step;
use crate::governed::Missed;
use crate::mode::{Modes, Plan};
use crate::registry::SessionTools;

/// A session of a [`LocalClient`](crate::LocalClient).
pub struct LocalSession {
    pub(crate) shared: Arc<Shared>,
    pub(crate) session: Session,
    pub(crate) executor: Executor,
    modes: Modes,
    /// What the host listed last.
    listings: RwLock<BTreeMap<String, Arc<Listing>>>,
    /// The newest policy epoch that was heard of.
    epoch: Arc<AtomicU64>,
    _watch: DropGuard,
}

impl fmt::Debug for LocalSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSession")
            .field("session", &self.session)
            .field("modes", &self.modes)
            .finish_non_exhaustive()
    }
}

/// One call on its way.
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) args: String,
    pub(crate) call_id: String,
    pub(crate) correlation_id: String,
    pub(crate) deadline: Option<Instant>,
    receipt: bool,
    base: String,
    pub(crate) tries: u32,
}

impl Call {
    fn new(name: &str, args: String, options: CallOptions) -> Self {
        let call_id = options.call_id.unwrap_or_else(clock::call_id);
        Self {
            name: name.to_owned(),
            args,
            base: call_id.clone(),
            call_id,
            correlation_id: options.correlation_id.unwrap_or_else(clock::correlation_id),
            deadline: options.deadline.and_then(|within| Instant::now().checked_add(within)),
            receipt: options.receipt,
            tries: 0,
        }
    }

    /// What is left of the time that the caller gives; `None` without a limit.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Takes another id, made of the first one, where the host may have used this one up.
    pub(crate) fn renew(&mut self) {
        const LONGEST: usize = 128;
        let next = format!("{}~{}", self.base, self.tries + 1);
        self.call_id = if next.len() <= LONGEST { next } else { clock::call_id() };
    }
}

impl LocalSession {
    pub(crate) fn new(shared: Arc<Shared>, session: Session, modes: Modes, tools: SessionTools) -> Self {
        let epoch = Arc::new(AtomicU64::new(0));
        let stop = shared.stop.child_token();
        let watch = epoch::follow(session.clone(), Arc::clone(&epoch));
        shared.tasks.spawn(stop.clone().run_until_cancelled_owned(watch));
        let executor = Executor::new(tools).concurrency(shared.concurrency);
        let listings = RwLock::default();
        Self { shared, session, executor, modes, listings, epoch, _watch: stop.drop_guard() }
    }

    /// The session as the host knows it, to list and to call without any tool of this process.
    #[must_use]
    pub const fn remote(&self) -> &Session {
        &self.session
    }

    /// Calls a tool and gives its success, wherever it ran.
    ///
    /// # Errors
    /// [`LocalError`]; a tool's own error as `Host` with `ToolFailed`.
    pub async fn call(&self, name: &str, args: impl Serialize) -> Result<grid_sdk::CallAnswer, LocalError> {
        let answered = self.call_with(name, args, CallOptions::default()).await?;
        let fell_back = answered.fell_back.clone();
        answered.into_result().map_err(|error| LocalError::Host { error, fell_back })
    }

    /// Calls a tool and says how it ended and where. Dropping the future does not stop a tool that has started; its
    /// outcome is told to the host all the same.
    ///
    /// # Errors
    /// [`LocalError`].
    pub async fn call_with(
        &self,
        name: &str,
        args: impl Serialize,
        options: CallOptions,
    ) -> Result<Answered, LocalError> {
        let args = arguments(&args)?;
        let args = if args == "null" { "{}".to_owned() } else { args };
        let mut call = Call::new(name, args, options);
        match self.modes.of(name).plan(self.shared.environment, name, &call.args) {
            Plan::Remote => self.at_a_runtime(&call, None).await,
            Plan::Local { may_fall_back } => self.here(&mut call, may_fall_back).await,
        }
    }

    /// Ends the session once the host has heard of all outcomes, or `patience` has passed: what it hears of a session
    /// that has ended it does not take.
    ///
    /// # Errors
    /// `Host`.
    pub async fn close(self, patience: Duration) -> Result<(), LocalError> {
        self.shared.outcomes.flushed(patience).await;
        self.session.close(true).await?;
        Ok(())
    }

    async fn here(&self, call: &mut Call, may_fall_back: bool) -> Result<Answered, LocalError> {
        loop {
            call.tries += 1;
            let missed = match self.governed(call, may_fall_back).await {
                Ok(outcome) => return Ok(Answered { outcome, ran: Ran::Here, fell_back: None }),
                Err(missed) => missed,
            };
            match self.shared.fallback.bound(missed.step(), may_fall_back, call.tries) {
                Step::Again => missed.renew(call),
                Step::Remote => {
                    let fell_back = missed.fell_back();
                    tracing::info!(tool = call.name, correlation_id = call.correlation_id, "{fell_back}");
                    missed.renew(call);
                    return self.at_a_runtime(call, Some(fell_back)).await;
                }
                Step::Stop => return missed.end(),
            }
        }
    }

    async fn at_a_runtime(&self, call: &Call, fell_back: Option<FellBack>) -> Result<Answered, LocalError> {
        let options = CallOptions {
            call_id: Some(call.call_id.clone()),
            correlation_id: Some(call.correlation_id.clone()),
            deadline: call.left(),
            receipt: call.receipt,
            retries: None,
            approval: Some(self.shared.approval),
            provider: None,
        };
        match self.session.call_raw(&call.name, call.args.clone(), options).await {
            Ok(outcome) => Ok(Answered { outcome, ran: Ran::Remotely, fell_back }),
            Err(error) => Err(LocalError::Host { error, fell_back }),
        }
    }

    /// What the host says of a tool, as it was heard before or, where that is not enough, now.
    pub(crate) async fn listing(&self, name: &str, afresh: bool) -> Result<Option<Arc<Listing>>, Missed> {
        let known = || self.listings.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(listing) = known().filter(|_| !afresh) {
            return Ok(Some(listing));
        }
        let listed = self.session.list_tools().await.map_err(Missed::unlisted)?;
        let listed = listed.into_iter().map(|listing| (listing.name.clone(), Arc::new(listing))).collect();
        *self.listings.write().unwrap_or_else(PoisonError::into_inner) = listed;
        Ok(known())
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}
