//! Settings of the doors: where they are, and how they are encrypted.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    choice::{ClientAuth, Scheduler, SocketMode, TlsVersion},
    kind::Kind,
    setting::{
        Fallback::{Absent, Is},
        section,
    },
    table::{DAY, HOUR, MINUTE, SECOND, integer, size, time},
    units::ByteSize,
};

section! {
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
}

section! {
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
}
