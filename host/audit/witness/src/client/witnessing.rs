//! The thread that keeps a log cosigned: it reads the clock, the log and the files, and lets the desk decide. Each
//! witness has a thread of its own that waits for it, so that a slow one keeps nobody waiting, least of all the host.

use std::{
    collections::BTreeSet,
    fmt,
    hash::{BuildHasher as _, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_core::clock::SharedClock;
use grid_tlog::Note;

use super::{
    age::{Event, OnStale},
    ask::{Ask, Job, Offer, Outcome, Source, Trouble, submit},
    book::{self, Book},
    desk::{Desk, Now, Rules, Status},
    witness::{Address, Unusable, Witness},
};

/// What is asked of whom, and how long a log may go without.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whom to ask.
    pub witnesses: Vec<Address>,
    /// How many must have cosigned a record; 0 means all.
    pub quorum: usize,
    /// The log's directory, for `checkpoint.witnessed` and `witnesses.json`.
    pub directory: PathBuf,
    /// How often the newest checkpoint is looked at.
    pub interval: Duration,
    /// How long one question may take.
    pub timeout: Duration,
    /// The longest pause between two questions to a witness that fails.
    pub longest_pause: Duration,
    /// How long a record may wait for its cosignatures. At least twice the interval.
    pub max_age: Duration,
    /// What the host does when one waits longer; told with each [`Event`].
    pub on_stale: OnStale,
}

impl Options {
    /// The defaults, for these witnesses and this log.
    #[must_use]
    pub fn new(witnesses: Vec<Address>, directory: PathBuf) -> Self {
        let seconds = Duration::from_secs;
        Self {
            witnesses,
            quorum: 0,
            directory,
            interval: seconds(10),
            timeout: seconds(10),
            longest_pause: seconds(60),
            max_age: seconds(600),
            on_stale: OnStale::Alert,
        }
    }

    fn check(&self) -> Result<usize, Unusable> {
        let witnesses = self.witnesses.len();
        let mut names = BTreeSet::new();
        if let Some(twice) = self.witnesses.iter().find(|address| !names.insert(address.key.to_string())) {
            return Err(Unusable::Twice(twice.key.name().to_owned()));
        }
        if witnesses == 0 || self.quorum > witnesses {
            return Err(Unusable::Quorum { quorum: self.quorum, witnesses });
        }
        if self.max_age < self.interval.saturating_mul(2) {
            return Err(Unusable::TooShort);
        }
        Ok(if self.quorum == 0 { witnesses } else { self.quorum })
    }
}

/// Keeps a log cosigned until it is dropped or stopped. No call of it waits for a witness.
pub struct Witnessing {
    status: Arc<Mutex<Status>>,
    clock: SharedClock,
    post: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Done { witness: usize, offer: Arc<Offer>, outcome: Outcome },
    Stop,
}

impl Witnessing {
    /// Starts. `on_event` is called by the thread when [`Options::max_age`] is passed, also right at the start where
    /// a record has waited that long, and when it is kept again; it must not block.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn start(
        options: Options,
        source: Arc<dyn Source>,
        clock: SharedClock,
        on_event: impl FnMut(Event) + Send + 'static,
    ) -> Result<Self, Unusable> {
        let quorum = options.check()?;
        let rules = Rules {
            quorum,
            longest_pause: options.longest_pause,
            max_age: options.max_age,
            on_stale: options.on_stale,
        };
        let keys: Vec<_> = options.witnesses.iter().map(|address| &address.key).collect();
        let published = book::published(&options.directory, &keys, quorum);
        let book = Book::load(&options.directory);
        let desk = Desk::new(rules, options.witnesses.clone(), book, published);
        // Each witness has at most one answer on the way, so none of them ever waits for room.
        let (post, letters) = sync_channel(options.witnesses.len() + 1);
        let mut jobs = Vec::new();
        for address in &options.witnesses {
            let witness = Witness::new(address.clone(), options.timeout)?;
            jobs.push(worker(Arc::clone(&source), witness, post.clone())?);
        }
        let status = Arc::new(Mutex::new(desk.status()));
        let office = Office {
            interval: options.interval,
            directory: options.directory,
            source,
            clock: clock.clone(),
            desk,
            status: Arc::clone(&status),
            fault: None,
            note: None,
            jobs,
            letters,
            random: RandomState::new(),
        };
        let thread = spawn("witnessing", move || office.run(on_event))?;
        Ok(Self { status, clock, post, thread: Some(thread) })
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    /// How long the oldest record that too few witnesses have cosigned has waited; zero where none waits.
    #[must_use]
    pub fn age(&self) -> Duration {
        let since = lock(&self.status).waiting_since_ms;
        Duration::from_millis(since.map_or(0, |since| self.clock.unix_ms().saturating_sub(since)))
    }

    /// Stops and waits until no file will be written any more. Questions that are on their way are not waited for.
    pub fn stop(mut self) {
        self.end();
        // A thread that ended with a fault has nothing left to stop.
        let _ = self.thread.take().map(JoinHandle::join);
    }

    fn end(&self) {
        // It is only full or closed when the thread has already gone.
        let _ = self.post.try_send(Message::Stop);
    }
}

impl Drop for Witnessing {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Witnessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witnessing").field("status", &self.status()).finish_non_exhaustive()
    }
}

struct Office {
    interval: Duration,
    directory: PathBuf,
    source: Arc<dyn Source>,
    clock: SharedClock,
    desk: Desk,
    status: Arc<Mutex<Status>>,
    fault: Option<String>,
    /// To be published.
    note: Option<Note>,
    jobs: Vec<SyncSender<Job>>,
    letters: Receiver<Message>,
    random: RandomState,
}

impl Office {
    fn run(mut self, mut on_event: impl FnMut(Event)) {
        let mut look = Duration::ZERO;
        loop {
            let now = self.now();
            if now.elapsed >= look {
                self.fault = None;
                self.look(now);
                look = now.elapsed + self.interval;
            }
            for job in self.desk.jobs(now) {
                self.send(now, job);
            }
            self.write();
            let source = Arc::clone(&self.source);
            let event = self.desk.judge(now, |index| source.recorded_ms(index));
            *lock(&self.status) = Status { fault: self.fault.clone(), ..self.desk.status() };
            if let Some(event) = event {
                on_event(event);
            }
            let pause = self.desk.pause(now).into_iter().chain([look.saturating_sub(now.elapsed)]).min();
            match self.letters.recv_timeout(pause.unwrap_or(self.interval)) {
                Ok(Message::Done { witness, offer, outcome }) => self.take(witness, &offer, outcome),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn now(&self) -> Now {
        Now { elapsed: self.clock.elapsed(), unix_ms: self.clock.unix_ms() }
    }

    fn look(&mut self, now: Now) {
        let seen = match self.source.checkpoint() {
            Ok(None) => Ok(()),
            Ok(Some(note)) => self.desk.observe(now, &note).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = seen {
            tracing::warn!(why, "the log's checkpoint cannot be read, so no witness is asked about it");
            self.fault = Some(why);
        }
    }

    fn send(&mut self, now: Now, job: Job) {
        let (witness, offer) = (job.witness, Arc::clone(&job.offer));
        let sent = self.jobs.get(witness).is_some_and(|jobs| jobs.try_send(job).is_ok());
        if !sent {
            self.desk.answered(now, witness, &offer, Err(Trouble::Fault), 1.0);
        }
    }

    fn take(&mut self, witness: usize, offer: &Arc<Offer>, outcome: Outcome) {
        let random = self.random.hash_one(self.clock.elapsed()) as f64 / u64::MAX as f64;
        let before = self.desk.trouble(witness).cloned();
        self.desk.answered(self.now(), witness, offer, outcome, random);
        // Told when it begins, becomes another one, and ends; not each time that it is met again.
        let (name, size) = (self.desk.name(witness), offer.checkpoint.size);
        match self.desk.trouble(witness) {
            Some(trouble) if before.as_ref() != Some(trouble) => {
                tracing::warn!(witness = name, size, %trouble, "a witness did not cosign");
            }
            None if before.is_some() => tracing::info!(witness = name, size, "a witness cosigns again"),
            _ => {}
        }
    }

    /// What cannot be written now is tried again each time: an idle log gets no other note.
    fn write(&mut self) {
        self.note = self.desk.publication().or(self.note.take());
        let published = self.note.as_ref().map_or(Ok(()), |note| book::publish(&self.directory, note));
        self.note.take_if(|_| published.is_ok());
        let saved = self.desk.book().map_or(Ok(()), |book| book.save(&self.directory));
        if saved.is_err() {
            self.desk.keep_book();
        }
        for fault in [published, saved].into_iter().filter_map(Result::err) {
            tracing::warn!(%fault, "what witnesses signed could not be kept");
            self.fault = Some(fault.to_string());
        }
    }
}

fn worker(source: Arc<dyn Source>, witness: Witness, post: SyncSender<Message>) -> Result<SyncSender<Job>, Unusable> {
    let (sender, jobs) = sync_channel::<Job>(1);
    spawn("witness", move || {
        for job in jobs {
            let asked = catch_unwind(AssertUnwindSafe(|| submit(&*source, &witness as &dyn Ask, &job)));
            let outcome = asked.unwrap_or(Err(Trouble::Fault));
            if post.send(Message::Done { witness: job.witness, offer: job.offer, outcome }).is_err() {
                return;
            }
        }
    })?;
    Ok(sender)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Unusable> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| Unusable::NoThread(error.to_string()))
}

fn lock(status: &Mutex<Status>) -> std::sync::MutexGuard<'_, Status> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}
