//! The records a second as a picture: bars of every setup with each number of callers, to the bare file's 1.

use super::{Which, summary::Summary};
use crate::bars::{self, Group, Series};

const SETUPS: [(Which, Series); 3] = [
    (Which::Shipped, ("#c0662b", "as shipped")),
    (Which::Unpublished, ("#3b6ea5", "unpublished")),
    (Which::Diskless, ("#888888", "without a disk")),
];

/// One SVG document.
pub(super) fn svg(summary: &Summary) -> String {
    let groups: Vec<Group> = summary
        .ratios
        .iter()
        .map(|at| {
            let rate = |setup| summary.figure(setup, at.callers).map(|figure| figure.median.records_per_second);
            let ratio = |setup| rate(setup).zip(rate(Which::Bare)).map(|(over, bare)| over / bare);
            let ratios = SETUPS.iter().map(|(setup, _)| ratio(*setup)).collect();
            Group { label: format!("{} callers", at.callers), ratios }
        })
        .collect();
    bars::svg("Records a second, log to bare write and sync", &SETUPS.map(|(_, series)| series), &groups)
}
