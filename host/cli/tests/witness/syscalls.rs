//! What reaches the disk before the answer leaves, call by call, and what a failing or deadly call makes of it. Needs
//! strace.

use std::{fs, process::Command};

use grid_tlog::Frontier;

use crate::kit::{Answer, Home, grown};

const TRACE: &str = "trace=openat,write,fsync,fdatasync,rename,sendto,writev";

/// A witness under strace that has cosigned one entry; what follows is traced.
fn strace<'a>(file: &'a str, inject: &'a [&'a str]) -> Vec<&'a str> {
    let mut under = vec!["strace", "-f", "-qq", "-s", "16", "-y", "-o", file, "-e", TRACE];
    inject.iter().for_each(|inject| under.extend(["-e", inject]));
    under
}

#[test]
fn the_state_is_on_the_disk_before_the_answer_leaves() {
    assert!(Command::new("strace").arg("-V").output().is_ok(), "install strace");
    let home = Home::new();
    let process = home.start(&strace("calls", &[]));
    let (empty, edge) = (Frontier::new(), grown(&Frontier::new(), "entry"));
    assert!(matches!(home.ask(process.address, &empty, &edge).unwrap(), Answer::Cosigned(_)));
    drop(process);
    let calls = fs::read_to_string(home.folder.path().join("calls")).unwrap();
    let steps: [(&str, &[&str]); 6] = [
        ("the draft is made", &["openat(", ".new\", O_WRONLY|O_CREAT|O_TRUNC"]),
        ("it is written", &["write(", ".new>, \"example.org/log\\n"]),
        ("it is synced", &["fsync(", ".new>"]),
        ("it takes the place", &["rename(\"witness/", ".new\", \"witness/"]),
        ("the folder is synced", &["fsync(", "/witness>"]),
        ("the answer leaves", &["HTTP/1.1 200"]),
    ];
    let mut rest = calls.lines();
    for (step, parts) in steps {
        let found = rest.any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "{step}: not found behind the step before it in\n{calls}");
    }
}

#[test]
fn a_sync_that_fails_ends_the_witness_and_nothing_was_said() {
    // The first is that of the file, the second that of the folder.
    for when in 1..=2 {
        let home = Home::new();
        let mut process = home.start(&strace("calls", &[&format!("inject=fsync:error=EIO:when={when}")]));
        let (empty, edge) = (Frontier::new(), grown(&Frontier::new(), "entry"));
        assert_eq!(home.ask(process.address, &empty, &edge).unwrap(), Answer::Refused(500), "sync {when}");
        assert_eq!(process.child.wait().unwrap().code(), Some(1));
        let mut said = String::new();
        std::io::Read::read_to_string(&mut process.err, &mut said).unwrap();
        assert!(said.contains("check the disk and start again"), "{said}");
        // Whatever the disk has now, the witness goes on from it, and may choose where nothing was said.
        let process = home.start(&[]);
        let other = grown(&empty, "other");
        match home.ask(process.address, &empty, &other).unwrap() {
            Answer::Cosigned(_) => assert_eq!(when, 1),
            Answer::Conflict(1) => {
                assert_eq!(when, 2, "the rename was done");
                assert!(matches!(home.ask(process.address, &edge, &edge).unwrap(), Answer::Cosigned(_)));
                assert_eq!(home.ask(process.address, &other, &other).unwrap(), Answer::Refused(422));
            }
            unexpected => panic!("{unexpected:?}"),
        }
    }
}

#[test]
fn a_full_disk_costs_answers_and_not_the_witness() {
    let home = Home::new();
    let first = home.start(&[]);
    let (empty, edge) = (Frontier::new(), grown(&Frontier::new(), "entry"));
    assert!(matches!(home.ask(first.address, &empty, &edge).unwrap(), Answer::Cosigned(_)));
    drop(first);
    let folder = home.folder.path().canonicalize().unwrap();
    let draft = format!("{}/witness/{}.new", folder.display(), state_file(&home));
    // Of the calls on the draft alone.
    let full = ["-P", &draft, "-e", "inject=write:error=ENOSPC:when=1..2"];
    let process = home.start(&[strace("calls", &[]), full.to_vec()].concat());
    let (next, other) = (grown(&edge, "next"), grown(&edge, "other"));
    for _ in 0..2 {
        assert_eq!(home.ask(process.address, &edge, &next).unwrap(), Answer::Refused(500));
    }
    assert!(matches!(home.ask(process.address, &edge, &other).unwrap(), Answer::Cosigned(_)));
}

/// The name of the one file that holds a state.
fn state_file(home: &Home) -> String {
    let names = fs::read_dir(home.folder.path().join("witness")).unwrap();
    let mut names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.find(|name| name.len() == 64).unwrap()
}

/// Until strace has the process.
fn wait_for_tracer(pid: u32) {
    let status = || fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    while status().contains("TracerPid:\t0\n") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn death_at_each_call_leaves_a_state_from_which_it_goes_on() {
    for (call, times) in [("fsync", 2), ("rename", 1), ("write", 3), ("openat", 4)] {
        for when in 1..=times {
            let home = Home::new();
            let first = home.start(&[]);
            let (empty, edge) = (Frontier::new(), grown(&Frontier::new(), "entry"));
            assert!(matches!(home.ask(first.address, &empty, &edge).unwrap(), Answer::Cosigned(_)));
            drop(first);
            let process = home.start(&[]);
            let next = grown(&edge, "next");
            // Attached only now, so that calls of the start do not count.
            let pid = process.child.id();
            let inject = format!("inject={call}:signal=KILL:when={when}");
            let mut tracer = Command::new("strace")
                .args(["-f", "-qq", "-o", "calls", "-e", TRACE, "-e", &inject, "-p", &pid.to_string()])
                .current_dir(home.folder.path())
                .spawn()
                .unwrap();
            wait_for_tracer(pid);
            let answer = home.ask(process.address, &edge, &next);
            drop(process);
            tracer.wait().unwrap();
            let is_hit = matches!(call, "fsync" | "rename");
            assert!(!is_hit || answer.is_err(), "{call} {when} was not deadly: {answer:?}");
            let process = home.start(&[]);
            let other = grown(&edge, "other");
            let again = home.ask(process.address, &edge, &other).unwrap();
            match answer {
                // It was killed later than that, or not at all.
                Ok(Answer::Cosigned(_)) => assert_eq!(again, Answer::Conflict(2), "{call} {when}"),
                Ok(unexpected) => panic!("{call} {when}: {unexpected:?}"),
                Err(_) if again == Answer::Conflict(2) => {
                    assert!(matches!(home.ask(process.address, &next, &next).unwrap(), Answer::Cosigned(_)));
                    assert_eq!(home.ask(process.address, &other, &other).unwrap(), Answer::Refused(422));
                }
                Err(_) => {
                    assert!(matches!(again, Answer::Cosigned(_)), "{call} {when}: {again:?}");
                    assert_eq!(home.ask(process.address, &next, &next).unwrap(), Answer::Refused(422));
                }
            }
        }
    }
}
