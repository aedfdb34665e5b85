//! Checkpoints and proofs. A proof of a record is for those who may see the record; the tree itself is for every
//! reader. They are given also while nothing can be recorded, so that a log in trouble can still be checked.

use std::{sync::Arc, time::Duration};

use grid_audit_index::Query as Search;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    reading::{Consistency, Extend, Inclusion, Prove, Which},
};

use super::{Reader, at, nameless, of, row, unread};
use crate::{
    archive::{NoProof, Tree},
    front_door::Door,
    trail::Trail,
};

/// Looks for what is durable and not published yet, which takes a second where nothing else is set.
const LOOKS: u32 = 100;
/// Between two of them.
const LOOK: Duration = Duration::from_millis(50);

impl<C: Contracts> Door<C> {
    pub(super) async fn newest(&self, credentials: &Credentials, trail: &mut Trail) -> Result<String, Refusal> {
        self.reader(credentials, trail)?;
        self.prove(Tree::checkpoint).await
    }

    pub(super) async fn included(
        &self,
        credentials: &Credentials,
        prove: Prove,
        trail: &mut Trail,
    ) -> Result<Option<Inclusion>, Refusal> {
        let reader = self.reader(credentials, trail)?;
        let (name, search) = match prove.which {
            Some(Which::Index(index)) => ("index", at(index)),
            Some(Which::Invocation(invocation)) => ("invocation", of(invocation)),
            None => return Err(nameless()),
        };
        let records = self.0.ledger.status().records;
        let tenant = reader.tenant.clone();
        let search = Search { tenant, before: search.before.min(records), newest_first: true, limit: 1, ..search };
        let found = self.search(search, records).await.map_err(|error| unread(&error))?;
        let names = [Some(name), prove.tree_size.map(|_| "tree_size")].into_iter().flatten().collect();
        self.noted(&reader, trail, "inclusion_proof", names).await;
        let Some(row) = found.records.into_iter().next().map(row) else { return Ok(None) };
        let size = prove.tree_size;
        self.prove(move |tree| tree.inclusion(row.index, row.leaf_hash, size, records)).await.map(Some)
    }

    pub(super) async fn consistent(
        &self,
        credentials: &Credentials,
        extend: Extend,
        trail: &mut Trail,
    ) -> Result<Consistency, Refusal> {
        let reader = self.reader(credentials, trail)?;
        let records = self.0.ledger.status().records;
        let names = [Some("old_size"), extend.new_size.map(|_| "new_size")].into_iter().flatten().collect();
        self.noted(&reader, trail, "consistency_proof", names).await;
        self.prove(move |tree| tree.consistency(extend.old_size, extend.new_size, records)).await
    }

    /// Asks the tree, and again while what is asked for is not published yet.
    async fn prove<T, F>(&self, ask: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Fn(&Tree) -> Result<T, NoProof> + Send + Sync + 'static,
    {
        let ask = Arc::new(ask);
        let mut looks = 1..LOOKS;
        loop {
            let (host, ask) = (Arc::clone(&self.0), Arc::clone(&ask));
            let place = host.archive.place().await;
            let asked = self.0.tasks.spawn_blocking(move || {
                let tree = host.archive.tree();
                let answer =
                    tree.map_or_else(|| Err(NoProof::Unreadable("there are no files".into())), |tree| ask(tree));
                drop(place);
                answer
            });
            match asked.await.unwrap_or_else(|_| Err(NoProof::Unreadable("the search ended early".into()))) {
                Ok(proof) => return Ok(proof),
                Err(NoProof::NotYet) if looks.next().is_some() => tokio::time::sleep(LOOK).await,
                Err(no_proof) => return Err(unproved(no_proof)),
            }
        }
    }

    /// Records a proof where that is possible.
    async fn noted(&self, reader: &Reader, trail: &Trail, read: &'static str, names: Vec<&'static str>) {
        if let Err(refusal) = self.recorded(reader, trail, read, names).await {
            tracing::error!(%refusal, "a proof could not be recorded and is given all the same");
        }
    }
}

fn unproved(no_proof: NoProof) -> Refusal {
    let (code, message, internal) = match no_proof {
        NoProof::Absent(message) => return Refusal::new(Code::MalformedRequest, Stage::Transport, message),
        NoProof::NotYet => {
            (Code::ServiceUnavailable, "what is asked for is not published yet; ask again", "it is behind".to_owned())
        }
        NoProof::Unreadable(internal) => {
            (Code::ServiceUnavailable, "the audit log's files cannot be read now; ask again", internal)
        }
        NoProof::Damaged(internal) => {
            (Code::DataCorruption, "the audit log is not as it was written; an operator has to look at it", internal)
        }
    };
    Refusal::new(code, Stage::Audit, message).because(internal)
}
