//! The host of setups (c) to (f): a fresh folder, a manifest of one contract, a caller's and a runtime's token,
//! and `grid serve`.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::Duration,
};

use crate::{Fallible, process::Process};

/// The manifest of the one contract, `bench_echo`.
pub const MANIFEST: &str = include_str!("manifest.json");
/// The runtime's default id.
const RUNTIME: &str = "bench-runtime";

/// A host that listens.
#[derive(Debug)]
pub struct Host {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: String,
    /// Where it listens for operators.
    pub admin: String,
    /// The file of a token for an operator.
    pub operator_token: PathBuf,
    /// The file of a token for `bench-caller` of the tenant `bench`.
    pub caller_token: PathBuf,
    /// The file of a token for the runtime `bench-runtime`.
    pub runtime_token: PathBuf,
}

/// Starts `grid` in `folder`: as shipped, or in DEVELOPMENT with a log that no call waits for. `settings` are further
/// lines of its configuration.
///
/// # Errors
/// The host's own words where it does not start.
pub fn start(grid: &Path, folder: &Path, strict: bool, manifest: &str, settings: &str) -> Fallible<Host> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("manifest.json"), manifest)?;
    let (address, admin) = (free_address()?, free_address()?);
    let mode = if strict { "mode = \"strict\"\n" } else { "mode = \"development\"\naudit.durability = \"relaxed\"\n" };
    let config = format!(
        "{mode}\
         data.dir = \"data\"\n\
         manifest.path = \"manifest.json\"\n\
         server.listen = \"{address}\"\n\
         server.admin_listen = \"{admin}\"\n\
         server.runtime = \"current-thread\"\n\
         {settings}"
    );
    fs::write(folder.join("grid.toml"), config)?;
    let grid = fs::canonicalize(grid).map_err(|error| format!("there is no program `{}`: {error}", grid.display()))?;
    let made = command(&grid, folder).args(["audit", "init"]).output()?;
    if !made.status.success() {
        return Err(format!("no audit key: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    let caller_token = token(&grid, folder, "bench-caller", "bench", "bench")?;
    let runtime_token = runtime_token(&grid, folder, RUNTIME)?;
    let operator_token = token(&grid, folder, "bench-operator", "bench", "grid_admin")?;
    let mut command = command(&grid, folder);
    command.arg("serve").stderr(File::create(folder.join("host.log"))?);
    let mut process = Process::start("the host", command)?;
    wait(&mut process, &address).map_err(|error| {
        let log = fs::read_to_string(folder.join("host.log")).unwrap_or_default();
        format!("{error}; its log says:\n{log}")
    })?;
    Ok(Host { process, address, admin, operator_token, caller_token, runtime_token })
}

fn command(grid: &Path, folder: &Path) -> Command {
    let mut command = Command::new(grid);
    // Nothing of this environment is part of what is measured.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GRID_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).args(["--config", "grid.toml"]);
    command
}

/// The file of a token for another runtime, or for the runtimes of another provider, of the host in `folder`.
///
/// # Errors
/// `grid token new` does not make one.
pub fn runtime_token(grid: &Path, folder: &Path, principal: &str) -> Fallible<PathBuf> {
    token(&fs::canonicalize(grid)?, folder, principal, "*", "grid_runtime")
}

fn token(grid: &Path, folder: &Path, principal: &str, tenant: &str, role: &str) -> Fallible<PathBuf> {
    let arguments = ["token", "new", "--principal", principal, "--tenant", tenant, "--role", role];
    let made = command(grid, folder).args(arguments).output()?;
    if !made.status.success() {
        let words = String::from_utf8_lossy(&made.stderr);
        return Err(format!("`grid {}` failed: {words}", arguments.join(" ")).into());
    }
    let file = folder.join(format!("{principal}.token"));
    fs::write(&file, made.stdout)?;
    Ok(file)
}

/// The system picks the port; nobody else takes it in the moment until the host does.
fn free_address() -> Fallible<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn wait(process: &mut Process, address: &str) -> Fallible<()> {
    for _ in 0..1_200 {
        process.check()?;
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(50));
    }
    Err("the host did not listen within 60 s".into())
}
