//! Which key signed which part of a log, and how one key handed over to the next.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_tlog::{Kind, VerifyingKey};

use crate::{Error, Failure, Source, Unreadable, record::Peek};

pub(crate) const PRESENT: &str = "log.vkey";
pub(crate) const ALL: &str = "log.vkeys";

/// The keys of a log, each with the first size that it signs, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Vec<(u64, VerifyingKey)>);

impl Keys {
    /// One key for the whole log.
    #[must_use]
    pub fn of(key: VerifyingKey) -> Self {
        Self(vec![(0, key)])
    }

    /// Reads a key, or a list of keys as `log.vkeys` has it: a line each, `<first size> <key>`.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if let Ok(key) = text.parse::<VerifyingKey>() {
            return note_key(key).map(Self::of);
        }
        let mut keys: Vec<(u64, VerifyingKey)> = Vec::new();
        for line in text.lines() {
            let (size, key) = line.split_once(' ').unwrap_or_default();
            let from: Option<u64> = size.parse().ok().filter(|from: &u64| from.to_string() == size);
            let from = from.ok_or_else(|| Failure::new(format!("`{line}` is no key and no line of a list of keys")))?;
            let key = note_key(key.parse().map_err(|error| Failure::new(format!("{error}")))?)?;
            let follows = keys.last().map_or(from == 0, |(last, first)| from > *last && key.name() == first.name());
            if !follows {
                return Err(Failure::new("the list's sizes do not ascend from 0, or a key in it is of another log"));
            }
            keys.push((from, key));
        }
        if keys.is_empty() {
            return Err(Failure::new("there is no key in it"));
        }
        Ok(Self(keys))
    }

    /// What the log itself says, where `trusted` is one of its keys, and whether `log.vkey` is one key behind.
    pub(crate) fn read<S: Source>(source: &S, trusted: Option<&VerifyingKey>) -> Result<(Self, bool), Error> {
        let text = |name: &str| -> Result<Option<String>, Error> {
            let bytes = source.fetch(name)?;
            Ok(bytes.map(|bytes| String::from_utf8(bytes).unwrap_or_default()))
        };
        let (list, present) = (text(ALL)?, text(PRESENT)?);
        if let Some(directory) = source.directory() {
            if list.is_none() && present.is_none() && source.fetch("checkpoint")?.is_none() {
                let what =
                    format!("`{}` holds no log; name the directory that has `log.vkey` in it", directory.display());
                return Err(Unreadable::Missing(what).into());
            }
            for (name, text) in [(ALL, &list), (PRESENT, &present)] {
                if text.is_none() {
                    return Err(Failure::new("the file is missing").within(name).into());
                }
            }
        }
        let parse = |name: &str, text: &str| Self::parse(text).map_err(|failure| failure.within(name));
        let keys = match (&list, &present, trusted) {
            (Some(list), _, _) => {
                let keys = parse(ALL, list)?;
                if keys.to_string() != *list {
                    return Err(Failure::new("the list of keys is not written as it should be").within(ALL).into());
                }
                keys
            }
            (None, Some(present), _) => parse(PRESENT, present)?,
            (None, None, Some(key)) => Self::of(key.clone()),
            (None, None, None) => {
                let what = "the log shows no key; give the one that you got from its keeper";
                return Err(Failure::new(what).within(PRESENT).into());
            }
        };
        let present = present.map(|present| keys.0.iter().position(|(_, key)| present == format!("{key}\n")));
        // The list is written first, so while keys are being changed, the last but one may be there still.
        let behind = match present {
            None => false,
            Some(Some(place)) if place + 1 == keys.0.len() => false,
            Some(Some(place)) if place + 2 == keys.0.len() => true,
            Some(_) => return Err(Failure::new("the key in it is not the last one of the log").within(PRESENT).into()),
        };
        if let Some(trusted) = trusted
            && !keys.has(trusted)
        {
            return Err(Failure::new(format!("the log was never signed with the key `{trusted}`")).into());
        }
        Ok((keys, behind))
    }

    /// The key that signs a tree of `size` entries.
    #[must_use]
    pub fn at(&self, size: u64) -> Option<&VerifyingKey> {
        self.0.iter().rev().find(|(from, _)| *from <= size).map(|(_, key)| key)
    }

    /// The newest.
    #[must_use]
    pub fn present(&self) -> Option<&VerifyingKey> {
        self.0.last().map(|(_, key)| key)
    }

    /// All of them, oldest first, each with the first size that it signs.
    pub fn all(&self) -> impl Iterator<Item = (u64, &VerifyingKey)> {
        self.0.iter().map(|(from, key)| (*from, key))
    }

    pub(crate) fn has(&self, key: &VerifyingKey) -> bool {
        self.0.iter().any(|(_, one)| one == key)
    }

    /// The name of the log.
    pub(crate) fn origin(&self) -> &str {
        self.0.first().map_or("", |(_, key)| key.name())
    }
}

impl std::fmt::Display for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(from, key)| writeln!(f, "{from} {key}"))
    }
}

fn note_key(key: VerifyingKey) -> Result<VerifyingKey, Failure> {
    if key.kind() == Kind::Note { Ok(key) } else { Err(Failure::new("the key is a witness's, not a log's")) }
}

/// A key handed over to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Handover {
    index: u64,
    /// The first size that the new key signs.
    from: u64,
    /// Signatures of the old key over trees that hold the record.
    signed: u64,
}

/// Holds the records that hand keys over against the list of keys, and both against who signed what.
#[derive(Debug)]
pub(crate) struct Handovers {
    keys: Keys,
    done: Vec<Handover>,
    /// Every signature of the log passes by; where only the newest is known, less can be said.
    complete: bool,
}

impl Handovers {
    pub(crate) fn new(keys: Keys, complete: bool) -> Self {
        Self { keys, done: Vec::new(), complete }
    }

    /// A record of kind `key_rotated`.
    pub(crate) fn record(&mut self, index: u64, peek: &Peek<'_>) -> Result<(), &'static str> {
        self.check_last()?;
        if self.done.last().is_some_and(|last| last.from > index + 1) {
            return Err("the key hands over before it took over");
        }
        let mut keys = self.keys.0.iter().skip(self.done.len());
        let (Some((_, old)), Some((from, new))) = (keys.next(), keys.next()) else {
            return Err("the log hands over to a key that the list of its keys does not have");
        };
        let (old_text, new_text) = (old.to_string(), new.to_string());
        if peek.old_key != Some(&old_text) || peek.new_key != Some(&new_text) {
            return Err("the log hands over between other keys than the list of its keys has");
        }
        let signature = peek.proof.and_then(|proof| BASE64_STANDARD.decode(proof).ok()).unwrap_or_default();
        let message = format!("grid/key-rotation/v1\n{old_text}\n{new_text}\n");
        if !new.verifies(message.as_bytes(), &signature) {
            return Err("the new key does not agree to take over: its signature does not fit");
        }
        // The record is a batch of its own, and whatever is signed after it is signed by the new key.
        if *from != index + 2 {
            return Err("the list of keys has the new key sign from another size on than this record");
        }
        self.done.push(Handover { index, from: *from, signed: 0 });
        Ok(())
    }

    /// A tree of `size` entries was signed, by the key that the list has for it.
    pub(crate) fn signed(&mut self, size: u64) -> Result<(), &'static str> {
        let Some(last) = self.done.last_mut() else {
            return Ok(());
        };
        if size > last.index && size < last.from {
            last.signed += 1;
        }
        if last.signed > 1 {
            return Err("the old key went on signing after it had handed over");
        }
        if size >= last.from { self.check_last() } else { Ok(()) }
    }

    fn check_last(&self) -> Result<(), &'static str> {
        match self.done.last() {
            Some(last) if self.complete && last.signed == 0 => {
                Err("the old key did not sign the tree in which it hands over")
            }
            _ => Ok(()),
        }
    }

    /// The log is at its end, with `size` entries. Gives whether a change of keys was begun and not done: the list
    /// is written before the record, and `log.vkey` (it may be one `behind`) in between.
    pub(crate) fn end(&self, size: u64, behind: bool, trusted: Option<&VerifyingKey>) -> Result<bool, &'static str> {
        self.check_last()?;
        let mut ahead = self.keys.0.iter().skip(self.done.len() + 1);
        let begun = match (ahead.next(), ahead.next()) {
            (None, _) => false,
            (Some((from, _)), None) if *from > size + 1 => true,
            _ => return Err("the list of keys has a key that the log never handed over to"),
        };
        if behind && !begun {
            return Err("`log.vkey` is not the last key of the log");
        }
        let proved = self.keys.0.len() - usize::from(begun);
        if trusted.is_some_and(|trusted| !self.keys.0.iter().take(proved).any(|(_, key)| key == trusted)) {
            return Err("the log has not handed over to the key that was given");
        }
        Ok(begun)
    }

    /// Where each key but the first took over.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &VerifyingKey)> {
        let taken_over = self.keys.0.iter().skip(1).map(|(_, key)| key);
        self.done.iter().map(|done| done.index).zip(taken_over)
    }
}
