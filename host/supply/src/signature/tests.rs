//! Nothing but what was signed, by a key that is trusted, verifies.

use super::*;

fn signer(name: &str) -> Signer {
    Signer::generate(name, Kind::Note).unwrap()
}

const MANIFEST: &[u8] = br#"{"manifest_version":"1.2.0","contracts":[]}"#;

#[test]
fn what_a_trusted_key_signed_verifies() {
    let (one, other) = (signer("example.org/manifest"), signer("example.org/second"));
    let note = sign("1.2.0", MANIFEST, &one).to_string();
    let text = "grid-manifest/v1\n1.2.0\n";
    assert!(note.starts_with(text), "{note}");
    let keys = [other.verifying_key().clone(), one.verifying_key().clone()];
    let signed = verify(&note, MANIFEST, &keys).unwrap();
    assert_eq!((signed.version.as_str(), signed.by.as_str()), ("1.2.0", "example.org/manifest"));
    assert!(signed.is_version("1.2.0").is_ok());
    assert!(matches!(signed.is_version("1.2.1"), Err(Unsigned::OtherVersion { .. })));
    let both = add(&note, "1.2.0", MANIFEST, &other).unwrap();
    assert_eq!(both.signatures().len(), 2);
    assert!(verify(&both.to_string(), MANIFEST, &keys[..1]).is_ok());
    let again = add(&both.to_string(), "1.2.0", MANIFEST, &other).unwrap();
    assert_eq!(again.signatures().len(), 2, "a key signs once");
    assert_eq!(add(&note, "1.3.0", MANIFEST, &other), Err(Unsigned::OtherBytes));
}

#[test]
fn every_changed_byte_of_manifest_or_signature_is_refused() {
    let own = signer("example.org/manifest");
    let keys = [own.verifying_key().clone()];
    let note = sign("1.2.0", MANIFEST, &own).to_string();
    for at in 0..MANIFEST.len() {
        let mut changed = MANIFEST.to_vec();
        changed[at] ^= 1;
        assert_eq!(verify(&note, &changed, &keys), Err(Unsigned::OtherBytes), "byte {at}");
        assert!(verify(&note, &MANIFEST[..at], &keys).is_err(), "cut at {at}");
    }
    for at in 0..note.len() {
        let mut changed = note.clone().into_bytes();
        changed[at] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        assert!(verify(&changed, MANIFEST, &keys).is_err(), "byte {at}: {changed}");
        let Some(cut) = note.get(..at) else { continue };
        assert!(verify(cut, MANIFEST, &keys).is_err(), "cut at {at}");
    }
}

#[test]
fn a_key_that_is_not_trusted_or_only_named_alike_does_not_count() {
    let (own, stranger) = (signer("example.org/manifest"), signer("example.org/manifest"));
    let note = sign("1.2.0", MANIFEST, &stranger).to_string();
    assert_eq!(verify(&note, MANIFEST, &[own.verifying_key().clone()]), Err(Unsigned::NotTrusted(1)));
    assert_eq!(verify(&note, MANIFEST, &[]), Err(Unsigned::NotTrusted(0)));
    let witness = Signer::generate("example.org/manifest", Kind::Cosignature).unwrap();
    let note = sign("1.2.0", MANIFEST, &witness).to_string();
    assert!(verify(&note, MANIFEST, &[witness.verifying_key().clone()]).is_err(), "a witness signs no manifests");
    let log = Note::sign("example.org/log\n1\nAAAA\n".to_owned(), &own).to_string();
    assert!(matches!(verify(&log, MANIFEST, &[own.verifying_key().clone()]), Err(Unsigned::Malformed(_))));
}

#[test]
fn lists_of_keys_are_read_whole_or_not_at_all() {
    let key = signer("example.org/manifest").verifying_key().clone();
    assert_eq!(keys(&format!("# ours\n\n{key}\n")).unwrap(), std::slice::from_ref(&key));
    let witness = Signer::generate("w", Kind::Cosignature).unwrap().verifying_key().to_string();
    for wrong in ["", "# none\n", "nonsense", &format!("{key}\nnonsense"), &witness] {
        assert!(keys(wrong).is_err(), "{wrong}");
    }
}
