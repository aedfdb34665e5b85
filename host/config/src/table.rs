//! The table of settings: every one with its kind, bounds, default and one sentence. The typed configuration, the
//! checks, `grid config dump`, the JSON Schema and `docs/configuration.md` are all made of it.

mod breaker;
mod calls;
mod doors;
mod records;
mod rights;

use std::time::Duration;

use crate::{
    choice::Mode,
    kind::Kind,
    own::Own,
    setting::{Fallback::Is, Section, Setting, config},
    units::ByteSize,
};

pub use breaker::Breaker;
pub use calls::{Approval, Call, Limits, Local, Manifest, Providers, Reuse, Runtime, Session};
pub use doors::{Server, Tls};
pub use records::{Audit, Data, Export, Log, Telemetry, Witness};
pub use rights::{Authorize, Development, Identity, Invalidation, Policy};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const fn time(min: Duration, max: Duration) -> Kind {
    Kind::Time { min, max }
}

const fn capped(min: Duration, cap_seconds: u64) -> Kind {
    Kind::Capped { min, cap: Duration::from_secs(cap_seconds) }
}

const fn integer(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

const fn size(min: ByteSize, max: ByteSize) -> Kind {
    Kind::Size { min, max }
}

config! {
    /// `strict` serves only contracts of the manifest; `development` also lets runtimes register contracts for one session.
    mode: Mode = Kind::Choice(Mode::NAMES), Is("strict");

    /// The door for callers and runtimes, and the one for operators.
    server: Server;
    /// Encryption of both doors, and certificates of those who connect.
    tls: Tls;
    /// The contracts that the host owns.
    manifest: Manifest;
    /// The context that calls belong to.
    session: Session;
    /// One call.
    call: Call;
    /// Who fails or is slow too often gets no calls for a while: runtimes, providers and tools.
    breaker: Breaker;
    /// Results that are used again, where a contract says so (`reuse`).
    reuse: Reuse;
    /// Who may call what.
    authorize: Authorize;
    /// How much of it.
    limits: Limits;
    /// What operators say who may call what, beside the roles that contracts demand.
    policy: Policy;
    /// Who goes first among those that serve the same function.
    providers: Providers;
    /// Calls that need a person's yes.
    approval: Approval;
    /// Systems that end rights by `POST /v1/invalidations` on the operators' address.
    invalidation: Invalidation;
    /// Callers that run tools themselves, under a grant that the log has.
    local: Local;
    /// The programs that execute tools.
    runtime: Runtime;
    /// What holds in development mode alone.
    development: Development;
    /// Who is asking: tokens, and the key that signs and checks them.
    identity: Identity;
    /// Where the host keeps its files.
    data: Data;
    /// What is written down.
    audit: Audit;
    /// Where the audit log is taken to, beside its own directory; each goes on where it stopped.
    export: Export;
    /// Others who cosign the audit log's checkpoints, so that it cannot be rewritten unseen.
    witness: Witness;
    /// What the host says of itself.
    log: Log;
    /// Traces and metrics for others.
    telemetry: Telemetry;
}
