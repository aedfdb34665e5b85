//! Notes, keys, checkpoints, cosignatures and proofs.

use grid_tlog::{Checkpoint, Extension, Frontier, Hash, Kind, Note, Proof, Signer, Unproved, VerifyingKey, cosign};

/// The example that comes with Go's implementation of signed notes.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                       then you don't know what your problem is.\n";
const GO_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp\
                       RZb6KE6RyyBwJnAM=";

fn log_key() -> Signer {
    Signer::generate("example.org/log", Kind::Note).unwrap()
}

fn checkpoint(size: u64) -> Checkpoint {
    let mut edge = Frontier::new();
    (0..size).for_each(|at| edge.push(Hash::leaf(&at.to_be_bytes())));
    Checkpoint { origin: "example.org/log".into(), size, root: edge.root() }
}

#[test]
fn gos_own_note_is_read_and_written_the_same() {
    let signer = Signer::parse(GO_SECRET).unwrap();
    assert_eq!(signer.verifying_key().to_string(), GO_KEY);
    assert_eq!(*signer.secret(), GO_SECRET);
    let expected = format!("{GO_TEXT}\n{GO_LINE}\n");
    let note = Note::sign(GO_TEXT.into(), &signer);
    assert_eq!(note.to_string(), expected);
    Note::parse(&expected).unwrap().verify(&GO_KEY.parse().unwrap()).unwrap();
}

#[test]
fn a_changed_text_name_id_or_signature_does_not_verify() {
    let signer = log_key();
    let key = signer.verifying_key();
    let whole = checkpoint(5).sign(&signer).to_string();
    Checkpoint::open(&whole, key).unwrap();
    let mut refused = 0;
    for at in 0..whole.len() {
        for bit in [1, 32] {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] ^= bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(Checkpoint::open(&changed, key).is_err(), "byte {at} bit {bit}: {changed}");
            refused += 1;
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn a_note_of_another_key_says_so() {
    let whole = checkpoint(5).sign(&log_key()).to_string();
    let other = log_key();
    let refused = Checkpoint::open(&whole, other.verifying_key()).unwrap_err();
    assert!(matches!(refused, Unproved::NotSigned(_)), "{refused}");
    let elsewhere = Signer::generate("example.org/other", Kind::Note).unwrap();
    let refused = Checkpoint::open(&whole, elsewhere.verifying_key()).unwrap_err();
    assert!(matches!(refused, Unproved::OtherLog { .. }), "{refused}");
}

#[test]
fn sizes_have_one_way_to_be_written() {
    let good = checkpoint(5).to_string();
    assert_eq!(Checkpoint::parse(&good).unwrap(), checkpoint(5));
    for size in ["05", "+5", "5 ", "", "-5", "5.0", "18446744073709551616"] {
        assert!(Checkpoint::parse(&good.replacen("\n5\n", &format!("\n{size}\n"), 1)).is_err(), "{size}");
    }
    assert!(Checkpoint::parse(&format!("{good}further\n")).is_ok());
    assert!(Checkpoint::parse(&format!("{good}\n")).is_err());
    assert!(Checkpoint::parse(good.trim_end()).is_err());
}

#[test]
fn what_is_no_note_is_refused() {
    let whole = checkpoint(5).sign(&log_key()).to_string();
    for bad in [
        String::new(),
        whole.replace("\n\n", "\n"),
        whole.trim_end().to_owned(),
        whole.replace('\u{2014}', "-"),
        whole.replace("example", "exa\u{7}mple"),
        format!("{whole}{}", whole.lines().last().unwrap().repeat(1_000)),
        "\n".repeat(70_000),
    ] {
        assert!(Note::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn keys_have_one_way_to_be_written_and_secrets_are_not_printed() {
    let signer = log_key();
    let text = signer.verifying_key().to_string();
    assert_eq!(&text.parse::<VerifyingKey>().unwrap(), signer.verifying_key());
    assert!(text.to_uppercase().parse::<VerifyingKey>().is_err());
    assert!(text.replace("log", "lag").parse::<VerifyingKey>().is_err());
    assert!(Signer::generate("white space", Kind::Note).is_err());
    let secret = signer.secret();
    let (_, last) = secret.rsplit_once('+').unwrap();
    assert!(!format!("{signer:?}").contains(last));
    let wrong = format!("{}!", &**secret);
    assert!(!Signer::parse(&wrong).unwrap_err().to_string().contains(last));
}

#[test]
fn a_witness_signs_the_time_with_the_text() {
    let (log, witness) = (log_key(), Signer::generate("witness.example/1", Kind::Cosignature).unwrap());
    let mut note = checkpoint(5).sign(&log);
    let key = witness.verifying_key();
    assert!(matches!(note.cosigned(key), Err(Unproved::NotSigned(_))));
    note.add(cosign(note.text(), 1_800_000_000, &witness).unwrap());
    let again = Note::parse(&note.to_string()).unwrap();
    assert_eq!(again.cosigned(key).unwrap().time, 1_800_000_000);
    again.verify(log.verifying_key()).unwrap();
    let mut earlier = again.signatures()[1].clone();
    earlier.bytes[7] ^= 1;
    let forged = Note::from_parts(note.text().into(), vec![earlier]);
    assert!(matches!(forged.cosigned(key), Err(Unproved::BadSignature(_))));
    assert!(cosign(note.text(), 0, &log).is_err());
    assert!(matches!(again.verify(key), Err(Unproved::BadSignature(_))), "a cosignature is no signature of the log");
}

#[test]
fn a_proof_is_a_document_that_stands_alone() {
    let signer = log_key();
    let leaf = Hash::leaf(b"entry");
    let mut edge = Frontier::new();
    edge.push(leaf);
    let state = Checkpoint { origin: "example.org/log".into(), size: 1, root: edge.root() };
    let proof = Proof::new(0, leaf, Vec::new(), state.sign(&signer).to_string()).with_entry("entry".into());
    let text = serde_json::to_string(&proof).unwrap();
    let again: Proof = serde_json::from_str(&text).unwrap();
    assert_eq!(again.verify(signer.verifying_key()).unwrap(), state);
    let other = again.clone().with_entry("Entry".into());
    assert_eq!(other.verify(signer.verifying_key()), Err(Unproved::Entry));
    let mut moved = again;
    moved.index = 1;
    assert!(moved.verify(signer.verifying_key()).is_err());
    assert!(serde_json::from_str::<Proof>(&text.replace("/v1", "/v2")).is_err());
}

#[test]
fn an_extension_names_two_states_of_one_log() {
    let signer = log_key();
    let key = signer.verifying_key();
    let (old, new) = (checkpoint(0).sign(&signer).to_string(), checkpoint(5).sign(&signer).to_string());
    let extension = Extension::new(old.clone(), new.clone(), Vec::new());
    assert_eq!(extension.verify(key, key).unwrap(), (checkpoint(0), checkpoint(5)));
    assert!(Extension::new(new, old, Vec::new()).verify(key, key).is_err());
}
