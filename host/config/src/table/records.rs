//! Settings of what is kept, written down and told to others.

use std::{path::PathBuf, time::Duration};

use crate::{
    choice::{Durability, LogFormat, LogLevel, Stale},
    kind::Kind,
    setting::{
        Fallback::{Absent, Is, Under},
        section,
    },
    table::{DAY, HOUR, MS, integer, size, time},
    units::ByteSize,
    url::Url,
};

section! {
    data: Data {
        /// The folder, made at first use; a relative one is within the working directory.
        dir: PathBuf = Kind::Path, Is(".grid");
    }
}

section! {
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
}

section! {
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
}

section! {
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
}

section! {
    log: Log {
        /// How much is logged.
        level: LogLevel = Kind::Choice(LogLevel::NAMES), Is("info");
        /// `text` for people, `json` for programs.
        format: LogFormat = Kind::Choice(LogFormat::NAMES), Is("text");
    }
}

section! {
    telemetry: Telemetry {
        /// Where traces are sent (OTLP); nowhere if it is not set.
        otlp_endpoint: Option<Url> = Kind::Url, Absent;
        /// The name under which they are sent.
        service_name: String = Kind::Text, Is("grid");
    }
}
