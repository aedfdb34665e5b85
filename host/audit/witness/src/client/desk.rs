//! Who is asked what and when: a machine without clock, files or threads, so that days can be tried in a moment.
//!
//! Witnesses are asked in rounds, all about the same checkpoint, because a note is worth as much as the witnesses on
//! it. A round is over when enough have cosigned or nobody is left to answer; who answers later still counts for it.

use std::{sync::Arc, time::Duration};

use grid_tlog::{Checkpoint, Hash, Note, Signature};

use super::{
    age::{Age, Event, Mark, OnStale},
    ask::{Job, Offer, Outcome, Trouble},
    book::{Book, Entry, Held},
    witness::Address,
};

/// How far a witness's clock may be from ours, in seconds.
const CLOCK_SLACK: u64 = 300;
/// The first pause after a failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The part of the settings that decides.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// How many must cosign.
    pub(crate) quorum: usize,
    pub(crate) longest_pause: Duration,
    pub(crate) max_age: Duration,
    pub(crate) on_stale: OnStale,
}

/// Now, on the clock that only runs and on the one that people and records share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) elapsed: Duration,
    /// Milliseconds since 1970.
    pub(crate) unix_ms: u64,
}

/// What a published note is worth; a greater one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    has_quorum: bool,
    size: u64,
    count: usize,
}

impl Rank {
    pub(crate) fn new(count: usize, quorum: usize, size: u64) -> Self {
        Self { has_quorum: count >= quorum, size, count }
    }
}

/// How it stands with one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// The name of its key.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// Entries that it cosigned.
    pub size: Option<u64>,
    /// When it did, by its clock, in seconds since 1970.
    pub time: Option<u64>,
    /// Why it did not cosign when it was asked last.
    pub trouble: Option<Trouble>,
}

/// How it stands with all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Status {
    /// Entries that are published.
    pub newest: u64,
    /// Entries that enough witnesses have cosigned.
    pub cosigned: u64,
    /// Since when the oldest of the others waits, in milliseconds since 1970.
    pub waiting_since_ms: Option<u64>,
    /// The greatest age is passed.
    pub is_stale: bool,
    /// Why the log itself or a file of its directory could not be read or written when that was tried last.
    pub fault: Option<String>,
    /// In the order of the settings.
    pub witnesses: Vec<Standing>,
}

#[derive(Debug)]
struct Peer {
    address: Address,
    held: Option<Held>,
    asked: Option<Arc<Offer>>,
    failures: u32,
    due: Duration,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Round {
    offer: Arc<Offer>,
    /// By the place of the witness.
    lines: Vec<Option<Signature>>,
}

#[derive(Debug)]
pub(crate) struct Desk {
    rules: Rules,
    peers: Vec<Peer>,
    newest: Option<Arc<Offer>>,
    round: Option<Round>,
    /// Over, but somebody who was asked has not answered. Never more than there are witnesses.
    older: Vec<Round>,
    age: Age,
    book: Option<Book>,
    is_book_new: bool,
    published: Option<(String, Rank)>,
    publication: Option<Note>,
}

impl Desk {
    pub(crate) fn new(
        rules: Rules,
        addresses: Vec<Address>,
        book: Option<Book>,
        published: Option<(String, Rank)>,
    ) -> Self {
        let peer = |address| Peer { address, held: None, asked: None, failures: 0, due: Duration::ZERO, trouble: None };
        Self {
            rules,
            peers: addresses.into_iter().map(peer).collect(),
            newest: None,
            round: None,
            older: Vec::new(),
            age: Age::default(),
            book,
            is_book_new: false,
            published,
            publication: None,
        }
    }

    /// Takes the newest checkpoint, as the log publishes it.
    pub(crate) fn observe(&mut self, now: Now, note: &str) -> Result<(), grid_tlog::Malformed> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if self.newest.as_ref().is_some_and(|newest| newest.note.text() == note.text()) {
            return Ok(());
        }
        if self.newest.is_none() {
            self.begin(now, &checkpoint.origin);
        }
        self.newest = Some(Arc::new(Offer { note, checkpoint, taken_ms: now.unix_ms }));
        Ok(())
    }

    /// Only now it is known whose log this is; what is remembered of another one means nothing.
    fn begin(&mut self, now: Now, origin: &str) {
        self.published.take_if(|(of, _)| of != origin);
        self.book.take_if(|book| book.origin != origin);
        self.is_book_new = self.book.is_none();
        let book = self.book.get_or_insert_with(|| Book::new(origin.to_owned(), now.unix_ms));
        for peer in &mut self.peers {
            let key = peer.address.key.to_string();
            peer.held = book.witnesses.iter().find(|entry| entry.key == key).map(|entry| entry.held);
        }
    }

    /// Whom to ask now.
    pub(crate) fn jobs(&mut self, now: Now) -> Vec<Job> {
        self.turn_round();
        let Some(round) = &self.round else { return Vec::new() };
        let mut jobs = Vec::new();
        for ((witness, peer), line) in self.peers.iter_mut().enumerate().zip(&round.lines) {
            if line.is_some() || peer.asked.is_some() || peer.due > now.elapsed {
                continue;
            }
            peer.asked = Some(Arc::clone(&round.offer));
            let old = peer.held.map_or(0, |held| held.size);
            jobs.push(Job { witness, old, offer: Arc::clone(&round.offer) });
        }
        jobs
    }

    fn turn_round(&mut self) {
        let Some(newest) = &self.newest else { return };
        let waits = |round: &Round| {
            self.peers.iter().any(|peer| peer.asked.as_ref().is_some_and(|offer| Arc::ptr_eq(offer, &round.offer)))
        };
        let enough = |round: &Round| round.lines.iter().flatten().count() >= self.rules.quorum;
        match &self.round {
            Some(round) if Arc::ptr_eq(&round.offer, newest) || (waits(round) && !enough(round)) => return,
            _ => {}
        }
        let next = Round { offer: Arc::clone(newest), lines: vec![None; self.peers.len()] };
        self.older.extend(self.round.replace(next));
        self.older.retain(waits);
    }

    /// Takes what came of a job. `random` is between 0 and 1 and keeps hosts from asking in step.
    pub(crate) fn answered(&mut self, now: Now, witness: usize, offer: &Arc<Offer>, outcome: Outcome, random: f64) {
        let Some(peer) = self.peers.get_mut(witness) else { return };
        peer.asked = None;
        match outcome.and_then(|(line, time)| Ok((line, peer.believe(now, offer, time)?))) {
            Ok((line, held)) => {
                (peer.failures, peer.due, peer.trouble) = (0, Duration::ZERO, None);
                peer.held = Some(held);
                self.is_book_new = true;
                self.add(witness, offer, line);
            }
            Err(trouble) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << peer.failures.min(20)).min(self.rules.longest_pause);
                peer.due = now.elapsed + pause.mul_f64(0.5 + random / 2.0);
                peer.failures += 1;
                peer.trouble = Some(trouble);
            }
        }
    }

    fn add(&mut self, witness: usize, offer: &Arc<Offer>, line: Signature) {
        let mut rounds = self.round.iter_mut().chain(&mut self.older);
        let Some(round) = rounds.find(|round| Arc::ptr_eq(&round.offer, offer)) else { return };
        if let Some(place) = round.lines.get_mut(witness) {
            *place = Some(line);
        }
        let count = round.lines.iter().flatten().count();
        let rank = Rank::new(count, self.rules.quorum, offer.checkpoint.size);
        if self.published.as_ref().is_none_or(|(_, published)| *published < rank) {
            let mut note = offer.note.clone();
            round.lines.iter().flatten().cloned().for_each(|line| note.add(line));
            self.publication = Some(note);
            self.published = Some((offer.checkpoint.origin.clone(), rank));
        }
    }

    /// The note to publish, where a better one came about.
    pub(crate) fn publication(&mut self) -> Option<Note> {
        self.publication.take()
    }

    /// What to remember, where it changed.
    pub(crate) fn book(&mut self) -> Option<&Book> {
        let book = self.book.as_mut().filter(|_| self.is_book_new)?;
        self.is_book_new = false;
        let entry = |peer: &Peer| Some(Entry { key: peer.address.key.to_string(), held: peer.held? });
        book.witnesses = self.peers.iter().filter_map(entry).collect();
        Some(book)
    }

    /// It could not be written down.
    pub(crate) fn keep_book(&mut self) {
        self.is_book_new = true;
    }

    /// Whether the age passed its limit, or keeps it again.
    pub(crate) fn judge(&mut self, now: Now, recorded: impl Fn(u64) -> Option<u64>) -> Option<Event> {
        let newest = self.newest.as_ref()?;
        self.age.look(now.unix_ms, &newest.checkpoint, self.mark(), recorded);
        self.age.judge(now.unix_ms, self.rules.max_age, self.rules.on_stale)
    }

    /// How long nothing will happen by itself.
    pub(crate) fn pause(&self, now: Now) -> Option<Duration> {
        let open = self.round.iter().flat_map(|round| round.lines.iter().zip(&self.peers));
        let waiting = open.filter(|(line, peer)| line.is_none() && peer.asked.is_none());
        let due = waiting.map(|(_, peer)| peer.due.saturating_sub(now.elapsed)).min();
        due.into_iter().chain(self.age.crossing(now.unix_ms, self.rules.max_age)).min()
    }

    pub(crate) fn name(&self, witness: usize) -> &str {
        self.peers.get(witness).map_or("", |peer| peer.address.key.name())
    }

    pub(crate) fn trouble(&self, witness: usize) -> Option<&Trouble> {
        self.peers.get(witness)?.trouble.as_ref()
    }

    pub(crate) fn status(&self) -> Status {
        let standing = |peer: &Peer| Standing {
            name: peer.address.key.name().to_owned(),
            url: peer.address.url.clone(),
            size: peer.held.map(|held| held.size),
            time: peer.held.map(|held| held.time),
            trouble: peer.trouble.clone(),
        };
        Status {
            newest: self.newest.as_ref().map_or(0, |newest| newest.checkpoint.size),
            cosigned: self.mark().size,
            waiting_since_ms: self.age.since(),
            is_stale: self.age.is_stale(),
            fault: None,
            witnesses: self.peers.iter().map(standing).collect(),
        }
    }

    /// As far as the last of those who make up the quorum has come.
    fn mark(&self) -> Mark {
        let taken_ms = self.book.as_ref().map_or(u64::MAX, |book| book.first_ms);
        let first = Mark { size: 0, root: Hash::empty(), taken_ms };
        let of =
            |peer: &Peer| peer.held.map_or(first, |Held { size, root, taken_ms, .. }| Mark { size, root, taken_ms });
        let mut marks: Vec<Mark> = self.peers.iter().map(of).collect();
        marks.sort_unstable_by(|one, other| other.cmp(one));
        self.rules.quorum.checked_sub(1).and_then(|place| marks.get(place)).copied().unwrap_or(first)
    }
}

impl Peer {
    /// A cosignature that its key verifies may still be an old one, or of a smaller tree than it signed before.
    fn believe(&self, now: Now, offer: &Offer, time: u64) -> Result<Held, Trouble> {
        let ours = now.unix_ms / 1_000;
        if time.abs_diff(ours) > CLOCK_SLACK {
            let seconds = i64::try_from(i128::from(time) - i128::from(ours)).unwrap_or(i64::MAX);
            return Err(Trouble::Time { seconds });
        }
        let Checkpoint { size, root, .. } = offer.checkpoint;
        match self.held {
            Some(held) if held.size > size => Err(Trouble::Ahead { theirs: held.size, ours: size }),
            _ => Ok(Held { size, root, taken_ms: offer.taken_ms, time }),
        }
    }
}

#[cfg(test)]
mod tests;
