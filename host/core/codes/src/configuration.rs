//! How the host was set up. Only an operator can mend it, and nothing ran.

use super::{Category, Facts, Fault, Fix, Retry, Severity};

pub(super) const INVALID_CONFIG: Facts = Facts {
    category: Category::Configuration,
    severity: Severity::Fatal,
    fault: Fault::Host,
    retry: Retry::AfterFix(Fix::Host),
    remediation: &[
        "operator: run `grid check`; it names every problem with its path in the file",
        "operator: compare with the settings in force: `grid config dump`",
    ],
};

pub(super) const MISSING_MANIFEST: Facts = Facts {
    category: Category::Configuration,
    severity: Severity::Fatal,
    fault: Fault::Host,
    retry: Retry::AfterFix(Fix::Host),
    remediation: &[
        "operator: put the manifest where the configuration says, readable for the host, then run `grid check`",
        "operator: see which path the host looks at: `grid config dump`",
    ],
};

pub(super) const INCOMPATIBLE_MODE: Facts = Facts {
    category: Category::Configuration,
    severity: Severity::Fatal,
    fault: Fault::Host,
    retry: Retry::AfterFix(Fix::Host),
    remediation: &[
        "operator: choose STRICT or DEVELOPMENT, and switch dynamic registration off in STRICT",
        "operator: run `grid check` before you start the host again",
    ],
};

pub(super) const CERTIFICATE_ERROR: Facts = Facts {
    category: Category::Configuration,
    severity: Severity::Critical,
    fault: Fault::Host,
    retry: Retry::AfterFix(Fix::Host),
    remediation: &[
        "operator: replace the key or the certificate that the message names, then run `grid check`",
        "operator: check its dates, its form, and that the host may read the file",
    ],
};

pub(super) const ENVIRONMENT_ERROR: Facts = Facts {
    category: Category::Configuration,
    severity: Severity::Fatal,
    fault: Fault::Host,
    retry: Retry::AfterFix(Fix::Host),
    remediation: &[
        "operator: in production (GRID_ENVIRONMENT=production) run in STRICT mode",
        "operator: off loopback, do not serve plaintext; `server.allow_plaintext = true` accepts the risk on a closed network",
        "operator: run `grid check` on the machine and as the user that runs the host",
    ],
};

pub(super) const FEATURE_UNAVAILABLE: Facts = Facts {
    category: Category::Configuration,
    severity: Severity::Warning,
    fault: Fault::Host,
    retry: Retry::AfterFix(Fix::Host),
    remediation: &[
        "do without this message: send the call to the host with ToolCall instead of running it locally",
        "register tools in DEVELOPMENT mode only; in STRICT mode an operator adds them to the manifest",
        "look at the features that the host named in the handshake before you use one",
    ],
};

pub(super) const AUDIT_UNAVAILABLE: Facts = Facts {
    category: Category::Configuration,
    severity: Severity::Critical,
    fault: Fault::Host,
    retry: Retry::AfterFix(Fix::Host),
    remediation: &[
        "tell an operator; the host runs nothing that it cannot record, and it ran nothing here",
        "operator: free space on the disk of the audit log, or mend it, and check that the host may write there",
        "operator: where `/readyz` says `audit_waits_for_witnesses`, let the host reach those of `witness.file`",
        "operator: see that records come again with `grid audit tail`, then let callers send their requests again",
    ],
};
