//! The table of answers of C2SP tlog-witness, over HTTP and with bytes made by hand.

use grid_audit_witness::{Limits, MOST_HASHES};
use grid_tlog::{Checkpoint, Hash, Kind, Note, Signature, Signer, Unproved, cosign};

use crate::kit::{Home, Log, Server, body};

struct Scene {
    log: Log,
    home: Home,
    server: Server,
}

impl Scene {
    fn new() -> Self {
        let (log, home) = (Log::new(20), Home::new());
        let server = Server::start(home.open(&[log.key()]), Limits::default());
        Self { log, home, server }
    }

    /// Cosigned up to `size`.
    fn at(size: u64) -> Self {
        let scene = Self::new();
        scene.cosigned(0, size);
        scene
    }

    fn cosigned(&self, old: u64, new: u64) -> Note {
        let reply = self.server.post(self.log.request(old, new));
        assert_eq!(reply.status, 200, "{reply:?}");
        let mut note = self.log.note(new);
        let lines: Vec<&str> = reply.body.strip_suffix('\n').unwrap().split('\n').collect();
        assert_eq!(lines.len(), 1);
        note.add(Signature::parse(lines[0]).unwrap());
        note.cosigned(&self.home.key).unwrap();
        note
    }

    /// The request is refused with this status, and nothing of it is remembered.
    fn refused(&self, request: impl AsRef<[u8]>, status: u16) -> String {
        let before = self.server.cosigner.logs()[0].1;
        let reply = self.server.post(request.as_ref());
        let shown = String::from_utf8_lossy(request.as_ref()).into_owned();
        assert_eq!(reply.status, status, "{shown:?}: {reply:?}");
        assert!(!reply.body.contains('\u{2014}'), "{reply:?}");
        assert_eq!(self.server.cosigner.logs()[0].1, before);
        reply.body
    }
}

#[test]
fn a_log_is_cosigned_from_its_first_checkpoint_on() {
    let scene = Scene::new();
    for (old, new) in [(0, 0), (0, 1), (1, 2), (2, 7), (7, 7), (7, 8), (8, 20)] {
        scene.cosigned(old, new);
    }
    let scene = Scene::new();
    scene.cosigned(0, 13);
}

#[test]
fn what_has_not_the_form_is_400() {
    let scene = Scene::at(3);
    let (good, note) = (scene.log.request(3, 9), scene.log.note(9).to_string());
    let proof = scene.log.proof(3, 9);
    let line = format!("{}\n", proof[0]);
    for bad in [
        String::new(),
        "\n\n".to_owned(),
        "old 3\n".to_owned(),
        "old 3\n\n".to_owned(),
        good.trim_end().to_owned(),
        good.replacen("old 3", "old 03", 1),
        good.replacen("old 3", "old +3", 1),
        good.replacen("old 3", "old  3", 1),
        good.replacen("old 3", "Old 3", 1),
        good.replacen("old 3", "old -3", 1),
        good.replacen("old 3", "old 18446744073709551616", 1),
        good.replacen("old 3\n", "old 3\r\n", 1),
        good.replacen("old 3\n", "", 1),
        good.replacen(&line, "x\n", 1),
        good.replacen(&line, &line.replace('=', ""), 1),
        good.replacen(&line, &format!("{}\n", &line.trim_end()[4..]), 1),
        good.replacen(&line, &format!(" {line}"), 1),
        good.replacen(&note, "", 1),
        good.replacen("\n9\n", "\n09\n", 1),
        good.replacen("\n9\n", "\n", 1),
        good.replacen('\u{2014}', "-", 1),
        body(3, &vec![proof[0]; MOST_HASHES + 1], &note),
        // The old size must not be above that of the checkpoint; both are in order otherwise.
        body(10, &[], &note),
    ] {
        scene.refused(bad, 400);
    }
    scene.refused([b"old 3\n\n\xff\xfe".as_slice(), note.as_bytes()].concat(), 400);
    // 43 characters decode to 32 bytes in two ways; only one of them is base64.
    let root = scene.log.checkpoint(9).root.to_string();
    let loose = format!("{}{}=", &root[..42], if root.as_bytes()[42] == b'B' { 'C' } else { 'B' });
    scene.refused(good.replacen(&root, &loose, 1), 400);
    scene.cosigned(3, 9);
}

#[test]
fn sixty_three_hashes_have_the_form() {
    let scene = Scene::at(3);
    let many = vec![Hash::leaf(b"x"); MOST_HASHES];
    scene.refused(body(3, &many, &scene.log.note(9).to_string()), 422);
}

#[test]
fn a_log_that_is_not_watched_is_404_whoever_signed() {
    let scene = Scene::at(3);
    let elsewhere = Signer::generate("example.org/other", Kind::Note).unwrap();
    let note = Checkpoint { origin: "example.org/other".into(), ..scene.log.checkpoint(9) }.sign(&elsewhere);
    scene.refused(body(0, &[], &note.to_string()), 404);
    let ours = Checkpoint { origin: "example.org/other".into(), ..scene.log.checkpoint(9) }.sign(&scene.log.signer);
    scene.refused(body(0, &[], &ours.to_string()), 404);
}

#[test]
fn without_the_logs_own_signature_it_is_403() {
    let scene = Scene::at(3);
    let (proof, note) = (scene.log.proof(3, 9), scene.log.note(9));
    let stranger = Signer::generate("example.org/log", Kind::Note).unwrap();
    let by_stranger = scene.log.checkpoint(9).sign(&stranger);
    scene.refused(body(3, &proof, &by_stranger.to_string()), 403);
    // The right line over another text.
    let other = Note::from_parts(scene.log.note(10).text().into(), note.signatures().to_vec());
    scene.refused(body(3, &proof, &other.to_string()), 403);
    // One signature that holds and one of the same key that does not.
    let mut both = note.clone();
    let mut bad = note.signatures()[0].clone();
    bad.bytes[7] ^= 1;
    both.add(bad);
    scene.refused(body(3, &proof, &both.to_string()), 403);
    // A cosignature is no signature of the log.
    let witness = Signer::generate("example.org/log", Kind::Cosignature).unwrap();
    let mut cosigned = Note::from_parts(note.text().into(), Vec::new());
    cosigned.add(cosign(note.text(), 1_800_000_000, &witness).unwrap());
    scene.refused(body(3, &proof, &cosigned.to_string()), 403);
    // Lines of strangers beside the right one do not matter, and are not kept.
    let mut many = note.clone();
    by_stranger.signatures().iter().cloned().for_each(|line| many.add(line));
    assert_eq!(scene.server.post(body(3, &proof, &many.to_string())).status, 200);
    let mut kept = std::fs::read_dir(scene.home.memory()).unwrap().map(|file| file.unwrap().path());
    let kept = kept.find(|path| path.file_name().unwrap().len() == 64).unwrap();
    let kept = Note::parse(&std::fs::read_to_string(kept).unwrap()).unwrap();
    assert_eq!(kept.signatures().len(), 2);
    assert_eq!(kept.signatures()[0], note.signatures()[0]);
}

#[test]
fn another_old_size_is_409_with_the_size_and_its_kind() {
    let scene = Scene::new();
    for (cosigned, asked) in [(0, 1), (0, 9), (5, 0), (5, 4), (5, 6)] {
        let scene = if cosigned == 0 { Scene::new() } else { Scene::at(cosigned) };
        let reply = scene.server.post(scene.log.request(asked, 9));
        assert_eq!((reply.status, reply.body), (409, format!("{cosigned}\n")));
        let reply = scene.server.post(scene.log.request(asked, 9));
        assert_eq!(reply.header("content-type"), Some("text/x.tlog.size"));
        scene.cosigned(cosigned, 9);
    }
    // The proof is not looked at before the size.
    scene.cosigned(0, 5);
    let junk = vec![Hash::leaf(b"x"); 3];
    assert_eq!(scene.server.post(body(4, &junk, &scene.log.note(9).to_string())).status, 409);
}

#[test]
fn what_does_not_continue_is_422() {
    let scene = Scene::at(5);
    let (proof, note) = (scene.log.proof(5, 11), scene.log.note(11).to_string());
    let mut wrong = proof.clone();
    wrong.swap(0, 1);
    let mut longer = proof.clone();
    longer.push(proof[0]);
    for bad in [Vec::new(), wrong, longer, proof[1..].to_vec()] {
        scene.refused(body(5, &bad, &note), 422);
    }
    let fork = scene.log.fork(3);
    scene.refused(fork.request(5, 11), 422);
    scene.refused(body(5, &proof, &fork.note(11).to_string()), 422);
    // Another root at the same size; and a proof where none belongs.
    scene.refused(body(5, &[], &fork.note(5).to_string()), 422);
    scene.refused(body(5, &proof, &scene.log.note(5).to_string()), 422);
    scene.cosigned(5, 11);
    let fresh = Scene::new();
    fresh.refused(body(0, &proof, &fresh.log.note(11).to_string()), 422);
    // A tree without entries has one root alone.
    let hollow = Checkpoint { size: 0, ..fresh.log.checkpoint(1) }.sign(&fresh.log.signer);
    fresh.refused(body(0, &[], &hollow.to_string()), 422);
}

#[test]
fn two_forks_are_never_both_cosigned() {
    let scene = Scene::at(4);
    let fork = scene.log.fork(4);
    scene.cosigned(4, 9);
    // The fork has the same first four entries, so its proof from there is a good one.
    let reply = scene.server.post(fork.request(4, 12));
    assert_eq!((reply.status, reply.body.as_str()), (409, "9\n"));
    scene.refused(fork.request(9, 12), 422);
    scene.refused(body(9, &scene.log.proof(9, 12), &fork.note(12).to_string()), 422);
}

#[test]
fn a_smaller_tree_is_never_cosigned_again() {
    let scene = Scene::at(9);
    for (old, new) in [(0, 5), (5, 5), (4, 8)] {
        let reply = scene.server.post(scene.log.request(old, new));
        assert_eq!((reply.status, reply.body.as_str()), (409, "9\n"), "{old} {new}");
    }
    scene.refused(body(9, &[], &scene.log.note(8).to_string()), 400);
    scene.cosigned(9, 9);
}

#[test]
fn each_log_has_its_own_state_and_may_have_several_keys() {
    let (one, other) = (Log::new(9), Signer::generate("example.org/other", Kind::Note).unwrap());
    let second = Signer::generate("example.org/log", Kind::Note).unwrap();
    let keys = [one.key(), second.verifying_key().clone(), other.verifying_key().clone()];
    let home = Home::new();
    let server = Server::start(home.open(&keys), Limits::default());
    assert_eq!(server.post(one.request(0, 4)).status, 200);
    let note = Checkpoint { origin: "example.org/other".into(), ..one.checkpoint(6) }.sign(&other);
    assert_eq!(server.post(body(0, &[], &note.to_string())).status, 200);
    // After the log's key was changed the new one goes on where the old one stopped.
    let by_second = one.checkpoint(7).sign(&second);
    assert_eq!(server.post(body(4, &one.proof(4, 7), &by_second.to_string())).status, 200);
    let mut logs = server.cosigner.logs();
    logs.sort_unstable();
    assert_eq!(logs, [("example.org/log", Some(7)), ("example.org/other", Some(6))]);
}

#[test]
fn the_time_is_that_of_the_clock_and_the_text_is_whole() {
    let scene = Scene::new();
    let before = grid_core::clock::SystemClock::shared().unix_ms() / 1_000;
    let text = format!("{}a further line\n", scene.log.checkpoint(5));
    let note = Note::sign(text.clone(), &scene.log.signer);
    let reply = scene.server.post(body(0, &[], &note.to_string()));
    let line = Signature::parse(reply.body.trim_end()).unwrap();
    let whole = Note::from_parts(text, vec![line.clone()]);
    let time = whole.cosigned(&scene.home.key).unwrap().time;
    assert!((before..before + 5).contains(&time), "{time}");
    let short = Note::from_parts(scene.log.note(5).text().into(), vec![line]);
    assert!(matches!(short.cosigned(&scene.home.key), Err(Unproved::BadSignature(_))));
}
