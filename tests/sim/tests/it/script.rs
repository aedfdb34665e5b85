//! What may be done, and how often. Whoever teaches the host something new adds an action here, and what it must not
//! lead to in `check`.

use std::time::Duration;

use grid_testkit::Dice;

/// What a caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A call; its answer is waited for.
    Call,
    /// Several calls at once, whose answers nobody waits for before going on.
    Burst,
    /// A call that is left after a while.
    Leave,
    /// A call with very little time.
    Hurry,
    /// An earlier call once more, under its own name.
    Repeat,
    /// Another call under an earlier name.
    Misuse,
    /// An earlier call is cancelled, whether or not it runs.
    Cancel,
    /// A call in a session that is somebody else's.
    Trespass,
    /// A call whose result is taken in pieces.
    Read,
    /// A call that it would run itself.
    Grant,
    /// The session ends, with or without force, and another one begins.
    Reopen,
    /// Nothing for a while.
    Rest,
}

/// What a runtime does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Answers after a moment.
    Answer,
    /// Answers after its time, mostly.
    Late,
    /// Answers with the tool's own error.
    Fail,
    /// Says nothing.
    Mute,
    /// Answers twice.
    Twice,
    /// Answers under another call_id.
    WrongCall,
    /// Answers under another name.
    WrongName,
    /// Answers a call that there never was, then its own.
    Invented,
    /// Answers with something that is no JSON.
    Garbled,
    /// Answers only when it is told to stop.
    Stubborn,
    /// Asks for another tool first.
    Asks,
    /// Asks for another tool and does not wait for it.
    Forgets,
    /// Goes away.
    Crash,
}

/// What becomes of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It stays.
    Steady,
    /// It goes away without a word.
    Breaks,
    /// Nothing comes through for a while, in neither direction.
    Parted,
    /// It reads one frame in a while.
    Slow,
    /// It asks for no further calls, and goes later.
    Drains,
}

/// What an operator does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All decisions are void.
    Everything,
    /// Those of a principal, and what runs of it is cancelled.
    Principal,
    /// Those about a function, and what runs of it is cancelled.
    Tool,
    /// The same event twice.
    Twice,
    /// What proved a principal is void.
    Proofs,
}

/// How a result in pieces goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To its end.
    Even,
    /// A piece is left out.
    Skips,
    /// It does not wait for credit.
    Overruns,
    /// Something follows the end.
    GoesOn,
    /// It ends with the tool's own error.
    Fails,
    /// It falls silent.
    Falls,
    /// It ends in the middle of the text.
    Torn,
}

/// How somebody takes a result in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once.
    Eager,
    /// A little while for each piece.
    Slow,
    /// With long stops.
    Stops,
    /// Not to the end.
    Leaves,
}

/// What an operator does to who serves what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One provider in the place of another.
    Swap,
    /// No new calls for a while.
    Pause,
    /// The same, and those that there are have to end.
    Drain,
}

/// What a caller does with a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Reports, in time or not.
    Report,
    /// Reports the same twice, at once or later.
    Twice,
    /// Reports one thing, then another.
    Differs,
    /// Reports other arguments than it was granted.
    Forges,
    /// Gives it back, and reports all the same.
    GivesBack,
    /// Forgets it.
    Forgets,
}

/// Whether anything goes wrong in a run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Runtimes stay and answer, nobody takes anything back: no call may fail.
    Fair,
    /// Everything does.
    Foul,
    /// It does, and the host's wall clock jumps.
    Skewed,
}

impl Weather {
    pub fn of(seed: u64) -> Self {
        match seed % 8 {
            0 => Self::Fair,
            4 => Self::Skewed,
            _ => Self::Foul,
        }
    }
}

const STEPS: &[(u64, Step)] = &[
    (30, Step::Call),
    (12, Step::Burst),
    (6, Step::Leave),
    (6, Step::Hurry),
    (10, Step::Repeat),
    (3, Step::Misuse),
    (8, Step::Cancel),
    (2, Step::Trespass),
    (12, Step::Read),
    (10, Step::Grant),
    (5, Step::Reopen),
    (10, Step::Rest),
];
const FAIR: &[(u64, Step)] = &[(30, Step::Call), (12, Step::Burst), (10, Step::Read), (6, Step::Rest)];
const HABITS: &[(u64, Habit)] = &[
    (50, Habit::Answer),
    (6, Habit::Late),
    (5, Habit::Fail),
    (4, Habit::Mute),
    (6, Habit::Twice),
    (3, Habit::WrongCall),
    (3, Habit::WrongName),
    (3, Habit::Invented),
    (3, Habit::Garbled),
    (5, Habit::Stubborn),
    (2, Habit::Crash),
    (8, Habit::Asks),
    (4, Habit::Forgets),
];
const MOODS: &[(u64, Mood)] =
    &[(40, Mood::Steady), (20, Mood::Breaks), (15, Mood::Parted), (10, Mood::Slow), (10, Mood::Drains)];
const ORDERS: &[(u64, Order)] =
    &[(40, Order::Everything), (20, Order::Principal), (20, Order::Tool), (10, Order::Twice), (20, Order::Proofs)];

const WAYS: &[(u64, Way)] = &[
    (60, Way::Even),
    (5, Way::Skips),
    (8, Way::Overruns),
    (6, Way::GoesOn),
    (6, Way::Fails),
    (4, Way::Falls),
    (4, Way::Torn),
];
const PACES: &[(u64, Pace)] = &[(40, Pace::Eager), (20, Pace::Slow), (25, Pace::Stops), (15, Pace::Leaves)];
const CHANGES: &[(u64, Change)] = &[(50, Change::Swap), (25, Change::Pause), (25, Change::Drain)];
const USES: &[(u64, Use)] = &[
    (40, Use::Report),
    (15, Use::Twice),
    (10, Use::Differs),
    (8, Use::Forges),
    (12, Use::GivesBack),
    (10, Use::Forgets),
];

fn drawn<T: Copy>(dice: &mut Dice, from: &[(u64, T)]) -> T {
    let total: u64 = from.iter().map(|(weight, _)| weight).sum();
    let mut at = dice.roll() % total;
    for (weight, one) in from {
        if at < *weight {
            return *one;
        }
        at -= weight;
    }
    unreachable!("the weights are their sum")
}

impl Step {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, STEPS)
    }

    /// One that cannot fail.
    pub fn fair(dice: &mut Dice) -> Self {
        drawn(dice, FAIR)
    }
}

impl Habit {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, HABITS)
    }
}

impl Mood {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, MOODS)
    }
}

impl Order {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, ORDERS)
    }
}

impl Way {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, WAYS)
    }
}

impl Pace {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, PACES)
    }
}

impl Change {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, CHANGES)
    }
}

impl Use {
    pub fn next(dice: &mut Dice) -> Self {
        drawn(dice, USES)
    }
}

/// Some time between two others.
pub fn between(dice: &mut Dice, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + dice.roll() % (most - least + 1))
}

/// An actor's own dice: what one does costs no other its numbers.
pub fn dice(seed: u64, actor: u64) -> Dice {
    let mut mixed = Dice::seeded(seed.wrapping_mul(0x9e37_79b9).wrapping_add(actor));
    Dice::seeded(mixed.roll())
}
