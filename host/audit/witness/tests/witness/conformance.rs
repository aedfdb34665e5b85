//! Against a second implementation, written from the specification in Python: our client asks its witness, its log
//! asks our witness.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use grid_audit_witness::{Address, Answer, Limits, Trouble, Witness};
use grid_tlog::{Checkpoint, Kind, Signer, VerifyingKey};
use serde_json::{Value, json};

use crate::kit::{Home, Log, ORIGIN, Server};

fn python(arguments: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/witness.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

struct Python {
    child: Child,
    address: Address,
}

impl Python {
    fn serve(keys: &[&VerifyingKey]) -> Self {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let mut arguments = vec!["serve", "witness.example/python"];
        arguments.extend(keys.iter().map(String::as_str));
        let mut child = python(&arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.parse().unwrap() }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(answer: Result<Answer, Trouble>) -> u16 {
    match answer {
        Err(Trouble::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_client_and_a_witness_from_the_specification() {
    let log = Log::new(70);
    let python = Python::serve(&[&log.key()]);
    let witness = Witness::new(python.address.clone(), Duration::from_secs(20)).unwrap();
    let ask = |old: u64, new: u64| witness.request(old, &log.proof(old, new), &log.note(new));
    let mut size = 0;
    for next in [0, 1, 2, 3, 4, 7, 8, 8, 15, 33, 64, 70] {
        let answer = ask(size, next).unwrap();
        let Answer::Cosigned { line, time } = answer else { panic!("{answer:?}") };
        let mut note = log.note(next);
        note.add(line);
        assert_eq!(note.cosigned(&python.address.key).unwrap().time, time);
        size = next;
    }
    assert_eq!(ask(33, 70).unwrap(), Answer::Conflict(70));
    let fork = log.fork(5);
    assert_eq!(refused(witness.request(70, &[], &fork.note(70))), 422);
    assert_eq!(refused(witness.request(70, &log.proof(3, 70), &log.note(70))), 422);
    assert_eq!(refused(witness.request(71, &[], &log.note(70))), 400);
    let stranger = Signer::generate(ORIGIN, Kind::Note).unwrap();
    assert_eq!(refused(witness.request(70, &[], &log.checkpoint(70).sign(&stranger))), 403);
    let elsewhere = Signer::generate("example.org/other", Kind::Note).unwrap();
    let note = Checkpoint { origin: "example.org/other".into(), ..log.checkpoint(70) }.sign(&elsewhere);
    assert_eq!(refused(witness.request(0, &[], &note)), 404);
}

#[test]
fn a_log_from_the_specification_and_our_witness() {
    let seed = [7_u8; 32];
    // The same seed as a key of ours, so that our witness knows it.
    let key = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let public = aws_lc_rs::signature::KeyPair::public_key(&key).as_ref().try_into().unwrap();
    let key = VerifyingKey::new(ORIGIN, Kind::Note, public).unwrap();
    let home = Home::new();
    let server = Server::start(home.open(&[key]), Limits::default());
    let mut child = python(&["ask", &server.url(), &home.key.to_string()]).spawn().unwrap();
    let seed: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(child.stdin.take().unwrap(), "{ORIGIN} {seed}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut expected = vec![json!([200, true]); 12];
    let conflict = json!([409, ["text/x.tlog.size", "70\n"]]);
    let refused = |status: u16| json!([status, null]);
    expected.extend([conflict.clone(), refused(422), refused(422), conflict, refused(400)]);
    assert_eq!(answers, Value::from(expected));
}
