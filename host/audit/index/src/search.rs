//! From a query to places in the log, block by block: the block that the rarest term has next is sought in the
//! others, so a query costs about as much as its rarest term has blocks. Nothing of the log is read here.

use std::ops::RangeInclusive;

use crate::{
    Error, Query,
    bits::Bits,
    moments::{self, CHUNK},
    store::View,
    terms::{BLOCK, BLOCKS_OF_SPAN, Term, block_of},
    token,
};

/// Places that may fit; the records there have to be looked at, since terms are hashes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hits {
    /// In the order of the query.
    pub(crate) places: Vec<u64>,
    /// There are more.
    pub(crate) more: bool,
}

struct Search<'a> {
    view: &'a View,
    query: &'a Query,
    terms: Vec<Term>,
    /// Places from here ..
    from: u64,
    /// .. and before here.
    before: u64,
}

/// Finds at most `limit` places.
pub(crate) fn search(view: &View, query: &Query, limit: usize) -> Result<Hits, Error> {
    let (mut from, mut before) = (query.from, query.before.min(view.about.next));
    if !query.page_token.is_empty() {
        let last = token::read(query, &view.about, &query.page_token)?;
        if query.newest_first {
            before = before.min(last);
        } else {
            from = from.max(last.saturating_add(1));
        }
    }
    let mut terms = view.namer().terms_of(&query.filter);
    if let Some(tenant) = &query.tenant {
        // Nothing of another tenant's is looked at, not even to find out that it is there.
        if query.filter.tenant.as_ref().is_some_and(|asked| asked != tenant) {
            return Ok(Hits::default());
        }
        terms.extend(
            view.namer().terms_of(&grid_core::reading::Filter { tenant: Some(tenant.clone()), ..Default::default() }),
        );
    }
    Search { view, query, terms, from, before }.run(limit)
}

impl Search<'_> {
    fn run(&self, limit: usize) -> Result<Hits, Error> {
        let mut hits = Hits::default();
        let Some(mut blocks) = self.blocks()? else { return Ok(hits) };
        while let Some((block, mut bits)) = self.next(&blocks)? {
            bits.clip(self.from.saturating_sub(block * BLOCK), self.before.saturating_sub(block * BLOCK));
            if !bits.is_empty() && self.spread(block)? {
                self.take(block, &bits, limit, &mut hits)?;
            }
            if hits.more {
                break;
            }
            let (first, last) = blocks.into_inner();
            blocks = match (self.query.newest_first, block) {
                (false, block) => block + 1..=last,
                (true, 0) => break,
                (true, block) => first..=block - 1,
            };
        }
        Ok(hits)
    }

    /// The blocks that can hold something, by place and by time.
    fn blocks(&self) -> Result<Option<RangeInclusive<u64>>, Error> {
        if self.from >= self.before {
            return Ok(None);
        }
        let (first, last) = (self.from / BLOCK, (self.before - 1) / BLOCK);
        let filter = &self.query.filter;
        if filter.from_ms.is_none() && filter.to_ms.is_none() {
            return Ok(Some(first..=last));
        }
        let mut range = self.view.spread.range(first..=last).map_err(|error| self.view.error(error))?;
        let mut within = |back: bool| -> Result<Option<u64>, Error> {
            while let Some(entry) = if back { range.next_back() } else { range.next() } {
                let (block, spread) = entry.map_err(|error| self.view.error(error))?;
                if self.overlaps(spread.value()) {
                    return Ok(Some(block.value()));
                }
            }
            Ok(None)
        };
        let Some(first) = within(false)? else { return Ok(None) };
        Ok(Some(first..=within(true)?.unwrap_or(first)))
    }

    fn overlaps(&self, (earliest, latest): (u64, u64)) -> bool {
        let filter = &self.query.filter;
        filter.from_ms.is_none_or(|from| latest >= from) && filter.to_ms.is_none_or(|to| earliest < to)
    }

    /// Whether the times of a block overlap with those that are wanted.
    fn spread(&self, block: u64) -> Result<bool, Error> {
        if self.query.filter.from_ms.is_none() && self.query.filter.to_ms.is_none() {
            return Ok(true);
        }
        let spread = self.view.spread.get(block).map_err(|error| self.view.error(error))?;
        let spread = spread.ok_or_else(|| Error::Broken(format!("the times of block {block} are missing")))?;
        Ok(self.overlaps(spread.value()))
    }

    /// The next block, in the order of the query, that all terms have, and the places that all have there.
    fn next(&self, blocks: &RangeInclusive<u64>) -> Result<Option<(u64, Bits)>, Error> {
        if blocks.is_empty() {
            return Ok(None);
        }
        let (first, last) = (*blocks.start(), *blocks.end());
        let mut at = if self.query.newest_first { last } else { first };
        'sought: loop {
            let mut bits = Bits::all();
            for term in &self.terms {
                let range = if self.query.newest_first { first..=at } else { at..=last };
                match self.seek(*term, range)? {
                    None => return Ok(None),
                    Some((block, found)) if block == at => bits.and(&found),
                    Some((block, _)) => {
                        at = block;
                        continue 'sought;
                    }
                }
            }
            return Ok(Some((at, bits)));
        }
    }

    /// The next block of one term. Its entries lie together for each span, so every span is asked in its turn.
    fn seek(&self, term: Term, blocks: RangeInclusive<u64>) -> Result<Option<(u64, Bits)>, Error> {
        let (first, last) = blocks.into_inner();
        let mut spans = first / BLOCKS_OF_SPAN..=last / BLOCKS_OF_SPAN;
        loop {
            let span = if self.query.newest_first { spans.next_back() } else { spans.next() };
            let Some(span) = span else { return Ok(None) };
            let from = term.key(first.max(span * BLOCKS_OF_SPAN));
            let to = term.key(last.min((span + 1) * BLOCKS_OF_SPAN - 1));
            let range = self.view.places.range::<&[u8; 14]>(&from..=&to);
            let mut range = range.map_err(|error| self.view.error(error))?;
            let entry = if self.query.newest_first { range.next_back() } else { range.next() };
            if let Some(entry) = entry {
                let (key, bytes) = entry.map_err(|error| self.view.error(error))?;
                let bits = Bits::read(bytes.value());
                let bits = bits.ok_or_else(|| Error::Broken("a list of places cannot be read".into()))?;
                return Ok(Some((block_of(key.value()), bits)));
            }
        }
    }

    /// Takes what is in time from a block, until there is enough.
    fn take(&self, block: u64, bits: &Bits, limit: usize, hits: &mut Hits) -> Result<(), Error> {
        let mut places = bits.places();
        if self.query.newest_first {
            places.reverse();
        }
        let mut times = Times::default();
        for place in places {
            let index = block * BLOCK + u64::from(place);
            if !self.holds(index, &mut times)? {
                continue;
            }
            if hits.places.len() == limit {
                hits.more = true;
                return Ok(());
            }
            hits.places.push(index);
        }
        Ok(())
    }

    fn holds(&self, index: u64, times: &mut Times) -> Result<bool, Error> {
        let filter = &self.query.filter;
        if filter.from_ms.is_none() && filter.to_ms.is_none() {
            return Ok(true);
        }
        let chunk = index / CHUNK;
        if times.chunk != Some(chunk) {
            let bytes = self.view.moments.get(chunk).map_err(|error| self.view.error(error))?;
            times.all = bytes.and_then(|bytes| moments::read(bytes.value())).unwrap_or_default();
            times.chunk = Some(chunk);
        }
        let place = usize::try_from(index % CHUNK).unwrap_or(usize::MAX);
        let time = times.all.get(place);
        time.map(|at| filter.holds_at(*at)).ok_or_else(|| Error::Broken(format!("the time of {index} is missing")))
    }
}

/// The times that were read last.
#[derive(Default)]
struct Times {
    chunk: Option<u64>,
    all: Vec<u64>,
}

#[cfg(test)]
mod tests;
