//! Settings of who is asking, and who may do what.

use std::{path::PathBuf, time::Duration};

use grid_core::id::{PrincipalId, TenantId};

use crate::{
    choice::{DeniedTools, Disclosure},
    kind::Kind,
    setting::{
        Fallback::{Absent, ByMode, Is, Under},
        section,
    },
    table::{HOUR, MINUTE, MS, SECOND, capped, integer, time},
    url::Url,
};

section! {
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
        /// What a caller hears of a denial, and of those who had its call: `none` that it is one and how many they were, `rule` which rule decided and which providers, `full` what is missing and which runtimes.
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
}

section! {
    policy: Policy {
        /// The folder of policies and roles; without it roles alone decide.
        dir: Option<PathBuf> = Kind::Path, Absent;
        /// A candidate for that folder: it is asked beside the one that decides, and what it would decide otherwise is counted and recorded.
        shadow_dir: Option<PathBuf> = Kind::Path, Absent;
        /// How often the folders are looked at for changes; SIGHUP and `grid policy reload` take them at once.
        reload: Duration = time(Duration::from_millis(10), HOUR), Is("2s");
    }
}

section! {
    invalidation: Invalidation {
        /// The file of the secret that signs their requests, at least 32 bytes; without it operators' own proofs alone are taken there.
        secret_file: Option<PathBuf> = Kind::Path, Absent;
    }
}

section! {
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
}

section! {
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
}
