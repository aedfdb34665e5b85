//! Several providers of one function, as operators meet them.

use std::process::Command;

use crate::common::{free_port, grid, root};

/// The example as its readers run it; it checks its outputs itself.
#[tokio::test]
async fn the_example_runs() {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--package", "resolve-example"])
        .current_dir(root())
        .status()
        .unwrap();
    assert!(built.success());
    let mut example = Command::new(root().join("examples/resolve/run.sh"));
    example.env("GRID_BIN", grid()).env("PROVIDER_BIN", grid().with_file_name("resolve-example"));
    example.env("GRID_SERVER__LISTEN", format!("127.0.0.1:{}", free_port()));
    example.env("GRID_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
    let ended = tokio::task::spawn_blocking(move || example.output().unwrap()).await.unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains(" calls, 0 failed\n") && said.ends_with("nothing failed that was taken\n"), "{said}");
}
