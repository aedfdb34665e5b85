//! The state of all three: caller, host with its log, runtime. An execution is a number; 0 and 1 are those of the one
//! call at a runtime, a `write`, and 2 is the grant.

/// The grant's.
pub const GRANT: u8 = 2;

/// Mistakes that a design could make, one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A call is sent while its intent is still being written.
    DispatchesBeforeTheIntentIsDurable,
    /// An answer leaves while its outcome is still being written.
    AnswersBeforeTheOutcomeIsDurable,
    /// The log says that something is durable when it is appended.
    AcknowledgesBeforeTheSync,
    /// A start leaves intents as they are.
    LeavesIntentsOpen,
    /// A start ends every intent, those too that have ended.
    EndsIntentsTwice,
    /// A result that comes late makes another outcome.
    ConcludesLateResults,
    /// The same call_id begins another execution.
    RunsRepeats,
    /// What a runtime that crashed may have done is sent to it again.
    SendsAgainAfterACrash,
    /// An outcome that is not known is taken for none: the caller sends a write again.
    RepeatsTheUnknown,
    /// The decision is not looked at again before the call is sent.
    SendsUnderAnOldEpoch,
    /// The log stores intents that a revocation overtook.
    StoresOvertakenIntents,
    /// A revocation is answered when it is on record, and takes effect after that.
    RevokesAfterItSaidSo,
    /// A grant is issued while its intent is still being written.
    IssuesBeforeTheIntentIsDurable,
    /// A grant can be reported once more while its outcome is being written.
    RedeemsTwice,
    /// A revocation forgets the grants that are open.
    LeavesGrantsOpen,
    /// A start takes up grants that were revoked before it.
    TakesUpRevokedGrants,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Success,
    Failed,
    /// The host was gone when it did.
    Unknown,
    Unreported,
    Revoked,
}

/// An entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Record {
    Intent { of: u8, epoch: u8 },
    Outcome { of: u8, outcome: Outcome },
    Revoked { epoch: u8 },
}

/// Where the host is with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    Free,
    Decided {
        of: u8,
        epoch: u8,
    },
    /// Its intent is being written.
    Admitting {
        of: u8,
        epoch: u8,
    },
    Admitted {
        of: u8,
        epoch: u8,
    },
    Sent {
        of: u8,
        epoch: u8,
    },
    /// Its outcome is being written.
    Concluding {
        of: u8,
        outcome: Outcome,
    },
    /// For repeats.
    Kept {
        of: u8,
        outcome: Outcome,
    },
}

/// Where the host is with the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grant {
    None,
    Admitting { epoch: u8 },
    Open { epoch: u8 },
    Concluding { outcome: Outcome },
    Over,
}

/// What the caller knows of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    Idle,
    Waiting,
    /// Of this execution.
    Answered {
        of: u8,
        outcome: Outcome,
    },
    /// Its connection was lost.
    Lost,
}

/// What the caller knows of its grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    Nothing,
    Asked,
    /// It may run it.
    Holds,
    /// It has run it, and has not heard that the host knows.
    Ran,
    /// The host took its report.
    Reported,
}

/// What may still happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Budget {
    pub host_crashes: u8,
    pub runtime_crashes: u8,
    pub revocations: u8,
    pub repeats: u8,
}

/// What nobody in the system knows, and the promises are about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// How often the write ran.
    pub writes: u8,
    /// Something ran, or could, whose intent was not durable.
    pub unadmitted: bool,
    /// A call was sent under a decision older than a revocation that had been answered.
    pub stale: bool,
    /// The caller was told of an outcome that was not durable.
    pub untold: bool,
    /// A result came for what had ended.
    pub late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub caller: Caller,
    pub holder: Holder,
    pub up: bool,
    pub epoch: u8,
    /// Highest of a revocation that was answered.
    pub returned: u8,
    /// One that is being written.
    pub revoking: Option<u8>,
    pub slot: Slot,
    pub grant: Grant,
    /// Executions of the call that were begun.
    pub begun: u8,
    /// Appended, not synced.
    pub pending: Vec<Record>,
    pub log: Vec<Record>,
    /// Calls on their way to the runtime.
    pub calls: Vec<u8>,
    /// What the runtime works on.
    pub running: Option<u8>,
    /// Results on their way to the host.
    pub results: Vec<u8>,
    pub budget: Budget,
    pub seen: Seen,
}

impl State {
    pub fn has(&self, record: Record) -> bool {
        self.log.contains(&record)
    }

    /// Its intent would survive a crash now.
    pub fn is_admitted(&self, of: u8) -> bool {
        self.log.iter().any(|record| matches!(record, Record::Intent { of: found, .. } if *found == of))
    }

    pub fn outcomes(&self, of: u8) -> usize {
        self.log.iter().filter(|record| matches!(record, Record::Outcome { of: found, .. } if *found == of)).count()
    }

    /// The highest epoch that the log knows of.
    pub fn recorded_epoch(&self) -> u8 {
        let epoch = |record: &Record| match record {
            Record::Intent { epoch, .. } | Record::Revoked { epoch } => *epoch,
            Record::Outcome { .. } => 0,
        };
        self.log.iter().map(epoch).max().unwrap_or(0).max(1)
    }

    /// Nobody has anything left to do but what others begin.
    pub fn is_quiet(&self) -> bool {
        self.up
            && self.pending.is_empty()
            && matches!(self.slot, Slot::Free | Slot::Kept { .. })
            && matches!(self.grant, Grant::None | Grant::Over)
    }
}
