//! Settings of a call on its way, from the contracts to the runtimes.

use std::{path::PathBuf, time::Duration};

use crate::{
    choice::ExtraArgs,
    kind::Kind,
    setting::{
        Fallback::{Absent, Is},
        section,
    },
    table::{DAY, HOUR, MINUTE, MS, SECOND, capped, integer, size, time},
    units::ByteSize,
    url::Url,
};

section! {
    manifest: Manifest {
        /// The manifest file; needed in strict mode, where nothing else is served.
        path: Option<PathBuf> = Kind::Path, Absent;
        /// What happens to arguments that a contract does not declare.
        extra_args: ExtraArgs = Kind::Choice(ExtraArgs::NAMES), Is("reject");
        /// Refuses to start where a contract is not as the lock says; `grid serve --locked` sets it.
        locked: bool = Kind::Bool, Is("false");
        /// The lock, written by `grid manifest lock`; `grid.lock` beside the manifest if it is not set.
        lock: Option<PathBuf> = Kind::Path, Absent;
        /// Refuses to start with a manifest that is not signed, or older than one that was served.
        require_signature: bool = Kind::Bool, Is("false");
        /// The file of the keys that may sign it, a line each; any one of them will do.
        keys: Option<PathBuf> = Kind::Path, Absent;
    }
}

section! {
    session: Session {
        /// How long a session lives where its opener does not say.
        ttl: Duration = time(SECOND, DAY), Is("3600s");
        /// The longest life that an opener may ask for.
        max_ttl: Duration = time(SECOND, DAY), Is("86400s");
        /// How often ended sessions are looked for.
        sweep: Duration = time(Duration::from_millis(10), MINUTE), Is("1s");
        /// Sessions that one principal may hold open.
        max_per_principal: u32 = integer(1, 1_000_000), Is("1000");
        /// How long the outcome of a call is kept for whoever sends it again.
        idempotency_window: Duration = time(SECOND, HOUR), Is("300s");
    }
}

section! {
    call: Call {
        /// How long a call may take where its contract does not say.
        timeout: Duration = time(MS, HOUR), Is("30s");
        /// The longest time that a contract may ask for.
        max_timeout: Duration = time(MS, HOUR), Is("300s");
    }
}

section! {
    reuse: Reuse {
        /// Bytes that are kept in all; 0 for none.
        memory: ByteSize = size(ByteSize::kib(0), ByteSize::mib(65_536)), Is("64MiB");
        /// Results that are kept in all.
        entries: usize = integer(0, 10_000_000), Is("10000");
        /// The largest result that is kept.
        largest: ByteSize = size(ByteSize::kib(0), ByteSize::mib(64)), Is("256KiB");
    }
}

section! {
    limits: Limits {
        /// The file of limits for tenants, principals and tools by name, read again whenever it changes.
        file: Option<PathBuf> = Kind::Path, Absent;
        /// Calls a second that one tenant may make; 0 for any number.
        tenant_rate: u32 = integer(0, 1_000_000), Is("0");
        /// Calls that one tenant may make at once after a rest; 0 for as many as in a second.
        tenant_burst: u32 = integer(0, 1_000_000), Is("0");
        /// Calls of one tenant that may run at once; 0 for any number.
        tenant_concurrency: u32 = integer(0, 1_000_000), Is("4096");
        /// Calls a second that one principal may make; 0 for any number.
        principal_rate: u32 = integer(0, 1_000_000), Is("0");
        /// Calls that one principal may make at once after a rest; 0 for as many as in a second.
        principal_burst: u32 = integer(0, 1_000_000), Is("0");
        /// Calls of one principal that may run at once; 0 for any number.
        principal_concurrency: u32 = integer(0, 1_000_000), Is("1024");
        /// Calls a second of one tool, whoever makes them; 0 for any number.
        tool_rate: u32 = integer(0, 1_000_000), Is("0");
        /// Calls of one tool that may come at once after a rest; 0 for as many as in a second.
        tool_burst: u32 = integer(0, 1_000_000), Is("0");
        /// Calls of one tool that may run at once, whoever makes them; 0 for any number.
        tool_concurrency: u32 = integer(0, 1_000_000), Is("0");
        /// Calls that may wait for a place of each of these; further ones are refused at once.
        queue: u32 = integer(0, 1_000_000), Is("1024");
        /// How long a call waits for a place.
        wait: Duration = time(Duration::ZERO, Duration::from_secs(300)), Is("2s");
        /// Refusals a second that one principal may collect before its requests are refused unread, and that are written down one by one; ten times as many after a rest; 0 for any number.
        refusals: u32 = integer(0, 100_000), Is("1000");
        /// Tenants, principals and tools that are counted at once.
        keys: usize = integer(16, 10_000_000), Is("100000");
        /// Turns work away before it is read when the host's own latency grows.
        adaptive: bool = Kind::Bool, Is("true");
        /// Requests that the host works on at once at most, those at runtimes not counted; it begins there.
        in_flight_max: u32 = integer(1, 1_000_000), Is("2048");
        /// The same at least, however slow it becomes.
        in_flight_min: u32 = integer(1, 1_000_000), Is("32");
    }
}

section! {
    providers: Providers {
        /// The file of providers: their ranks and capabilities, who is selected, and the programs around swaps.
        file: Option<PathBuf> = Kind::Path, Absent;
        /// How often the file is looked at for changes; SIGHUP takes them at once.
        reload: Duration = time(Duration::from_millis(10), HOUR), Is("2s");
        /// The role that may name the provider of a call in the call itself.
        select_role: String = Kind::Name, Is("grid_selector");
        /// Calls that may wait at once for the runtimes of one provider; further ones are refused at once.
        queue: usize = integer(0, 1_000_000), Is("1024");
    }
}

section! {
    approval: Approval {
        /// How long a call waits where its contract does not say, and the longest that one may say; then it is denied.
        timeout: Duration = time(SECOND, DAY), Is("5m");
        /// Calls of one principal that may wait at once.
        per_principal: usize = integer(1, 100_000), Is("20");
        /// Calls of one tenant that may wait at once.
        per_tenant: usize = integer(1, 100_000), Is("500");
        /// Calls that may wait in all.
        total: usize = integer(1, 100_000), Is("2000");
        /// Arguments up to this length are kept, in memory alone, for those who decide; longer ones are shown to nobody.
        kept_args: ByteSize = size(ByteSize::kib(1), ByteSize::mib(1)), Is("16KiB");
        /// An address that is told of each call that begins to wait, by POST and without its arguments; https, or on this machine.
        webhook_url: Option<Url> = Kind::Url, Absent;
        /// The file of the secret that signs what is told, at least 32 bytes.
        webhook_secret_file: Option<PathBuf> = Kind::Path, Absent;
        /// Certificates that are trusted for it instead of those of the machine.
        webhook_ca_file: Option<PathBuf> = Kind::Path, Absent;
    }
}

section! {
    local: Local {
        /// Gives grants; without it callers have every call run by a runtime.
        enabled: bool = Kind::Bool, Is("true");
        /// How long a grant is good: the call must begin and be reported within it; never longer than 300 s.
        ttl: Duration = capped(SECOND, 300), Is("60s");
        /// Grants that one principal may hold open.
        outstanding: usize = integer(1, 1_000_000), Is("1000");
        /// Grants that may be open in all.
        total: usize = integer(1, 1_000_000), Is("10000");
    }
}

section! {
    runtime: Runtime {
        /// How often a runtime is asked whether it is alive.
        heartbeat: Duration = time(Duration::from_millis(100), HOUR), Is("10s");
        /// Heartbeats without an answer before a runtime counts as lost.
        missed_heartbeats: u32 = integer(1, 100), Is("3");
        /// Calls that one runtime may have in flight.
        max_in_flight: u32 = integer(1, 1_000_000), Is("1024");
        /// Frames that may wait for one runtime.
        queue: usize = integer(1, 1_000_000), Is("1024");
        /// Refuses runtimes that do not say which contracts they were built against.
        require_digests: bool = Kind::Bool, Is("false");
    }
}
