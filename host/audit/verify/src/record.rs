//! An entry is one object in RFC 8785 form. This goes over its bytes once, without a tree, checks that nobody could
//! write the same record in another way, and picks out what the order rules ask about.

/// Deeper than any record.
const DEEPEST: u32 = 16;
/// The largest number that RFC 8785 writes exactly.
const LARGEST: u64 = (1 << 53) - 1;

/// What is wrong with an entry, and at which byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) what: &'static str,
    pub(crate) at: usize,
}

/// What the order rules ask about. Texts are as they stand between their quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Peek<'a> {
    pub(crate) kind: &'a str,
    pub(crate) at_ms: u64,
    pub(crate) invocation: Option<u128>,
    pub(crate) rule: Option<&'a str>,
    pub(crate) epoch: Option<u64>,
    pub(crate) lost: Option<u64>,
    pub(crate) attempt: Option<u64>,
    pub(crate) outcome: Option<&'a str>,
    pub(crate) local: bool,
    pub(crate) expires_ms: Option<u64>,
    pub(crate) claimed: bool,
    pub(crate) new_key: Option<&'a str>,
    pub(crate) old_key: Option<&'a str>,
    pub(crate) proof: Option<&'a str>,
    pub(crate) approval: Option<u128>,
    pub(crate) verdict: Option<&'a str>,
    pub(crate) contract: Option<&'a str>,
    pub(crate) args_digest: Option<&'a str>,
    pub(crate) principal: Option<&'a str>,
    pub(crate) tenant: Option<&'a str>,
}

enum Value<'a> {
    Text(&'a str),
    Number(u64),
    True,
    Other,
}

/// Checks an entry and looks into it.
pub(crate) fn peek(entry: &[u8]) -> Result<Peek<'_>, Flaw> {
    let text = str::from_utf8(entry).map_err(|error| Flaw { what: "it is not UTF-8", at: error.valid_up_to() })?;
    let mut scan = Scan { text, at: 0 };
    let mut found = Peek::default();
    let (mut has_kind, mut has_time) = (false, false);
    scan.object(0, &mut |key, value| {
        match (key, value) {
            ("kind", Value::Text(kind)) => (found.kind, has_kind) = (kind, true),
            ("at_ms", Value::Number(at_ms)) => (found.at_ms, has_time) = (at_ms, true),
            ("invocation", Value::Text(id)) => {
                found.invocation = Some(minted(id, "i-").ok_or("its invocation is none")?);
            }
            ("approval", Value::Text(id)) => {
                found.approval = Some(minted(id, "a-").ok_or("its approval is none")?);
            }
            ("verdict", Value::Text(verdict)) => found.verdict = Some(verdict),
            ("contract", Value::Text(contract)) => found.contract = Some(contract),
            ("args_digest", Value::Text(digest)) => found.args_digest = Some(digest),
            ("principal", Value::Text(principal)) => found.principal = Some(principal),
            ("tenant", Value::Text(tenant)) => found.tenant = Some(tenant),
            ("rule", Value::Text(rule)) => found.rule = Some(rule),
            ("epoch", Value::Number(epoch)) => found.epoch = Some(epoch),
            ("lost", Value::Number(lost)) => found.lost = Some(lost),
            ("attempt", Value::Number(attempt)) => found.attempt = Some(attempt),
            ("outcome", Value::Text(outcome)) => found.outcome = Some(outcome),
            ("local", Value::True) => found.local = true,
            ("expires_ms", Value::Number(expires)) => found.expires_ms = Some(expires),
            ("claimed", Value::True) => found.claimed = true,
            ("new_key", Value::Text(key)) => found.new_key = Some(key),
            ("old_key", Value::Text(key)) => found.old_key = Some(key),
            ("proof", Value::Text(proof)) => found.proof = Some(proof),
            ("kind" | "at_ms" | "invocation" | "rule" | "epoch" | "lost" | "attempt", _)
            | ("outcome" | "local" | "expires_ms" | "claimed" | "approval" | "verdict", _) => {
                return Err("one of its fields has another type");
            }
            _ => {}
        }
        Ok(())
    })?;
    if scan.at != entry.len() {
        return Err(scan.flaw("something stands behind the object"));
    }
    if !has_kind || !has_time {
        return Err(scan.flaw("it has no kind or no time"));
    }
    Ok(found)
}

/// A prefix and 32 hexadecimal digits.
fn minted(id: &str, prefix: &str) -> Option<u128> {
    let digits = id.strip_prefix(prefix).filter(|digits| digits.len() == 32)?;
    digits.bytes().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

/// A place in an entry.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

type Member<'a, 'f> = &'f mut dyn FnMut(&'a str, Value<'a>) -> Result<(), &'static str>;

impl<'a> Scan<'a> {
    fn flaw(&self, what: &'static str) -> Flaw {
        Flaw { what, at: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Flaw> {
        if self.peek() != Some(byte) {
            return Err(self.flaw(what));
        }
        self.at += 1;
        Ok(())
    }

    fn object(&mut self, depth: u32, member: Member<'a, '_>) -> Result<(), Flaw> {
        if depth > DEEPEST {
            return Err(self.flaw("it is nested too deep"));
        }
        self.expect(b'{', "it is no object")?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut last: Option<&str> = None;
        loop {
            let start = self.at;
            let key = self.string()?;
            if last.is_some_and(|last| !ascends(last, key)) {
                return Err(Flaw { what: "its keys do not ascend", at: start });
            }
            last = Some(key);
            self.expect(b':', "a key has no value")?;
            let value = self.value(depth)?;
            member(key, value).map_err(|what| Flaw { what, at: start })?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.flaw("no comma and no end of the object stands here")),
            }
        }
    }

    fn array(&mut self, depth: u32) -> Result<(), Flaw> {
        if depth > DEEPEST {
            return Err(self.flaw("it is nested too deep"));
        }
        self.expect(b'[', "it is no array")?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.flaw("no comma and no end of the array stands here")),
            }
        }
    }

    fn value(&mut self, depth: u32) -> Result<Value<'a>, Flaw> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.object(depth + 1, &mut |_, _| Ok(())).map(|()| Value::Other),
            Some(b'[') => self.array(depth + 1).map(|()| Value::Other),
            _ => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word));
                let word = word.ok_or_else(|| self.flaw("no value stands here"))?;
                self.at += word.len();
                Ok(if word == "true" { Value::True } else { Value::Other })
            }
        }
    }

    /// What stands between the quotes.
    fn string(&mut self) -> Result<&'a str, Flaw> {
        self.expect(b'"', "no text stands here")?;
        let start = self.at;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let special = rest.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\');
            self.at += special.ok_or_else(|| self.flaw("a text does not end"))?;
            match self.peek() {
                Some(b'"') => {
                    let text = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.flaw("a control character stands in a text")),
            }
        }
    }

    /// RFC 8785 section 3.2.2.2: nothing is escaped that need not be, and each in one way.
    fn escape(&mut self) -> Result<(), Flaw> {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let length = match rest {
            [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => 6,
            [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return Err(self.flaw("a text has an escape that it should not have")),
        };
        self.at += length;
        Ok(())
    }

    /// A whole number that a double holds exactly, written in the one way.
    fn number(&mut self) -> Result<Value<'a>, Flaw> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let first = self.peek();
        let mut number: u64 = 0;
        let digits = self.at;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let length = self.at - digits;
        let padded = first == Some(b'0') && (length > 1 || negative);
        let whole = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        if length == 0 || padded || !whole || number > LARGEST {
            return Err(Flaw { what: "a number is not whole, too large, or written in another way", at: start });
        }
        Ok(if negative { Value::Other } else { Value::Number(number) })
    }
}

/// RFC 8785 section 3.2.3 orders keys by their UTF-16 units.
fn ascends(one: &str, two: &str) -> bool {
    let plain = |key: &str| key.is_ascii() && !key.contains('\\');
    if plain(one) && plain(two) {
        return one < two;
    }
    let units = |key: &str| -> Option<Vec<u16>> {
        let decoded: String = serde_json::from_str(&format!("\"{key}\"")).ok()?;
        Some(decoded.encode_utf16().collect())
    };
    matches!((units(one), units(two)), (Some(one), Some(two)) if one < two)
}

#[cfg(test)]
mod tests;
