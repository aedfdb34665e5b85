//! What was signed, held against the tree when it has that size; and what must be true at the log's end.

use std::sync::Arc;

use grid_tlog::{Hash, VerifyingKey};

use crate::{
    Error, Failure, Finding, Report, Source,
    checkpoints::{self, Signed},
    report::Rotation,
    signatures::{Place, Signatures},
    verify::CHECKPOINT,
    walk::Walk,
};

impl<'scope, S: Source> Walk<'_, 'scope, S> {
    /// Checks every signature over the tree as it is now.
    pub(crate) fn marks(&mut self) -> Result<(), Error> {
        let size = self.size();
        let published = self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.size == size);
        let line = self.lines.as_ref().is_some_and(|lines| lines.next_size() == Some(size));
        let batch = self.batch.as_ref().is_some_and(|batch| batch.sealed.end() == size);
        let kept = self.kept.last().is_some_and(|kept| kept.checkpoint.size == size);
        let begins = self.wal.as_ref().is_some_and(|wal| wal.first() == size && size > 0);
        if !(published || line || batch || kept || begins) {
            return Ok(());
        }
        let root = self.rows.edge.root();
        let line = if line { self.line(size, root)? } else { None };
        if begins && line.is_none() {
            let what = format!("the signature over {size} entries is missing, with which the segments begin");
            return Err(Failure::new(what).at(self.good).within(checkpoints::FILE).into());
        }
        if batch {
            self.batch_end(root, line)?;
        } else if line.is_some() && self.wal.as_ref().is_some_and(|wal| wal.first() < size) {
            let what = format!("a tree of {size} entries was signed, and no batch in the segments ends there");
            return Err(Failure::new(what).at(self.good).within(checkpoints::FILE).into());
        }
        if published {
            self.published_root(root, line.is_some() || batch)?;
        }
        while let Some(kept) = self.kept.pop_if(|kept| kept.checkpoint.size == size) {
            if kept.checkpoint.root != root {
                let what = format!("the log does not continue the checkpoint over {size} entries that was kept");
                return Err(Failure::new(what).at(self.good).within(kept.name()).into());
            }
            self.continued += 1;
        }
        if published || line.is_some() || batch {
            self.handovers.signed(size).map_err(|what| Failure::new(what).at(size.saturating_sub(1)))?;
        }
        self.good = size;
        Ok(())
    }

    /// A line of `checkpoints.log`.
    fn line(&mut self, size: u64, root: Hash) -> Result<Option<Signed>, Error> {
        let taken = self.lines.as_mut().map(|lines| lines.take(size)).transpose()?;
        let Some((signed, offset)) = taken.flatten() else {
            return Ok(None);
        };
        let place = Place { file: Arc::clone(&self.lines_file), offset };
        self.signed(signed, root, place)?;
        Ok(Some(signed))
    }

    /// The trailer of the batch that ends here.
    fn batch_end(&mut self, root: Hash, line: Option<Signed>) -> Result<(), Error> {
        let Some(batch) = self.batch.clone() else {
            return Ok(());
        };
        let signed = Signed::of(&batch.sealed);
        let place = Place { file: Arc::clone(&batch.file), offset: batch.sealed.offset };
        let Some(line) = line else {
            self.unlisted(&signed)?;
            return self.signed(signed, root, place);
        };
        if line != signed {
            let what = format!("the signature over {} entries is another in `{}`", line.size, batch.file);
            return Err(Failure::new(what).at(self.good).within(checkpoints::FILE).into());
        }
        Ok(())
    }

    /// A batch may be missing from the end of `checkpoints.log`, which is written later, and nowhere else.
    fn unlisted(&mut self, signed: &Signed) -> Result<(), Failure> {
        let Some(lines) = &mut self.lines else {
            return Ok(());
        };
        let missing = |what: String| Failure::new(what).at(self.good).within(checkpoints::FILE);
        if lines.next_size().is_some() {
            return Err(missing(format!("the signature over {} entries is missing", signed.size)));
        }
        if let Some(torn) = lines.torn.take() {
            if !signed.line().as_bytes().starts_with(&torn) {
                return Err(missing("its end is no line, and not the beginning of the one that belongs there".into()));
            }
            let what = "the last line of `checkpoints.log` was being written when the host stopped; its start mends it";
            self.findings.push(Finding::seen("line_incomplete", what, 1, Vec::new()));
        }
        Ok(())
    }

    fn signed(&mut self, signed: Signed, root: Hash, place: Place) -> Result<(), Error> {
        let size = signed.size;
        if signed.root != root {
            let what = format!("the entries do not make the root that was signed for a tree of {size}");
            return Err(Failure::new(what).at(self.good).within(&*place.file).offset(place.offset).into());
        }
        if self.options.signatures
            && let Some(key) = self.key(size)
        {
            self.signatures.add(signed, &key, place, self.good);
        }
        Ok(())
    }

    fn key(&self, size: u64) -> Option<Arc<VerifyingKey>> {
        self.keys.iter().rev().find(|(from, _)| *from <= size).map(|(_, key)| Arc::clone(key))
    }

    fn published_root(&mut self, root: Hash, known: bool) -> Result<(), Failure> {
        let failed = |what: String| Failure::new(what).at(self.good).within(CHECKPOINT);
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(());
        };
        let size = checkpoint.size;
        if checkpoint.root != root {
            return Err(failed(format!("the entries do not make the root of the checkpoint over {size} entries")));
        }
        if !known && size > 0 && self.source.directory().is_some() {
            let what =
                format!("the checkpoint over {size} entries is neither in `checkpoints.log` nor in the segments");
            return Err(failed(what));
        }
        Ok(())
    }

    /// What must be true when nothing more comes.
    pub(crate) fn last(&mut self) -> Result<(), Error> {
        let size = self.size();
        if let Some(kept) = self.kept.last() {
            let (name, kept) = (kept.name(), kept.checkpoint.size);
            let what = format!("the log has {size} entries and had {kept} once: it was rolled back, or is behind");
            return Err(Failure::new(what).at(size).within(name).into());
        }
        // Over the network, the list may have gone on since the checkpoint was fetched.
        if let Some(lines) = self.lines.as_ref().filter(|_| self.source.directory().is_some()) {
            if let Some(signed) = lines.next_size() {
                let what = format!("the log has {size} entries, and a tree of {signed} was signed: it was rolled back");
                return Err(Failure::new(what).at(size).within(checkpoints::FILE).into());
            }
            if lines.torn.is_some() {
                return Err(Failure::new("its end is no line").at(self.good).within(checkpoints::FILE).into());
            }
        }
        self.last_of_segments()?;
        let begun = self.handovers.end(size, self.behind, self.options.key).map_err(Failure::new)?;
        let unfinished = self.rows.end(self.source)?;
        let notes: [(bool, &str, &str, u64); 4] = [
            (begun, "rotation_begun", "a change of keys was begun and not done; run `grid audit rotate` again", 1),
            (unfinished > 0, "tiles_unfinished", "tiles were being written when this was looked at", unfinished),
            (
                self.rows.stale > 0,
                "tiles_stale",
                "partial tiles of earlier checkpoints, as they should be",
                self.rows.stale,
            ),
            (
                self.wal.is_none() && self.source.directory().is_some(),
                "no_segments",
                "the private segments are not here, so entries that were not published yet cannot be seen",
                1,
            ),
        ];
        for (_, name, what, count) in notes.into_iter().filter(|(is, ..)| *is) {
            self.findings.push(Finding::seen(name, what, count, Vec::new()));
        }
        let ahead = size - self.published();
        if ahead > 0 {
            let what = "entries that are signed and not published yet";
            self.findings.push(Finding::seen("not_published", what, ahead, vec![self.published()]));
        }
        Ok(())
    }

    fn last_of_segments(&mut self) -> Result<(), Error> {
        let Some(wal) = &self.wal else {
            return Ok(());
        };
        if let Some(index) = self.order.open_before(wal.first()) {
            let what = "the call was not concluded, and the segment that admits it is gone";
            return Err(Failure::new(what).at(index).into());
        }
        if wal.torn > 0 {
            let (file, offset) = wal.place();
            let what = format!(
                "`{file}` ends at offset {offset} with {} bytes of a batch that is not complete: it is being written, \
                 or was when the host stopped, and was never acknowledged",
                wal.torn
            );
            self.findings.push(Finding::seen("batch_incomplete", what, 1, vec![self.size()]));
        }
        Ok(())
    }

    /// The report, where nothing was wrong, and the signatures that are still being checked.
    pub(crate) fn end(self, walked: Result<(), Error>) -> (Signatures<'scope>, Result<Report, Error>) {
        let Err(error) = walked else {
            let report = self.report();
            return (self.signatures, Ok(report));
        };
        (self.signatures, Err(error))
    }

    fn report(&self) -> Report {
        let present = self.key(self.size());
        let times = self.order.times();
        let rotations = self.handovers.all().map(|(index, key)| Rotation { index, key: key.to_string() });
        let mut findings = self.findings.clone();
        findings.extend(self.order.findings());
        Report {
            origin: present.as_ref().map(|key| key.name().to_owned()).unwrap_or_default(),
            key: present.map(|key| key.to_string()).unwrap_or_default(),
            key_from_log: self.options.key.is_none(),
            entries: self.size(),
            root: self.rows.edge.root(),
            published: self.published(),
            tiles: self.rows.checked,
            signatures: self.signatures.taken,
            batches: self.batches,
            kept: self.continued,
            cosigned: None,
            records: self.order.counts(),
            first_ms: times.first_ms,
            last_ms: times.last_ms,
            rotations: rotations.collect(),
            findings,
        }
    }
}
