//! What the streamed results are made of: what the host has to look at most, and what it looks at least.

use bytes::Bytes;
use clap::ValueEnum;

/// Bytes of one chunk.
pub(crate) const PIECE: usize = 32 << 10;

/// What a result is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Content {
    /// One long string, ASCII
    #[default]
    Text,
    /// One long string of which most characters have more than one byte
    Script,
    /// One long string with a line break, as an escape, after every 64 bytes
    Lines,
    /// An array of numbers
    Numbers,
    /// An array of small objects
    Objects,
}

impl Content {
    /// As it stands in the arguments of a call.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::from_str(name, false).unwrap_or_default()
    }

    /// How it begins and ends.
    pub(crate) fn ends(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Text | Self::Script | Self::Lines => (b"\"", b"\""),
            Self::Numbers | Self::Objects => (b"[", b"0]"),
        }
    }

    /// The chunk that comes between again and again.
    pub(crate) fn piece(self) -> Bytes {
        let again = match self {
            Self::Text => "x",
            Self::Script => "größe 大きさ μέγεθος, ",
            Self::Lines => "A line of a file that somebody reads, as long as lines often are\\n",
            Self::Numbers => "3.25,-17,123456,0.015625,98.6,",
            Self::Objects => r#"{"id":4711,"name":"bolt","tags":["steel","m8"],"at":{"x":1,"y":null}},"#,
        };
        let mut piece = again.repeat(PIECE / again.len());
        // Blanks are good everywhere.
        piece.push_str(&" ".repeat(PIECE - piece.len()));
        piece.into_bytes().into()
    }
}
