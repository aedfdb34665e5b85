//! Stage: validate. Takes a [`LimitedCall`], gives a [`CheckedCall`] whose arguments fit the host's own
//! contract. Refuses with INVALID_TOOL_ARGS, naming every violation, MALFORMED_REQUEST for text that
//! is no strict JSON, or MESSAGE_TOO_LARGE. A call that its caller runs becomes a [`DigestedCall`] instead. It comes after authorization, so
//! that a caller without rights learns nothing of a schema.

use std::{borrow::Cow, collections::BTreeSet};

use grid_adm::{Digest, Problem};
use grid_authorize::PermittedCall;
use grid_core::{Code, Refusal, Stage};
pub use grid_limits::{Contract, LimitedCall, Local, Session};
use serde_json::json;

/// At most so many violations are spelled out in one answer.
const TOLD: usize = 32;

/// A call with arguments that were checked. Only this crate makes one.
#[derive(Debug)]
pub struct CheckedCall {
    call: LimitedCall,
    args: String,
    digest: Digest,
    shape: String,
    /// `args` are not those that were sent.
    rewritten: bool,
}

impl CheckedCall {
    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &PermittedCall {
        self.call.call()
    }

    /// The evidence before this one, to take what is carried along.
    #[must_use]
    pub fn call_mut(&mut self) -> &mut PermittedCall {
        self.call.call_mut()
    }

    /// The checked JSON text.
    #[must_use]
    pub fn args(&self) -> &str {
        &self.args
    }

    /// Takes the checked JSON text, to be forwarded.
    #[must_use]
    pub fn take_args(&mut self) -> String {
        std::mem::take(&mut self.args)
    }

    /// SHA-256 over the RFC 8785 form of what is forwarded.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Types and sizes of the arguments, no values.
    #[must_use]
    pub fn shape(&self) -> &str {
        &self.shape
    }
}

/// The stage.
///
/// # Errors
/// INVALID_TOOL_ARGS, MALFORMED_REQUEST.
pub fn check(mut call: LimitedCall) -> Result<CheckedCall, Refusal> {
    let text = call.call_mut().call_mut().call_mut().take_args();
    let contract = call.call().call().contract();
    if text.len() > contract.max_args() {
        return Err(too_large(contract, text.len() as u64));
    }
    let parsed = grid_adm::json::parse(&text).map_err(|error| {
        let message = format!("the arguments are not strict JSON: {error}");
        // The caller may read the name of its own argument; the record may not have it.
        let recorded = format!("the arguments are not strict JSON: {} at byte {}", error.rule(), error.offset());
        Refusal::new(Code::MalformedRequest, Stage::Validate, message).because(recorded)
    })?;
    contract.checker().check(&parsed).map_err(|problems| refuse(contract.name(), &problems))?;
    // The bytes that were checked go on as they are, unless a whole number has to be written as an integer or
    // an undeclared argument has to go.
    let handed_on = contract.checker().prepare(&parsed);
    let (args, rewritten) = match &handed_on {
        Cow::Owned(rewritten) => (rewritten.to_text(), true),
        Cow::Borrowed(_) => (text, false),
    };
    let digest = grid_adm::digest(&handed_on);
    let shape = contract.checker().shape(&handed_on);
    Ok(CheckedCall { call, args, digest, shape, rewritten })
}

/// A call that its caller may run: its arguments were checked, or their digest stands for them where the contract
/// permits that. They themselves stay with the caller, so no runtime can be called with one. Only this crate makes one.
#[derive(Debug)]
pub struct DigestedCall {
    call: LimitedCall,
    args: Option<String>,
    rewritten: bool,
    digest: Digest,
    shape: Option<String>,
    bytes: Option<u64>,
}

impl DigestedCall {
    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &PermittedCall {
        self.call.call()
    }

    /// The checked arguments, where the host saw them.
    #[must_use]
    pub fn args(&self) -> Option<&str> {
        self.args.as_deref()
    }

    /// The checked arguments, where the contract made others of those that were sent.
    #[must_use]
    pub fn take_args(&mut self) -> Option<String> {
        self.args.take().filter(|_| self.rewritten)
    }

    /// SHA-256 over the RFC 8785 form of the arguments to run with.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Types and sizes of the arguments, where the host saw them.
    #[must_use]
    pub fn shape(&self) -> Option<&str> {
        self.shape.as_deref()
    }

    /// Bytes of their RFC 8785 form by the caller's word, where the host did not.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }
}

/// The stage, for a call that its caller runs.
///
/// # Errors
/// As [`check`]; INVALID_TOOL_ARGS where a digest stands for arguments that the contract wants to be checked.
pub fn digested(call: LimitedCall) -> Result<DigestedCall, Refusal> {
    let contracted = call.call().call();
    let Some(unseen) = contracted.call().request().unseen else {
        let checked = check(call)?;
        let CheckedCall { call, args, digest, shape, rewritten } = checked;
        return Ok(DigestedCall { call, args: Some(args), rewritten, digest, shape: Some(shape), bytes: None });
    };
    if contracted.contract().local() != Local::Unseen {
        let name = contracted.contract().name();
        let message = format!("the contract of `{name}` wants its arguments to be checked; send `args` in the call");
        return Err(Refusal::new(Code::InvalidToolArgs, Stage::Validate, message));
    }
    if unseen.bytes > contracted.contract().max_args() as u64 {
        return Err(too_large(contracted.contract(), unseen.bytes));
    }
    let digest = Digest::from_bytes(unseen.digest);
    Ok(DigestedCall { call, args: None, rewritten: false, digest, shape: None, bytes: Some(unseen.bytes) })
}

/// Before anything is parsed.
fn too_large(contract: &Contract, found: u64) -> Refusal {
    let (name, limit) = (contract.name(), contract.max_args());
    let message = format!("the arguments have {found} bytes and the contract of `{name}` takes {limit}; send less");
    Refusal::new(Code::MessageTooLarge, Stage::Validate, message)
}

fn refuse(tool: &str, problems: &[Problem]) -> Refusal {
    let violations: Vec<_> = problems
        .iter()
        .take(TOLD)
        .map(|problem| {
            json!({
                "pointer": problem.pointer,
                "rule": problem.rule,
                "message": problem.message,
                "expected": problem.expected,
                "found": problem.found,
            })
        })
        .collect();
    let first = problems.first().map_or_else(String::new, |problem| {
        let pointer = if problem.pointer.is_empty() { "/" } else { &problem.pointer };
        format!("{pointer}: {}", problem.message)
    });
    let message = match problems.len() {
        1 => format!("an argument of `{tool}` does not fit its contract: {first}"),
        count => format!("{count} arguments of `{tool}` do not fit its contract; the first is {first}"),
    };
    let rules: BTreeSet<&str> = problems.iter().map(|problem| problem.rule).collect();
    let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
    let recorded = format!("{} arguments do not fit the contract: {rules}", problems.len());
    Refusal::new(Code::InvalidToolArgs, Stage::Validate, message)
        .because(recorded)
        .with("violations", serde_json::Value::from(violations).to_string())
        .with("violation_count", problems.len().to_string())
}
