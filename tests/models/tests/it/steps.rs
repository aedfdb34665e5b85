//! What each step changes. Where a design bug is switched on, the line that it is about does something else.

use crate::{
    design::{Protocol, Step},
    state::{Bug, Caller, GRANT, Grant, Holder, Outcome, Record, Slot, State},
};

impl Protocol {
    /// The state after a step; none where the step is not possible.
    pub fn after(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        let done = match step {
            Step::Ask => ask(&mut next),
            Step::Repeat => self.repeat(&mut next),
            Step::Run => run(&mut next),
            Step::Answer => answer(&mut next, false),
            Step::AnswerTwice => answer(&mut next, true),
            Step::AskGrant => self.ask_grant(&mut next),
            Step::RunGrant => run_grant(&mut next),
            Step::CrashRuntime => self.crash_runtime(&mut next),
            Step::CrashHost { keeps } => crash_host(&mut next, keeps),
            Step::StartHost => self.start_host(&mut next),
            _ if !next.up => None,
            Step::Decide => decide(&mut next),
            Step::AppendIntent => self.append_intent(&mut next),
            Step::Sync => self.sync(&mut next),
            Step::Dispatch => self.dispatch(&mut next),
            Step::TakeResult => self.take_result(&mut next),
            Step::TimeOut => self.time_out(&mut next),
            Step::Revoke => self.revoke(&mut next),
            Step::Report => self.report(&mut next),
            Step::ExpireGrant => self.expire_grant(&mut next),
        };
        done.map(|()| next)
    }

    /// With the same call_id. One that runs is joined, one that ended is answered from memory.
    fn repeat(&self, state: &mut State) -> Option<()> {
        if state.budget.repeats == 0 || !state.up {
            return None;
        }
        match (state.caller, state.slot) {
            (Caller::Waiting | Caller::Answered { .. }, Slot::Kept { .. } | Slot::Sent { .. })
                if self.has(Bug::RunsRepeats) =>
            {
                state.slot = Slot::Free;
            }
            (Caller::Answered { .. }, Slot::Kept { of, outcome }) => {
                state.caller = Caller::Answered { of, outcome };
            }
            // The session ended with the host, so this is another call. Nobody sends a write again whose outcome they do
            // not know.
            (Caller::Lost, Slot::Free) if state.begun == 0 || self.has(Bug::RepeatsTheUnknown) => {}
            _ => return None,
        }
        state.budget.repeats -= 1;
        state.caller = match state.slot {
            Slot::Kept { .. } => state.caller,
            _ => Caller::Waiting,
        };
        Some(())
    }

    fn append_intent(&self, state: &mut State) -> Option<()> {
        let Slot::Decided { of, epoch } = state.slot else { return None };
        if epoch < state.epoch && !self.has(Bug::StoresOvertakenIntents) {
            // It is decided anew.
            state.slot = Slot::Decided { of, epoch: state.epoch };
            return Some(());
        }
        state.pending.push(Record::Intent { of, epoch });
        state.slot = Slot::Admitting { of, epoch };
        if self.has(Bug::AcknowledgesBeforeTheSync) {
            state.slot = Slot::Admitted { of, epoch };
        }
        Some(())
    }

    /// What was appended is durable, and whoever waits for it is told.
    fn sync(&self, state: &mut State) -> Option<()> {
        if state.pending.is_empty() {
            return None;
        }
        let synced = std::mem::take(&mut state.pending);
        state.log.extend(synced);
        if let Slot::Admitting { of, epoch } = state.slot
            && state.has(Record::Intent { of, epoch })
        {
            state.slot = Slot::Admitted { of, epoch };
        }
        if let Slot::Concluding { of, outcome } = state.slot {
            tell(state, of, outcome);
        }
        if let Grant::Admitting { epoch } = state.grant {
            // Rights that ended meanwhile end the grant before it is issued.
            state.grant = match epoch < state.epoch && !self.has(Bug::LeavesGrantsOpen) {
                true => self.conclude_grant(state, Outcome::Revoked),
                false => Grant::Open { epoch },
            };
            if matches!(state.grant, Grant::Open { .. }) && state.holder == Holder::Asked {
                state.holder = Holder::Holds;
            }
        } else if let Grant::Concluding { outcome } = state.grant
            && state.has(Record::Outcome { of: GRANT, outcome })
        {
            if outcome == Outcome::Success {
                state.holder = Holder::Reported;
            }
            state.grant = Grant::Over;
        }
        if let Some(epoch) = state.revoking.take() {
            state.returned = state.returned.max(epoch);
        }
        Some(())
    }

    fn dispatch(&self, state: &mut State) -> Option<()> {
        let (of, epoch) = match state.slot {
            Slot::Admitted { of, epoch } => (of, epoch),
            Slot::Admitting { of, epoch } if self.has(Bug::DispatchesBeforeTheIntentIsDurable) => (of, epoch),
            _ => return None,
        };
        if epoch < state.epoch && !self.has(Bug::SendsUnderAnOldEpoch) {
            self.conclude(state, of, Outcome::Failed);
            return Some(());
        }
        state.seen.stale |= epoch < state.returned;
        state.calls.push(of);
        state.slot = Slot::Sent { of, epoch };
        Some(())
    }

    fn take_result(&self, state: &mut State) -> Option<()> {
        let of = state.results.pop()?;
        match state.slot {
            Slot::Sent { of: sent, .. } if sent == of => self.conclude(state, of, Outcome::Success),
            _ => {
                state.seen.late = true;
                if self.has(Bug::ConcludesLateResults) && state.outcomes(of) > 0 {
                    state.pending.push(Record::Outcome { of, outcome: Outcome::Success });
                }
            }
        }
        Some(())
    }

    fn time_out(&self, state: &mut State) -> Option<()> {
        let Slot::Sent { of, .. } = state.slot else { return None };
        self.conclude(state, of, Outcome::Failed);
        Some(())
    }

    fn conclude(&self, state: &mut State, of: u8, outcome: Outcome) {
        state.pending.push(Record::Outcome { of, outcome });
        state.slot = Slot::Concluding { of, outcome };
        if self.has(Bug::AnswersBeforeTheOutcomeIsDurable) || self.has(Bug::AcknowledgesBeforeTheSync) {
            tell(state, of, outcome);
        }
    }

    /// The epoch begins, what rests on earlier ones ends, and then that is written down.
    fn revoke(&self, state: &mut State) -> Option<()> {
        if state.budget.revocations == 0 || state.revoking.is_some() {
            return None;
        }
        state.budget.revocations -= 1;
        let epoch = state.recorded_epoch().max(state.epoch) + 1;
        state.revoking = Some(epoch);
        state.pending.push(Record::Revoked { epoch });
        if self.has(Bug::RevokesAfterItSaidSo) {
            return Some(());
        }
        state.epoch = epoch;
        if matches!(state.grant, Grant::Open { .. }) && !self.has(Bug::LeavesGrantsOpen) {
            state.grant = self.conclude_grant(state, Outcome::Revoked);
        }
        Some(())
    }

    fn ask_grant(&self, state: &mut State) -> Option<()> {
        if !state.up || state.holder != Holder::Nothing || state.grant != Grant::None {
            return None;
        }
        let epoch = state.epoch;
        state.pending.push(Record::Intent { of: GRANT, epoch });
        state.grant = Grant::Admitting { epoch };
        state.holder = match self.has(Bug::IssuesBeforeTheIntentIsDurable) {
            true => Holder::Holds,
            false => Holder::Asked,
        };
        Some(())
    }

    fn conclude_grant(&self, state: &mut State, outcome: Outcome) -> Grant {
        state.pending.push(Record::Outcome { of: GRANT, outcome });
        Grant::Concluding { outcome }
    }

    fn report(&self, state: &mut State) -> Option<()> {
        if state.holder != Holder::Ran {
            return None;
        }
        match state.grant {
            Grant::Open { .. } => {}
            Grant::Concluding { outcome: Outcome::Success } if self.has(Bug::RedeemsTwice) => {
                let written = |record: &Record| matches!(record, Record::Outcome { of: GRANT, .. });
                if state.pending.iter().filter(|record| written(record)).count() > 1 {
                    return None;
                }
            }
            _ => return None,
        }
        state.grant = self.conclude_grant(state, Outcome::Success);
        Some(())
    }

    fn expire_grant(&self, state: &mut State) -> Option<()> {
        let Grant::Open { .. } = state.grant else { return None };
        state.grant = self.conclude_grant(state, Outcome::Unreported);
        Some(())
    }

    /// What it worked on is gone, and so is what was on its way. The host sees the stream end.
    fn crash_runtime(&self, state: &mut State) -> Option<()> {
        if state.budget.runtime_crashes == 0 {
            return None;
        }
        state.budget.runtime_crashes -= 1;
        (state.running, state.calls, state.results) = (None, Vec::new(), Vec::new());
        if let Slot::Sent { of, epoch } = state.slot {
            match self.has(Bug::SendsAgainAfterACrash) {
                true => state.slot = Slot::Admitted { of, epoch },
                false => self.conclude(state, of, Outcome::Failed),
            }
        }
        Some(())
    }

    /// Every intent without an outcome gets one, but for grants, which their callers may still report.
    fn start_host(&self, state: &mut State) -> Option<()> {
        if state.up {
            return None;
        }
        state.up = true;
        state.epoch = state.recorded_epoch();
        for of in 0..GRANT {
            let open = state.outcomes(of) == 0 || self.has(Bug::EndsIntentsTwice);
            if state.is_admitted(of) && open && !self.has(Bug::LeavesIntentsOpen) {
                state.log.push(Record::Outcome { of, outcome: Outcome::Unknown });
            }
        }
        if state.is_admitted(GRANT) && state.outcomes(GRANT) == 0 {
            let granted = |record: &Record| match record {
                Record::Intent { of: GRANT, epoch } => Some(*epoch),
                _ => None,
            };
            let epoch = state.log.iter().find_map(granted)?;
            state.grant = match epoch < state.epoch && !self.has(Bug::TakesUpRevokedGrants) {
                true => self.conclude_grant(state, Outcome::Revoked),
                false => Grant::Open { epoch },
            };
        }
        Some(())
    }
}

fn ask(state: &mut State) -> Option<()> {
    (state.caller == Caller::Idle).then(|| state.caller = Caller::Waiting)
}

fn decide(state: &mut State) -> Option<()> {
    let (Caller::Waiting, Slot::Free) = (state.caller, state.slot) else { return None };
    if state.begun == GRANT {
        return None;
    }
    state.slot = Slot::Decided { of: state.begun, epoch: state.epoch };
    state.begun += 1;
    Some(())
}

fn tell(state: &mut State, of: u8, outcome: Outcome) {
    state.seen.untold |= !state.has(Record::Outcome { of, outcome });
    state.slot = Slot::Kept { of, outcome };
    if state.caller == Caller::Waiting {
        state.caller = Caller::Answered { of, outcome };
    }
}

fn run(state: &mut State) -> Option<()> {
    if state.running.is_some() || state.calls.is_empty() {
        return None;
    }
    let of = state.calls.remove(0);
    state.running = Some(of);
    state.seen.writes += 1;
    state.seen.unadmitted |= !state.is_admitted(of);
    Some(())
}

fn answer(state: &mut State, twice: bool) -> Option<()> {
    let of = state.running.take()?;
    // Nobody hears it while the host is gone.
    if state.up {
        state.results.push(of);
        state.results.extend(twice.then_some(of));
    }
    Some(())
}

/// It needs nobody for that.
fn run_grant(state: &mut State) -> Option<()> {
    if state.holder != Holder::Holds {
        return None;
    }
    state.holder = Holder::Ran;
    state.seen.unadmitted |= !state.is_admitted(GRANT);
    Some(())
}

fn crash_host(state: &mut State, keeps: usize) -> Option<()> {
    if state.budget.host_crashes == 0 || !state.up {
        return None;
    }
    state.budget.host_crashes -= 1;
    state.up = false;
    let unsynced = std::mem::take(&mut state.pending);
    state.log.extend(unsynced.into_iter().take(keeps));
    (state.slot, state.grant, state.revoking) = (Slot::Free, Grant::None, None);
    // The runtime's stream is gone; what it works on goes on.
    (state.calls, state.results) = (Vec::new(), Vec::new());
    if state.caller == Caller::Waiting {
        state.caller = Caller::Lost;
    }
    Some(())
}
