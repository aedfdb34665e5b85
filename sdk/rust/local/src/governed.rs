//! One try of a call to run here. It ends with an outcome, or with what was missed and what may follow that.

use std::sync::Arc;
use std::time::Duration;

use grid_adm::{ArgumentChecker, ExtraArgs, Schema};
use grid_sdk::{Approval, AuthorizeOptions, Code, Error, Listing, Outcome, Session, ToolError};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::error::{FellBack, LocalError};
use crate::executor::Prepared;
use crate::fallback::{self, Run, Step};
use crate::outcomes::Room;
use crate::permit::{Expected, NotGranted, Permit, Terms};
use crate::registry::{Entry, same_arguments};
use crate::session::{Call, LocalSession};

/// Why a call has no success here yet.
pub(crate) struct Missed {
    step: Step,
    started: bool,
    /// The host may have used the call's id up.
    used: bool,
    end: End,
}

/// What it is for the caller where nothing follows.
enum End {
    Error(LocalError),
    Outcome(Outcome, ToolError),
}

impl Missed {
    fn new(step: Step, error: LocalError) -> Self {
        Self { step, started: false, used: false, end: End::Error(error) }
    }

    /// The host was asked and gave no approval.
    pub(crate) fn unauthorized(error: Error) -> Self {
        let step = fallback::unauthorized(&error);
        let used = matches!(&error, Error::Transport(fault) if !fault.before_send);
        Self { used, ..Self::new(step, error.into()) }
    }

    /// The host was not even asked.
    pub(crate) fn unlisted(error: Error) -> Self {
        Self { used: false, ..Self::unauthorized(error) }
    }

    fn ran(run: Run, repeatable: bool, outcome: Outcome, fault: ToolError) -> Self {
        let step = fallback::unsuccessful(run, repeatable);
        Self { step, started: true, used: true, end: End::Outcome(outcome, fault) }
    }

    pub(crate) const fn step(&self) -> Step {
        self.step
    }

    pub(crate) fn renew(&self, call: &mut Call) {
        if self.used {
            call.renew();
        }
    }

    pub(crate) fn fell_back(&self) -> FellBack {
        let (code, reason) = match &self.end {
            End::Error(error) => (error.code(), error.to_string()),
            End::Outcome(_, fault) => (fault.kind().clone(), fault.message().to_owned()),
        };
        FellBack { code, reason, started: self.started }
    }

    pub(crate) fn end(self) -> Result<crate::Answered, LocalError> {
        match self.end {
            End::Error(error) => Err(error),
            End::Outcome(outcome, _) => Ok(crate::Answered { outcome, ran: crate::Ran::Here, fell_back: None }),
        }
    }
}

/// No host is asked more often, whatever it says.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

impl LocalSession {
    pub(crate) async fn governed(&self, call: &Call, may_fall_back: bool) -> Result<Outcome, Missed> {
        let (entry, listing) = self.found(call).await?;
        // Before the host is asked: an approval that could not be used would only be in the way.
        let room = self.shared.outcomes.reserve().map_err(|full| Missed::new(Step::Remote, full.into()))?;
        let (permit, listing) = self.permit(call, listing).await?;
        let unused = Unused::new(self, &permit);
        let (left, unused) = self.may_start(&permit, unused).await?;
        let patience = call.left().map_or(left, |own| own.min(left));
        let prepared =
            match tokio::time::timeout(patience, self.executor.prepare(&entry, &permit.approval().args)).await {
                Ok(Ok(prepared)) => prepared,
                Ok(Err(fault)) => return self.not_started(permit, room, fault, may_fall_back).await,
                Err(_) => {
                    let fault = ToolError::new(Code::RESOURCE_EXHAUSTED, "there was no room for the tool here in time");
                    return self.not_started(permit, room, fault, may_fall_back).await;
                }
            };
        // It may have waited for its room.
        let (left, unused) = self.may_start(&permit, unused).await?;
        let left = left.min(listing.timeout.max(Duration::from_millis(1)));
        let within = call.left().map_or(left, |own| own.min(left));
        let repeatable = matches!(listing.effect.as_str(), "pure" | "read");
        unused.settled();
        run(self, Started { permit, room, prepared, within, repeatable }).await
    }

    /// The tool, where it is here and takes what the host's contract says.
    async fn found(&self, call: &Call) -> Result<(Arc<Entry>, Arc<Listing>), Missed> {
        let not_here =
            |why: &str| Missed::new(Step::Remote, LocalError::NotHere { tool: call.name.clone(), why: why.to_owned() });
        let entry = self.executor.find(&call.name);
        let entry =
            entry.ok_or_else(|| not_here("it is not registered in this session; register it, or use a runtime"))?;
        let listing = self.listing(&call.name, false).await?;
        let listing = listing.ok_or_else(|| not_here("the host does not list it for this caller; ask its operator"))?;
        let contract = Schema::read(&listing.parameters).ok();
        if !contract.is_some_and(|(contract, _)| same_arguments(&entry.parameters, &contract)) {
            return Err(not_here("it takes other arguments than the host's contract says; bring the two together"));
        }
        Ok((entry, listing))
    }

    /// Asks the host, and believes nothing but a grant that proves itself.
    async fn permit(&self, call: &Call, mut listing: Arc<Listing>) -> Result<(Permit, Arc<Listing>), Missed> {
        let (approval, asked_at) = self.approved(call).await?;
        let check = |listing: &Listing| {
            let expected = Expected { contract: &listing.digest, asked_at };
            Terms::of(&approval, &self.shared.trust, expected)
                .and_then(|terms| if made_of(&approval, &call.args, listing) { Ok(terms) } else { Err(OTHER_ARGS) })
        };
        let mut checked = check(&listing);
        // The contract may have been changed since it was listed; the tool here must suit the new one too.
        if checked.as_ref().is_err_and(|fault| *fault == NotGranted::Other("contract")) {
            self.listing(&call.name, true).await?;
            (_, listing) = self.found(call).await?;
            checked = check(&listing);
        }
        match checked {
            Ok(terms) => Ok((Permit::new(approval, terms), listing)),
            Err(fault) => {
                tracing::error!(%fault, tool = call.name, correlation_id = call.correlation_id, "a grant does not hold");
                let cancelled = self.session.cancel_grant(&approval, "the grant does not hold").await;
                let step = if fault == NotGranted::Expired && cancelled.is_ok() { Step::Again } else { Step::Stop };
                Err(Missed { used: true, ..Missed::new(step, fault.into()) })
            }
        }
    }

    /// The host's word, and when it was asked for. Where a person has to approve the call, it is asked again and again
    /// for as long as this client waits; a grant counts from the last of these.
    async fn approved(&self, call: &Call) -> Result<(Approval, Instant), Missed> {
        let began = Instant::now();
        loop {
            let asked_at = Instant::now();
            let options = AuthorizeOptions {
                call_id: Some(call.call_id.clone()),
                correlation_id: Some(call.correlation_id.clone()),
                timeout: call.left(),
                digest_only: self.shared.digest_only.contains(&call.name),
                ..AuthorizeOptions::default()
            };
            let error = match self.session.authorize_raw(&call.name, call.args.clone(), options).await {
                Ok(approval) => return Ok((approval, asked_at)),
                Err(error) => error,
            };
            let waits = match &error {
                Error::Refused(refusal) if refusal.waits_for().is_some() => refusal.retry_after,
                _ => None,
            };
            let pause = waits.map(|pause| pause.max(SHORTEST_PAUSE));
            let patience = self.shared.approval.saturating_sub(began.elapsed());
            let patience = call.left().map_or(patience, |own| own.min(patience));
            match pause.filter(|pause| *pause <= patience) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(Missed::unauthorized(error)),
            }
        }
    }

    /// How long the tool may run from now on. A grant that is void or too old is given back, and another asked for.
    async fn may_start(&self, permit: &Permit, unused: Unused) -> Result<(Duration, Unused), Missed> {
        let fault = match permit.left(self.epoch()) {
            Ok(left) => return Ok((left, unused)),
            Err(fault) => fault,
        };
        unused.settled();
        match self.session.cancel_grant(permit.approval(), &fault.to_string()).await {
            Ok(true) => Err(Missed { used: true, ..Missed::new(Step::Again, fault.into()) }),
            other => Err(not_cancelled(permit.approval(), other)),
        }
    }

    /// A runtime may have the call when it is certain that its grant is over; where it may not go there, the failure is
    /// the outcome.
    async fn not_started(
        &self,
        permit: Permit,
        room: Room,
        fault: ToolError,
        may_fall_back: bool,
    ) -> Result<Outcome, Missed> {
        let step = fallback::unsuccessful(Run::NotStarted, false);
        if self.shared.fallback.bound(step, may_fall_back, u32::MAX) != Step::Remote {
            let report = permit.report(Err(fault), Duration::ZERO);
            let outcome = Outcome::local(&report);
            room.record(report).await;
            return Ok(outcome);
        }
        match self.session.cancel_grant(permit.approval(), fault.message()).await {
            Ok(true) => {
                let (tool, why) = (permit.approval().name.clone(), fault.message().to_owned());
                Err(Missed::new(Step::Remote, LocalError::NotHere { tool, why }))
            }
            other => Err(not_cancelled(permit.approval(), other)),
        }
    }
}

/// A host that approves other arguments than the contract makes of those that were sent has the tool run at its will.
const OTHER_ARGS: NotGranted = NotGranted::Other("arguments");

/// Whether the approved arguments are those that were sent, or what the contract makes of them: without those that it
/// does not declare, where it ignores them.
fn made_of(approval: &Approval, sent: &str, listing: &Listing) -> bool {
    if approval.args == sent {
        return true;
    }
    let (Ok(sent), Ok((contract, _))) = (grid_adm::json::parse(sent), Schema::read(&listing.parameters)) else {
        return false;
    };
    [ExtraArgs::Ignore, ExtraArgs::Pass].into_iter().any(|extra| {
        let checker = ArgumentChecker::compile(&contract, extra);
        checker.is_ok_and(|checker| grid_adm::digest(&checker.prepare(&sent)) == approval.args_digest)
    })
}

/// Gives the grant back where the caller goes away before the tool has started.
struct Unused {
    session: Session,
    tasks: TaskTracker,
    approval: Option<Arc<Approval>>,
}

impl Unused {
    fn new(session: &LocalSession, permit: &Permit) -> Self {
        let tasks = session.shared.tasks.clone();
        Self { session: session.session.clone(), tasks, approval: Some(permit.shared()) }
    }

    /// Somebody else sees to it.
    fn settled(mut self) {
        self.approval = None;
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        if let (Some(approval), Ok(_)) = (self.approval.take(), tokio::runtime::Handle::try_current()) {
            let session = self.session.clone();
            self.tasks.spawn(async move {
                // Without an answer it ends by itself, as one that was not reported.
                let _ = session.cancel_grant(&approval, "its caller has gone").await;
            });
        }
    }
}

/// The grant may still be open, so nobody else may have the call.
fn not_cancelled(approval: &Approval, answer: Result<bool, Error>) -> Missed {
    let why = match answer {
        Ok(_) => "the host says that it is used".to_owned(),
        Err(error) => error.to_string(),
    };
    Missed::new(Step::Stop, LocalError::NotCancelled { tool: approval.name.clone(), why })
}

struct Started {
    permit: Permit,
    room: Room,
    prepared: Prepared,
    within: Duration,
    repeatable: bool,
}

/// Runs on a task of its own, so that nothing runs unreported because its caller has gone.
async fn run(session: &LocalSession, started: Started) -> Result<Outcome, Missed> {
    let Started { permit, room, prepared, within, repeatable } = started;
    let work = async move {
        let began = Instant::now();
        let answer = prepared.run(Some(within)).await;
        let fault = answer.as_ref().err().cloned();
        let report = permit.report(answer, began.elapsed());
        let outcome = Outcome::local(&report);
        room.record(report).await;
        (outcome, fault)
    };
    let ended = session.shared.tasks.spawn(work).await;
    let (outcome, fault) = ended.map_err(|_| {
        let error = LocalError::NotHere { tool: String::new(), why: "this program is ending".to_owned() };
        Missed { used: true, ..Missed::new(Step::Stop, error) }
    })?;
    let Some(fault) = fault else { return Ok(outcome) };
    match fault.kind().as_str() {
        "TOOL_EXECUTION_FAILED" | "LOCAL_EXECUTION_FAILED" => Err(Missed::ran(Run::Failed, repeatable, outcome, fault)),
        "TIMEOUT" => Err(Missed::ran(Run::Hung, repeatable, outcome, fault)),
        // An error that the tool has a word for is its answer.
        _ => Ok(outcome),
    }
}
