//! Structure: values, arrays, objects, and the bounds on them.
//! Recursion is bounded by the depth limit, which the caller of this module caps.

use super::error::Step;
use super::scan::Scanner;
use super::{Error, Fault, Limits};
use crate::value::{Map, Value};

pub(super) struct Parser<'t> {
    scan: Scanner<'t>,
    limits: Limits,
    nodes: usize,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, limits: Limits) -> Self {
        Self { scan: Scanner::new(text), limits, nodes: 0 }
    }

    pub(super) fn document(mut self) -> Result<Value, Error> {
        self.scan.skip_space();
        let value = self.value(0)?;
        self.scan.skip_space();
        match self.scan.peek() {
            None => Ok(value),
            Some(_) => Err(self.scan.fault(Fault::Trailing)),
        }
    }

    /// One value. Expects that space was skipped and leaves the scanner behind the value.
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(self.scan.fault(Fault::Nodes(self.limits.nodes)));
        }
        match self.scan.peek() {
            Some(b'"') => self.scan.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.scan.number().map(Value::Number),
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b't') => self.scan.word("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.scan.word("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.scan.word("null").map(|()| Value::Null),
            _ => Err(self.scan.fault(Fault::Syntax("a JSON value"))),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, Error> {
        if depth < self.limits.depth { Ok(depth + 1) } else { Err(self.scan.fault(Fault::Depth(self.limits.depth))) }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        self.scan.step();
        let mut items = Vec::new();
        self.scan.skip_space();
        if self.scan.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            let item = self.value(depth).map_err(|error| error.below(Step::Index(items.len())))?;
            items.push(item);
            self.scan.skip_space();
            if self.scan.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.scan.take(b',') {
                return Err(self.scan.fault(Fault::Syntax("`,` or `]`")));
            }
            self.scan.skip_space();
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        self.scan.step();
        let mut entries = Vec::new();
        self.scan.skip_space();
        if self.scan.take(b'}') {
            return Ok(Value::Object(Map::new()));
        }
        loop {
            let key = self.key()?;
            match self.value(depth) {
                Ok(value) => entries.push((key, value)),
                Err(error) => return Err(error.below(Step::Key(key))),
            }
            self.scan.skip_space();
            if self.scan.take(b'}') {
                return Map::from_entries(entries)
                    .map(Value::Object)
                    .map_err(|twice| self.scan.fault(Fault::DuplicateKey).below(Step::Key(twice.key)));
            }
            if !self.scan.take(b',') {
                return Err(self.scan.fault(Fault::Syntax("`,` or `}`")));
            }
            self.scan.skip_space();
        }
    }

    fn key(&mut self) -> Result<String, Error> {
        if self.scan.peek() != Some(b'"') {
            return Err(self.scan.fault(Fault::Syntax("a key in double quotes")));
        }
        let key = self.scan.string()?;
        self.scan.skip_space();
        if !self.scan.take(b':') {
            return Err(self.scan.fault(Fault::Syntax("`:` after the key")));
        }
        self.scan.skip_space();
        Ok(key)
    }
}
