//! The yardstick that no log can beat: records that lie ready are written into a file of zeros and synced, in
//! batches.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    time::Duration,
};

use super::{
    Options,
    records::Template,
    sample::{Cpu, Sample},
};
use crate::{Fallible, clock::now, cpu::Used};

const SIZE: usize = 64 << 20;
/// Records that are written at once where there are that many callers.
const BATCH: usize = 64;

#[derive(Debug)]
pub(super) struct Bare {
    file: File,
    end: usize,
    template: Template,
}

impl Bare {
    pub(super) fn open(folder: &Path) -> Fallible<Self> {
        let path = folder.join("bare");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        file.write_all(&vec![0; SIZE])?;
        file.sync_all()?;
        Ok(Self { file, end: 0, template: Template::new()? })
    }

    pub(super) fn measure(&mut self, callers: usize, options: &Options) -> Fallible<Sample> {
        let batch = callers.min(BATCH);
        // Of one record, the longer one.
        let bytes =
            self.template.entries(batch.next_multiple_of(2)).split_off(batch.next_multiple_of(2) - batch).concat();
        let begin = now() + Duration::from_secs_f64(options.warm_up);
        let end = begin + Duration::from_secs_f64(options.seconds);
        let mut before = None;
        let mut latencies = Vec::with_capacity(1 << 14);
        loop {
            let sent = now();
            if sent >= end {
                break;
            }
            if sent >= begin && before.is_none() {
                before = Some(Used::by(std::process::id())?);
            }
            self.write(&bytes)?;
            if sent >= begin {
                latencies.push(u64::try_from(sent.elapsed().as_nanos())?);
            }
        }
        let used = Used::by(std::process::id())?;
        let cpu = before.map_or(0.0, |before| used.seconds_since(&before));
        let records = latencies.len() * batch;
        Ok(Sample::of(latencies, records, end - begin, Cpu { callers: cpu, ..Cpu::default() }).batched(batch as f64))
    }

    fn write(&mut self, bytes: &[u8]) -> Fallible<()> {
        if self.end + bytes.len() > SIZE {
            self.end = 0;
        }
        self.file.write_all_at(bytes, self.end as u64)?;
        self.file.sync_data()?;
        self.end += bytes.len().next_multiple_of(8);
        Ok(())
    }
}
