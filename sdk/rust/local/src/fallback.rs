//! What follows a failure on the way of a local run: the matrix of the protocol (3.10), where a denial is final (Q15) and
//! nothing runs twice that must not (Q19, R-112, R-113).

use grid_sdk::{Code, Error};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The call is over with this failure.
    Stop,
    /// A runtime may run it.
    Remote,
    /// Ask for another authorization, once; then a runtime.
    Again,
}

/// How a program wants failures of local runs to be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fallback {
    /// By the matrix: what may be tried again is tried once more here, then at a runtime.
    #[default]
    Graceful,
    /// Every failure is returned at once.
    FailFast,
    /// What may be tried again is tried once more here, and never at a runtime.
    Retry,
}

/// How a tool failed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// It did not start: the arguments do not suit the tool that is here, or there was no room in time.
    NotStarted,
    /// It answered an error, crashed, or answered nothing that can be used.
    Failed,
    /// It did not end in time.
    Hung,
}

/// After an authorization that gave no approval. Nothing has run and nothing can.
pub(crate) fn unauthorized(error: &Error) -> Step {
    match error {
        // The host has decided (Q15), and so it has where it only lacks the room: it says when to come again.
        Error::Refused(refusal) => match refusal.code.as_str() {
            "RATE_LIMIT_EXCEEDED" | "RESOURCE_EXHAUSTED" | "FEATURE_UNAVAILABLE" => Step::Remote,
            _ => Step::Stop,
        },
        // Connections that were refused, broke or were slow; certificates and malformed requests are final.
        Error::Transport(fault) if fault.transient || fault.code == Code::FEATURE_UNAVAILABLE => Step::Remote,
        // An approval that proves nothing smells of tampering; a wrong setting stays wrong.
        _ => Step::Stop,
    }
}

/// After a run that failed.
pub(crate) fn unsuccessful(run: Run, repeatable: bool) -> Step {
    match run {
        Run::NotStarted => Step::Remote,
        Run::Failed if repeatable => Step::Again,
        Run::Hung if repeatable => Step::Remote,
        Run::Failed | Run::Hung => Step::Stop,
    }
}

impl Fallback {
    /// What is left of a step where falling back is allowed or not.
    pub(crate) const fn bound(self, step: Step, may_fall_back: bool, tries: u32) -> Step {
        match (self, step) {
            (Self::FailFast, _) => Step::Stop,
            (_, Step::Stop) => Step::Stop,
            (_, Step::Again) if tries < 2 => Step::Again,
            (Self::Retry, _) => Step::Stop,
            (Self::Graceful, _) if may_fall_back => Step::Remote,
            (Self::Graceful, _) => Step::Stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_started_and_may_not_run_twice_ends_the_call() {
        for run in [Run::Failed, Run::Hung] {
            assert_eq!(unsuccessful(run, false), Step::Stop);
            assert_ne!(unsuccessful(run, true), Step::Stop);
        }
        assert_eq!(unsuccessful(Run::NotStarted, false), Step::Remote);
    }

    #[test]
    fn local_only_never_leaves_and_fail_fast_never_tries_again() {
        for step in [Step::Stop, Step::Remote, Step::Again] {
            assert_eq!(Fallback::FailFast.bound(step, true, 1), Step::Stop);
            assert_ne!(Fallback::Graceful.bound(step, false, 1), Step::Remote);
            assert_ne!(Fallback::Retry.bound(step, true, 1), Step::Remote);
        }
        assert_eq!(Fallback::Graceful.bound(Step::Again, true, 1), Step::Again);
        assert_eq!(Fallback::Graceful.bound(Step::Again, true, 2), Step::Remote);
        assert_eq!(Fallback::Graceful.bound(Step::Again, false, 2), Step::Stop);
    }
}
