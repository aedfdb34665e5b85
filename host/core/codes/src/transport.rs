//! What happened to the bytes. Whether they had been sent decides whether a repeat is safe.

use super::{Category, Facts, Fault, Fix, Retry, Severity};

pub(super) const CONNECTION_FAILED: Facts = Facts {
    category: Category::Transport,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 1_000, at_most: 5, elsewhere: true },
    remediation: &[
        "connect again, and double the wait after each failure",
        "repeat under the same `call_id` and session within 300 s: a call that writes is then not run twice",
        "check the address and that the host is up; an operator checks runtimes with `grid runtimes`",
    ],
};

pub(super) const NETWORK_TIMEOUT: Facts = Facts {
    category: Category::Transport,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::IfRepeatable { default_ms: 1_000, at_most: 5, elsewhere: true },
    remediation: &[
        "repeat under the same `call_id` and session within 300 s: a call that writes is then not run twice",
        "double the wait after each failure, and try another host where there is one",
        "check the path between the two machines: firewall, proxy, load",
    ],
};

pub(super) const TLS_HANDSHAKE_FAILED: Facts = Facts {
    category: Category::Transport,
    severity: Severity::Error,
    fault: Fault::Host,
    retry: Retry::After { default_ms: 5_000, at_most: 1 },
    remediation: &[
        "check that both sides speak TLS on this port, and that the certificate is valid for the name you dialled",
        "check the clock and the trusted roots of the machine that dials",
        "repeat once at most; a certificate does not mend itself",
    ],
};

pub(super) const PROTOCOL_VIOLATION: Facts = Facts {
    category: Category::Transport,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::AfterFix(Fix::Program),
    remediation: &[
        "report it to whoever maintains the program that speaks to the host; a repeat does the same",
        "use a current client library or runtime library",
        "operator: see which peer it was and what it sent: `grid audit tail`",
    ],
};

pub(super) const MESSAGE_TOO_LARGE: Facts = Facts {
    category: Category::Transport,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Request),
    remediation: &[
        "send less: the limit is 4 MiB a message unless the operator changed it; split the work into several calls",
        "pass a reference to large data instead of the data",
        "operator: the limit in force is in `grid config dump`",
    ],
};

pub(super) const SERIALIZATION_ERROR: Facts = Facts {
    category: Category::Transport,
    severity: Severity::Error,
    fault: Fault::Runtime,
    retry: Retry::AfterFix(Fix::Program),
    remediation: &[
        "report it to whoever maintains the tool or the library that made the bytes; a repeat does the same",
        "check that both sides were built from the same protocol files",
    ],
};

pub(super) const HOST_UNAVAILABLE: Facts = Facts {
    category: Category::Transport,
    severity: Severity::Error,
    fault: Fault::Host,
    retry: Retry::After { default_ms: 30_000, at_most: 3 },
    remediation: &[
        "wait for `retry_after_ms`; the client then tries the host again by itself; nothing was sent",
        "use another host where there is one",
        "check that the host is up, and that the address is right",
    ],
};
