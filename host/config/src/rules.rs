//! Rules that more than one setting, the environment or the disk decide. A rule whose settings are already faulty
//! is not asked, so that one mistake makes one problem.

use std::net::SocketAddr;

use grid_core::Code;

use super::{
    choice::{ClientAuth, Durability, Mode},
    table::Config,
    units::show_time,
};

/// What the rules know besides the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// GRID_ENVIRONMENT says production.
    pub(crate) production: bool,
}

/// One rule.
pub(crate) struct Rule {
    /// Settings that it reads; the first is the one that it speaks of.
    pub(crate) reads: &'static [&'static str],
    /// For a rule that is broken: the code and what to do.
    pub(crate) check: fn(&Config, Facts) -> Option<(Code, String)>,
}

pub(crate) const RULES: &[Rule] = &[
    Rule { reads: &["mode"], check: not_in_production },
    Rule { reads: &["manifest.path", "mode"], check: manifest_is_there },
    Rule { reads: &["manifest.locked", "manifest.path"], check: lock_needs_a_manifest },
    Rule { reads: &["manifest.require_signature", "manifest.keys", "manifest.path"], check: signature_needs_keys },
    Rule { reads: &["development.allow_registration", "mode"], check: no_registration_in_strict },
    Rule { reads: &["audit.durability", "mode"], check: full_durability_in_strict },
    Rule { reads: &["audit.operator_role", "audit.reader_role"], check: two_readers },
    Rule {
        reads: &["server.listen", "server.allow_plaintext", "tls.cert"],
        check: |config, _| plaintext_stays_here(config, config.server.listen),
    },
    Rule {
        reads: &["server.admin_listen", "server.allow_plaintext", "tls.cert"],
        check: |config, _| plaintext_stays_here(config, config.server.admin_listen),
    },
    Rule { reads: &["server.admin_listen", "server.listen"], check: two_doors },
    Rule { reads: &["server.admin_unix", "server.unix"], check: two_sockets },
    Rule { reads: &["tls.key", "tls.cert"], check: certificate_and_key },
    Rule { reads: &["tls.client_auth", "tls.cert", "tls.bundles"], check: somebody_vouches },
    Rule { reads: &["tls.crl", "tls.client_auth"], check: revoked_from_somebody },
    Rule { reads: &["session.ttl", "session.max_ttl"], check: session_ttl_within },
    Rule { reads: &["call.timeout", "call.max_timeout"], check: call_timeout_within },
    Rule { reads: &["breaker.recovery", "breaker.max_recovery"], check: recovery_within },
    Rule { reads: &["breaker.half_open_calls", "breaker.success_threshold"], check: enough_tries },
];

///
fn not_in_production(config: &Config, facts: Facts) -> Option<(Code, String)> {
    (config.mode == Mode::Development && facts.production).then(|| {
        let message = "is `development`, and GRID_ENVIRONMENT says that this is production; set `mode = \"strict\"`";
        (Code::EnvironmentError, message.to_owned())
    })
}

///
fn manifest_is_there(config: &Config, _: Facts) -> Option<(Code, String)> {
    let message = match &config.manifest.path {
        Some(path) if path.is_file() => return None,
        Some(path) => format!("there is no file `{}`; name the manifest", path.display()),
        None if config.mode == Mode::Strict => {
            "strict mode serves only what a manifest lists, and none is named; set it to the path of one".to_owned()
        }
        None => return None,
    };
    Some((Code::MissingManifest, message))
}

fn lock_needs_a_manifest(config: &Config, _: Facts) -> Option<(Code, String)> {
    (config.manifest.locked && config.manifest.path.is_none()).then(|| {
        let message = "is `true`, and there is no manifest to hold against a lock; set `manifest.path`";
        (Code::InvalidConfig, message.to_owned())
    })
}

fn signature_needs_keys(config: &Config, _: Facts) -> Option<(Code, String)> {
    let missing = match &config.manifest {
        manifest if !manifest.require_signature => return None,
        manifest if manifest.path.is_none() => "there is no manifest that could be signed; set `manifest.path`",
        manifest if manifest.keys.is_none() => {
            "nobody is trusted to sign; set `manifest.keys` to a file of public keys"
        }
        _ => return None,
    };
    Some((Code::InvalidConfig, format!("is `true`, and {missing}")))
}

///
fn no_registration_in_strict(config: &Config, _: Facts) -> Option<(Code, String)> {
    (config.mode == Mode::Strict && config.development.allow_registration).then(|| {
        let message =
            "is `true` in strict mode, where runtimes register nothing; leave it out, or set `mode = \"development\"`";
        (Code::IncompatibleMode, message.to_owned())
    })
}

fn full_durability_in_strict(config: &Config, _: Facts) -> Option<(Code, String)> {
    (config.mode == Mode::Strict && config.audit.durability == Durability::Relaxed).then(|| {
        let message =
            "is `relaxed` in strict mode, where nothing may run before its record is on the disk; set it to `full`";
        (Code::InvalidConfig, message.to_owned())
    })
}

fn two_readers(config: &Config, _: Facts) -> Option<(Code, String)> {
    (config.audit.operator_role == config.audit.reader_role).then(|| {
        let message =
            "is the same as `audit.reader_role`, so every reader would see every tenant; give it a name of its own";
        (Code::InvalidConfig, message.to_owned())
    })
}

///
fn plaintext_stays_here(config: &Config, address: SocketAddr) -> Option<(Code, String)> {
    let plain = config.tls.cert.is_none() && !config.server.allow_plaintext;
    (plain && !address.ip().is_loopback()).then(|| {
        let message = format!(
            "`{address}` would be served without TLS; set `tls.cert` and `tls.key`, use a loopback address, or put a proxy that ends TLS before it and set `server.allow_plaintext = true`"
        );
        (Code::InvalidConfig, message)
    })
}

fn two_doors(config: &Config, _: Facts) -> Option<(Code, String)> {
    let same = config.server.listen == config.server.admin_listen && config.server.listen.port() != 0;
    same.then(|| {
        let message = "is the same as `server.listen`; give operators a port of their own";
        (Code::InvalidConfig, message.to_owned())
    })
}

fn two_sockets(config: &Config, _: Facts) -> Option<(Code, String)> {
    let same = config.server.unix.is_some() && config.server.unix == config.server.admin_unix;
    same.then(|| {
        let message = "is the same as `server.unix`; give operators a socket of their own";
        (Code::InvalidConfig, message.to_owned())
    })
}

fn certificate_and_key(config: &Config, _: Facts) -> Option<(Code, String)> {
    let message = match (&config.tls.cert, &config.tls.key) {
        (Some(_), None) => "is not set, and `tls.cert` is; name the file of the certificate's key",
        (None, Some(_)) => "is set, and `tls.cert` is not; name the file of the key's certificate",
        _ => return None,
    };
    Some((Code::CertificateError, message.to_owned()))
}

fn somebody_vouches(config: &Config, _: Facts) -> Option<(Code, String)> {
    let asked = config.tls.client_auth;
    let message = match (asked, &config.tls.cert) {
        (ClientAuth::Off, _) if config.tls.bundles.is_empty() => return None,
        (ClientAuth::Off, _) => {
            "is `off`, and `tls.bundles` says who vouches for clients; set it to `optional` or `required`".to_owned()
        }
        (_, None) => format!("is `{}`, and `tls.cert` is not set; only over TLS can it be asked", asked.as_str()),
        (_, Some(_)) if config.tls.bundles.is_empty() => {
            format!("is `{}`, and nobody vouches for clients; say who does in `tls.bundles`", asked.as_str())
        }
        _ => return None,
    };
    Some((Code::CertificateError, message))
}

fn revoked_from_somebody(config: &Config, _: Facts) -> Option<(Code, String)> {
    (!config.tls.crl.is_empty() && config.tls.client_auth == ClientAuth::Off).then(|| {
        let message = "is set, and `tls.client_auth` is `off`, so nobody is held against it; leave it out";
        (Code::CertificateError, message.to_owned())
    })
}

fn session_ttl_within(config: &Config, _: Facts) -> Option<(Code, String)> {
    let (ttl, max) = (config.session.ttl, config.session.max_ttl);
    (ttl > max).then(|| longer("session.max_ttl", ttl, max))
}

fn call_timeout_within(config: &Config, _: Facts) -> Option<(Code, String)> {
    let (timeout, max) = (config.call.timeout, config.call.max_timeout);
    (timeout > max).then(|| longer("call.max_timeout", timeout, max))
}

fn longer(other: &str, value: std::time::Duration, max: std::time::Duration) -> (Code, String) {
    let message = format!(
        "`{}` is longer than `{other}`, which is `{}`; lower the one or raise the other",
        show_time(value),
        show_time(max)
    );
    (Code::InvalidConfig, message)
}

fn recovery_within(config: &Config, _: Facts) -> Option<(Code, String)> {
    let (first, most) = (config.breaker.recovery, config.breaker.max_recovery);
    (first > most).then(|| longer("breaker.max_recovery", first, most))
}

fn enough_tries(config: &Config, _: Facts) -> Option<(Code, String)> {
    let needed = config.breaker.success_threshold;
    (config.breaker.half_open_calls < needed).then(|| {
        let message = format!(
            "is less than `breaker.success_threshold`, which is {needed}, so that no breaker could close; raise it"
        );
        (Code::InvalidConfig, message)
    })
}
