//! The table of settings: every one with its kind, bounds, default and one sentence. The typed configuration, the
//! checks, `grid config dump`, the JSON Schema and `docs/configuration.md` are all made of it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use grid_core::id::{PrincipalId, TenantId};

use super::{
    choice::{
        ClientAuth, DeniedTools, Disclosure, Durability, ExtraArgs, LogFormat, LogLevel, Mode, Scheduler, SocketMode,
        Stale, TlsVersion,
    },
    kind::Kind,
    setting::{
        Fallback::{Absent, ByMode, Is, Under},
        Field, Section, Setting, Values, settings,
    },
    units::ByteSize,
    url::Url,
};

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

settings! {
    /// `strict` serves only contracts of the manifest; `development` also lets runtimes register contracts for one session.
    mode: Mode = Kind::Choice(Mode::NAMES), Is("strict");

    /// The door for callers and runtimes, and the one for operators.
    server: Server {
        /// Address for callers and runtimes.
        listen: SocketAddr = Kind::Address, Is("127.0.0.1:9090");
        /// Address for operators and metrics; keep it on loopback.
        admin_listen: SocketAddr = Kind::Address, Is("127.0.0.1:9091");
        /// A Unix socket for callers and runtimes of this machine, known by their users; none if it is not set.
        unix: Option<PathBuf> = Kind::Path, Absent;
        /// A Unix socket for operators; none if it is not set.
        admin_unix: Option<PathBuf> = Kind::Path, Absent;
        /// Who may connect to these sockets: `0600` the host's own user, `0660` its group too, `0666` everybody here.
        unix_mode: SocketMode = Kind::Choice(SocketMode::NAMES), Is("0600");
        /// Allows an address that is not loopback without TLS, for a host behind a proxy that ends TLS.
        allow_plaintext: bool = Kind::Bool, Is("false");
        /// The largest message that is read.
        max_message: ByteSize = size(ByteSize::kib(64), ByteSize::mib(64)), Is("4MiB");
        /// How threads share the work; `auto` takes one thread where there are at most two cores.
        runtime: Scheduler = Kind::Choice(Scheduler::NAMES), Is("auto");
        /// Worker threads of the multi-thread runtime; 0 means one a core.
        workers: usize = integer(0, 1_024), Is("0");
        /// How long calls in flight may go on after the host was asked to stop.
        drain_grace: Duration = time(Duration::ZERO, HOUR), Is("30s");
        /// Connections that one peer address may hold.
        max_connections_per_peer: u32 = integer(1, 1_000_000), Is("256");
        /// Streams on one connection: each call is one, and a client that puts more than this in flight waits; without a bound one connection could hold all memory.
        max_concurrent_streams: u32 = integer(1, 1_000_000), Is("1024");
        /// How often a silent connection is asked whether it is alive.
        keepalive: Duration = time(SECOND, HOUR), Is("20s");
        /// How long it may take to answer that.
        keepalive_timeout: Duration = time(SECOND, HOUR), Is("10s");
        /// A peer that takes nothing of an answer or of its frames for so long loses its connection.
        stall_timeout: Duration = time(SECOND, HOUR), Is("30s");
        /// When a connection is asked to go, a tenth more or less, unless a runtime is attached on it.
        connection_age: Duration = time(SECOND, DAY), Is("1h");
        /// How long its requests may go on then.
        connection_grace: Duration = time(Duration::ZERO, HOUR), Is("30s");
        /// How long a runtime's stream may take to announce what it is.
        first_frame_timeout: Duration = time(Duration::from_millis(100), MINUTE), Is("5s");
    }

    /// Encryption of both doors, and certificates of those who connect.
    tls: Tls {
        /// The host's certificate and those between it and its authority, PEM; without it nothing is encrypted.
        cert: Option<PathBuf> = Kind::Path, Absent;
        /// The key of that certificate, PEM.
        key: Option<PathBuf> = Kind::Path, Absent;
        /// What is asked of those who connect: `off` nothing, `optional` a certificate or a token, `required` a certificate.
        client_auth: ClientAuth = Kind::Choice(ClientAuth::NAMES), Is("off");
        /// Who vouches for them, each `spiffe://<trust domain>=<file>`, or `<name>=<file>` for certificates without a SPIFFE id.
        bundles: Vec<String> = Kind::Texts, Is("");
        /// Files with revocation lists; one that is out of date refuses everybody whom its authority has signed.
        crl: Vec<String> = Kind::Texts, Is("");
        /// The oldest TLS that is spoken.
        min_version: TlsVersion = Kind::Choice(TlsVersion::NAMES), Is("1.3");
        /// How often these files are looked at; a set that cannot be used is refused and the one before stays.
        reload: Duration = time(Duration::from_millis(100), DAY), Is("5s");
        /// How long a handshake may take.
        handshake_timeout: Duration = time(Duration::from_millis(100), MINUTE), Is("5s");
    }

    /// The contracts that the host owns.
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

    /// The context that calls belong to.
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

    /// One call.
    call: Call {
        /// How long a call may take where its contract does not say.
        timeout: Duration = time(MS, HOUR), Is("30s");
        /// The longest time that a contract may ask for.
        max_timeout: Duration = time(MS, HOUR), Is("300s");
    }

    /// Who fails or is slow too often gets no calls for a while: runtimes, providers and tools.
    breaker: Breaker {
        /// Keeps calls away from them.
        enabled: bool = Kind::Bool, Is("true");
        /// Failures one after the other that open a breaker; 0 for never.
        consecutive_failures: u32 = integer(0, 1_000_000), Is("5");
        /// Failures within `breaker.window` that open one, whatever succeeded between them; 0 for never.
        failures_in_window: u32 = integer(0, 1_000_000), Is("10");
        /// How far back calls are counted.
        window: Duration = time(SECOND, HOUR), Is("60s");
        /// Failures within the window, in percent of its calls, that open one; 0 for never.
        failure_percent: u32 = integer(0, 100), Is("50");
        /// Calls within the window below which no share of them opens one.
        minimum_calls: u32 = integer(1, 1_000_000), Is("10");
        /// A call that takes longer is slow.
        slow_call: Duration = time(MS, HOUR), Is("10s");
        /// Slow calls within the window, in percent of its calls, that open one; 0 for never.
        slow_percent: u32 = integer(0, 100), Is("80");
        /// How long one stays open; twice as long each time that it opens again before it was closed.
        recovery: Duration = time(MS, HOUR), Is("30s");
        /// The longest that one stays open.
        max_recovery: Duration = time(MS, DAY), Is("300s");
        /// Calls that have to succeed then.
        success_threshold: u32 = integer(1, 1_000), Is("3");
        /// Calls that are let through then, until those have succeeded.
        half_open_calls: u32 = integer(1, 10_000), Is("10");
        /// Lets a share of the calls through after that, which grows, instead of all at once.
        gradual: bool = Kind::Bool, Is("true");
        /// That share at first, in percent.
        gradual_start: u32 = integer(1, 100), Is("10");
        /// How much it grows with each step, in percent.
        gradual_step: u32 = integer(1, 100), Is("20");
        /// The time of one step.
        gradual_every: Duration = time(MS, HOUR), Is("30s");
        /// Counts a tool's own errors that say `TOOL_EXECUTION_FAILED` or the like against the tool; one caller's arguments can then keep all others away from it.
        tool_errors: bool = Kind::Bool, Is("false");
        /// Runtimes, providers and tools that are counted at once, of each; further ones are not guarded.
        entries: usize = integer(16, 1_000_000), Is("10000");
    }

    /// Results that are used again, where a contract says so (`reuse`).
    reuse: Reuse {
        /// Bytes that are kept in all; 0 for none.
        memory: ByteSize = size(ByteSize::kib(0), ByteSize::mib(65_536)), Is("64MiB");
        /// Results that are kept in all.
        entries: usize = integer(0, 10_000_000), Is("10000");
        /// The largest result that is kept.
        largest: ByteSize = size(ByteSize::kib(0), ByteSize::mib(64)), Is("256KiB");
    }

    /// Who may call what.
    authorize: Authorize {
        /// Remembers decisions.
        cache: bool = Kind::Bool, Is("true");
        /// How long an approval is remembered; never longer than 60 s, whatever is written here.
        cache_ttl: Duration = capped(MS, 60), Is("60s");
        /// How long a denial is remembered; never longer than 5 s.
        deny_ttl: Duration = capped(MS, 5), Is("5s");
        /// Decisions that are remembered at most.
        cache_entries: u32 = integer(1, 10_000_000), Is("10000");
        /// How long a decision may take before it is a denial.
        timeout: Duration = time(MS, MINUTE), Is("100ms");
        /// What a caller hears of a denial: `none` that it is one, `rule` which rule decided, `full` what is missing.
        disclosure: Disclosure = Kind::Choice(Disclosure::NAMES), Is("full");
        /// What ListTools says of tools that the caller may not call: `omit` leaves them out, `show` lists them as denied, `hide` leaves them out and answers their calls as those of unknown tools.
        denied_tools: DeniedTools = Kind::Choice(DeniedTools::NAMES), Is("omit");
        /// An external decision point that has to permit too (OpenID AuthZEN 1.0); its root, without `/access/v1/evaluation`.
        pdp_url: Option<Url> = Kind::Url, Absent;
        /// The file of a bearer token for it.
        pdp_token_file: Option<PathBuf> = Kind::Path, Absent;
        /// Certificates that are trusted for it, in place of those of the machine.
        pdp_ca_file: Option<PathBuf> = Kind::Path, Absent;
        /// How long its answer may take before that is a denial; `authorize.timeout` holds for it too.
        pdp_timeout: Duration = time(MS, MINUTE), Is("80ms");
        /// Sends it the arguments of calls, once they are checked; then it is asked for every call.
        pdp_args: bool = Kind::Bool, Is("false");
        /// The role that may use the operators' door.
        admin_role: String = Kind::Name, Is("grid_admin");
        /// The role that may attach as a runtime.
        runtime_role: String = Kind::Name, Is("grid_runtime");
    }

    /// How much of it.
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

    /// What operators say who may call what, beside the roles that contracts demand.
    policy: Policy {
        /// The folder of policies and roles; without it roles alone decide.
        dir: Option<PathBuf> = Kind::Path, Absent;
        /// A candidate for that folder: it is asked beside the one that decides, and what it would decide otherwise is counted and recorded.
        shadow_dir: Option<PathBuf> = Kind::Path, Absent;
        /// How often the folders are looked at for changes; SIGHUP and `grid policy reload` take them at once.
        reload: Duration = time(Duration::from_millis(10), HOUR), Is("2s");
    }

    /// Who goes first among those that serve the same function.
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

    /// Calls that need a person's yes.
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

    /// Systems that end rights by `POST /v1/invalidations` on the operators' address.
    invalidation: Invalidation {
        /// The file of the secret that signs their requests, at least 32 bytes; without it operators' own proofs alone are taken there.
        secret_file: Option<PathBuf> = Kind::Path, Absent;
    }

    /// Callers that run tools themselves, under a grant that the log has.
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

    /// The programs that execute tools.
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

    /// What holds in development mode alone.
    development: Development {
        /// Lets runtimes register contracts for one session; always off in strict mode.
        allow_registration: bool = Kind::Bool, ByMode { strict: "false", development: "true" };
        /// Contracts that may be registered for one session.
        max_tools_per_session: u32 = integer(0, 10_000), Is("50");
        /// Whom a caller on this machine that sends no token is taken for.
        principal: PrincipalId = Kind::Name, Is("developer");
        /// The tenant of that principal.
        tenant: TenantId = Kind::Name, Is("dev");
        /// The roles of that principal.
        roles: Vec<String> = Kind::Names, Is("grid_admin,grid_runtime,developer");
    }

    /// Who is asking: tokens, and the key that signs and checks them.
    identity: Identity {
        /// The key file, made at first use with mode 600.
        key: PathBuf = Kind::Path, Under("data.dir", "grid-key.pem");
        /// The file that names other issuers, certificates and local users; without it nobody but the host's own key proves anybody.
        rules: Option<PathBuf> = Kind::Path, Absent;
        /// The URL by which OAuth clients know this host; with it `/.well-known/oauth-protected-resource` on the operators' address says whose tokens it takes (RFC 9728).
        resource: Option<Url> = Kind::Url, Absent;
        /// The issuer that a token must name.
        issuer: String = Kind::Name, Is("grid");
        /// The audience that a token must name.
        audience: String = Kind::Name, Is("grid-host");
        /// How far the issuer's clock may be off; never more than 30 s.
        leeway: Duration = capped(Duration::ZERO, 30), Is("30s");
        /// How long a token of `grid token new` is good.
        token_ttl: Duration = time(SECOND, Duration::from_secs(365 * 86_400)), Is("12h");
    }

    /// Where the host keeps its files.
    data: Data {
        /// The folder, made at first use; a relative one is within the working directory.
        dir: PathBuf = Kind::Path, Is(".grid");
    }

    /// What is written down.
    audit: Audit {
        /// The folder of the log.
        dir: PathBuf = Kind::Path, Under("data.dir", "audit");
        /// The file of the key that signs the log, or `env:NAME` for a variable; `grid audit init` makes it.
        key: PathBuf = Kind::Path, Under("data.dir", "audit.key");
        /// The log's name, `<trust domain>/<cluster>/<host>/audit`, for a key that is made; a key has it in itself.
        origin: Option<String> = Kind::Text, Absent;
        /// How long a record on the disk may wait until tiles and checkpoint show it.
        publish: Duration = time(MS, HOUR), Is("1s");
        /// When a record counts as written: `full` when it is on the disk, `relaxed` before that; strict mode takes `full` alone.
        durability: Durability = Kind::Choice(Durability::NAMES), Is("full");
        /// The size at which a new file of the log is begun.
        segment: ByteSize = size(ByteSize::kib(64), ByteSize::mib(4_096)), Is("64MiB");
        /// Records that may wait to be written.
        queue: usize = integer(16, 1_000_000), Is("8192");
        /// The role that may read the records of its own tenant.
        reader_role: String = Kind::Name, Is("auditor");
        /// The role that may read the records of all tenants, and those of the host itself.
        operator_role: String = Kind::Name, Is("audit-operator");
    }

    /// Where the audit log is taken to, beside its own directory; each goes on where it stopped.
    export: Export {
        /// A file that records are appended to, a JSON line each.
        file: Option<PathBuf> = Kind::Path, Absent;
        /// The size at which that file is put aside and a new one begun.
        file_size: ByteSize = size(ByteSize::kib(64), ByteSize::mib(65_536)), Is("100MiB");
        /// An address that takes JSON lines by POST.
        http: Option<Url> = Kind::Url, Absent;
        /// The file of a bearer token for it.
        http_token_file: Option<PathBuf> = Kind::Path, Absent;
        /// An OpenTelemetry collector that takes logs (OTLP/HTTP, JSON).
        otlp: Option<Url> = Kind::Url, Absent;
        /// The file of a bearer token for it.
        otlp_token_file: Option<PathBuf> = Kind::Path, Absent;
        /// Certificates that are trusted for both, beside those of the machine.
        ca_file: Option<PathBuf> = Kind::Path, Absent;
    }

    /// Others who cosign the audit log's checkpoints, so that it cannot be rewritten unseen.
    witness: Witness {
        /// The file that names them, `<key> <URL>` a line; nobody is asked if it is not set.
        file: Option<PathBuf> = Kind::Path, Absent;
        /// How many must have cosigned; 0 means all.
        quorum: usize = integer(0, 64), Is("0");
        /// How often they are asked.
        interval: Duration = time(MS, HOUR), Is("10s");
        /// How long a record may wait for its cosignatures.
        max_age: Duration = time(MS, DAY), Is("10m");
        /// What happens where one waits longer: `alert` tells operators, `stop` admits nothing until it is cosigned.
        on_stale: Stale = Kind::Choice(Stale::NAMES), Is("alert");
    }

    /// What the host says of itself.
    log: Log {
        /// How much is logged.
        level: LogLevel = Kind::Choice(LogLevel::NAMES), Is("info");
        /// `text` for people, `json` for programs.
        format: LogFormat = Kind::Choice(LogFormat::NAMES), Is("text");
    }

    /// Traces and metrics for others.
    telemetry: Telemetry {
        /// Where traces are sent (OTLP); nowhere if it is not set.
        otlp_endpoint: Option<Url> = Kind::Url, Absent;
        /// The name under which they are sent.
        service_name: String = Kind::Text, Is("grid");
    }
}
