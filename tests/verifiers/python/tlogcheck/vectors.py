"""Runs test vectors; ../../README.md says what each kind holds."""

import base64
import hashlib
from typing import Any, Callable

from . import Bad, ed25519, merkle, proofs
from .note import open_checkpoint, open_note, parse_vkey, unbase64
from .records import Rules
from .tiles import ENTRIES, WIDTH, Tile, levels, parse_path, split_bundle, tiles_of

FORMAT = "grid-tlog-vectors/v1"
Vector = dict[str, Any]


def run(vector: Vector) -> str | None:
    """What is wrong, or None: whether the input is taken, and for one that is, what is read from it."""
    kind = KINDS.get(vector["kind"])
    if kind is None:
        raise ValueError(f"kind `{vector['kind']}` is not known")
    try:
        found = kind(vector)
    except Bad as error:
        if vector["valid"]:
            return f"refused: {error.reason}"
        if error.index != vector.get("first_bad_index", error.index):
            return f"refused at index {error.index} and not {vector['first_bad_index']}: {error.reason}"
        return None
    if not vector["valid"]:
        return f"taken, and should not be: {vector['why']}"
    wrong = [member for member, value in found.items() if vector[member] != value]
    return f"`{wrong[0]}` is {found[wrong[0]]!r} and not {vector[wrong[0]]!r}" if wrong else None


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def text_of(vector: Vector, member: str) -> bytes:
    """Text, or in base64 where it is none."""
    encoded = vector.get(f"{member}_base64")
    return vector[member].encode() if encoded is None else base64.b64decode(encoded)


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(b"leaf-%d" % index) for index in range(size)]


def leaf_hash(vector: Vector) -> Vector:
    return {"hash": b64(merkle.leaf_hash(text_of(vector, "entry")))}


def root(vector: Vector) -> Vector:
    frontier = merkle.Frontier()
    for leaf in leaves(vector["size"]):
        frontier.append(0, leaf)
    return {"root": b64(frontier.root())}


def inclusion(vector: Vector) -> Vector:
    proof = proofs.hashes(vector["proof"], "proof")
    leaf, root_ = unbase64(vector["leaf"], 32), unbase64(vector["root"], 32)
    merkle.check_inclusion(leaf, vector["index"], vector["size"], proof, root_)
    return {}


def consistency(vector: Vector) -> Vector:
    proof = proofs.hashes(vector["proof"], "proof")
    old, new = unbase64(vector["old_root"], 32), unbase64(vector["new_root"], 32)
    merkle.check_consistency(vector["old_size"], old, vector["new_size"], new, proof)
    return {}


def vkey(vector: Vector) -> Vector:
    key = parse_vkey(vector["vkey"])
    return {"key_name": key.name, "key_id": key.id.hex()}


def note(vector: Vector) -> Vector:
    keys = [parse_vkey(key) for key in vector["vkeys"]]
    return {"text": open_note(text_of(vector, "note"), keys).decode()}


def checkpoint(vector: Vector) -> Vector:
    keys = [parse_vkey(key) for key in vector["vkeys"]]
    found = open_checkpoint(text_of(vector, "note"), keys)
    return {"origin": found.origin, "size": found.size, "root": b64(found.root)}


def tile_path(vector: Vector) -> Vector:
    tile = parse_path(vector["path"])
    level = "entries" if tile.level == ENTRIES else tile.level
    return {"level": level, "index": tile.index, "width": tile.width, "path": tile.path()}


def tree_tiles(vector: Vector) -> Vector:
    """For every level the number of full tiles, and the width of the partial one."""
    rows = []
    for level in range(levels(vector["size"])):
        widths = [tile.width for tile in tiles_of(level, vector["size"])]
        full = sum(1 for width in widths if width == WIDTH)
        rows.append({"level": level, "full": full, "partial": widths[-1] % WIDTH})
    return {"rows": rows}


def hash_tile(vector: Vector) -> Vector:
    tile: Tile = parse_path(vector["path"])
    begin, end = tile.start, tile.start + tile.width * tile.span
    roots = leaves(vector["size"])[begin:end]
    hashes = [merkle.complete_root(roots[at : at + tile.span]) for at in range(0, len(roots), tile.span)]
    return {"sha256_hex": hashlib.sha256(b"".join(hashes)).hexdigest()}


def bundle(vector: Vector) -> Vector:
    entries = split_bundle(base64.b64decode(vector["bundle_base64"]), vector["width"], 0)
    return {"entries_base64": [b64(entry) for entry in entries]}


def proof_file(check: Callable[[bytes, list[Any]], Vector]) -> Callable[[Vector], Vector]:
    def run_file(vector: Vector) -> Vector:
        found = check(text_of(vector, "file"), [parse_vkey(key) for key in vector["vkeys"]])
        return {"origin": found["origin"], "size": found["size"]}

    return run_file


def signature(vector: Vector) -> Vector:
    public, message, signature_ = (
        bytes.fromhex(vector[f"{name}_hex"]) for name in ("public_key", "message", "signature")
    )
    if not ed25519.verify(public, message, signature_):
        raise Bad("the signature is wrong")
    return {}


def records(vector: Vector) -> Vector:
    rules = Rules()
    for index, entry in enumerate(vector["entries"]):
        rules.pass_(index, entry.encode())
    fault = rules.finish()
    if fault:
        raise fault
    return {"counts": rules.counts}


KINDS: dict[str, Callable[[Vector], Vector]] = {
    "leaf_hash": leaf_hash,
    "root": root,
    "inclusion": inclusion,
    "consistency": consistency,
    "vkey": vkey,
    "note": note,
    "checkpoint": checkpoint,
    "tile_path": tile_path,
    "tree_tiles": tree_tiles,
    "hash_tile": hash_tile,
    "bundle": bundle,
    "inclusion_file": proof_file(proofs.verify_inclusion),
    "consistency_file": proof_file(proofs.verify_consistency),
    "ed25519": signature,
    "records": records,
}
