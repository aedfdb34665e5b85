//! What is wrong with a rules file is said all at once, each with its line and what would be right.

use super::issuers::{Login, Signer};

fn small() -> Login {
    let login = Login { folder: tempfile::tempdir().unwrap(), ed: Signer::ed(), ec: Signer::ec(), rsa: Signer::ed() };
    login.publish(&serde_json::json!({"keys": [login.ed.jwk("ed")]}));
    login
}

/// `line: place: message`, one a fault.
fn faults(login: &Login, text: &str) -> Vec<String> {
    match login.rules(text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(|fault| format!("{}: {fault}", fault.line.map_or(0, |line| line))).collect(),
    }
}

const ISSUER: &str = "[[issuer]]\nissuer = \"https://a.example\"\naudience = \"grid\"\njwks = \"keys.json\"\n";

#[test]
fn a_sound_file_has_no_fault() {
    let login = small();
    let text = format!(
        "{ISSUER}tenant = \"acme\"\nalgorithms = [\"ES256\"]\nleeway = \"5s\"\n\
         [[certificate]]\nspiffe = \"spiffe://a.example/ns/acme/sa/*\"\ntenant = \"acme\"\n\
         [[certificate]]\nspiffe = \"spiffe://a.example/runtime/*\"\nruntime = true\ntenants = [\"a\", \"b\"]\n\
         [[certificate]]\ndns = \"weather.example\"\ntrust_domain = \"a.example\"\nprincipal = \"weather\"\n\
         runtime = true\nruntime_id = [\"weather\", \"weather/*\"]\ntenants = \"*\"\n\
         [[local_user]]\nuid = 1000\nprincipal = \"dev\"\ntenant = \"acme\"\nroles = [\"reader\"]\n"
    );
    assert_eq!(faults(&login, &text), Vec::<String>::new());
    assert_eq!(faults(&login, ""), Vec::<String>::new(), "nothing is nobody");
}

#[test]
fn each_fault_is_told_with_its_line() {
    let login = small();
    let tenant = "tenant = \"acme\"\n";
    let issuer = |more: &str| format!("{ISSUER}{tenant}{more}");
    let runtime = "[[certificate]]\nspiffe = \"spiffe://a.example/*\"\n";
    let user = "[[local_user]]\nuid = 1\nprincipal = \"a\"\n";
    for (what, text, told) in [
        ("not TOML", "a = \nb = 2".to_owned(), "1: this is not TOML"),
        ("an unknown table", "[[issuers]]\na = 1".to_owned(), "1: `issuers` is not known here; there are issuer"),
        ("no list", "[issuer]\nissuer = \"a\"".to_owned(), "1: `issuer` must be a list of tables; write `[[issuer]]`"),
        ("an unknown member", issuer("audiences = \"x\"\n"), "6: `issuer.audiences` is not known"),
        ("no tenant", ISSUER.to_owned(), "1: `issuer.tenant` is missing"),
        ("tenant and claim", issuer("tenant_claim = \"org\"\n"), "6: `issuer.tenant_claim` is there beside `tenant`"),
        ("a map for nothing", issuer("tenants = [\"a\"]\n"), "6: `issuer.tenants` is for `tenant_claim`"),
        ("no keys", issuer("").replace("keys.json", "none.json"), "4: `issuer.jwks` is no key set"),
        (
            "http",
            issuer("").replace("keys.json", "http://a.example/k"),
            "4: `issuer.jwks` cannot be used: keys are taken over `https://`",
        ),
        ("another scheme", issuer("").replace("keys.json", "ftp://a.example/k"), "4: `issuer.jwks` cannot be used"),
        (
            "a password",
            issuer("").replace("keys.json", "https://a:b@a.example/k"),
            "4: `issuer.jwks` cannot be used: it has no host, or a user",
        ),
        (
            "a lookalike of this machine",
            issuer("").replace("keys.json", "http://localhost.a.example/k"),
            "4: `issuer.jwks` cannot be used",
        ),
        (
            "no authorities",
            issuer("ca_file = \"keys.json\"\n").replace("keys.json\"\nten", "https://a.example/k\"\nten"),
            "4: `issuer.jwks` cannot be used",
        ),
        ("authorities of a file", issuer("ca_file = \"ca.pem\"\n"), "6: `issuer.ca_file` is for keys behind a URL"),
        (
            "a weak algorithm",
            issuer("algorithms = [\"HS256\"]\n"),
            "6: `issuer.algorithms` has \"HS256\"; there are EdDSA, ES256 and RS256",
        ),
        ("no algorithm", issuer("algorithms = []\n"), "6: `issuer.algorithms` must be"),
        (
            "a long leeway",
            issuer("leeway = \"31s\"\n"),
            "6: `issuer.leeway` must be a time with its unit, from 0s to 30s",
        ),
        ("a leeway without unit", issuer("leeway = 5\n"), "6: `issuer.leeway` must be"),
        ("asked too often", issuer("refresh = \"1s\"\n"), "6: `issuer.refresh` must be a time with its unit, from 60s"),
        ("a role that is no name", issuer("roles = [\"a\\nb\"]\n"), "6: `issuer.roles` has \"a\\nb\""),
        (
            "a map without roles",
            issuer("[issuer.role_map]\na = \"b\"\n"),
            "6: `issuer.role_map` is of no use without `roles_claim`",
        ),
        ("an empty place", issuer("principal_claim = \"a..b\"\n"), "6: `issuer.principal_claim` must be the place"),
        ("no audience", issuer("").replace("audience = \"grid\"\n", ""), "1: `issuer.audience` is missing"),
        ("the same issuer twice", issuer("") + &issuer(""), "6: `issuer.issuer` is there twice"),
        (
            "the host's own issuer",
            issuer("").replace("https://a.example", "grid"),
            "1: `issuer.issuer` is the host's own",
        ),
        ("no name at all", "[[certificate]]\ntenant = \"a\"\n".to_owned(), "1: `certificate` needs exactly one of"),
        ("two names", format!("{runtime}dns = \"a\"\ntenant = \"a\"\n"), "1: `certificate` needs exactly one of"),
        ("two stars", runtime.replace("/*", "/*/*") + "tenant = \"a\"\n", "2: `certificate.spiffe` must be"),
        ("half a segment", runtime.replace("/*", "/a*") + "tenant = \"a\"\n", "2: `certificate.spiffe` must be"),
        ("any trust domain", runtime.replace("a.example", "*") + "tenant = \"a\"\n", "2: `certificate.spiffe` must be"),
        (
            "dots in the path",
            runtime.replace("/*", "/../a") + "tenant = \"a\"\nprincipal = \"a\"\n",
            "2: `certificate.spiffe` must be",
        ),
        ("no path", runtime.replace("/*", "") + "tenant = \"a\"\n", "2: `certificate.spiffe` must be"),
        (
            "another scheme",
            runtime.replace("spiffe:", "https:") + "tenant = \"a\"\n",
            "2: `certificate.spiffe` must be",
        ),
        (
            "a star in a DNS name",
            "[[certificate]]\ndns = \"*.a.example\"\ntrust_domain = \"a\"\nprincipal = \"a\"\ntenant = \"a\"\n"
                .to_owned(),
            "2: `certificate.dns` has a `*`",
        ),
        (
            "no trust domain",
            "[[certificate]]\ndns = \"a.example\"\nprincipal = \"a\"\ntenant = \"a\"\n".to_owned(),
            "1: `certificate.trust_domain` is missing",
        ),
        (
            "one name for all",
            format!("{runtime}principal = \"a\"\ntenant = \"a\"\n"),
            "3: `certificate.principal` is one name for all",
        ),
        (
            "a star that means nothing",
            runtime.replace("/*", "/a") + "principal = \"*\"\ntenant = \"a\"\n",
            "3: `certificate.principal` must be",
        ),
        (
            "every tenant for a caller",
            format!("{runtime}tenant = \"*\"\n"),
            "3: `certificate.tenant` is `*`, which only a runtime",
        ),
        (
            "tenants for a caller",
            format!("{runtime}tenants = [\"a\", \"b\"]\n"),
            "3: `certificate.tenants` is for runtimes",
        ),
        (
            "every tenant among some",
            format!("{runtime}runtime = true\ntenants = [\"a\", \"*\"]\n"),
            "4: `certificate.tenants` has `*` in a list",
        ),
        (
            "an id of another",
            runtime.replace("/*", "/w") + "principal = \"w\"\ntenant = \"a\"\nruntime = true\nruntime_id = \"x\"\n",
            "6: `certificate.runtime_id` has \"x\"",
        ),
        (
            "an id of a caller",
            format!("{runtime}tenant = \"a\"\nruntime_id = \"x\"\n"),
            "4: `certificate.runtime_id` is for runtimes",
        ),
        (
            "a rule that is never used",
            format!("{runtime}tenant = \"a\"\n{}principal = \"b\"\ntenant = \"b\"\n", runtime.replace("/*", "/b")),
            "4: `certificate` is never used",
        ),
        ("no uid", user.replace("uid = 1\n", "") + tenant, "1: `local_user.uid` is missing"),
        ("a uid that is none", user.replace("= 1", "= -1") + tenant, "2: `local_user.uid` must be a whole number"),
        ("a user twice", format!("{user}{tenant}{user}{tenant}"), "5: `local_user.uid` 1 is there twice"),
        ("nobody", user.replace("principal = \"a\"\n", "") + tenant, "1: `local_user.principal` is missing"),
    ] {
        let found = faults(&login, &text);
        assert!(found.iter().any(|fault| fault.starts_with(told)), "{what}: wanted {told:?}, found {found:#?}");
    }
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let login = small();
    let text = "[[issuer]]\nissuer = 7\njwks = \"none\"\nx = 1\n[[local_user]]\nuid = \"me\"\n[[certificate]]\ny = 1\n";
    let found = faults(&login, text);
    let lines: Vec<usize> = found.iter().map(|fault| fault.split(':').next().unwrap().parse().unwrap()).collect();
    assert!(found.len() >= 8, "{found:#?}");
    assert!(lines.is_sorted(), "{found:#?}");
}

#[test]
fn a_file_that_is_not_there_is_a_fault() {
    let login = small();
    let missing = login.folder.path().join("none.toml");
    let faults = grid_identity::Rules::load(&missing, super::issuers::BESIDE).map(|_| ()).unwrap_err();
    assert!(faults[0].to_string().contains("check `identity.rules`"), "{faults:?}");
    assert_eq!(faults[0].line, None);
}
