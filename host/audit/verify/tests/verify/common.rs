//! Chance that can be repeated, records as a host writes them, and what the suites ask of the verifier.

use std::{collections::VecDeque, path::Path};

use grid_audit::encode::encode;
use grid_audit_verify::{Directory, Error, Failure, Options, Report, verify};
use grid_core::{
    Code,
    event::{Event, Kind, Outcome},
    id::{CorrelationId, InvocationId},
};
use grid_testkit::Dice;

#[derive(Debug, Clone)]
pub struct Random(Dice);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Dice::seeded(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0.roll()
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    pub fn in_range(&mut self, range: std::ops::RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// True once in `of` times.
    pub fn once_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Writes records in an order in which a host could.
#[derive(Debug)]
pub struct Host {
    random: Random,
    at_ms: u64,
    open: VecDeque<InvocationId>,
}

impl Host {
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), at_ms: 1_795_000_000_000, open: VecDeque::new() }
    }

    /// The next record.
    pub fn entry(&mut self) -> Vec<u8> {
        let event = match self.random.below(10) {
            0..4 => self.admission(),
            4..8 => match self.open.pop_front() {
                Some(invocation) => self.conclusion(invocation),
                None => self.admission(),
            },
            _ => self.refusal(),
        };
        bytes(&event)
    }

    fn event(&mut self, kind: Kind) -> Event {
        self.at_ms += self.random.next() % 20;
        let correlation = format!("c-{}", self.random.below(1000));
        Event::new(kind, self.at_ms, CorrelationId::parse(&correlation).unwrap())
    }

    fn admission(&mut self) -> Event {
        let id = format!("i-{:016x}{:016x}", self.random.next(), self.random.next());
        let invocation: InvocationId = id.parse().unwrap();
        self.open.push_back(invocation);
        admission(self.event(Kind::Admitted), invocation)
    }

    fn conclusion(&mut self, invocation: InvocationId) -> Event {
        conclusion(self.event(Kind::Concluded), invocation)
    }

    fn refusal(&mut self) -> Event {
        let detail = format!("caf\u{e9} \"{}\"\n", "x".repeat(self.random.below(80)));
        Event { code: Some(Code::PermissionDenied), detail: Some(detail), ..self.event(Kind::Refused) }
    }
}

pub fn admission(event: Event, invocation: InvocationId) -> Event {
    Event {
        invocation: Some(invocation),
        tool: Some("files.read".into()),
        rule: Some("all-roles".into()),
        epoch: Some(3),
        args_digest: Some([7; 32]),
        ..event
    }
}

pub fn conclusion(event: Event, invocation: InvocationId) -> Event {
    Event { invocation: Some(invocation), outcome: Some(Outcome::Success), duration_us: Some(12), ..event }
}

pub fn bytes(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    encode(event, &mut out);
    out
}

/// The report of a log that must hold.
pub fn holds(directory: &Path, options: &Options<'_>) -> Report {
    match verify(&Directory::open(directory).unwrap(), options) {
        Ok(report) => report,
        Err(error) => panic!("an honest log was refused: {error}"),
    }
}

/// What is wrong with a log that must not.
pub fn fails(directory: &Path, options: &Options<'_>) -> Failure {
    match verify(&Directory::open(directory).unwrap(), options) {
        Ok(report) => panic!("a changed log was accepted: {report:#?}"),
        Err(Error::Unverified(failure)) => failure,
        Err(error @ Error::Unreadable(_)) => panic!("a changed log could not be read: {error}"),
    }
}
