//! The life of a runtime as a table. Everything that decides what follows what is here; the doing is in `life.rs`.
//!
//! | state      | event    | next       | when                                                      |
//! |------------|----------|------------|-----------------------------------------------------------|
//! | Connecting | Reached  | Announcing | the stream is open                                        |
//! | Connecting | Lost     | Backoff    | the host cannot be reached now                            |
//! | Announcing | Accepted | Serving    | announced, and at least one tool is accepted              |
//! | Announcing | Lost     | Backoff    | the stream broke, or the refusal allows another try       |
//! | Serving    | Lost     | Backoff    | the stream broke, or the host said bye or fell silent     |
//! | Serving    | Drain    | Draining   | the host asked, or this program is told to stop           |
//! | Draining   | Lost     | Backoff    | the calls are answered, or the stream broke               |
//! | Backoff    | Rested   | Connecting | the pause is over                                         |
//! | any        | Stop     | Closed     | this program is told to stop and nothing is left to answer |
//! | any        | Refused  | Closed     | no further try can mend it                                |

/// Where a runtime stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Reaching the host.
    #[default]
    Connecting,
    /// Introducing itself and its tools.
    Announcing,
    /// Answering calls.
    Serving,
    /// Finishing calls; no new ones are wanted.
    Draining,
    /// Waiting before the next try.
    Backoff,
    /// Ended for good.
    Closed,
}

/// What can happen to a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Reached,
    Accepted,
    Drain,
    Lost,
    Rested,
    Stop,
    Refused,
}

/// The table above. An event that a state does not know leaves it as it is.
pub(super) const fn next(state: State, event: Event) -> State {
    match (state, event) {
        (State::Closed, _) | (_, Event::Stop | Event::Refused) => State::Closed,
        (State::Connecting, Event::Reached) => State::Announcing,
        (State::Announcing, Event::Accepted) => State::Serving,
        (State::Serving, Event::Drain) => State::Draining,
        (State::Connecting | State::Announcing | State::Serving | State::Draining, Event::Lost) => State::Backoff,
        (State::Backoff, Event::Rested) => State::Connecting,
        (unmoved, _) => unmoved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 6] =
        [State::Connecting, State::Announcing, State::Serving, State::Draining, State::Backoff, State::Closed];

    #[test]
    fn a_lost_stream_leads_back_to_serving() {
        let events = [Event::Lost, Event::Rested, Event::Reached, Event::Accepted];
        let end = events.into_iter().fold(State::Serving, next);
        assert_eq!(end, State::Serving);
    }

    #[test]
    fn nobody_serves_without_having_announced() {
        for state in STATES {
            let serves = next(state, Event::Accepted) == State::Serving;
            assert_eq!(serves, matches!(state, State::Announcing | State::Serving), "{state:?}");
        }
    }

    #[test]
    fn closed_is_the_end_and_every_state_can_reach_it() {
        for state in STATES {
            assert_eq!(next(state, Event::Stop), State::Closed);
            assert_eq!(next(state, Event::Refused), State::Closed);
        }
        for event in [Event::Reached, Event::Accepted, Event::Drain, Event::Lost, Event::Rested] {
            assert_eq!(next(State::Closed, event), State::Closed);
        }
    }
}
