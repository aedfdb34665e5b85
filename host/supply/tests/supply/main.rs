//! What is said of names and descriptions, over corpora.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod benign;
mod lint;
mod names;
mod poisoned;
