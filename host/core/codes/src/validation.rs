//! What was sent: refused before anything ran.

use super::{Category, Facts, Fault, Fix, Renewal, Retry, Severity};

pub(super) const SCHEMA_VIOLATION: Facts = Facts {
    category: Category::Validation,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Request),
    remediation: &[
        "correct each place that `details` names, then send it again",
        "for a contract or a tool declaration, run `grid check` on the manifest; it reports all problems at once",
    ],
};

pub(super) const INVALID_TOOL_ARGS: Facts = Facts {
    category: Category::Validation,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Request),
    remediation: &[
        "correct each argument that `details` names; it gives the place and what is expected there",
        "compare the arguments with the contract's parameters; `grid tools` lists the contracts",
        "remove arguments that the contract does not declare, and send numbers as numbers, not as text",
    ],
};

pub(super) const UNSUPPORTED_TOOL: Facts = Facts {
    category: Category::Validation,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Contract),
    remediation: &[
        "check the spelling and the version of the name; `grid tools` lists what can be called",
        "in STRICT mode, an operator adds the contract to the manifest and restarts the host",
        "in DEVELOPMENT mode, register the tool in this very session; tools of another session are not visible",
    ],
};

pub(super) const INVALID_SESSION: Facts = Facts {
    category: Category::Validation,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Request),
    remediation: &[
        "open a session with CreateSession and use the id that the host answers, not the one that you suggested",
        "use the credentials that opened the session; `grid sessions` shows an operator who that was",
        "where `details` says `state` is `busy`, wait for the calls in flight or end the session with force",
    ],
};

pub(super) const MALFORMED_REQUEST: Facts = Facts {
    category: Category::Validation,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Request),
    remediation: &[
        "correct what the message names: a missing field, JSON that cannot be read, a value out of range",
        "send JSON without duplicate keys, at most 64 levels deep",
        "use a new `call_id` for a call with other arguments",
    ],
};

pub(super) const VERSION_MISMATCH: Facts = Facts {
    category: Category::Validation,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterRenewal(Renewal::Negotiation),
    remediation: &[
        "announce again with the version that `details` names as `supported`",
        "update the older side; hosts and libraries of one major version understand each other",
    ],
};
