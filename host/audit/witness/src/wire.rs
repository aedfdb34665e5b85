//! The body of `add-checkpoint` and the body of a conflict, as C2SP tlog-witness writes them; one way to write each.

use std::fmt::Write as _;

use grid_tlog::Hash;

/// The longest request that is read, and the longest answer.
pub const LONGEST_BODY: usize = 64 << 10;
/// Hashes in a proof at most, by the specification.
pub const MOST_HASHES: usize = 63;
/// The last part of the URL.
pub(crate) const ADD_CHECKPOINT: &str = "/add-checkpoint";
/// Kind of the body that tells a size.
pub(crate) const SIZE_TYPE: &str = "text/x.tlog.size";

/// A request that was read; nothing of it is checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AddCheckpoint<'a> {
    /// The size that the sender believes was cosigned last.
    pub(crate) old: u64,
    /// That the checkpoint continues the tree of that size.
    pub(crate) proof: Vec<Hash>,
    /// The checkpoint, a signed note.
    pub(crate) note: &'a str,
}

impl<'a> AddCheckpoint<'a> {
    /// What is wrong with it is said in words for whoever sent it.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8")?;
        let (head, note) = text.split_once("\n\n").ok_or("no empty line stands before the checkpoint")?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(size);
        let old = old.ok_or("the first line is not `old ` and a size in decimal")?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MOST_HASHES {
                return Err("the proof has more than 63 lines");
            }
            proof.push(line.parse().map_err(|_| "a line of the proof is not 32 bytes in base64")?);
        }
        Ok(Self { old, proof, note })
    }

    pub(crate) fn write(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            // Writing to a string cannot fail.
            let _ = writeln!(body, "{hash}");
        }
        body.push('\n');
        body.push_str(self.note);
        body
    }
}

/// A size in the one way in which it may be written.
pub(crate) fn size(text: &str) -> Option<u64> {
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}

#[cfg(test)]
mod tests {
    use grid_tlog::Hash;

    use super::{AddCheckpoint, MOST_HASHES, size};

    #[test]
    fn what_is_written_is_read() {
        for hashes in [0, 1, MOST_HASHES] {
            let request = AddCheckpoint { old: 7, proof: vec![Hash::leaf(b"x"); hashes], note: "a\n1\nb\n\nc\n" };
            assert_eq!(AddCheckpoint::parse(request.write().as_bytes()), Ok(request));
        }
    }

    #[test]
    fn sizes_have_one_way_to_be_written() {
        assert_eq!(size("0"), Some(0));
        assert_eq!(size("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "1\n", "18446744073709551616", "１"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
