//! Programs around a swap, as real processes.
#![cfg(test)]

use std::{fs, path::Path, time::Duration};

use grid_swap::{Hook, run_hook};

const LIMIT: Duration = Duration::from_secs(30);

fn sh(script: &str, directory: &Path) -> Hook {
    let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    Hook { argv, directory: directory.to_owned() }
}

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("grid-swap-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_program_sees_nothing_of_the_environment_but_the_path() {
    let here = Folder::new("environment");
    run_hook(&sh("env > seen", &here.0), LIMIT).await.unwrap();
    let seen = fs::read_to_string(here.0.join("seen")).unwrap();
    let names = seen.lines().filter_map(|line| line.split('=').next());
    // The shell sets the others itself.
    let names: Vec<&str> = names.filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name)).collect();
    assert_eq!(names, ["PATH"]);
}

#[tokio::test]
async fn one_that_fails_says_why_and_one_that_is_not_there_too() {
    let here = Folder::new("failing");
    let why =
        run_hook(&sh("yes too much | head -c 200000 >&2; echo >&2; echo no disk >&2; exit 3", &here.0), LIMIT).await;
    let why = why.unwrap_err();
    assert!(why.contains("exit status: 3") && why.ends_with("it wrote: no disk"), "{why}");
    let why = run_hook(&Hook { argv: vec!["./not-there".to_owned()], ..Hook::default() }, LIMIT).await.unwrap_err();
    assert!(why.contains("`./not-there` cannot be started"), "{why}");
    assert!(run_hook(&Hook::default(), LIMIT).await.is_err());
}

/// What it started would write after a while; it is killed with it.
#[tokio::test]
async fn one_that_hangs_is_killed_with_all_that_it_has_started() {
    let here = Folder::new("hanging");
    let script = "(while :; do sleep 0.1; echo x >> alive; done) & echo $! > child; sleep 1000";
    let why = run_hook(&sh(script, &here.0), Duration::from_millis(500)).await.unwrap_err();
    assert!(why.contains("did not end within 500 ms"), "{why}");
    let child = fs::read_to_string(here.0.join("child")).unwrap();
    assert!(is_over(child.trim()).await, "{child} runs on");
}

/// Also one that has ended itself and left somebody behind.
#[tokio::test]
async fn nobody_is_left_behind() {
    let here = Folder::new("leaving");
    run_hook(&sh("sleep 1000 & echo $! > child", &here.0), LIMIT).await.unwrap();
    let child = fs::read_to_string(here.0.join("child")).unwrap();
    assert!(is_over(child.trim()).await, "{child} runs on");
}

/// Gone, or a zombie that its new parent has not looked at yet.
async fn is_over(process: &str) -> bool {
    for _ in 0..500 {
        match fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => tokio::time::sleep(Duration::from_millis(10)).await,
            _ => return true,
        }
    }
    false
}
