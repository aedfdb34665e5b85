//! Programs that operators have run around a swap: no shell, of the environment `PATH` alone, and killed at their limit
//! with all that they have started.

use std::{path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    io::AsyncReadExt as _,
    process::{ChildStderr, Command},
};

/// Bytes of a program's complaints that are kept.
const WORDS: usize = 512;
/// How long what it has written is waited for once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hook {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it runs; where the host runs, if it is empty.
    pub directory: PathBuf,
}

/// Everything that the program has started, killed when this is dropped.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Nobody left in it is as good.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// What it complains of.
struct Words {
    pipe: Option<ChildStderr>,
    last: Vec<u8>,
}

/// Runs it and waits for at most `limit`.
///
/// # Errors
/// It cannot be started, ends with anything but 0, or does not end in time; in words, with the last of its own.
pub async fn run(hook: &Hook, limit: Duration) -> Result<(), String> {
    let [program, arguments @ ..] = hook.argv.as_slice() else {
        return Err("the hook names no program".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    if !hook.directory.as_os_str().is_empty() {
        command.current_dir(&hook.directory);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("`{program}` cannot be started: {error}"))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let id = id.ok_or_else(|| format!("`{program}` has no process"))?;
    let group = Group(id);
    let mut words = Words { pipe: child.stderr.take(), last: Vec::new() };
    // Ended and not yet reaped: until the group is killed nobody else can have its number.
    let ending = tokio::task::spawn_blocking(move || {
        waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).map(drop)
    });
    let in_time = tokio::select! {
        ended = ending => ended.is_ok_and(|ended| ended.is_ok()),
        () = words.hear() => false,
        () = tokio::time::sleep(limit) => false,
    };
    drop(group);
    // Nobody writes any more, so this ends; what somebody else holds open is not waited for.
    let _ = tokio::time::timeout(LAST_WORDS, words.rest()).await;
    let said = words.said();
    match child.wait().await {
        _ if !in_time => Err(format!("`{program}` did not end within {} ms and was killed{said}", limit.as_millis())),
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{program}` ended with {status}{said}")),
        Err(error) => Err(format!("`{program}` cannot be waited for: {error}")),
    }
}

impl Words {
    /// Listens as long as it is let.
    async fn hear(&mut self) {
        self.rest().await;
        std::future::pending::<()>().await;
    }

    /// Until nobody can write any more. All is read, so that no program waits for it; the last of it is kept.
    async fn rest(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut read = [0; WORDS];
        while let Ok(count @ 1..) = pipe.read(&mut read).await {
            self.last.extend(read.iter().take(count));
            let over = self.last.len().saturating_sub(WORDS);
            self.last.drain(..over);
        }
        self.pipe = None;
    }

    /// Its last line, as the end of a sentence.
    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.last);
        match text.trim().lines().last() {
            Some(line) if !line.is_empty() => format!("; it wrote: {}", line.escape_debug()),
            _ => String::new(),
        }
    }
}
