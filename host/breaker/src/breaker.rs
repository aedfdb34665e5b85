//! One breaker: closed → open → half open → recovering → closed, and back to open from everywhere. It reads no clock
//! and waits for nobody; whoever asks says what time it is.

use std::time::Duration;

use grid_core::Code;

use crate::{
    settings::Settings,
    window::{Tally, Window},
};

/// When to ask again where no time is known: places of a breaker that is half open come back with their calls.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ALL: u32 = 100;

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Every call passes.
    Closed,
    /// No call passes.
    Open,
    /// A few calls pass, to see how they end.
    HalfOpen,
    /// A share of the calls passes, and grows.
    Recovering,
}

impl Phase {
    /// As lists, records and metrics write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Recovering => "recovering",
        }
    }

    /// The value of its gauge (protocol 6.1).
    #[must_use]
    pub fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen | Self::Recovering => 0.5,
            Self::Open => 1.0,
        }
    }
}

/// How a call ended, as far as a breaker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Well, and soon enough.
    Well,
    /// Well, and too late.
    Slow,
    /// Badly, with this code.
    Failed(Code),
    /// In a way that says nothing: its caller's fault or wish, or nobody was asked.
    Neutral,
}

/// One breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    state: State,
    /// Grows with every change; a call that began before a change says nothing after it.
    generation: u64,
    consecutive: u32,
    window: Window,
    /// Times that it opened since it was last closed.
    reopened: u32,
    opened: u64,
    /// When it opened first since it was last closed.
    left: Option<Duration>,
    last_code: Option<Code>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Closed,
    Open {
        until: Duration,
        /// Good reports since then, and when the last one came.
        reports: u32,
        heard: Duration,
    },
    HalfOpen {
        inside: u32,
        successes: u32,
    },
    Recovering {
        since: Duration,
        credit: u32,
    },
}

/// What somebody who looks at a breaker sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Where it stands.
    pub phase: Phase,
    /// Calls within the window.
    pub calls: u32,
    /// Of those.
    pub failures: u32,
    /// Of those.
    pub slow: u32,
    /// Failures one after the other.
    pub consecutive: u32,
    /// Until it lets a call try; zero where it is not open.
    pub retry_after: Duration,
    /// Of the last failure that counted.
    pub last_code: Option<Code>,
    /// Times that it opened.
    pub opened: u64,
    /// Since it was last closed; zero where it is.
    pub away: Duration,
    /// Share of calls that pass, in percent.
    pub admitted_percent: u32,
}

impl Breaker {
    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Closed => Phase::Closed,
            State::Open { .. } => Phase::Open,
            State::HalfOpen { .. } => Phase::HalfOpen,
            State::Recovering { .. } => Phase::Recovering,
        }
    }

    /// Of the last failure that counted.
    #[must_use]
    pub fn last_code(&self) -> Option<Code> {
        self.last_code
    }

    /// Of its present state.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a call could pass now. Changes nothing; a share is decided when the call comes.
    ///
    /// # Errors
    /// When to ask again.
    pub fn admits(&self, now: Duration, settings: &Settings) -> Result<(), Duration> {
        match self.state {
            State::Closed | State::Recovering { .. } => Ok(()),
            State::Open { until, .. } if until <= now => Ok(()),
            State::Open { until, .. } => Err(until.saturating_sub(now)),
            State::HalfOpen { inside, successes } => {
                let free = inside.saturating_add(successes) < settings.half_open_calls;
                if free { Ok(()) } else { Err(ASK_AGAIN) }
            }
        }
    }

    /// A call asks to pass. Time makes an open breaker half open here, and ends a recovery; a share that grows with each
    /// call grows here, so that breakers that are asked together let the same calls pass.
    ///
    /// # Errors
    /// When to ask again.
    pub fn ask(&mut self, now: Duration, settings: &Settings) -> Result<(), Duration> {
        self.admits(now, settings)?;
        let percent = self.share(now, settings);
        match &mut self.state {
            State::Open { .. } => self.become_state(State::HalfOpen { inside: 0, successes: 0 }),
            State::Recovering { .. } if percent >= ALL => self.close(),
            State::Recovering { credit, .. } => {
                *credit = credit.saturating_add(percent).min(2 * ALL);
                return if *credit < ALL { Err(ASK_AGAIN) } else { Ok(()) };
            }
            State::Closed | State::HalfOpen { .. } => {}
        }
        Ok(())
    }

    /// A call that asked passes, unless others took its place meanwhile. Gives what [`Breaker::leave`] wants to hear
    /// when it has ended.
    ///
    /// # Errors
    /// When to ask again.
    pub fn take(&mut self, now: Duration, settings: &Settings) -> Result<u64, Duration> {
        self.admits(now, settings)?;
        match &mut self.state {
            State::HalfOpen { inside, .. } => *inside += 1,
            // So many of a hundred calls pass, evenly, and the first one does.
            State::Recovering { credit, .. } => *credit = credit.checked_sub(ALL).ok_or(ASK_AGAIN)?,
            State::Open { .. } => return Err(ASK_AGAIN),
            State::Closed => {}
        }
        Ok(self.generation)
    }

    /// A call that passed was not made: another breaker did not let it.
    pub fn give_back(&mut self, taken: u64) {
        if taken != self.generation {
            return;
        }
        match &mut self.state {
            State::HalfOpen { inside, .. } => *inside = inside.saturating_sub(1),
            State::Recovering { credit, .. } => *credit = credit.saturating_add(ALL).min(2 * ALL),
            State::Closed | State::Open { .. } => {}
        }
    }

    /// A call that entered has ended.
    pub fn leave(&mut self, now: Duration, settings: &Settings, entered: u64, end: End) {
        if entered != self.generation {
            return;
        }
        if let State::HalfOpen { inside, .. } = &mut self.state {
            *inside = inside.saturating_sub(1);
        }
        let (failed, slow) = match end {
            End::Neutral => return,
            End::Well => (false, false),
            End::Slow => (false, true),
            End::Failed(_) => (true, false),
        };
        if let End::Failed(code) = end {
            self.last_code = Some(code);
        }
        self.consecutive = if failed { self.consecutive.saturating_add(1) } else { 0 };
        self.window.count(now, settings.window, Tally { calls: 1, failures: failed.into(), slow: slow.into() });
        let at_once = matches!(end, End::Failed(code) if code.security());
        let is_over = at_once || self.is_over(now, settings);
        match &mut self.state {
            State::Closed if is_over => self.open(now, settings),
            // What opened it may have been slowness, so slowness opens it again.
            State::HalfOpen { .. } | State::Recovering { .. } if failed || slow => self.open(now, settings),
            State::HalfOpen { successes, .. } => {
                *successes += 1;
                if *successes >= settings.success_threshold {
                    self.recover(now, settings);
                }
            }
            State::Closed | State::Open { .. } | State::Recovering { .. } => {}
        }
    }

    /// Its runtime said that it is well: enough of that one after the other, and calls may try before the time is over.
    /// Whether it counted.
    pub fn hear(&mut self, now: Duration, settings: &Settings) -> bool {
        let State::Open { until, reports, heard } = &mut self.state else { return false };
        if settings.health_checks == 0 || now.saturating_sub(*heard) < settings.health_interval {
            return false;
        }
        (*reports, *heard) = (reports.saturating_add(1), now);
        if *reports >= settings.health_checks {
            *until = now.min(*until);
        }
        true
    }

    /// Its runtime went: what it said before counts no more.
    pub fn miss(&mut self, now: Duration) {
        if let State::Open { reports, heard, .. } = &mut self.state {
            (*reports, *heard) = (0, now);
        }
    }

    /// Somebody closes it by hand; false where it was closed.
    pub fn reset(&mut self) -> bool {
        if let State::Closed = self.state {
            return false;
        }
        self.close();
        true
    }

    /// What it is like now.
    #[must_use]
    pub fn view(&mut self, now: Duration, settings: &Settings) -> View {
        let Tally { calls, failures, slow } = self.window.sum(now, settings.window);
        View {
            phase: self.phase(),
            calls,
            failures,
            slow,
            consecutive: self.consecutive,
            retry_after: match self.state {
                State::Open { until, .. } => until.saturating_sub(now),
                _ => Duration::ZERO,
            },
            last_code: self.last_code,
            opened: self.opened,
            away: self.left.map_or(Duration::ZERO, |left| now.saturating_sub(left)),
            admitted_percent: self.share(now, settings),
        }
    }

    /// Nothing is known of it that a new one would not know.
    #[must_use]
    pub fn is_idle(&mut self, now: Duration, settings: &Settings) -> bool {
        matches!(self.state, State::Closed)
            && self.consecutive == 0
            && self.window.sum(now, settings.window) == Tally::default()
    }

    /// Of the calls, in percent.
    fn share(&self, now: Duration, settings: &Settings) -> u32 {
        match (self.state, settings.gradual) {
            (State::Closed, _) => ALL,
            (State::Open { .. } | State::HalfOpen { .. }, _) => 0,
            (State::Recovering { since, .. }, Some(gradual)) => {
                let every = gradual.every.as_nanos().max(1);
                let steps = u32::try_from(now.saturating_sub(since).as_nanos() / every).unwrap_or(u32::MAX);
                gradual.start.saturating_add(gradual.step.saturating_mul(steps)).min(ALL)
            }
            (State::Recovering { .. }, None) => ALL,
        }
    }

    fn is_over(&mut self, now: Duration, settings: &Settings) -> bool {
        let Tally { calls, failures, slow } = self.window.sum(now, settings.window);
        let reached = |count: u32, threshold: u32| threshold > 0 && count >= threshold;
        let share = |part: u32, percent: u32| {
            percent > 0
                && calls >= settings.minimum_calls
                && u64::from(part) * 100 >= u64::from(percent) * u64::from(calls)
        };
        reached(self.consecutive, settings.consecutive_failures)
            || reached(failures, settings.failures_in_window)
            || share(failures, settings.failure_percent)
            || share(slow, settings.slow_percent)
    }

    fn open(&mut self, now: Duration, settings: &Settings) {
        let factor = 1_u32.checked_shl(self.reopened).unwrap_or(u32::MAX);
        let wait = settings.recovery.saturating_mul(factor).min(settings.max_recovery.max(settings.recovery));
        self.reopened = self.reopened.saturating_add(1);
        self.opened = self.opened.saturating_add(1);
        self.left.get_or_insert(now);
        self.become_state(State::Open { until: now.saturating_add(wait), reports: 0, heard: now });
    }

    fn recover(&mut self, now: Duration, settings: &Settings) {
        match settings.gradual {
            Some(gradual) if gradual.start < ALL => self.become_state(State::Recovering { since: now, credit: ALL }),
            _ => self.close(),
        }
    }

    fn close(&mut self) {
        (self.reopened, self.left) = (0, None);
        self.become_state(State::Closed);
    }

    fn become_state(&mut self, state: State) {
        self.generation += 1;
        self.consecutive = 0;
        self.window.clear();
        self.state = state;
    }
}
