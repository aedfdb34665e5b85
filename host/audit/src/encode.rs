//! Event to entry: one flat JSON object in RFC 8785 form, written without a tree in between. Runs on the
//! writer's thread; it takes an event and gives bytes, and never refuses.

use grid_core::{
    Code,
    event::{Event, Sha256},
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The largest number that RFC 8785 writes exactly; larger ones are written as this one.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Appends `event` to `out`. Absent fields are left out, digests are `sha256:` and 64 hex digits.
pub fn encode(event: &Event, out: &mut Vec<u8>) {
    // Every field by name: one that is added to the event does not compile until it is written here.
    #[rustfmt::skip]
    let Event {
        kind, at_ms, correlation, principal, session, invocation, call_id, tool, contract, effect, dynamic,
        args_digest, args_shape, args_bytes, rule, epoch, cache_age_ms, policy, approval, verdict, cost, deadline_ms,
        runtime, connection, provider, chosen_by, attempt, parent, reused, chunks, outcome, code, stage, detail, duration_us, result_digest, result_bytes, result_shape,
        local, expires_ms, claimed, signal, invalidation, read, filters, accepted, rejected,
    } = event;
    let mut object = Object::begin(out);
    object.names("accepted", accepted);
    object.minted("approval", "a-", approval.map(|id| id.as_u128()));
    object.number("args_bytes", *args_bytes);
    object.digest("args_digest", args_digest.as_ref());
    object.text("args_shape", args_shape.as_deref());
    object.number("at_ms", Some(*at_ms));
    object.number("attempt", attempt.map(u64::from));
    object.number("cache_age_ms", *cache_age_ms);
    object.text("call_id", call_id.as_ref().map(|id| id.as_str()));
    let (who, ended) = (principal.as_deref(), invalidation.as_deref());
    object.number("cancelled_calls", ended.map(|ended| ended.cancelled_calls.into()));
    object.text("chosen_by", *chosen_by);
    object.number("chunks", *chunks);
    object.truth("claimed", *claimed);
    object.text("code", code.map(Code::as_str));
    object.minted("connection", "c-", connection.map(|id| id.as_u128()));
    object.digest("contract", contract.as_ref());
    object.text("correlation", Some(correlation.as_str()));
    object.number("cost", *cost);
    object.number("deadline_ms", *deadline_ms);
    object.text("detail", detail.as_deref());
    object.number("duration_us", *duration_us);
    object.truth("dynamic", *dynamic);
    object.text("effect", *effect);
    object.number("ended_grants", ended.map(|ended| ended.ended_grants.into()));
    object.number("epoch", *epoch);
    object.text("event", ended.and_then(|ended| ended.cause).map(|cause| cause.as_str()));
    object.text("event_id", ended.and_then(|ended| ended.event_id.as_deref()));
    object.number("expires_ms", *expires_ms);
    object.names("filters", filters);
    object.minted("invocation", "i-", invocation.map(|id| id.as_u128()));
    object.text("kind", Some(kind.as_str()));
    object.truth("local", *local);
    object.text("outcome", outcome.map(|outcome| outcome.as_str()));
    object.minted("parent", "i-", parent.map(|id| id.as_u128()));
    object.digest("policy", policy.as_ref());
    object.text("principal", who.map(|who| who.id.as_str()));
    object.text("proof", who.map(|who| who.proof.as_str()));
    object.text("provider", provider.as_deref());
    object.text("read", *read);
    object.refusals("rejected", rejected);
    object.number("result_bytes", *result_bytes);
    object.digest("result_digest", result_digest.as_ref());
    object.text("result_shape", result_shape.as_deref());
    object.minted("reused", "i-", reused.map(|id| id.as_u128()));
    object.text("rule", rule.as_deref());
    object.text("runtime", runtime.as_ref().map(|id| id.as_str()));
    object.names("scope", ended.map_or(&[][..], |ended| &ended.scope));
    object.minted("session", "s-", session.map(|id| id.as_u128()));
    object.text("signal", signal.map(|signal| signal.as_str()));
    object.text("stage", stage.map(|stage| stage.as_str()));
    object.text("tenant", who.map(|who| who.tenant.as_str()));
    object.text("tool", tool.as_deref());
    object.text("verdict", *verdict);
    object.end();
}

/// The record that counts `lost` others, which were accepted and could not be written.
pub(crate) fn gap(at_ms: u64, lost: u64, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.number("at_ms", Some(at_ms));
    object.text("kind", Some("gap"));
    object.number("lost", Some(lost));
    object.end();
}

/// The record by which a log gets another key. All of it is text of this crate's own making.
pub(crate) fn key_rotated(at_ms: u64, old: &str, new: &str, proof: &str, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.number("at_ms", Some(at_ms));
    object.text("kind", Some("key_rotated"));
    object.text("new_key", Some(new));
    object.text("old_key", Some(old));
    object.text("proof", Some(proof));
    object.end();
}

/// A flat object that is being written. Keys come in their order; nothing sorts them.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Object<'a> {
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start }
    }

    /// Every member begins with a comma; the first one becomes the brace.
    pub(crate) fn end(self) {
        match self.out.get_mut(self.start) {
            Some(first) => *first = b'{',
            None => self.out.push(b'{'),
        }
        self.out.push(b'}');
    }

    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(crate) fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            string(self.out, value);
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(key);
            decimal(self.out, value.min(MAX_NUMBER));
        }
    }

    pub(crate) fn truth(&mut self, key: &str, value: bool) {
        if value {
            self.key(key);
            self.out.extend_from_slice(b"true");
        }
    }

    fn digest(&mut self, key: &str, value: Option<&Sha256>) {
        if let Some(value) = value {
            self.key(key);
            self.out.extend_from_slice(b"\"sha256:");
            hex(self.out, value);
            self.out.push(b'"');
        }
    }

    fn minted(&mut self, key: &str, prefix: &str, value: Option<u128>) {
        if let Some(value) = value {
            self.key(key);
            self.out.push(b'"');
            self.out.extend_from_slice(prefix.as_bytes());
            hex(self.out, &value.to_be_bytes());
            self.out.push(b'"');
        }
    }

    fn names(&mut self, key: &str, names: &[impl AsRef<str>]) {
        if names.is_empty() {
            return;
        }
        self.key(key);
        for (at, name) in names.iter().enumerate() {
            self.out.push(if at == 0 { b'[' } else { b',' });
            string(self.out, name.as_ref());
        }
        self.out.push(b']');
    }

    fn refusals(&mut self, key: &str, refusals: &[(String, Code)]) {
        if refusals.is_empty() {
            return;
        }
        self.key(key);
        for (at, (name, code)) in refusals.iter().enumerate() {
            self.out.push(if at == 0 { b'[' } else { b',' });
            let mut object = Object::begin(self.out);
            object.text("code", Some(code.as_str()));
            object.text("name", Some(name));
            object.end();
        }
        self.out.push(b']');
    }
}

/// RFC 8785 section 3.2.2.2: two-character escapes where there are some, `\u00xx` for other control characters,
/// everything else as it is.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    // Looked through without a way out, which is done many bytes at a time: almost no text has anything special.
    if !rest.iter().fold(false, |found, byte| found | is_special(*byte)) {
        out.extend_from_slice(rest);
        return out.push(b'"');
    }
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, after) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, after)) = after.split_first() else {
            break;
        };
        escape(out, *special);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            return hex(out, &[byte]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    for part in bytes.chunks(32) {
        let mut digits = [[0; 2]; 32];
        for (pair, byte) in digits.iter_mut().zip(part) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        out.extend_from_slice(digits.as_flattened().get(..2 * part.len()).unwrap_or_default());
    }
}

fn decimal(out: &mut Vec<u8>, value: u64) {
    let mut digits = [b'0'; 20];
    let mut rest = value;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

#[cfg(test)]
mod tests;
