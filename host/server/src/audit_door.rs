//! The door for auditors. A reader sees the records of its own tenant and an operator all; which of them the caller is
//! decides a role. What was read is recorded before it leaves, by the names of the filters and no value of them.

use std::sync::Arc;

use grid_audit::Record;
use grid_audit_index::{Error, Found, Query as Search};
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    event::{Event, Kind},
    id::InvocationId,
    port::{AuditDoor, Pending},
    principal::Principal,
    reading::{Consistency, Extend, Filter, Follow, Get, Inclusion, MAX_PAGE, Page, Prove, Query, Row, Step, Which},
};
use grid_tlog::Hash;
use tokio::sync::mpsc;

use crate::{
    events::{MOST, REMEMBERED},
    front_door::{Door, stopping},
    host::unwritable,
    trail::Trail,
};

mod follow;
mod proofs;

/// Records of a page where nobody says how many.
const PAGE: usize = 100;

/// Somebody who may read, and what.
#[derive(Debug, Clone)]
struct Reader {
    caller: Arc<Principal>,
    /// Of this tenant alone; of all where absent.
    tenant: Option<String>,
    /// The role that lets them.
    rule: Arc<str>,
}

impl<C: Contracts> AuditDoor for Door<C> {
    fn query(&self, credentials: Credentials, query: Query) -> Pending<'_, Result<Page, Refusal>> {
        Box::pin(async move {
            let trail = self.trail(&query.correlation_id, "");
            let names = query.filter.names();
            let search = Search {
                filter: query.filter,
                newest_first: query.newest_first,
                limit: query.limit.unwrap_or(PAGE).min(MAX_PAGE),
                page_token: query.page_token,
                ..Search::default()
            };
            self.page(&credentials, trail, "query", names, Some(search)).await
        })
    }

    fn get(&self, credentials: Credentials, get: Get) -> Pending<'_, Result<Page, Refusal>> {
        Box::pin(async move {
            let trail = self.trail(&get.correlation_id, "");
            let (name, search) = match get.which {
                Some(Which::Index(index)) => (Some("index"), Some(at(index))),
                Some(Which::Invocation(invocation)) => (Some("invocation"), Some(of(invocation))),
                None => (None, None),
            };
            self.page(&credentials, trail, "get", name.into_iter().collect(), search).await
        })
    }

    fn follow(&self, credentials: Credentials, follow: Follow) -> Pending<'_, Result<mpsc::Receiver<Step>, Refusal>> {
        Box::pin(async move {
            let mut trail = self.trail(&follow.correlation_id, "");
            let begun = self.begin(&credentials, follow, &mut trail).await;
            self.answered(trail, begun).await
        })
    }

    fn checkpoint(&self, credentials: Credentials, correlation_id: String) -> Pending<'_, Result<String, Refusal>> {
        Box::pin(async move {
            let mut trail = self.trail(&correlation_id, "");
            let newest = self.newest(&credentials, &mut trail).await;
            self.answered(trail, newest).await
        })
    }

    fn inclusion(&self, credentials: Credentials, prove: Prove) -> Pending<'_, Result<Option<Inclusion>, Refusal>> {
        Box::pin(async move {
            let mut trail = self.trail(&prove.correlation_id, "");
            let included = self.included(&credentials, prove, &mut trail).await;
            self.answered(trail, included).await
        })
    }

    fn consistency(&self, credentials: Credentials, extend: Extend) -> Pending<'_, Result<Consistency, Refusal>> {
        Box::pin(async move {
            let mut trail = self.trail(&extend.correlation_id, "");
            let consistent = self.consistent(&credentials, extend, &mut trail).await;
            self.answered(trail, consistent).await
        })
    }
}

/// A message that names nothing.
fn nameless() -> Refusal {
    let message = "the message names no record; send `index` or `invocation`";
    Refusal::new(Code::MalformedRequest, Stage::Transport, message)
}

/// The record at a place.
fn at(index: u64) -> Search {
    Search { from: index, before: index.saturating_add(1), limit: 1, ..Search::default() }
}

/// The records of an execution.
fn of(invocation: String) -> Search {
    let filter = Filter { invocation: Some(invocation), ..Filter::default() };
    Search { filter, limit: MAX_PAGE, ..Search::default() }
}

impl<C: Contracts> Door<C> {
    /// Proves, searches, records, and then answers.
    async fn page(
        &self,
        credentials: &Credentials,
        mut trail: Trail,
        read: &'static str,
        names: Vec<&'static str>,
        search: Option<Search>,
    ) -> Result<Page, Refusal> {
        let page = async {
            let reader = self.reader(credentials, &mut trail)?;
            let search = search.ok_or_else(nameless)?;
            // What is on the disk when the request comes, and so never the record of this very request.
            let size = self.0.ledger.status().records;
            let search = Search { tenant: reader.tenant.clone(), before: search.before.min(size), ..search };
            let found = self.search(search, size).await.map_err(|error| unread(&error))?;
            self.recorded(&reader, &trail, read, names).await?;
            Ok(Page { rows: found.records.into_iter().map(row).collect(), next: found.next })
        };
        let page = page.await;
        self.answered(trail, page).await
    }

    /// A refusal is recorded before it leaves.
    async fn answered<T>(&self, trail: Trail, answer: Result<T, Refusal>) -> Result<T, Refusal> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(refusal) => Err(self.refuse(trail, None, refusal).await),
        }
    }

    /// Who is asking, and what they may see.
    fn reader(&self, credentials: &Credentials, trail: &mut Trail) -> Result<Reader, Refusal> {
        let host = &self.0;
        let who = Arc::clone(host.identity.prove(credentials)?.principal());
        trail.principal(&who);
        if host.stopping.is_cancelled() {
            return Err(stopping());
        }
        let (reader, operator) = (&host.rules.reader_role, &host.rules.operator_role);
        let (rule, tenant) = if who.has_role(operator) {
            (operator, None)
        } else if who.has_role(reader) {
            (reader, Some(who.tenant.to_string()))
        } else {
            let message = format!("`{}` may not read the audit log: it lacks the role `{reader}`", who.id);
            return Err(Refusal::new(Code::PermissionDenied, Stage::Authorize, message));
        };
        Ok(Reader { caller: who, tenant, rule: Arc::from(rule.as_str()) })
    }

    /// The names of invalidations that an earlier process knew, so that one that is sent again is known here too. Until
    /// that is read, such a one has its effect twice, which is harmless.
    pub(crate) async fn recall_events(&self) {
        let host = &self.0;
        let size = host.ledger.status().records;
        let day_ms = u64::try_from(REMEMBERED.as_millis()).unwrap_or(u64::MAX);
        let filter = Filter {
            kind: Some(Kind::Invalidated.as_str().to_owned()),
            from_ms: Some(host.clock.unix_ms().saturating_sub(day_ms)),
            ..Filter::default()
        };
        let mut search = Search { filter, before: size, newest_first: true, limit: MAX_PAGE, ..Search::default() };
        for _ in 0..=MOST / MAX_PAGE {
            match self.search(search.clone(), size).await {
                Ok(found) => {
                    host.events.recall(&found.records);
                    let Some(next) = found.next else { return };
                    search.page_token = next;
                }
                Err(error) => {
                    tracing::warn!(%error, "events of before the start are not known; one that is sent again counts again");
                    return;
                }
            }
        }
    }

    /// Searches on a thread that may wait for the disk.
    pub(crate) async fn search(&self, search: Search, size: u64) -> Result<Found, Error> {
        let host = Arc::clone(&self.0);
        host.archive.ready()?;
        let place = host.archive.place().await;
        let searched = self.0.tasks.spawn_blocking(move || {
            let found = host.archive.find(&search, size);
            drop(place);
            found
        });
        searched.await.unwrap_or_else(|_| Err(Error::Away("the search ended early".into())))
    }

    /// What the log has of an execution, for the host itself.
    pub(crate) async fn records_of(&self, invocation: InvocationId) -> Result<Vec<Record>, Error> {
        let size = self.0.ledger.status().records;
        let search = Search { before: size, ..of(invocation.to_string()) };
        self.search(search, size).await.map(|found| found.records)
    }

    /// No answer without its record.
    async fn recorded(
        &self,
        reader: &Reader,
        trail: &Trail,
        read: &'static str,
        filters: Vec<&'static str>,
    ) -> Result<(), Refusal> {
        let event =
            Event { rule: Some(Arc::clone(&reader.rule)), read: Some(read), filters, ..trail.event(Kind::AuditRead) };
        self.0.ledger.record(event).await.map(|_| ()).map_err(|error| unwritable(&error))
    }
}

/// One record as it leaves.
fn row(record: Record) -> Row {
    Row {
        index: record.index(),
        leaf_hash: *Hash::leaf(record.line().as_bytes()).as_bytes(),
        line: record.line().to_owned(),
    }
}

/// Why nothing could be read. What the log or its index has to do with it is the operator's to know.
pub(crate) fn unread(error: &Error) -> Refusal {
    let (code, message) = match error {
        Error::PageToken => {
            let message = "`page_token` was not given for this query; leave it out, or repeat the query it came from";
            return Refusal::new(Code::MalformedRequest, Stage::Transport, message);
        }
        Error::Log(grid_audit::Error::Damaged { .. }) => {
            (Code::DataCorruption, "the audit log is not as it was written; an operator has to look at it")
        }
        _ => (Code::ServiceUnavailable, "the audit log's index is not ready; ask again"),
    };
    Refusal::new(code, Stage::Audit, message).because(error.to_string())
}
