//! The design as a model: which steps there are in a state, and how much may go wrong in one run.

use stateright::{Checker as _, Model, Property};

use crate::{
    promises,
    state::{Budget, Bug, Caller, Grant, Holder, Seen, Slot, State},
};

/// One thing that one of them does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Ask,
    Repeat,
    Decide,
    AppendIntent,
    Sync,
    Dispatch,
    Run,
    Answer,
    AnswerTwice,
    TakeResult,
    TimeOut,
    Revoke,
    AskGrant,
    RunGrant,
    Report,
    ExpireGrant,
    CrashRuntime,
    /// So many records that were appended and not synced are there after all.
    CrashHost {
        keeps: usize,
    },
    StartHost,
}

const STEPS: [Step; 21] = [
    Step::Ask,
    Step::Repeat,
    Step::Decide,
    Step::AppendIntent,
    Step::Sync,
    Step::Dispatch,
    Step::Run,
    Step::Answer,
    Step::AnswerTwice,
    Step::TakeResult,
    Step::TimeOut,
    Step::Revoke,
    Step::AskGrant,
    Step::RunGrant,
    Step::Report,
    Step::ExpireGrant,
    Step::CrashRuntime,
    Step::CrashHost { keeps: 0 },
    Step::CrashHost { keeps: 1 },
    Step::CrashHost { keeps: usize::MAX },
    Step::StartHost,
];

/// The protocol, with one mistake or none.
#[derive(Debug, Clone)]
pub struct Protocol {
    pub bug: Option<Bug>,
    pub budget: Budget,
}

impl Protocol {
    pub fn new(bug: Option<Bug>) -> Self {
        let budget = Budget { host_crashes: 2, runtime_crashes: 1, revocations: 2, repeats: 1 };
        Self { bug, budget }
    }

    pub fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            caller: Caller::Idle,
            holder: Holder::Nothing,
            up: true,
            epoch: 1,
            returned: 0,
            revoking: None,
            slot: Slot::Free,
            grant: Grant::None,
            begun: 0,
            pending: Vec::new(),
            log: Vec::new(),
            calls: Vec::new(),
            running: None,
            results: Vec::new(),
            budget: self.budget.clone(),
            seen: Seen::default(),
        }]
    }

    /// All of them; one that is not possible leads nowhere.
    fn actions(&self, _state: &State, steps: &mut Vec<Step>) {
        steps.extend(STEPS);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        self.after(last, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all()
    }
}

#[test]
fn the_design_holds_in_every_state() {
    let checker = Protocol::new(None).checker().threads(2).spawn_bfs().join();
    println!("{} states, at most {} steps from the first", checker.unique_state_count(), checker.max_depth());
    checker.assert_properties();
    assert!(checker.is_done());
}
