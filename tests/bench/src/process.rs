//! A process of a setup: started, told apart by its first lines, ended when its owner goes.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::Fallible;

/// One running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// A command of this very program.
    ///
    /// # Errors
    /// It does not start.
    pub fn own<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> Fallible<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        Self::start(name, command)
    }

    /// Starts `command`; `name` is for messages.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(name: &str, mut command: Command) -> Fallible<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        let stdout = child.stdout.take().ok_or("a process has no output")?;
        Ok(Self { name: name.to_owned(), child, lines: BufReader::new(stdout).lines() })
    }

    /// The next line that it prints.
    ///
    /// # Errors
    /// It has ended.
    pub fn line(&mut self) -> Fallible<String> {
        match self.lines.next() {
            Some(line) => Ok(line?),
            None => Err(format!("{} ended early ({})", self.name, self.child.wait()?).into()),
        }
    }

    /// As the system knows it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has it and what it starts run on one core alone; whether the machine could do that.
    #[must_use]
    pub fn pin(&self, core: usize) -> bool {
        let (core, id) = (core.to_string(), self.id().to_string());
        let mut taskset = Command::new("taskset");
        taskset.args(["--all-tasks", "--cpu-list", "--pid", &core, &id]).stdout(Stdio::null()).stderr(Stdio::null());
        taskset.status().is_ok_and(|status| status.success())
    }

    /// Fails where it has ended by itself.
    ///
    /// # Errors
    /// It has ended.
    pub fn check(&mut self) -> Fallible<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("{} ended early ({status})", self.name).into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
