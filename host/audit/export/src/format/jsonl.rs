//! JSON lines: the stored line, with its index as first member.

use std::io::Write;

use grid_audit::Record;

pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    line(record, out);
    out.push(b'\n');
}

/// Without a line end. A record is an object with at least one member, so a comma fits behind the index.
pub(crate) fn line(record: &Record, out: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{{\"index\":{}", record.index());
    let members = record.line().trim().strip_prefix('{').unwrap_or("}");
    if !members.trim_start().starts_with('}') {
        out.push(b',');
    }
    out.extend_from_slice(members.as_bytes());
}
