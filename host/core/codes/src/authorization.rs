//! Who may do what: nothing ran.

use super::{Category, Facts, Fault, Fix, Renewal, Retry, Severity};

pub(super) const PERMISSION_DENIED: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Rights),
    remediation: &[
        "compare the roles that the contract requires with those of your token; `grid tools` lists the contracts",
        "ask an operator for a token with the missing role: `grid token new --principal P --tenant T --role R`",
        "leave out a security context that differs from your token; it can narrow your rights, never widen them",
    ],
};

pub(super) const INVALID_CREDENTIALS: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterRenewal(Renewal::Credential),
    remediation: &[
        "get a new token and send the request again: `grid token new --principal P --tenant T --role R`",
        "send the token with every request, not only with the first",
        "check that the clocks of both machines agree and that the token comes from this host's issuer",
    ],
};

pub(super) const SESSION_EXPIRED: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Warning,
    fault: Fault::Caller,
    retry: Retry::AfterRenewal(Renewal::Session),
    remediation: &[
        "open a new session with CreateSession and send the call again under its id",
        "ask for a longer time to live next time: the default is 3600 s, the most is 86400 s",
    ],
};

pub(super) const INSUFFICIENT_SCOPE: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Rights),
    remediation: &[
        "use a token that covers this operation; do not repeat the request with the same one",
        "ask an operator for a wider token: `grid token new --principal P --tenant T --role R`",
    ],
};

pub(super) const POLICY_VIOLATION: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Error,
    fault: Fault::Caller,
    retry: Retry::AfterFix(Fix::Rights),
    remediation: &[
        "read the message: it names the rule in words; change the request so that it no longer applies",
        "at the limit of 50 dynamic tools a session, register fewer or open another session",
        "ask an operator whether the rule is meant for this case; they find the decision with `grid audit tail`",
    ],
};

pub(super) const RATE_LIMIT_EXCEEDED: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Warning,
    fault: Fault::Caller,
    retry: Retry::After { default_ms: 1_000, at_most: 5 },
    remediation: &[
        "wait for `retry_after_ms`, then send the request again; double the wait after each refusal",
        "spread the calls out, or ask an operator for a higher limit",
    ],
};

pub(super) const SECURITY_VIOLATION: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Critical,
    fault: Fault::Runtime,
    retry: Retry::Never,
    remediation: &[
        "stop, and hand the correlation id to whoever is responsible for security",
        "operator: read what happened with `grid audit tail` before you let the runtime back in",
        "operator: replace the credentials of every party to this call",
    ],
};

pub(super) const SYSTEM_COMPROMISE: Facts = Facts {
    category: Category::Authorization,
    severity: Severity::Fatal,
    fault: Fault::Runtime,
    retry: Retry::Never,
    remediation: &[
        "stop sending work to this host, and hand the correlation id to whoever is responsible for security",
        "operator: take the host off the network, and keep its disk and its audit log as they are",
        "operator: rebuild from a known source and replace all keys before you serve again",
    ],
};
