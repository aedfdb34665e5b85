//! A host as a process of its own, in a folder of its own, on ports that were free a moment ago.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    Caller, contracts,
    program::{Ended, grid, signal},
    until,
};

/// What a host is started with.
#[derive(Debug)]
pub struct Setup {
    mode: &'static str,
    manifest: Option<Value>,
    settings: Vec<String>,
    environment: Vec<(String, String)>,
    shell: Option<&'static str>,
}

impl Setup {
    pub fn strict() -> Self {
        Self {
            mode: "strict",
            manifest: Some(contracts::manifest()),
            settings: ["session.sweep=50ms", "server.drain_grace=20s", "identity.leeway=0s", "audit.segment=1MiB"]
                .map(str::to_owned)
                .to_vec(),
            environment: Vec::new(),
            shell: None,
        }
    }

    pub fn development() -> Self {
        Self { mode: "development", ..Self::strict() }
    }

    #[must_use]
    pub fn set(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn manifest(mut self, manifest: Option<Value>) -> Self {
        self.manifest = manifest;
        self
    }

    /// Starts the host out of a shell that has run this before.
    #[must_use]
    pub const fn after(mut self, shell: &'static str) -> Self {
        self.shell = Some(shell);
        self
    }

    /// Writes the configuration, starts nothing.
    pub fn desk(self) -> Host {
        let dir = tempfile::tempdir().unwrap();
        let mut text = format!("mode = \"{}\"\n\n[data]\ndir = \"data\"\n\n[audit]\nkey = \"audit.key\"\n", self.mode);
        // The machine under a test may have more to do than the test; what sheds load has tests of its own.
        text.push_str("\n[limits]\nadaptive = false\n");
        if let Some(manifest) = &self.manifest {
            fs::write(dir.path().join("tools.json"), manifest.to_string()).unwrap();
            text.push_str("\n[manifest]\npath = \"tools.json\"\n");
        }
        fs::write(dir.path().join("grid.toml"), text).unwrap();
        let host = Host { dir, setup: self, ports: (0, 0), process: None, starts: 0 };
        if host.setup.mode == "strict" {
            // What else the set-up gives to the host may be wrong on purpose.
            let mut command = Command::new(grid());
            let key = ["audit.key=audit.key", "audit.origin=test.example/grid/audit"];
            command.env_clear().current_dir(host.folder()).args(["audit", "init", "--set", key[0], "--set", key[1]]);
            let made = Ended::of(command.stdin(Stdio::null()).output().unwrap());
            assert_eq!(made.code, 0, "{made:?}");
        }
        host
    }

    /// Starts the host and waits until it takes calls.
    pub async fn start(self) -> Host {
        let mut host = self.desk();
        host.start().await;
        host
    }
}

/// One host. It is killed when it is dropped.
#[derive(Debug)]
pub struct Host {
    dir: TempDir,
    setup: Setup,
    ports: (u16, u16),
    process: Option<Child>,
    starts: usize,
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() && self.starts > 0 {
            let said = self.said();
            let last: Vec<&str> = said.lines().rev().take(20).collect();
            let last: String = last.iter().rev().map(|line| format!("{line}\n")).collect();
            eprintln!("--- the host said:\n{last}---");
        }
    }
}

impl Host {
    pub async fn strict() -> Self {
        Setup::strict().start().await
    }

    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub const fn admin_port(&self) -> u16 {
        self.ports.1
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.0)
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the host was started").id()
    }

    /// Starts the process, on other ports where somebody was faster, and waits until it takes calls.
    pub async fn start(&mut self) {
        for _ in 0..5 {
            self.spawn((free_port(), free_port()));
            if self.comes_up().await {
                return;
            }
            assert!(self.said().contains("cannot listen"), "the host did not start: {}", self.said());
        }
        panic!("no free ports: {}", self.said());
    }

    /// Starts the process where its doors are behind TLS, and waits until it says that it serves.
    pub async fn start_plainly(&mut self) {
        self.spawn((free_port(), free_port()));
        let said = self.errors(self.starts);
        let process = self.process.as_mut().unwrap();
        until("the host serves", async || {
            assert!(process.try_wait().unwrap().is_none(), "{}", fs::read_to_string(&said).unwrap());
            fs::read_to_string(&said).unwrap().contains("serving").then_some(())
        })
        .await;
    }

    /// Starts the process on the ports that it had.
    pub async fn start_again(&mut self) {
        self.spawn(self.ports);
        assert!(self.comes_up().await, "the host did not come back: {}", self.said());
    }

    /// Starts the process where it is not expected to come up, and gives how it ended.
    pub async fn refuses_to_start(&mut self) -> (i32, String) {
        self.spawn((free_port(), free_port()));
        let status = self.ended().await;
        (status.code().expect("a signal ended the host"), self.said())
    }

    fn spawn(&mut self, ports: (u16, u16)) {
        assert!(self.process.is_none(), "the host is running");
        self.ports = ports;
        self.starts += 1;
        let mut command = match self.setup.shell {
            None => Command::new(grid()),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("{before}; exec \"$0\" \"$@\"")).arg(grid());
                shell
            }
        };
        self.in_folder(&mut command);
        command.arg("serve");
        for setting in &self.setup.settings {
            command.arg("--set").arg(setting);
        }
        let errors = File::create(self.errors(self.starts)).unwrap();
        let output = File::create(self.folder().join(format!("host-{}.out", self.starts))).unwrap();
        let process = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().unwrap();
        self.process = Some(process);
    }

    fn in_folder(&self, command: &mut Command) {
        let (callers, operators) = self.ports;
        command.env_clear().current_dir(self.folder());
        command.env("GRID_CONFIG", "grid.toml");
        command.env("GRID_SERVER__LISTEN", format!("127.0.0.1:{callers}"));
        command.env("GRID_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{operators}"));
        command.envs(self.setup.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }

    async fn comes_up(&mut self) -> bool {
        let (port, said) = (self.ports.1, self.errors(self.starts));
        let process = self.process.as_mut().unwrap();
        let up = until("the host takes calls or ends", async || {
            if process.try_wait().unwrap().is_some() {
                return Some(false);
            }
            // Not before it says so itself: on its port might be somebody else.
            if !fs::read_to_string(&said).unwrap().contains("serving") {
                return None;
            }
            let answer = http_get(port, "/readyz").await.ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(true)
        })
        .await;
        if !up {
            self.process = None;
        }
        up
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let process = self.process.as_mut().expect("the host was started");
        let status = until("the host ends", async || process.try_wait().unwrap()).await;
        self.process = None;
        status
    }

    /// Asks it to stop, as a service manager does, and gives the exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        signal("TERM", self.pid());
        self.ended().await.code()
    }

    /// Kills it where it stands.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the host was started");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    fn errors(&self, start: usize) -> PathBuf {
        self.folder().join(format!("host-{start}.log"))
    }

    /// Everything that it has written to standard error, over all starts.
    pub fn said(&self) -> String {
        (1..=self.starts).map(|start| fs::read_to_string(self.errors(start)).unwrap_or_default()).collect()
    }

    /// Runs a command beside it, with its configuration.
    pub fn grid(&self, arguments: &[&str]) -> Ended {
        self.grid_with(arguments, &[])
    }

    /// Runs a command beside it, with more in its environment.
    pub fn grid_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        Ended::of(self.command(arguments, environment).stdin(Stdio::null()).output().unwrap())
    }

    /// The same, for whoever looks at it while it runs.
    pub fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(grid());
        self.in_folder(&mut command);
        command.args(arguments).envs(environment.iter().copied());
        command
    }

    /// A token as operators make it.
    pub fn token(&self, principal: &str, tenant: &str, roles: &[&str]) -> String {
        let mut arguments = vec!["token", "new", "--principal", principal, "--tenant", tenant];
        roles.iter().for_each(|role| arguments.extend(["--role", role]));
        let ended = self.grid(&arguments);
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.out.trim().to_owned()
    }

    /// A token in a file of its name.
    pub fn token_file(&self, principal: &str, tenant: &str, roles: &[&str]) -> PathBuf {
        let path = self.folder().join(format!("{}.token", principal.replace('/', "-")));
        fs::write(&path, self.token(principal, tenant, roles)).unwrap();
        path
    }

    pub fn runtime_token(&self, principal: &str) -> String {
        self.token(principal, "*", &["grid_runtime"])
    }

    /// Somebody who may call the calculator, with a session open.
    pub async fn caller(&self) -> Caller {
        let mut caller = self.stranger(&self.token("alice", "acme", &["caller"])).await;
        caller.open().await;
        caller
    }

    /// An operator of it.
    pub async fn admin(&self) -> grid_sdk::Admin {
        let operator = grid_sdk::Admin::builder().endpoint(format!("http://127.0.0.1:{}", self.ports.1));
        operator.token(self.token("root", "acme", &["grid_admin"])).connect().await.unwrap()
    }

    /// Somebody with that token and without a session.
    pub async fn stranger(&self, token: &str) -> Caller {
        Caller::connect(&self.endpoint(), token).await
    }

    pub async fn get(&self, path: &str) -> String {
        http_get(self.ports.1, path).await.unwrap()
    }

    /// The value of one metric, such as `grid_calls_total{outcome="success"}`.
    pub async fn metric(&self, name: &str) -> u64 {
        let page = self.get("/metrics").await;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no `{name}` in {page}")).trim().parse().unwrap()
    }

    /// Every record of the log, as `grid audit tail` prints it.
    pub fn audit(&self) -> Vec<Value> {
        let ended = self.grid(&["audit", "tail", "-n", "1000000", "--json"]);
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Records of one kind.
    pub fn records(&self, kind: &str) -> Vec<Value> {
        self.audit().into_iter().filter(|record| self::kind(record) == kind).collect()
    }

    /// Waits for a record that fits.
    pub async fn record(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(what, async || self.audit().into_iter().find(|record| fits(record))).await
    }

    /// Waits until the host has so many runtimes that serve a tool.
    pub async fn serves(&self, tool: &str) {
        until(&format!("a runtime serves {tool}"), async || {
            let page = self.get("/readyz").await;
            let (_, body) = page.split_once("\r\n\r\n")?;
            let body: Value = serde_json::from_str(body.trim()).ok()?;
            let unserved = body["unserved"].as_array()?;
            (!unserved.iter().any(|name| name == tool)).then_some(())
        })
        .await;
    }
}

/// Every file in a folder and below it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}

/// The kind of a record.
pub fn kind(record: &Value) -> &str {
    record["kind"].as_str().unwrap_or_default()
}

/// A field of a record; empty where it is absent.
pub fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_default()
}

/// What holds for every log: indices without a gap, each admission concluded once and after it, nothing concluded
/// that was not admitted. Gives how many calls it has.
pub fn check_log(records: &[Value]) -> usize {
    let mut open = std::collections::HashMap::new();
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record["index"].as_u64(), Some(at as u64), "{record}");
        let invocation = text(record, "invocation").to_owned();
        match kind(record) {
            "admitted" => assert!(open.insert(invocation, 0).is_none(), "admitted twice: {record}"),
            "concluded" => {
                let count = open.get_mut(&invocation).unwrap_or_else(|| panic!("never admitted: {record}"));
                *count += 1;
                assert_eq!(*count, 1, "concluded twice: {record}");
            }
            _ => {}
        }
    }
    for (invocation, count) in &open {
        assert_eq!(*count, 1, "`{invocation}` was admitted and has no conclusion");
    }
    open.len()
}

/// A port that nobody listens on just now. Below those that systems give to outgoing connections, or one of the many
/// connections here might have taken it by the time that the host starts; and given out once in this process.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let offset = std::process::id().wrapping_mul(997);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(offset) % COUNT;
        let port = u16::try_from(FIRST + next).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

async fn http_get(port: u16, path: &str) -> io::Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    tokio::time::timeout(Duration::from_secs(5), ask).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
