//! Reads arguments from JSON into Rust values. Keeps the place in the arguments as a JSON pointer and gathers
//! every fault; never repeats a value, only names.

use serde_json::{Map, Value};

use crate::ToolType;

const MOST_SHOWN: usize = 8;
const LONGEST_NAME: usize = 64;
/// 2^53 - 1: up to here a JSON number with a fraction part of zero is one whole number and no other (Q3).
const EXACT: f64 = 9_007_199_254_740_991.0;

/// Where the reading stands and what it has found wrong.
#[derive(Debug, Default)]
pub struct Reader {
    place: Vec<String>,
    faults: Vec<String>,
    more: usize,
}

impl Reader {
    /// Notes that the value here is not as declared, and gives `None`.
    pub fn fault<T>(&mut self, must: impl AsRef<str>) -> Option<T> {
        let pointer = self.pointer();
        self.note(format!("`{pointer}` {}", must.as_ref()));
        None
    }

    fn note(&mut self, fault: String) {
        if self.faults.len() < MOST_SHOWN {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    fn pointer(&self) -> String {
        if self.place.is_empty() {
            return "/".to_owned();
        }
        let mut pointer = String::new();
        for step in &self.place {
            pointer.push('/');
            let step = step.replace('~', "~0").replace('/', "~1");
            pointer.extend(
                step.chars().take(LONGEST_NAME).map(|sign| if sign.is_control() || sign == '`' { '?' } else { sign }),
            );
        }
        pointer
    }

    /// Every fault in one line, or `None` where there was none.
    pub fn report(&self) -> Option<String> {
        if self.faults.is_empty() {
            return None;
        }
        let mut text = format!("the arguments do not match the declaration: {}", self.faults.join(", "));
        if self.more > 0 {
            text.push_str(&format!(", and {} more", self.more));
        }
        text.push_str("; correct them and call again");
        Some(text)
    }

    fn within<T>(&mut self, step: String, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.place.push(step);
        let value = read(self);
        self.place.pop();
        value
    }

    /// The fields of an OBJECT.
    pub fn fields(&mut self, value: Value) -> Option<Fields<'_>> {
        match value {
            Value::Object(left) => Some(Fields { left, reader: self }),
            _ => self.fault("must be an OBJECT"),
        }
    }

    /// A STRING that is one of some values.
    pub fn choice(&mut self, value: Value, values: &[&str]) -> Option<String> {
        match value {
            Value::String(text) if values.contains(&text.as_str()) => Some(text),
            _ => self.fault(format!("must be one of `{}`", values.join("`, `"))),
        }
    }

    pub(crate) fn items<T: ToolType>(&mut self, value: Value) -> Option<Vec<T>> {
        let Value::Array(items) = value else {
            return self.fault("must be an ARRAY");
        };
        // Every item is read, so that every fault is found.
        let read: Vec<Option<T>> = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| self.within(index.to_string(), |reader| T::read(item, reader)))
            .collect();
        read.into_iter().collect()
    }

    pub(crate) fn entries<T: ToolType, M: FromIterator<(String, T)>>(&mut self, value: Value) -> Option<M> {
        let Value::Object(entries) = value else {
            return self.fault("must be an OBJECT");
        };
        let read: Vec<Option<(String, T)>> = entries
            .into_iter()
            .map(|(key, item)| {
                let value = self.within(key.clone(), |reader| T::read(item, reader));
                value.map(|value| (key, value))
            })
            .collect();
        read.into_iter().collect()
    }

    pub(crate) fn integer<T: TryFrom<i64>>(&mut self, value: &Value, range: &str) -> Option<T> {
        let Some(whole) = whole(value) else {
            return self.fault("must be an INTEGER");
        };
        match T::try_from(whole) {
            Ok(number) => Some(number),
            Err(_) => self.fault(format!("must be {range}")),
        }
    }
}

/// A whole number, also where it is written as `1.0` or `1e3`, as long as that is exact.
fn whole(value: &Value) -> Option<i64> {
    if let Some(whole) = value.as_i64() {
        return Some(whole);
    }
    let number = value.as_f64()?;
    let exact = value.is_f64() && number.fract() == 0.0 && number.abs() <= EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "checked above to be a whole number within 53 bits")]
    exact.then_some(number as i64)
}

/// The fields of an OBJECT while they are read. What is left at the end was not declared.
#[derive(Debug)]
pub struct Fields<'a> {
    left: Map<String, Value>,
    reader: &'a mut Reader,
}

impl Fields<'_> {
    /// One field.
    pub fn take<T: ToolType>(&mut self, name: &str) -> Option<T> {
        let value = self.left.remove(name);
        self.reader.within(name.to_owned(), |reader| match value {
            Some(value) => T::read(value, reader),
            None if T::OPTIONAL => T::absent(),
            None => reader.fault("is missing"),
        })
    }

    /// Refuses the fields that were not declared.
    pub fn close(&mut self) {
        for (name, _) in std::mem::take(&mut self.left) {
            let _: Option<()> = self.reader.within(name, |reader| reader.fault("is not declared"));
        }
    }
}
