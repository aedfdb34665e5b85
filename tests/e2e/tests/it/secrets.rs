//! What the host writes is its owner's, and what it tells operators is not what it tells callers. Values that must appear
//! nowhere are the subject of `canaries`.

use std::path::Path;

use crate::common::{Host, files, refusal};

#[tokio::test]
async fn what_the_operator_reads_is_not_what_the_caller_reads() {
    let host = Host::strict().await;
    let alice = host.caller().await;
    let mut bob = alice.with_token(&host.token("bob", "acme", &["caller"]));
    bob.session.clone_from(&alice.session);
    let answer = bob.call("add", "{}").await;
    let told = format!("{:?}", refusal(&answer));
    assert!(!told.contains("another principal") && !told.contains("alice"), "{told}");
    let refused = host.records("refused");
    assert!(refused[0].to_string().contains("belongs to another principal"), "{refused:?}");
}

#[tokio::test]
#[cfg(unix)]
async fn what_the_host_writes_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let host = Host::strict().await;
    let data = host.folder().join("data");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join("audit")), 0o700);
    for path in files(&data.join("audit")) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    host.token("a", "t", &[]);
    assert_eq!(mode(&data.join("grid-key.pem")), 0o600);
}
