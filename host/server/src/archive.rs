//! The log as those who read it through the host reach it: its index, and how many may search and follow at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use grid_audit_index::{Error, Found, Indexer, Options, Query};
use grid_core::{clock::SharedClock, id::TenantId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::places::{Place, Places};

mod tree;

pub(crate) use tree::{NoProof, Tree};

/// Searches at once, each on a thread of its own; further ones wait.
const SEARCHES: usize = 2;
/// Logs that are followed at once; further ones are refused.
const FOLLOWERS: usize = 64;
/// How long a search waits for the index to take in what is in the log.
const PATIENCE: Duration = Duration::from_secs(5);

/// Handle of the index and of the places of those who read.
#[derive(Debug)]
pub(crate) struct Archive {
    indexer: Mutex<Option<Arc<Indexer>>>,
    tree: Option<Tree>,
    searches: Arc<Semaphore>,
    followers: Places,
    /// Bytes of records that one answer may hold.
    pub(crate) page_bytes: usize,
}

impl Archive {
    /// Keeps an index of the log in a directory, for answers of at most `message` bytes.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub(crate) fn open(options: Options, message: usize, clock: SharedClock) -> std::io::Result<Self> {
        let tree = Some(Tree(options.directory.clone()));
        let indexer = Indexer::start(options, clock)?;
        Ok(Self { indexer: Mutex::new(Some(Arc::new(indexer))), tree, ..Self::closed(message) })
    }

    /// One that answers nobody.
    pub(crate) fn closed(message: usize) -> Self {
        Self {
            indexer: Mutex::new(None),
            tree: None,
            searches: Arc::new(Semaphore::new(SEARCHES)),
            followers: Places::new(FOLLOWERS),
            // Half is left for what stands around the records; callers take 4 MiB where nothing else is set.
            page_bytes: message.min(4 << 20) / 2,
        }
    }

    /// Whether there is an index to ask.
    pub(crate) fn ready(&self) -> Result<(), Error> {
        self.indexer().map(drop)
    }

    /// Waits for the place to search.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.searches).acquire_owned().await.ok()
    }

    /// The place to follow, where one is free for somebody of this tenant.
    pub(crate) fn follower(&self, tenant: &TenantId) -> Option<Place> {
        self.followers.take(tenant)
    }

    /// A page, from an index that has taken in the first `size` records. Blocks its thread.
    pub(crate) fn find(&self, query: &Query, size: u64) -> Result<Found, Error> {
        self.indexer()?.find(query, self.page_bytes, size, PATIENCE)
    }

    fn indexer(&self) -> Result<Arc<Indexer>, Error> {
        let indexer = self.indexer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        indexer.ok_or_else(|| Error::Away("the host keeps none".into()))
    }

    /// The log's tree.
    pub(crate) fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// Makes durable what the index has, and ends its thread. Blocks its own until then.
    pub(crate) fn close(&self) {
        self.indexer.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
