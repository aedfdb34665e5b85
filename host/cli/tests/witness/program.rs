//! What its operator sees.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    process::Command,
    time::Duration,
};

use grid_tlog::Frontier;

use crate::kit::{Answer, Home, ORIGIN, grown};

#[test]
fn it_says_what_it_watches_and_stops_when_it_is_asked() {
    let home = Home::new();
    let process = home.start(&[]);
    let (empty, edge) = (Frontier::new(), grown(&Frontier::new(), "entry"));
    assert!(matches!(home.ask(process.address, &empty, &edge).unwrap(), Answer::Cosigned(_)));
    let (code, said) = process.stop();
    assert_eq!(code, Some(0));
    assert!(said.contains("\"message\":\"cosigned\"") && said.contains("SIGTERM"), "{said}");
    assert!(said.contains(ORIGIN));
    let key = fs::metadata(home.folder.path().join("witness.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_stops_it_from_starting_is_said() {
    let home = Home::new();
    let end = |command: &mut Command| {
        let ended = command.output().unwrap();
        (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap())
    };
    let running = home.start(&[]);
    let (code, said) = end(&mut home.command(&[]));
    assert!(code == 1 && said.contains("another process uses `witness`"), "{code} {said}");
    let mut taken = home.command(&[]);
    taken.args(["--listen", &running.address.to_string()]);
    drop(running);
    let key = home.folder.path().join("witness.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = end(&mut home.command(&[]));
    assert!(code == 1 && said.contains("chmod 600"), "{code} {said}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(home.folder.path().join("witness"), home.folder.path().join("lost")).unwrap();
    let (code, said) = end(&mut home.command(&[]));
    assert!(code == 1 && said.contains("grid witness init"), "{code} {said}");
}

#[test]
fn a_fork_is_shown_with_both_notes() {
    let home = Home::new();
    let process = home.start(&[]);
    let (empty, edge) = (Frontier::new(), grown(&Frontier::new(), "entry"));
    let other = grown(&empty, "other");
    assert!(matches!(home.ask(process.address, &empty, &edge).unwrap(), Answer::Cosigned(_)));
    assert_eq!(home.ask(process.address, &other, &other).unwrap(), Answer::Refused(422));
    let (_, said) = process.stop();
    let evidence = said.lines().find(|line| line.contains("two different trees")).unwrap();
    for edge in [&edge, &other] {
        assert!(evidence.contains(&edge.root().to_string()), "{evidence}");
    }
}

/// Connections that send most of a large body and then nothing.
#[test]
fn a_crowd_takes_little_memory_and_others_are_served_after_it() {
    let home = Home::new();
    let process = home.start(&[]);
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim();
        line.split(' ').next().unwrap().parse::<u64>().unwrap() << 10
    };
    let before = resident();
    let crowd: Vec<TcpStream> = (0..400)
        .map(|_| {
            let mut stream = TcpStream::connect(process.address).unwrap();
            stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
            let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 65536\r\n\r\n";
            let _ = stream.write_all(format!("{head}{}", "x".repeat(60_000)).as_bytes());
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let during = resident();
    assert!(during < before + (64 << 20), "{before} became {during} bytes");
    for mut stream in crowd {
        stream.set_nonblocking(true).unwrap();
        let _ = stream.read(&mut [0; 64]);
    }
    let (empty, edge) = (Frontier::new(), grown(&Frontier::new(), "entry"));
    assert!(matches!(home.ask(process.address, &empty, &edge).unwrap(), Answer::Cosigned(_)));
}
