#!/usr/bin/env python3
"""Writes ../vectors/*.json anew, always the same; `--check` says whether they are as this would write them."""

import itertools
import json
import pathlib
import sys

import vector_files
import vector_texts
import vector_trees

FOLDER = pathlib.Path(__file__).parent.parent / "vectors"
FILES = {
    "trees.json": ("Leaf hashes, and the roots of the leaves leaf-0, leaf-1, …", [vector_trees.trees]),
    "inclusion.json": ("Inclusion proofs", [vector_trees.inclusions]),
    "consistency.json": ("Consistency proofs", [vector_trees.consistencies]),
    "notes.json": (
        "Verifier keys, signed notes, checkpoints, Ed25519 signatures",
        [vector_texts.keys, vector_texts.notes, vector_texts.checkpoints, vector_texts.signatures],
    ),
    "tiles.json": (
        "Tile paths, tiles, entry bundles",
        [vector_files.tile_paths, vector_files.tiles, vector_files.bundles],
    ),
    "files.json": ("Proof files", [vector_files.inclusion_files, vector_files.consistency_files]),
    "records.json": ("The order of records", [vector_files.records]),
}


def main() -> int:
    names, stale = set(), []
    for file, (about, parts) in FILES.items():
        vectors = list(itertools.chain.from_iterable(part() for part in parts))
        for vector in vectors:
            assert vector["name"] not in names, vector["name"]
            names.add(vector["name"])
        # One vector a line, so that a change shows which.
        lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
        head = json.dumps({"format": "grid-tlog-vectors/v1", "about": about}, ensure_ascii=False)[:-1]
        text = f'{head}, "vectors": [\n{lines}\n]}}\n'
        path = FOLDER / file
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(file)
        else:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            good = sum(vector["valid"] for vector in vectors)
            print(f"{file}: {good} good, {len(vectors) - good} bad")
    for file in stale:
        print(f"vectors/{file} is not what make_vectors.py writes; run it", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
