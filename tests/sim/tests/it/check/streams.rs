//! Streams: what a reader had is what was sent, in order, with one end, and the log has its digest.

use grid_adm::Digest;
use grid_audit::Record;

use super::{Check, UNWRITTEN};
use crate::streams::{End, Read};

impl Check<'_> {
    pub(super) fn streams_are_whole_or_say_so(&mut self) {
        let read = self.memory.streams.read.iter();
        let faults: Vec<_> =
            read.filter_map(|read| Some(format!("{}: its stream {}", read.call_id, self.torn(read)?))).collect();
        self.faults.extend(faults);
    }

    /// What is wrong with what somebody read.
    fn torn(&self, read: &Read) -> Option<String> {
        if !read.in_order {
            return Some("was out of order, or went on after its end".to_owned());
        }
        if read.ends.len() != 1 && !(read.left && read.ends.is_empty()) {
            return Some(format!("has {} ends", read.ends.len()));
        }
        let Some(invocation) = read.invocation else {
            return read.ends.contains(&End::ToolError).then(|| "was answered by nobody".to_owned());
        };
        let sent = || self.memory.streams.of(invocation);
        let said =
            self.memory.said.iter().any(|said| said.invocation == invocation && said.content.as_bytes() == read.bytes);
        if !said && !read.bytes.is_empty() && !sent().any(|sent| sent.bytes.starts_with(&read.bytes)) {
            return Some("has bytes that nobody sent".to_owned());
        }
        let concluded = self.log.get(&invocation.to_string()).and_then(|found| found.concluded.first().copied());
        let end = read.ends.first()?;
        let Some(record) = concluded.filter(|record| self.disk.was_durable(record.index(), read.synced)) else {
            if read.unwritable && matches!(end, End::Refused(code) if UNWRITTEN.contains(code)) {
                return None;
            }
            let begun = !self.is_unadmitted(invocation) || !matches!(end, End::Refused(_));
            return begun.then(|| format!("ended with {end:?} before its conclusion was durable"));
        };
        match end {
            End::Whole(streamed) => {
                let digest = Digest::of_bytes(&read.bytes);
                let bytes = read.bytes.len() as u64;
                if !read.is_final
                    || (streamed.chunks, streamed.bytes, streamed.digest) != (read.chunks, bytes, *digest.as_bytes())
                {
                    return Some(format!("was told to be {streamed:?}"));
                }
                let told = (record.outcome(), record.number("result_bytes"), record.text("result_digest"));
                let had = (Some("success"), Some(bytes), Some(format!("sha256:{digest}")));
                if told != (had.0, had.1, had.2.as_deref()) {
                    return Some(format!("is on record as {told:?}, and was {had:?}"));
                }
                let broken = !said && sent().all(|sent| sent.faulty);
                broken.then(|| "succeeded, although its runtime broke the rules of streams".to_owned())
            }
            End::ToolError => (record.outcome() != Some("tool_error")).then(|| told(record)),
            End::Refused(code) => (record.code() != Some(*code)).then(|| told(record)),
        }
        .or_else(|| {
            let recorded = record.number("result_bytes").unwrap_or(u64::MAX);
            (recorded < read.bytes.len() as u64).then(|| format!("gave more than the {recorded} bytes on record"))
        })
    }
}

fn told(record: &Record) -> String {
    format!("is on record as {:?} {:?}", record.outcome(), record.code())
}
