//! The two records of a call, as the host makes them for a file that was read.

use std::{collections::BTreeSet, io::Write as _, sync::Arc};

use grid_audit::encode::encode;
use grid_core::{
    event::{Event, Kind, Outcome},
    id::{CallId, CorrelationId, InvocationId, PrincipalId, RuntimeId, SessionId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
};

use crate::Fallible;

/// What calls share.
#[derive(Debug, Clone)]
pub(super) struct Template {
    admitted: Event,
    concluded: Event,
}

impl Template {
    pub(super) fn new() -> Fallible<Self> {
        let malformed = |_| "an id of the benchmark is malformed";
        let correlation = CorrelationId::parse("host-1700000000-0123abcd").map_err(malformed)?;
        let mut event = Event::new(Kind::Admitted, 1_700_000_000_123, correlation);
        event.principal = Some(Arc::new(Principal {
            id: PrincipalId::parse("svc-orders").map_err(malformed)?,
            tenant: TenantId::parse("acme").map_err(malformed)?,
            roles: BTreeSet::new(),
            claims: Default::default(),
            proof: Proof::Token,
            digest: ClaimsDigest([1; 32]),
            credential: None,
            runtime: None,
            issued_at_ms: None,
            expires_at_ms: None,
        }));
        event.session = Some(SessionId::mint());
        event.call_id = Some(CallId::parse("call-000017").map_err(malformed)?);
        event.tool = Some(Arc::from("files.read"));
        event.contract = Some([7; 32]);
        event.effect = Some("read");
        event.args_digest = Some([9; 32]);
        event.args_shape = Some("{path:string(24),limit:number}".into());
        event.rule = Some(Arc::from("role:reader"));
        event.epoch = Some(3);
        event.cache_age_ms = Some(1200);
        event.deadline_ms = Some(1_700_000_030_123);
        event.runtime = Some(RuntimeId::parse("files/a").map_err(malformed)?);
        let mut outcome = event.clone();
        outcome.kind = Kind::Concluded;
        outcome.outcome = Some(Outcome::Success);
        outcome.duration_us = Some(1234);
        outcome.result_digest = Some([5; 32]);
        Ok(Self { admitted: event, concluded: outcome })
    }

    /// The admission and the conclusion of a call of its own.
    pub(super) fn call(&self) -> (Event, Event) {
        let (mut admitted, mut concluded) = (self.admitted.clone(), self.concluded.clone());
        admitted.invocation = Some(InvocationId::mint());
        concluded.invocation = admitted.invocation;
        (admitted, concluded)
    }

    /// `count` records as the log stores them.
    pub(super) fn entries(&self, count: usize) -> Vec<Vec<u8>> {
        let calls = (0..count.div_ceil(2)).map(|_| self.call());
        let mut entries: Vec<Vec<u8>> = calls.flat_map(|(one, two)| [encoded(&one), encoded(&two)]).collect();
        entries.truncate(count);
        entries
    }
}

/// Entries of a log of any length, each made anew from its index: every other one admits a call of its own, and the
/// next one concludes it.
#[derive(Debug)]
pub(super) struct Entries {
    /// Around the digits of the invocation.
    admitted: [Vec<u8>; 2],
    concluded: [Vec<u8>; 2],
}

impl Entries {
    pub(super) fn new() -> Fallible<Self> {
        let (admitted, concluded) = Template::new()?.call();
        let digits = admitted.invocation.map(|id| id.to_string()).unwrap_or_default();
        let digits = digits.trim_start_matches("i-").to_owned();
        let around = |event: &Event| -> Fallible<[Vec<u8>; 2]> {
            let text = String::from_utf8(encoded(event))?;
            let (before, after) = text.split_once(&digits).ok_or("a record has no invocation")?;
            Ok([before, after].map(|part| part.as_bytes().to_vec()))
        };
        Ok(Self { admitted: around(&admitted)?, concluded: around(&concluded)? })
    }

    /// Entry `index`, in the place of what `out` held.
    pub(super) fn write(&self, index: u64, out: &mut Vec<u8>) {
        let [before, after] = if index.is_multiple_of(2) { &self.admitted } else { &self.concluded };
        let call = index / 2;
        out.clear();
        out.extend_from_slice(before);
        // Ids are random to whoever sorts or hashes them. Writing to a Vec cannot fail.
        let _ = write!(out, "{:016x}{:016x}", mixed(call), mixed(!call));
        out.extend_from_slice(after);
    }
}

/// A number that looks random, another one for each `of` (splitmix64).
pub(super) fn mixed(of: u64) -> u64 {
    let mut bits = of.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn encoded(event: &Event) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    encode(event, &mut out);
    out
}
