//! Days of a log and its witnesses in moments: the clock jumps to where something happens, as the thread would sleep.

use std::{ops::Range, sync::Arc, time::Duration};

use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Note, Signer, cosign};

use super::{Desk, Now, Rank, Rules};
use crate::client::{
    age::{Event, OnStale},
    ask::{Offer, Outcome, Trouble},
    book::Book,
    witness::Address,
};

const START: u64 = 1_800_000_000_000;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const INTERVAL: u64 = 10 * SECOND;
const MAX_AGE: u64 = 10 * MINUTE;

struct Far {
    signer: Signer,
    /// Milliseconds between question and answer.
    latency: u64,
    /// Since the start, in milliseconds.
    down: Vec<Range<u64>>,
    /// Of its clock, in seconds.
    skew: i64,
    /// When it was asked, and about how many entries.
    asked: Vec<(u64, u64)>,
}

struct World {
    desk: Desk,
    now: u64,
    log: Signer,
    /// When each entry was recorded, since the start, in order.
    records: Vec<u64>,
    knows_times: bool,
    far: Vec<Far>,
    flights: Vec<(u64, usize, Arc<Offer>, Outcome)>,
    look: u64,
    events: Vec<(u64, Event)>,
    /// Size and number of cosignatures of what was published.
    published: Vec<(u64, u64, usize)>,
    book: Option<Book>,
    oldest: u64,
    most_rounds: usize,
    /// Entries that the log lost.
    lost: u64,
    edge: Frontier,
    /// Pauses are not always the longest.
    varies: bool,
}

fn rules(quorum: usize) -> Rules {
    Rules {
        quorum,
        longest_pause: Duration::from_secs(60),
        max_age: Duration::from_millis(MAX_AGE),
        on_stale: OnStale::Stop,
    }
}

impl World {
    fn new(witnesses: usize, quorum: usize, records: Vec<u64>) -> Self {
        let signer = |at| Signer::generate(&format!("witness.example/{at}"), Kind::Cosignature).unwrap();
        let far: Vec<Far> = (0..witnesses)
            .map(|at| Far { signer: signer(at), latency: 50, down: Vec::new(), skew: 0, asked: Vec::new() })
            .collect();
        let log = Signer::generate("example.org/log", Kind::Note).unwrap();
        let desk = Desk::new(rules(quorum), addresses(&far), None, None);
        Self {
            desk,
            now: 0,
            log,
            records,
            knows_times: true,
            far,
            flights: Vec::new(),
            look: 0,
            events: Vec::new(),
            published: Vec::new(),
            book: None,
            oldest: 0,
            most_rounds: 0,
            lost: 0,
            edge: Frontier::new(),
            varies: false,
        }
    }

    /// The host starts again: what is in flight is lost, what was written is there.
    fn restart(&mut self, quorum: usize) {
        let keeps = self.book.clone();
        let published = self
            .published
            .last()
            .map(|(_, size, count)| ("example.org/log".to_owned(), Rank::new(*count, quorum, *size)));
        self.desk = Desk::new(rules(quorum), addresses(&self.far), keeps, published);
        self.flights.clear();
        self.look = self.now;
    }

    fn size(&self) -> u64 {
        self.records.partition_point(|at| *at <= self.now) as u64 - self.lost
    }

    fn note(&mut self) -> String {
        if self.edge.size() > self.size() {
            self.edge = Frontier::new();
        }
        (self.edge.size()..self.size()).for_each(|at| self.edge.push(Hash::leaf(&at.to_be_bytes())));
        let (size, root) = (self.edge.size(), self.edge.root());
        Checkpoint { origin: "example.org/log".into(), size, root }.sign(&self.log).to_string()
    }

    fn time(&self) -> Now {
        Now { elapsed: Duration::from_millis(self.now), unix_ms: START + self.now }
    }

    /// As the thread does it.
    fn step(&mut self) {
        let now = self.time();
        if self.now >= self.look {
            let note = self.note();
            self.desk.observe(now, &note).unwrap();
            self.look = self.now + INTERVAL;
        }
        for job in self.desk.jobs(now) {
            let outcome = self.answer(job.witness, &job.offer.note, job.offer.checkpoint.size);
            self.flights.push((self.now + self.far[job.witness].latency, job.witness, job.offer, outcome));
        }
        self.most_rounds = self.most_rounds.max(self.desk.older.len() + 1);
        if let Some(note) = self.desk.publication() {
            let count = self.far.iter().filter(|far| note.cosigned(far.signer.verifying_key()).is_ok()).count();
            assert_eq!(count + 1, note.signatures().len());
            note.verify(self.log.verifying_key()).unwrap();
            self.published.push((self.now, Checkpoint::parse(note.text()).unwrap().size, count));
        }
        if let Some(book) = self.desk.book() {
            self.book = Some(serde_json::from_str(&serde_json::to_string(book).unwrap()).unwrap());
        }
        let (records, knows) = (&self.records, self.knows_times);
        let recorded = |index: u64| Some(START + records.get(index as usize)?).filter(|_| knows);
        if let Some(event) = self.desk.judge(now, recorded) {
            self.events.push((self.now, event));
        }
        self.oldest = self.oldest.max(self.desk.age.age(now.unix_ms).as_millis() as u64);
    }

    fn answer(&mut self, witness: usize, note: &Note, size: u64) -> Outcome {
        let far = &mut self.far[witness];
        far.asked.push((self.now, size));
        if far.down.iter().any(|down| down.contains(&self.now)) {
            return Err(Trouble::Unreachable("timeout".into()));
        }
        let time = ((START + self.now) / 1_000).checked_add_signed(far.skew).unwrap();
        Ok((cosign(note.text(), time, &far.signer).unwrap(), time))
    }

    fn run(&mut self, until: u64) {
        loop {
            self.step();
            let pause = self.desk.pause(self.time()).map(|pause| self.now + pause.as_millis().max(1) as u64);
            let flight = self.flights.iter().map(|flight| flight.0).min();
            let next = [Some(self.look), pause, flight].into_iter().flatten().min().unwrap();
            if next > until {
                self.now = until;
                return;
            }
            self.now = next;
            while let Some(at) = self.flights.iter().position(|flight| flight.0 <= self.now) {
                let (_, witness, offer, outcome) = self.flights.remove(at);
                let random = if self.varies { (self.now * 7_919 % 1_009) as f64 / 1_009.0 } else { 1.0 };
                self.desk.answered(self.time(), witness, &offer, outcome, random);
            }
        }
    }

    fn kinds(&self) -> Vec<&str> {
        let kind = |event: &Event| match event {
            Event::Stale { .. } => "stale",
            Event::Healed { .. } => "healed",
        };
        self.events.iter().map(|(_, event)| kind(event)).collect()
    }
}

fn addresses(far: &[Far]) -> Vec<Address> {
    let url = "http://127.0.0.1:1".to_owned();
    far.iter().map(|far| Address { key: far.signer.verifying_key().clone(), url: url.clone() }).collect()
}

/// An entry every `every` milliseconds.
fn busy(every: u64, until: u64) -> Vec<u64> {
    (0..until / every).map(|at| at * every).collect()
}

#[test]
fn a_busy_log_is_cosigned_by_all_and_never_older_than_a_round() {
    let mut world = World::new(3, 3, busy(3 * SECOND, HOUR));
    world.run(HOUR);
    assert_eq!(world.kinds(), [""; 0]);
    assert!(world.oldest <= INTERVAL + 50, "{}", world.oldest);
    assert!(world.published.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    let last = world.published.last().unwrap();
    assert_eq!((last.1, last.2), (world.desk.status().cosigned, 3));
    assert!(world.far.iter().all(|far| far.asked.len() as u64 == HOUR / INTERVAL + 1), "each round asks each once");
}

#[test]
fn an_idle_log_is_asked_about_once_and_has_no_age() {
    let mut world = World::new(2, 2, vec![5 * SECOND, 6 * SECOND]);
    world.run(72 * HOUR);
    assert_eq!(world.kinds(), [""; 0]);
    assert_eq!(world.desk.status().waiting_since_ms, None);
    // The empty log first, then the two entries.
    let asked: Vec<u64> = world.far[0].asked.iter().map(|asked| asked.1).collect();
    assert_eq!(asked, [0, 2]);
    // What comes after days of silence is as old as itself.
    world.records.push(73 * HOUR);
    world.far[1].down.push(0..100 * HOUR);
    world.run(74 * HOUR);
    assert_eq!(world.events.iter().map(|event| event.0).collect::<Vec<_>>(), [73 * HOUR + MAX_AGE]);
}

#[test]
fn the_age_fires_to_the_millisecond_and_heals_when_the_witness_is_back() {
    for down in [10 * MINUTE + 1_234, 2 * HOUR] {
        let mut world = World::new(2, 2, busy(1_700, 3 * HOUR));
        let from = 20 * MINUTE;
        world.far[1].down.push(from..from + down);
        world.run(3 * HOUR);
        assert_eq!(world.kinds(), ["stale", "healed"], "down for {down}");
        let (fired, Event::Stale { age, cosigned, policy, .. }) = world.events[0] else { panic!() };
        // The oldest entry that the second witness had not seen when it went away.
        assert_eq!(fired, world.records[usize::try_from(cosigned).unwrap()] + MAX_AGE);
        assert_eq!((age, policy), (Duration::from_millis(MAX_AGE), OnStale::Stop));
        let healed = world.events[1].0;
        assert!(healed >= from + down && healed <= from + down + MINUTE + INTERVAL, "{healed}");
        assert!(world.desk.age.age(world.time().unix_ms) <= Duration::from_millis(INTERVAL + 50));
    }
}

#[test]
fn a_witness_that_was_away_catches_up_with_one_question() {
    let mut world = World::new(2, 2, busy(SECOND, 4 * HOUR));
    world.far[1].down.push(MINUTE..3 * HOUR);
    world.run(3 * HOUR + 2 * MINUTE);
    let first = world.far[1].asked.iter().position(|asked| asked.0 >= 3 * HOUR).unwrap();
    let published = world.published.iter().find(|published| published.0 >= 3 * HOUR).unwrap();
    // All that came in three hours is under that one cosignature.
    assert_eq!(published.0, world.far[1].asked[first].0 + 50);
    assert!(published.1 >= 3 * 3_600, "{published:?}");
    // While it was away it was asked seldom.
    assert!(first < 3 * 60 + 20, "{first} questions");
}

#[test]
fn the_other_witness_is_asked_all_the_while() {
    let mut world = World::new(2, 1, busy(SECOND, HOUR));
    world.far[1].down.push(0..HOUR);
    world.run(HOUR);
    assert_eq!(world.kinds(), [""; 0]);
    assert!(world.oldest <= INTERVAL + 50, "{}", world.oldest);
    assert_eq!(world.published.len() as u64, HOUR / INTERVAL, "the last is asked about and not answered yet");
}

#[test]
fn a_slow_witness_keeps_back_only_whom_the_quorum_needs() {
    let mut world = World::new(2, 1, busy(SECOND, HOUR));
    world.far[1].latency = 25 * SECOND;
    world.run(HOUR);
    assert!(world.oldest <= INTERVAL + 50, "{}", world.oldest);
    assert!(world.far[0].asked.len() as u64 >= HOUR / INTERVAL);
    assert!(world.most_rounds <= 3, "{}", world.most_rounds);
    let mut world = World::new(2, 2, busy(SECOND, HOUR));
    world.far[1].latency = 25 * SECOND;
    world.run(HOUR);
    assert!(world.oldest <= 2 * (25 * SECOND + INTERVAL), "{}", world.oldest);
    assert!(world.published.len() as u64 > HOUR / (36 * SECOND));
}

#[test]
fn slow_witnesses_out_of_step_still_meet() {
    let mut world = World::new(3, 2, busy(SECOND, HOUR));
    world.far[0].down.push(0..HOUR);
    (world.far[1].latency, world.far[2].latency) = (14 * SECOND, 19 * SECOND);
    world.run(HOUR);
    let full = world.published.iter().filter(|published| published.2 >= 2).count() as u64;
    assert!(full >= HOUR / (40 * SECOND), "{full}");
    assert!(world.most_rounds <= 3, "{}", world.most_rounds);
    assert_eq!(world.kinds(), [""; 0]);
}

#[test]
fn a_flapping_witness_is_no_alarm() {
    let mut world = World::new(2, 2, busy(SECOND, 3 * HOUR));
    // With pauses of one length it could be met down each time.
    world.varies = true;
    world.far[0].down = (0..200).map(|at| at * MINUTE..at * MINUTE + 40 * SECOND).collect();
    world.far[1].down = (0..200).map(|at| at * 50 * SECOND..at * 50 * SECOND + 20 * SECOND).collect();
    world.run(3 * HOUR);
    assert_eq!(world.kinds(), [""; 0]);
    assert!(world.published.len() > 50, "{}", world.published.len());
}

#[test]
fn pauses_double_and_stay_below_the_longest() {
    let mut world = World::new(1, 1, vec![0]);
    world.far[0].down.push(0..HOUR);
    world.run(HOUR);
    let times: Vec<u64> = world.far[0].asked.iter().map(|asked| asked.0).collect();
    let pauses: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0] - 50).collect();
    assert_eq!(pauses[..7], [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
    assert!(pauses[7..].iter().all(|pause| *pause == 60_000), "{pauses:?}");
}

#[test]
fn a_record_that_waited_while_the_host_was_down_is_told_of_at_the_start() {
    for knows_times in [true, false] {
        let mut world = World::new(1, 1, vec![SECOND, 2 * HOUR]);
        world.knows_times = knows_times;
        world.far[0].down.push(HOUR..100 * HOUR);
        world.run(2 * HOUR + SECOND);
        assert_eq!(world.kinds(), [""; 0]);
        world.now = 50 * HOUR;
        world.restart(1);
        world.step();
        assert_eq!(world.kinds(), ["stale"]);
        assert_eq!(world.events[0].0, 50 * HOUR);
        world.far[0].down.clear();
        world.run(50 * HOUR + MINUTE);
        assert_eq!(world.kinds(), ["stale", "healed"]);
    }
}

#[test]
fn a_witness_that_never_answered_is_told_of_over_restarts() {
    let mut world = World::new(1, 1, vec![0]);
    world.knows_times = false;
    world.far[0].down.push(0..100 * HOUR);
    for at in 0..9 {
        world.now = at * MINUTE;
        world.restart(1);
        world.run((at + 1) * MINUTE);
    }
    world.restart(1);
    world.run(MAX_AGE + SECOND);
    assert_eq!(world.events.iter().map(|event| event.0).collect::<Vec<_>>(), [MAX_AGE]);
}

#[test]
fn without_times_of_records_an_age_is_never_too_young() {
    let mut world = World::new(1, 1, busy(1_700, HOUR));
    world.knows_times = false;
    world.far[0].down.push(20 * MINUTE..HOUR);
    world.run(HOUR);
    assert_eq!(world.kinds(), ["stale"]);
    let (fired, Event::Stale { cosigned, .. }) = world.events[0] else { panic!() };
    let exact = world.records[usize::try_from(cosigned).unwrap()] + MAX_AGE;
    assert!((exact - INTERVAL..=exact + INTERVAL).contains(&fired), "{fired} {exact}");
}

#[test]
fn a_log_that_went_back_is_never_at_peace() {
    let mut world = World::new(2, 2, busy(MINUTE, HOUR));
    world.run(HOUR);
    let before = world.desk.status().cosigned;
    assert_eq!(world.kinds(), [""; 0]);
    world.lost = 20;
    world.restart(2);
    world.run(HOUR + 5 * MINUTE);
    assert!(world.desk.status().newest < before);
    let troubles = world.desk.status().witnesses;
    assert!(troubles.iter().all(|standing| matches!(standing.trouble, Some(Trouble::Ahead { .. }))), "{troubles:?}");
    world.run(2 * HOUR);
    assert_eq!(world.kinds(), ["stale"]);
    // What was published before is the evidence and stays.
    assert_eq!(world.published.last().unwrap().1, before);
}

#[test]
fn another_tree_of_the_same_size_is_not_what_was_cosigned() {
    let mut world = World::new(1, 1, vec![0; 5]);
    world.run(MINUTE);
    assert_eq!(world.desk.status().waiting_since_ms, None);
    let mut edge = Frontier::new();
    (0..5_u64).for_each(|at| edge.push(Hash::leaf(&(at + 1).to_be_bytes())));
    let other = Checkpoint { origin: "example.org/log".into(), size: 5, root: edge.root() }.sign(&world.log);
    world.desk.observe(world.time(), &other.to_string()).unwrap();
    world.desk.judge(world.time(), |_| None);
    assert_eq!(world.desk.status().waiting_since_ms, Some(START + MINUTE));
}

#[test]
fn a_cosignature_of_another_time_is_not_believed() {
    for (skew, believed) in [(0, true), (300, true), (-300, true), (302, false), (-302, false), (-86_400, false)] {
        let mut world = World::new(1, 1, vec![0]);
        world.far[0].skew = skew;
        world.run(SECOND);
        let standing = world.desk.status().witnesses.remove(0);
        assert_eq!(standing.size.is_some(), believed, "{skew}");
        assert_eq!(world.published.is_empty(), !believed, "{skew}");
        assert_eq!(matches!(standing.trouble, Some(Trouble::Time { .. })), !believed, "{skew}");
    }
}

#[test]
fn a_note_with_a_quorum_gives_way_to_a_newer_one_only_that_has_it_too() {
    let mut world = World::new(2, 2, busy(SECOND, HOUR));
    world.far[1].latency = 60;
    world.run(10 * MINUTE);
    world.far[1].down.push(10 * MINUTE..40 * MINUTE);
    world.run(20 * MINUTE);
    world.restart(2);
    world.run(40 * MINUTE);
    let first = world.published[0];
    assert_eq!(first.2, 1, "before anybody else had answered, one is better than none");
    assert!(world.published[1..].iter().all(|published| published.2 == 2), "{:?}", world.published);
    assert!(world.published.last().unwrap().1 <= 10 * 60 + 1);
}

#[test]
fn a_restart_asks_with_the_size_that_was_cosigned() {
    let mut world = World::new(1, 1, busy(SECOND, HOUR));
    world.run(10 * MINUTE);
    let size = world.desk.status().cosigned;
    world.restart(1);
    let note = world.note();
    world.desk.observe(world.time(), &note).unwrap();
    let job = world.desk.jobs(world.time()).remove(0);
    assert_eq!((job.old, size > 100), (size, true));
    // The book of another log means nothing.
    let other = Book::new("example.org/other".into(), 0);
    let mut desk = Desk::new(rules(1), addresses(&world.far), Some(other), None);
    desk.observe(world.time(), &note).unwrap();
    assert_eq!(desk.jobs(world.time()).remove(0).old, 0);
}

#[test]
fn a_clock_that_was_set_back_makes_no_age_and_no_harm() {
    let mut world = World::new(1, 1, busy(SECOND, HOUR));
    world.far[0].down.push(5 * MINUTE..HOUR);
    world.run(6 * MINUTE);
    let back = Now { unix_ms: START - HOUR, ..world.time() };
    assert_eq!(world.desk.judge(back, |_| None), None);
    assert_eq!(world.desk.age.age(back.unix_ms), Duration::ZERO);
    // From there it counts again.
    let later = Now { unix_ms: back.unix_ms + MAX_AGE, ..back };
    assert!(matches!(world.desk.judge(later, |_| None), Some(Event::Stale { .. })));
}
