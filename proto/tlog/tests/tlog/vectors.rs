//! The vectors of `tests/verifiers`, which are made from the definitions and share no code with this crate. The Go and
//! the Python verifier take the same ones.

use std::{collections::BTreeMap, fs, path::Path};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_tlog::{
    Checkpoint, Extension, Frontier, Hash, Kind, Note, Part, Proof, Tile, Unproved, VerifyingKey, read_bundle,
    verify_consistency, verify_inclusion,
};
use serde_json::{Map, Value, json};

/// What is read from an input that is taken; nothing where it is refused.
type Found = Option<Map<String, Value>>;
type Check = fn(&Value) -> Found;

const KINDS: [(&str, Check); 14] = [
    ("leaf_hash", |vector| found(json!({ "hash": Hash::leaf(&bytes(vector, "entry")) }))),
    ("root", |vector| found(json!({ "root": root(&leaves(number(vector, "size"))) }))),
    ("inclusion", inclusion),
    ("consistency", consistency),
    ("vkey", vkey),
    ("note", note),
    ("checkpoint", checkpoint),
    ("tile_path", tile_path),
    ("tree_tiles", tree_tiles),
    ("hash_tile", hash_tile),
    ("bundle", bundle),
    ("inclusion_file", inclusion_file),
    ("consistency_file", consistency_file),
    ("ed25519", ed25519),
];

#[test]
fn every_vector_is_taken_or_refused_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/verifiers/vectors");
    let mut tried: BTreeMap<(String, bool), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let file: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        assert_eq!(file["format"], "grid-tlog-vectors/v1");
        for vector in file["vectors"].as_array().unwrap() {
            let (kind, valid) = (text(vector, "kind"), vector["valid"].as_bool().unwrap());
            // What records may follow one another is no matter of trees; `grid audit verify` is asked by `agree.py`.
            let Some((_, check)) = KINDS.iter().find(|(name, _)| *name == kind) else {
                assert_eq!(kind, "records", "a kind that nobody checks");
                continue;
            };
            *tried.entry((kind.to_owned(), valid)).or_default() += 1;
            let found = check(vector);
            let right = match &found {
                Some(members) => valid && members.iter().all(|(member, value)| vector[member] == *value),
                None => !valid,
            };
            if !right {
                wrong.push(format!("{}: {found:?}", vector["name"]));
            }
        }
    }
    println!("{tried:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried.values().sum::<usize>() > 1_600, "vectors are missing: {tried:#?}");
    assert!(KINDS.iter().all(|(kind, _)| tried.contains_key(&((*kind).to_owned(), true))), "{tried:#?}");
}

fn found(members: Value) -> Found {
    members.as_object().cloned()
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn number(vector: &Value, member: &str) -> u64 {
    vector[member].as_u64().unwrap()
}

/// Text, or in base64 where it is none.
fn bytes(vector: &Value, member: &str) -> Vec<u8> {
    match vector[format!("{member}_base64")].as_str() {
        Some(encoded) => BASE64_STANDARD.decode(encoded).unwrap(),
        None => text(vector, member).as_bytes().to_vec(),
    }
}

fn hash(vector: &Value, member: &str) -> Option<Hash> {
    text(vector, member).parse().ok()
}

fn hashes(vector: &Value) -> Option<Vec<Hash>> {
    vector["proof"].as_array().unwrap().iter().map(|hash| hash.as_str()?.parse().ok()).collect()
}

fn keys(vector: &Value) -> Vec<VerifyingKey> {
    vector["vkeys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().parse().unwrap()).collect()
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::leaf(format!("leaf-{index}").as_bytes())).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut edge = Frontier::new();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    edge.root()
}

fn inclusion(vector: &Value) -> Found {
    let (leaf, root) = (hash(vector, "leaf")?, hash(vector, "root")?);
    let (index, size) = (number(vector, "index"), number(vector, "size"));
    verify_inclusion(index, size, leaf, &hashes(vector)?, root).ok()?;
    found(json!({}))
}

fn consistency(vector: &Value) -> Found {
    let (old, new) = (number(vector, "old_size"), number(vector, "new_size"));
    verify_consistency(old, hash(vector, "old_root")?, new, hash(vector, "new_root")?, &hashes(vector)?).ok()?;
    found(json!({}))
}

fn vkey(vector: &Value) -> Found {
    let key: VerifyingKey = text(vector, "vkey").parse().ok()?;
    (key.kind() == Kind::Note).then_some(())?;
    found(json!({ "key_name": key.name(), "key_id": format!("{:08x}", key.id()) }))
}

/// By one of the known keys at least, and by none of them wrongly.
fn of_all<T>(vector: &Value, open: impl Fn(&VerifyingKey) -> Result<T, Unproved>) -> Option<T> {
    let mut opened = None;
    for key in keys(vector) {
        match open(&key) {
            Ok(this) => opened = Some(this),
            Err(Unproved::NotSigned(_)) => {}
            Err(_) => return None,
        }
    }
    opened
}

fn note(vector: &Value) -> Found {
    let note = Note::parse(&String::from_utf8(bytes(vector, "note")).ok()?).ok()?;
    of_all(vector, |key| note.verify(key))?;
    found(json!({ "text": note.text() }))
}

fn checkpoint(vector: &Value) -> Found {
    let note = String::from_utf8(bytes(vector, "note")).ok()?;
    let (checkpoint, _) = of_all(vector, |key| Checkpoint::open(&note, key))?;
    found(json!({ "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root }))
}

fn tile_path(vector: &Value) -> Found {
    let tile: Tile = text(vector, "path").parse().ok()?;
    let level = match tile.part {
        Part::Entries => json!("entries"),
        Part::Hashes(level) => json!(level),
    };
    found(json!({ "level": level, "index": tile.index, "width": tile.width, "path": tile.to_string() }))
}

fn tree_tiles(vector: &Value) -> Found {
    let mut rows: BTreeMap<u8, (u64, u16)> = BTreeMap::new();
    for tile in Tile::all(number(vector, "size")) {
        if let Part::Hashes(level) = tile.part {
            let (full, partial) = rows.entry(level).or_default();
            *full += u64::from(tile.is_full());
            *partial = if tile.is_full() { 0 } else { tile.width };
        }
    }
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(level, (full, partial))| json!({ "level": level, "full": full, "partial": partial }))
        .collect();
    found(json!({ "rows": rows }))
}

fn hash_tile(vector: &Value) -> Found {
    let tile: Tile = text(vector, "path").parse().ok()?;
    let Part::Hashes(level) = tile.part else { return None };
    let span = 256_usize.pow(u32::from(level));
    let begin = usize::try_from(tile.index).unwrap() * 256 * span;
    let leaves = leaves(number(vector, "size"));
    let below = &leaves[begin..begin + usize::from(tile.width) * span];
    let bytes: Vec<u8> = below.chunks(span).flat_map(|leaves| *root(leaves).as_bytes()).collect();
    let sum = digest(&SHA256, &bytes);
    let hex: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    found(json!({ "sha256_hex": hex }))
}

fn bundle(vector: &Value) -> Found {
    let bytes = bytes(vector, "bundle");
    let width = u16::try_from(number(vector, "width")).unwrap();
    let entries: Vec<String> = read_bundle(&bytes, width).ok()?.map(|entry| BASE64_STANDARD.encode(entry)).collect();
    found(json!({ "entries_base64": entries }))
}

fn inclusion_file(vector: &Value) -> Found {
    let proof: Proof = serde_json::from_slice(&bytes(vector, "file")).ok()?;
    let checkpoint = keys(vector).iter().find_map(|key| proof.verify(key).ok())?;
    found(json!({ "origin": checkpoint.origin, "size": checkpoint.size }))
}

fn consistency_file(vector: &Value) -> Found {
    let proof: Extension = serde_json::from_slice(&bytes(vector, "file")).ok()?;
    let keys = keys(vector);
    let pairs = keys.iter().flat_map(|old| keys.iter().map(move |new| (old, new)));
    let (_, new) = pairs.into_iter().find_map(|(old, new)| proof.verify(old, new).ok())?;
    found(json!({ "origin": new.origin, "size": new.size }))
}

fn ed25519(vector: &Value) -> Found {
    let [public, message, signature] =
        ["public_key_hex", "message_hex", "signature_hex"].map(|member| hex(vector, member));
    let key = VerifyingKey::new("vectors", Kind::Note, public.try_into().ok()?).ok()?;
    key.verifies(&message, &signature).then_some(())?;
    found(json!({}))
}

fn hex(vector: &Value, member: &str) -> Vec<u8> {
    let digits = text(vector, member);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
