//! The host as a process, in a folder of its own, on ports that were free a moment ago.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use tempfile::TempDir;

/// DEVELOPMENT, because whoever is on this machine is somebody there and needs no token to attack with.
const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"calculator","required_roles":["developer"],
    "function_declarations":[{"name":"add","description":"Adds.","effect":"pure","parameters":{"type":"OBJECT",
    "properties":{"a":{"type":"INTEGER"},"b":{"type":"INTEGER"}},"required":["a","b"]}},
    {"name":"pour","description":"Has no end.","effect":"pure","timeout":"5m","parameters":{"type":"OBJECT",
    "properties":{"nth":{"type":"INTEGER"}},"required":["nth"]}}]},
    {"name":"vault","function_declarations":[{"name":"shut","description":"For nobody.","parameters":{"type":"OBJECT"}}]}]}"#;

/// One host; killed when it is dropped.
pub struct Host {
    folder: TempDir,
    process: Child,
    pub callers: u16,
    pub operators: u16,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let said = self.said();
            let lines: Vec<_> = said.lines().collect();
            eprintln!("--- the host said:\n{}\n---", lines[lines.len().saturating_sub(20)..].join("\n"));
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The program under test: `GRID_BIN`, else the one beside this test, built first, once.
fn grid() -> &'static Path {
    static GRID: OnceLock<PathBuf> = OnceLock::new();
    GRID.get_or_init(|| {
        if let Some(path) = std::env::var_os("GRID_BIN") {
            return path.into();
        }
        let mut folder = std::env::current_exe().unwrap();
        folder.pop();
        if folder.ends_with("deps") {
            folder.pop();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--package", "grid-cli", "--bin", "grid"]);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let status = cargo.env("CARGO_TARGET_DIR", folder.parent().unwrap()).current_dir(root).status().unwrap();
        assert!(status.success(), "the host could not be built");
        folder.join("grid")
    })
}

impl Host {
    pub async fn start(settings: &[&str]) -> Self {
        Self::started(settings, "", "").await
    }

    /// With a file of limits.
    pub async fn start_with_limits(limits: &str) -> Self {
        Self::started(&["limits.file=limits.toml"], "", limits).await
    }

    /// Under a limit of the shell, such as `ulimit -n 96`.
    pub async fn start_within(settings: &[&str], bounds: &str) -> Self {
        Self::started(settings, &format!("{bounds}; "), "").await
    }

    async fn started(settings: &[&str], bounds: &str, limits: &str) -> Self {
        for _ in 0..5 {
            let mut host = Self::spawn(settings, bounds, limits);
            if host.comes_up().await {
                return host;
            }
            assert!(host.said().contains("cannot listen"), "the host did not start: {}", host.said());
        }
        panic!("there are no free ports");
    }

    fn spawn(settings: &[&str], bounds: &str, limits: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (callers, operators) = (free_port(), free_port());
        fs::write(folder.path().join("tools.json"), MANIFEST).unwrap();
        fs::write(folder.path().join("limits.toml"), limits).unwrap();
        fs::write(folder.path().join("grid.toml"), "mode = \"development\"\n[manifest]\npath = \"tools.json\"\n")
            .unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{bounds}exec \"$0\" \"$@\"")).arg(grid());
        command.env_clear().current_dir(folder.path()).arg("serve");
        command.args(["--set", &format!("server.listen=127.0.0.1:{callers}")]);
        command.args(["--set", &format!("server.admin_listen=127.0.0.1:{operators}")]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let errors = File::create(folder.path().join("host.log")).unwrap();
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        Self { folder, process, callers, operators }
    }

    async fn comes_up(&mut self) -> bool {
        for _ in 0..3_000 {
            if !self.lives() {
                return false;
            }
            if self.said().contains("serving") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the host does not come up: {}", self.said());
    }

    /// A token for somebody.
    pub fn token(&self, principal: &str, tenant: &str, role: &str) -> String {
        let mut command = Command::new(grid());
        command.env_clear().current_dir(self.folder.path());
        command.args(["token", "new", "--principal", principal, "--tenant", tenant, "--role", role]);
        let made = command.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.callers)
    }

    pub fn lives(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    pub fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("host.log")).unwrap_or_default()
    }

    /// Bytes that it has in memory.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// Ends it in order, which it has to be able to, and looks into what it said.
    pub async fn stop(mut self) {
        let status = Command::new("kill").arg("-TERM").arg(self.process.id().to_string()).status().unwrap();
        assert!(status.success());
        for _ in 0..6_000 {
            if let Some(status) = self.process.try_wait().unwrap() {
                let said = self.said();
                assert!(status.success(), "the host ended with {status}: {said}");
                assert!(!said.contains("panicked"), "a part of the host panicked: {said}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the host does not end: {}", self.said());
    }
}
