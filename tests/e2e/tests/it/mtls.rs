//! Hosts that are met over TLS and Unix sockets, by callers and runtimes that their certificates or users name.

use std::{fs, os::unix::fs::MetadataExt as _, process::Command};

use grid_sdk::{Client, Runtime, SessionOptions, State};
use tokio_util::sync::CancellationToken;

use crate::common::{Host, Setup, add, free_port, grid, root, text, until};

/// What the rules of these tests say, for the user who runs them.
fn rules(uid: u32) -> String {
    format!(
        "[[certificate]]\nspiffe = \"spiffe://dev.local/runtime/*\"\ntenant = \"*\"\nruntime = true\n\n\
         [[certificate]]\nspiffe = \"spiffe://dev.local/caller/*\"\ntenant = \"acme\"\nroles = [\"caller\"]\n\n\
         [[local_user]]\nuid = {uid}\nprincipal = \"here\"\ntenant = \"acme\"\nroles = [\"caller\"]\n"
    )
}

fn desk() -> Host {
    let settings = [
        "tls.cert=tls/server.pem",
        "tls.key=tls/server.key",
        "tls.client_auth=optional",
        "tls.bundles=spiffe://dev.local=tls/ca.pem",
        "tls.reload=100ms",
        "server.unix=grid.sock",
        "server.admin_unix=admin.sock",
        "identity.rules=identity.toml",
    ];
    let host = settings.iter().fold(Setup::strict(), |setup, setting| setup.set(setting)).desk();
    let uid = fs::metadata(host.folder()).unwrap().uid();
    fs::write(host.folder().join("identity.toml"), rules(uid)).unwrap();
    renew(&host);
    host
}

/// New certificates of the same authority.
fn renew(host: &Host) {
    let ids = ["spiffe://dev.local/runtime/calc", "spiffe://dev.local/caller/alice", "spiffe://dev.local/nobody/eve"];
    let mut arguments = vec!["tls", "dev-ca", "--dir", "tls"];
    ids.iter().for_each(|id| arguments.extend(["--client", id]));
    let made = host.grid(&arguments);
    assert_eq!(made.code, 0, "{made:?}");
}

async fn client(host: &Host, name: &str) -> Result<Client, grid_sdk::Error> {
    let file = |name: &str| host.folder().join("tls").join(name);
    Client::builder()
        .endpoint(host.endpoint().replace("http:", "https:"))
        .authority_file(file("ca.pem"))
        .client_certificate(file(&format!("{name}.pem")), file(&format!("{name}.key")))
        .connect()
        .await
}

async fn sum(client: &Client) -> i64 {
    let session = client.open_session(SessionOptions::default()).await.unwrap();
    let answer = session.call("add", serde_json::json!({ "a": 2, "b": 40 })).await.unwrap();
    session.close(false).await.unwrap();
    answer.json::<i64>().unwrap()
}

#[tokio::test]
async fn certificates_and_users_name_callers_and_runtimes_through_a_rotation() {
    let mut host = desk();
    host.start_plainly().await;
    let file = |name: &str| host.folder().join("tls").join(name);
    let runtime = Runtime::builder()
        .tool(add)
        .runtime_id("calc")
        .endpoint(host.endpoint().replace("http:", "https:"))
        .authority_file(file("ca.pem"))
        .client_certificate(file("runtime-calc.pem"), file("runtime-calc.key"))
        .build()
        .unwrap();
    let (mut status, stop) = (runtime.status(), CancellationToken::new());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(runtime.run_until(stop.clone().cancelled_owned()));
    status.wait_for(|status| status.state == State::Serving).await.unwrap();

    let alice = client(&host, "caller-alice").await.unwrap();
    assert_eq!(sum(&alice).await, 42);
    let here = Client::builder().endpoint(format!("unix:{}/grid.sock", host.folder().display()));
    let here = here.connect().await.unwrap();
    assert_eq!(sum(&here).await, 42);
    // A certificate that holds, and that no rule is about.
    let eve = client(&host, "nobody-eve").await.unwrap();
    let refused = eve.open_session(SessionOptions::default()).await.unwrap_err();
    assert_eq!(refused.code().to_string(), "INVALID_CREDENTIALS");

    for _ in 0..5 {
        let before = host.said().matches("certificates were replaced").count();
        renew(&host);
        until("the new certificate is used", async || {
            assert_eq!(sum(&alice).await, 42);
            assert_eq!(sum(&client(&host, "caller-alice").await.unwrap()).await, 42);
            (host.said().matches("certificates were replaced").count() > before).then_some(())
        })
        .await;
    }
    fs::write(host.folder().join("tls/server.key"), "no key").unwrap();
    until("the bad pair is refused", async || host.said().contains("those before stay in use").then_some(())).await;
    assert_eq!(sum(&client(&host, "caller-alice").await.unwrap()).await, 42);
    assert!(!host.said().contains("handshake was refused"), "{}", host.said());

    let who: std::collections::BTreeSet<String> =
        host.records("admitted").iter().map(|record| text(record, "principal").to_owned()).collect();
    assert_eq!(who.into_iter().collect::<Vec<_>>(), ["alice", "here"]);
    stop.cancel();
    tasks.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(host.stop().await, Some(0));
    assert!(!host.folder().join("grid.sock").exists());
}

#[tokio::test]
async fn certificates_that_cannot_be_used_keep_the_host_from_starting_and_are_told_by_check() {
    let mut host = desk();
    fs::write(host.folder().join("tls/ca.pem"), "no certificate").unwrap();
    let (code, said) = host.refuses_to_start().await;
    assert_eq!(code, 3, "{said}");
    for wanted in ["CERTIFICATE_ERROR", "tls/ca.pem", "holds no certificate"] {
        assert!(said.contains(wanted), "{said}");
    }
}

/// The example as its readers run it.
#[tokio::test]
async fn the_example_runs() {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package", "quickstart-rust"])
        .current_dir(root())
        .status()
        .unwrap();
    assert!(built.success());
    let runtime = grid().with_file_name("quickstart-rust");
    let mut example = Command::new(root().join("examples/mtls/run.sh"));
    example.env("GRID_BIN", grid()).env("RUNTIME_BIN", runtime);
    example.env("GRID_SERVER__LISTEN", format!("127.0.0.1:{}", free_port()));
    example.env("GRID_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
    let ended = tokio::task::spawn_blocking(move || example.output().unwrap()).await.unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("spiffe://dev.local/caller/alice") && said.ends_with("none failed\n"), "{said}");
}
