//! The thread that sends: a bounded queue before it, a few tries for each notice, and nobody who waits for it.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_audit_export::{Backoff, Web, WebOptions};
use grid_core::clock::SharedClock;

use crate::{Fault, Notice, SIGNATURE, secret::Secret};

/// How often it looks whether it has to end.
const LOOK: Duration = Duration::from_millis(100);

/// Where to, and how hard to try.
#[derive(Debug, Clone)]
pub struct Options {
    /// `https://…`, or `http://…` on this machine.
    pub url: String,
    /// The file of the secret that signs.
    pub secret_file: PathBuf,
    /// A PEM file with the roots to trust instead of those of this machine.
    pub ca_file: Option<PathBuf>,
    /// How long one request may take as a whole.
    pub timeout: Duration,
    /// Notices that may wait.
    pub queue: usize,
    /// Tries for each of them.
    pub tries: u32,
    /// The first pause after a failure, and the longest.
    pub pauses: (Duration, Duration),
}

impl Options {
    /// Ten seconds a request, 256 notices, five tries over about half a minute.
    #[must_use]
    pub fn new(url: impl Into<String>, secret_file: impl Into<PathBuf>) -> Self {
        Self {
            url: url.into(),
            secret_file: secret_file.into(),
            ca_file: None,
            timeout: Duration::from_secs(10),
            queue: 256,
            tries: 5,
            pauses: (Duration::from_secs(1), Duration::from_secs(15)),
        }
    }
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The address took it.
    Sent,
    /// It did not, in as many tries as there are, or until the call no longer waited.
    Failed,
    /// Too many waited, so it was never tried.
    Dropped,
}

impl Outcome {
    /// As metrics write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

type Told = Arc<dyn Fn(Outcome) + Send + Sync>;

/// Sends notices until it is stopped.
pub struct Notifier {
    queue: SyncSender<Notice>,
    told: Told,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}

impl Notifier {
    /// Starts the thread. `told` hears what became of each notice.
    ///
    /// # Errors
    /// [`Fault`]: the address, the secret or the certificates cannot be used, or there is no thread.
    pub fn start(
        options: Options,
        clock: SharedClock,
        told: impl Fn(Outcome) + Send + Sync + 'static,
    ) -> Result<Self, Fault> {
        let web =
            WebOptions { ca_file: options.ca_file.clone(), timeout: options.timeout, ..WebOptions::new(&options.url) };
        let web = Web::new(&web, "", Arc::clone(&clock)).map_err(|error| Fault(error.to_string()))?;
        if !web.is_private() {
            return Err(Fault(format!("`{}` is neither https nor on this machine; use https", web.shown())));
        }
        let secret = Secret::read(&options.secret_file)?;
        let (queue, notices) = sync_channel(options.queue);
        let (stop, told): (_, Told) = (Arc::new(AtomicBool::new(false)), Arc::new(told));
        let sending = Sending { web, secret, clock, options, stop: Arc::clone(&stop), told: Arc::clone(&told) };
        let named = thread::Builder::new().name("grid-notify".to_owned());
        let thread = named
            .spawn(move || sending.run(&notices))
            .map_err(|error| Fault(format!("cannot start a thread: {error}")))?;
        Ok(Self { queue, told, stop, thread })
    }

    /// Hands a notice over; gives it up where too many wait. Never waits.
    pub fn tell(&self, notice: Notice) {
        if let Err(full) = self.queue.try_send(notice) {
            drop(full);
            tracing::warn!("too many messages wait for the webhook for approvals; one was given up");
            (self.told)(Outcome::Dropped);
        }
    }

    /// Ends the thread after the request that it is at; what waits is given up.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("the webhook for approvals did not end in order");
        }
    }
}

struct Sending {
    web: Web,
    secret: Secret,
    clock: SharedClock,
    options: Options,
    stop: Arc<AtomicBool>,
    told: Told,
}

impl Sending {
    fn run(&self, notices: &Receiver<Notice>) {
        while !self.is_over() {
            match notices.recv_timeout(LOOK) {
                Ok(notice) => (self.told)(self.send(&notice)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A notice of a call that waits no longer is of no use to anybody.
    fn send(&self, notice: &Notice) -> Outcome {
        let (body, id) = (notice.body(), notice.approval.to_string());
        let (least, most) = self.options.pauses;
        let mut backoff = Backoff::new(least, most);
        for tried in 1..=self.options.tries {
            if self.is_over() || self.clock.unix_ms() >= notice.expires_at_ms {
                break;
            }
            // Signed anew each time: whoever receives it refuses an old signature.
            let signature = self.secret.sign(self.clock.unix_ms() / 1000, &body);
            let failure = match self.web.post_with(
                "application/json",
                &[("idempotency-key", &id), (SIGNATURE, &signature)],
                &body,
            ) {
                Ok(_) => return Outcome::Sent,
                Err(failure) => failure,
            };
            tracing::warn!(approval = id, tried, "the webhook for approvals: {}", failure.message);
            if tried < self.options.tries {
                self.pause(backoff.wait(failure.retry_after).min(most));
            }
        }
        Outcome::Failed
    }

    /// Ends early where the host stops.
    fn pause(&self, whole: Duration) {
        let until = self.clock.elapsed().saturating_add(whole);
        loop {
            let left = until.saturating_sub(self.clock.elapsed());
            if left.is_zero() || self.is_over() {
                return;
            }
            thread::sleep(left.min(LOOK));
        }
    }
}
