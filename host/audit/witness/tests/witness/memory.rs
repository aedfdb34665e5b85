//! What a witness remembers, and that it refuses to work without.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_audit_witness::{Answered, Cosigner, Error, NoMemory, create, load_key, log_keys};
use grid_core::clock::{Clock, SystemClock};
use grid_tlog::{Kind, Note, Signature, Signer, VerifyingKey};

use crate::kit::{Home, Log, ORIGIN};

fn cosigned(answered: &Answered) -> &str {
    match answered {
        Answered::Cosigned(line) => line,
        other => panic!("{other:?}"),
    }
}

fn open(home: &Home, keys: &[VerifyingKey]) -> Result<Cosigner, Error> {
    Cosigner::open(load_key(&home.key_file()).unwrap(), &home.memory(), keys.to_vec(), SystemClock::shared())
}

fn note_file(home: &Home) -> PathBuf {
    let mut files = fs::read_dir(home.memory()).unwrap().map(|file| file.unwrap().path());
    files.find(|path| path.file_name().unwrap().len() == 64).unwrap()
}

#[test]
fn a_restart_forgets_nothing() {
    let (log, home) = (Log::new(30), Home::new());
    let mut size = 0;
    for next in [0, 1, 5, 6, 17, 30] {
        let cosigner = open(&home, &[log.key()]).unwrap();
        cosigned(&cosigner.add_checkpoint(log.request(size, next).as_bytes()));
        size = next;
        drop(cosigner);
        let again = open(&home, &[log.key()]).unwrap();
        assert_eq!(again.logs(), [(ORIGIN, Some(size))]);
        if size > 1 {
            assert_eq!(again.add_checkpoint(log.request(1, 30).as_bytes()), Answered::Conflict(size));
            let fork = again.add_checkpoint(log.fork(0).request(size, size).as_bytes());
            assert!(matches!(fork, Answered::Unproved(_)), "{fork:?}");
        }
    }
}

#[test]
fn the_file_is_the_last_note_with_both_signatures() {
    let (log, home) = (Log::new(9), Home::new());
    let cosigner = home.open(&[log.key()]);
    let answer = cosigner.add_checkpoint(log.request(0, 9).as_bytes());
    let kept = Note::parse(&fs::read_to_string(note_file(&home)).unwrap()).unwrap();
    kept.verify(&log.key()).unwrap();
    kept.cosigned(&home.key).unwrap();
    assert_eq!(kept.signatures().last(), Some(&Signature::parse(cosigned(&answer).trim_end()).unwrap()));
    for path in [home.key_file(), note_file(&home), home.memory().join("lock"), home.memory().join("witness.vkey")] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(fs::metadata(home.memory()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn without_its_memory_it_does_not_start() {
    let (log, home) = (Log::new(9), Home::new());
    fs::remove_dir_all(home.memory()).unwrap();
    assert!(matches!(open(&home, &[log.key()]), Err(Error::Memory(NoMemory::Missing(_)))));
    fs::create_dir(home.memory()).unwrap();
    assert!(matches!(open(&home, &[log.key()]), Err(Error::Memory(NoMemory::Missing(_)))));
    // The key is there, so it cannot simply be made anew.
    assert!(matches!(create("w", &home.key_file(), &home.memory()), Err(Error::Key { .. })));
    assert!(!home.memory().join("witness.vkey").exists());
}

#[test]
fn what_was_changed_in_its_memory_stops_it() {
    let log = Log::new(9);
    let changes: [fn(&str) -> String; 6] = [
        |_| String::new(),
        |text| text.replacen("\n5\n", "\n4\n", 1),
        |text| text[..text.len() - 1].to_owned(),
        |text| text.lines().take(5).map(|line| format!("{line}\n")).collect(),
        |text| text.replacen(ORIGIN, "example.org/lag", 1),
        |text| format!("{text}{}", text.lines().last().unwrap().replace("w1 ", "w2 ")),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let home = Home::new();
        cosigned(&home.open(&[log.key()]).add_checkpoint(log.request(0, 5).as_bytes()));
        let text = fs::read_to_string(note_file(&home)).unwrap();
        fs::write(note_file(&home), change(&text)).unwrap();
        let opened = open(&home, &[log.key()]);
        assert!(matches!(opened, Err(Error::Memory(NoMemory::Damaged { .. }))), "change {at}: {opened:?}");
    }
}

#[test]
fn a_note_of_another_log_or_witness_is_not_its_memory() {
    let (log, home, other) = (Log::new(9), Home::new(), Home::new());
    for home in [&home, &other] {
        cosigned(&home.open(&[log.key()]).add_checkpoint(log.request(0, 5).as_bytes()));
    }
    fs::copy(note_file(&other), note_file(&home)).unwrap();
    assert!(matches!(open(&home, &[log.key()]), Err(Error::Memory(NoMemory::Damaged { .. }))));
    let signer = load_key(&home.key_file()).unwrap();
    let swapped = Cosigner::open(signer, &other.memory(), [log.key()], SystemClock::shared());
    assert!(matches!(swapped, Err(Error::Memory(NoMemory::NotOurs { .. }))));
}

#[test]
fn one_process_alone_has_the_memory() {
    let (log, home) = (Log::new(9), Home::new());
    let first = home.open(&[log.key()]);
    assert!(matches!(open(&home, &[log.key()]), Err(Error::Memory(NoMemory::Taken(_)))));
    drop(first);
    open(&home, &[log.key()]).unwrap();
}

#[test]
fn what_cannot_be_remembered_is_not_signed() {
    let (log, home) = (Log::new(9), Home::new());
    let cosigner = home.open(&[log.key()]);
    cosigned(&cosigner.add_checkpoint(log.request(0, 4).as_bytes()));
    // A folder stands where the draft of the next state would be written.
    let mut draft = note_file(&home).into_os_string();
    draft.push(".new");
    fs::create_dir(&draft).unwrap();
    assert_eq!(cosigner.add_checkpoint(log.request(4, 9).as_bytes()), Answered::Failed);
    assert_eq!(cosigner.add_checkpoint(log.request(4, 8).as_bytes()), Answered::Failed);
    fs::remove_dir(&draft).unwrap();
    // Nothing was said of either, so either may still be cosigned.
    cosigned(&cosigner.add_checkpoint(log.request(4, 8).as_bytes()));
}

#[test]
fn after_a_write_that_nobody_knows_the_end_of_nothing_is_signed() {
    let (log, home) = (Log::new(9), Home::new());
    let cosigner = home.open(&[log.key()]);
    cosigned(&cosigner.add_checkpoint(log.request(0, 4).as_bytes()));
    // The rename fails: a folder with something in it stands in the place of the file.
    let file = note_file(&home);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fs::write(file.join("x"), "x").unwrap();
    assert_eq!(cosigner.add_checkpoint(log.request(4, 9).as_bytes()), Answered::Failed);
    fs::remove_dir_all(&file).unwrap();
    assert_eq!(cosigner.add_checkpoint(log.request(4, 9).as_bytes()), Answered::Failed);
}

/// A clock that is set by hand, in seconds.
#[derive(Debug, Default)]
struct Set(AtomicU64);

impl Clock for Set {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst) * 1_000
    }
}

#[test]
fn a_later_word_never_has_an_earlier_time() {
    let (log, home) = (Log::new(9), Home::new());
    let clock = Arc::new(Set(AtomicU64::new(1_800_000_000)));
    let signer = load_key(&home.key_file()).unwrap();
    let cosigner = Cosigner::open(signer, &home.memory(), [log.key()], clock.clone()).unwrap();
    let time = |old: u64, new: u64| match cosigner.add_checkpoint(log.request(old, new).as_bytes()) {
        Answered::Cosigned(line) => {
            let note = Note::from_parts(log.note(new).text().into(), vec![Signature::parse(line.trim_end()).unwrap()]);
            Some(note.cosigned(&home.key).unwrap().time - 1_800_000_000)
        }
        Answered::Failed => None,
        other => panic!("{other:?}"),
    };
    let steps = [(0, 0, 2, Some(0)), (5, 2, 2, Some(5)), (1, 2, 3, Some(5)), (70, 3, 3, Some(70)), (9, 3, 4, None)];
    for (now, old, new, expected) in steps {
        clock.0.store(1_800_000_000 + now, Ordering::SeqCst);
        assert_eq!(time(old, new), expected, "at {now}");
    }
    // The word of this very second is given again and not written again.
    clock.0.store(1_800_000_070, Ordering::SeqCst);
    let written = fs::metadata(note_file(&home)).unwrap().modified().unwrap();
    assert_eq!(time(3, 3), Some(70));
    assert_eq!(fs::metadata(note_file(&home)).unwrap().modified().unwrap(), written);
}

#[test]
fn keys_are_made_once_and_kept_for_their_owner() {
    let home = Home::new();
    assert_eq!(load_key(&home.key_file()).unwrap().verifying_key(), &home.key);
    let made = create("w", &home.path().join("key"), &home.path().join("another"));
    assert!(matches!(made, Err(Error::Key { .. })), "{made:?}");
    let made = create("w", &home.path().join("key2"), &home.memory());
    assert!(matches!(made, Err(Error::Memory(NoMemory::There(_)))), "{made:?}");
    let made = create("two words", &home.path().join("key2"), &home.path().join("another"));
    assert!(matches!(made, Err(Error::Key { .. })), "{made:?}");
    fs::set_permissions(home.key_file(), fs::Permissions::from_mode(0o640)).unwrap();
    let refused = load_key(&home.key_file()).unwrap_err().to_string();
    assert!(refused.contains("640") && refused.contains("chmod 600"), "{refused}");
    let log = Signer::generate("example.org/log", Kind::Note).unwrap();
    let file = home.path().join("log-key");
    fs::write(&file, &*log.secret()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = load_key(&file).unwrap_err().to_string();
    assert!(refused.contains("grid witness init"), "{refused}");
    assert!(!refused.contains(log.secret().splitn(5, '+').last().unwrap()));
}

#[test]
fn a_log_is_named_by_its_key_or_by_a_file_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (one, two) = (Log::new(0).key(), Log::new(0).key());
    let alone = std::slice::from_ref(&one);
    assert_eq!(log_keys(&one.to_string()).unwrap(), alone);
    assert_eq!(log_keys(&file("log.vkey", &format!("{one}\n"))).unwrap(), alone);
    let text = format!("# keys\n0 {one}\n\n17 {two}\n");
    assert_eq!(log_keys(&file("log.vkeys", &text)).unwrap(), [one.clone(), two]);
    let witness = Home::new().key;
    for bad in [
        file("empty", "\n"),
        file("half", &format!("{one}\nnot a key\n")),
        file("witness", &format!("{witness}\n")),
        witness.to_string(),
        Path::new("/no/such/file").display().to_string(),
    ] {
        assert!(matches!(log_keys(&bad), Err(Error::Log(..))), "{bad}");
    }
}
