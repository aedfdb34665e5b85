//! The members of an object, in the order of their text.
//! Small objects are searched in place; larger ones carry an index sorted by key, so that no input can make a lookup slow and
//! no hash can be flooded. Refuses a key that comes twice.

use super::Value;

/// Up to this many members a scan beats a search.
const SCANNED: usize = 16;

/// An object's members: order kept, keys unique.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<(String, Value)>,
    /// Positions sorted by key; empty while the map is small.
    index: Vec<u32>,
}

/// Members among which a key comes twice.
pub(crate) struct Twice {
    pub(crate) key: String,
    entries: Vec<(String, Value)>,
}

impl Map {
    /// A map without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position(key).and_then(|at| self.entries.get(at)).map(|(_, value)| value)
    }

    /// Whether `key` is a member of its own.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets `key` and gives the value it had. A new key goes to the end. For many members at once, collect.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Option<Value> {
        let key = key.into();
        if let Some((_, old)) = self.position(&key).and_then(|at| self.entries.get_mut(at)) {
            return Some(std::mem::replace(old, value));
        }
        let at = self.index.partition_point(|at| self.key_at(*at) < key.as_str());
        let new = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push((key, value));
        if !self.index.is_empty() {
            self.index.insert(at, new);
        } else if self.entries.len() > SCANNED {
            self.index = sorted(&self.entries);
        }
        None
    }

    /// Members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + Clone {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// Values in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    pub(crate) fn entries(&self) -> &[(String, Value)] {
        &self.entries
    }

    /// Takes members as read, or gives them back with the first key that comes twice.
    pub(crate) fn from_entries(entries: Vec<(String, Value)>) -> Result<Self, Twice> {
        if entries.len() <= SCANNED {
            return match repeated(&entries) {
                Some(key) => Err(Twice { key, entries }),
                None => Ok(Self { entries, index: Vec::new() }),
            };
        }
        let index = sorted(&entries);
        let key = |at: Option<&u32>| at.and_then(|at| entries.get(*at as usize)).map(|(key, _)| key);
        let twice = index.windows(2).find(|pair| key(pair.first()) == key(pair.last()));
        match twice.and_then(|pair| key(pair.first())).cloned() {
            Some(key) => Err(Twice { key, entries }),
            None => Ok(Self { entries, index }),
        }
    }

    fn key_at(&self, at: u32) -> &str {
        self.entries.get(at as usize).map_or("", |(key, _)| key)
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|(own, _)| own == key);
        }
        let found = self.index.binary_search_by(|at| self.key_at(*at).cmp(key)).ok()?;
        self.index.get(found).map(|at| *at as usize)
    }
}

fn repeated(entries: &[(String, Value)]) -> Option<String> {
    let mut rest = entries;
    while let Some(((key, _), others)) = rest.split_first() {
        if others.iter().any(|(other, _)| other == key) {
            return Some(key.clone());
        }
        rest = others;
    }
    None
}

fn sorted(entries: &[(String, Value)]) -> Vec<u32> {
    let mut index: Vec<u32> = (0..u32::try_from(entries.len()).unwrap_or(u32::MAX)).collect();
    let key = |at: &u32| entries.get(*at as usize).map(|(key, _)| key.as_str());
    index.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
    index
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

/// Of a key that comes twice the later value stays. Quick at any size as long as none does.
impl<K: Into<String>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Self {
        let entries = members.into_iter().map(|(key, value)| (key.into(), value)).collect();
        Self::from_entries(entries).unwrap_or_else(|twice| {
            let mut map = Self::new();
            for (key, value) in twice.entries {
                map.insert(key, value);
            }
            map
        })
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
