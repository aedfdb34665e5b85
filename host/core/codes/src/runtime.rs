//! What happened on the way to a tool or inside it. Whether the tool ran decides whether a repeat is safe.

use super::{Category, Facts, Fault, Fix, Retry, Severity};

pub(super) const TOOL_EXECUTION_FAILED: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 5_000, at_most: 3, elsewhere: false },
    remediation: &[
        "read the tool's own message; it says what failed",
        "before you repeat a call that writes, find out what the first run did: `grid audit show INVOCATION`",
        "operator: look for the invocation id in the runtime's own log",
    ],
};

pub(super) const TIMEOUT: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 1_000, at_most: 2, elsewhere: true },
    remediation: &[
        "treat the call as possibly done: look at what it was to change before you repeat a call that writes",
        "ask for less in one call, or give it a later deadline within the contract's timeout",
        "operator: raise the contract's timeout (default 30 s, at most 300 s) or look for a slow runtime with `grid runtimes`",
    ],
};

pub(super) const RESOURCE_EXHAUSTED: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Warning,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 30_000, at_most: 3, elsewhere: true },
    remediation: &[
        "wait for `retry_after_ms`, then send fewer calls at a time",
        "end sessions that are not needed; an operator sees them with `grid sessions`",
        "operator: start another runtime of the same provider; `grid runtimes` shows how many calls each one holds",
    ],
};

pub(super) const DEPENDENCY_UNAVAILABLE: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 5_000, at_most: 3, elsewhere: false },
    remediation: &[
        "wait until what the tool needs is back; the message names it where the tool does",
        "before you repeat a call that writes, find out what the first run did: `grid audit show INVOCATION`",
        "operator: mend the dependency, or the runtime's way to it",
    ],
};

pub(super) const DATA_PROCESSING_ERROR: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Request),
    remediation: &[
        "change the data: the tool understood the call but could not process what it was given",
        "try a smaller piece of the same data to find the part that fails",
    ],
};

pub(super) const RUNTIME_CRASH: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 1_000, at_most: 2, elsewhere: true },
    remediation: &[
        "treat the call as possibly done: look at what it was to change before you repeat a call that writes",
        "operator: see whether the runtime is back with `grid runtimes`, and read its own log for the cause",
        "where the same arguments fail twice, stop: they may be what brings the runtime down",
    ],
};

pub(super) const SERVICE_UNAVAILABLE: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Error,
    fault: Fault::Host,
    retry: Retry::After { default_ms: 1_000, at_most: 5 },
    remediation: &[
        "wait for `retry_after_ms`, then send the call again; nothing ran",
        "operator: start a runtime that fulfils the contract; `grid runtimes` lists those that are connected",
    ],
};

pub(super) const LOCAL_EXECUTION_FAILED: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 1_000, at_most: 1, elsewhere: true },
    remediation: &[
        "read the local error in the client's log; the host has not seen this run",
        "send the call to the host instead where the local run had not begun, or does nothing but read",
    ],
};

pub(super) const DATA_CORRUPTION: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Critical,
    fault: Fault::Runtime,
    retry: Retry::Never,
    remediation: &[
        "do not use the result; hand the correlation id to an operator",
        "operator: compare what was recorded with what came: `grid audit show INVOCATION`",
        "operator: take the runtime out of service until the cause is known",
    ],
};

pub(super) const OUTCOME_UNAUDITED: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Critical,
    fault: Fault::Host,
    retry: Retry::Never,
    remediation: &[
        "treat the call as done and not recorded: look at what it was to change; do not repeat it blindly",
        "hand the invocation id to an operator",
        "operator: mend the audit log, then see what it holds of the call: `grid audit show INVOCATION`",
    ],
};

pub(super) const CANCELLED: Facts = Facts {
    category: Category::Runtime,
    severity: Severity::Info,
    fault: Fault::Caller,
    retry: Retry::Never,
    remediation: &[
        "nothing to mend: the call was stopped because somebody asked for it",
        "treat a call that writes as possibly done: look at what it was to change",
        "send the call anew, with a new `call_id`, when it is wanted after all",
    ],
};
