//! A question to the index, and its answer: records as the log has them, each looked at before it is given.

use std::collections::VecDeque;

use grid_audit::{Reader, Record, Records};
use grid_core::reading::{Filter, MAX_PAGE};

use crate::{
    Error,
    batch::hash,
    search::search,
    store::{About, View},
    token,
};

/// Records that are read together.
const READ: usize = 64;
/// Up to so many records are passed over rather than looked for anew.
const SKIP: u64 = 64;

/// Which records, in which order, and how many.
#[derive(Debug, Clone)]
pub struct Query {
    /// What they have.
    pub filter: Filter,
    /// Of this tenant alone, whatever the filter says; of all where absent.
    pub tenant: Option<String>,
    /// From this place on.
    pub from: u64,
    /// Before this place. A page token is good whatever it is, since the log grows between two pages.
    pub before: u64,
    /// The latest comes first.
    pub newest_first: bool,
    /// Records of a page; between 1 and [`MAX_PAGE`].
    pub limit: usize,
    /// Where the page before ended; empty for the first one.
    pub page_token: String,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            tenant: None,
            from: 0,
            before: u64::MAX,
            newest_first: false,
            limit: 100,
            page_token: String::new(),
        }
    }
}

/// A page.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// In the order of the query.
    pub records: Vec<Record>,
    /// The token of the next page; absent where nothing more fits at present.
    pub next: Option<String>,
}

impl Query {
    /// Whether a record fits, its place apart.
    #[must_use]
    pub fn fits(&self, record: &Record) -> bool {
        let same = |(name, wanted): (&str, Option<&str>)| wanted.is_none() || record.text(name) == wanted;
        self.filter.fields().into_iter().all(same)
            && self.filter.holds_at(record.at_ms())
            && self.tenant.as_deref().is_none_or(|tenant| record.tenant() == Some(tenant))
    }

    fn size(&self) -> usize {
        self.limit.clamp(1, MAX_PAGE)
    }
}

/// Answers from the index. A page ends early where its records would have more than `bytes` bytes together; it has
/// one record at least, where there is one.
pub(crate) fn find(view: &View, reader: &Reader, query: &Query, bytes: usize) -> Result<Found, Error> {
    let hits = search(view, query, query.size())?;
    let mut page = Page { query, about: &view.about, found: Found::default(), room: bytes, last: None };
    for places in hits.places.chunks(READ) {
        let mut records = fetch(reader, places)?;
        if query.newest_first {
            records.reverse();
        }
        for record in records {
            if !page.take(record) {
                return Ok(page.end(true));
            }
        }
    }
    Ok(page.end(hits.more))
}

/// Answers from the log alone, by reading all of it. For where no index can be had.
///
/// # Errors
/// [`Error::Log`], [`Error::PageToken`].
pub fn scan(reader: &Reader, query: &Query, bytes: usize) -> Result<Found, Error> {
    let Some(first) = reader.get(0)? else {
        return if query.page_token.is_empty() { Ok(Found::default()) } else { Err(Error::PageToken) };
    };
    let about = About { namer: [0; 16], first: hash(first.line()), last: [0; 32], next: 0 };
    let (mut from, mut before) = (query.from, query.before);
    if !query.page_token.is_empty() {
        let last = token::read(query, &about, &query.page_token)?;
        if query.newest_first {
            before = before.min(last);
        } else {
            from = from.max(last.saturating_add(1));
        }
    }
    let mut records = VecDeque::new();
    for record in reader.records(from) {
        let record = record?;
        if record.index() >= before || (!query.newest_first && records.len() > query.size()) {
            break;
        }
        if query.fits(&record) {
            records.push_back(record);
        }
        if query.newest_first && records.len() > query.size() + 1 {
            records.pop_front();
        }
    }
    if query.newest_first {
        records.make_contiguous().reverse();
    }
    let more = records.len() > query.size();
    records.truncate(query.size());
    let mut page = Page { query, about: &about, found: Found::default(), room: bytes, last: None };
    for record in records {
        if !page.take(record) {
            return Ok(page.end(true));
        }
    }
    Ok(page.end(more))
}

/// A page that is being filled.
struct Page<'a> {
    query: &'a Query,
    about: &'a About,
    found: Found,
    room: usize,
    last: Option<u64>,
}

impl Page<'_> {
    /// Takes the next record; false where it has no room any more.
    fn take(&mut self, record: Record) -> bool {
        if self.query.fits(&record) {
            let room = self.room.checked_sub(record.line().len());
            if room.is_none() && !self.found.records.is_empty() {
                return false;
            }
            self.room = room.unwrap_or(0);
            self.last = Some(record.index());
            self.found.records.push(record);
        } else {
            self.last = Some(record.index());
        }
        true
    }

    fn end(mut self, more: bool) -> Found {
        let last = self.last.filter(|_| more);
        self.found.next = last.map(|last| token::write(self.query, self.about, last));
        self.found
    }
}

/// The records at `places`, in the order of the log.
fn fetch(reader: &Reader, places: &[u64]) -> Result<Vec<Record>, Error> {
    let mut places = places.to_vec();
    places.sort_unstable();
    let mut found = Vec::with_capacity(places.len());
    let mut walk: Option<(u64, Records)> = None;
    for place in places {
        let near = walk.take().filter(|(at, _)| place - at <= SKIP);
        let (mut at, mut records) = near.unwrap_or_else(|| (place, reader.records(place)));
        loop {
            let gone = || Error::Broken(format!("the log has no entry {place}"));
            let record = records.next().ok_or_else(gone)??;
            at += 1;
            if record.index() == place {
                found.push(record);
                break;
            }
        }
        walk = Some((at, records));
    }
    Ok(found)
}
