"""Checks a whole log in a directory: every tile, bundle, record and signature against its checkpoint."""

import bisect
import dataclasses
import os
import time

from . import Bad
from .merkle import Frontier, complete_root, hashes_of, leaf_hash
from .note import Checkpoint, Key, Note, open_note, parse_checkpoint, parse_note, signer
from .records import Rules
from .signed import Chain, Line, parse_lines, proved_before
from .tiles import ENTRIES, WIDTH, Files, Tile, levels, split_bundle, tiles_of, width_in

ATTEMPTS = 10


@dataclasses.dataclass
class Options:
    keys: list[Key]
    at_least: bytes | None = None
    quick: bool = False


@dataclasses.dataclass
class Report:
    verified: bool = False
    reason: str | None = None
    first_bad_index: int | None = None
    origin: str | None = None
    size: int | None = None
    root: bytes | None = None
    key: str | None = None
    signatures: int = 0
    rotations: int = 0
    newer_files: int = 0
    records: dict[str, int] = dataclasses.field(default_factory=dict)


def verify(directory: str | os.PathLike[str], options: Options) -> Report:
    """Again from the start where a log that is being written went on meanwhile and what was read did not fit."""
    files = Files(directory)
    for _ in range(ATTEMPTS):
        note = files.read("checkpoint")
        report = Report()
        try:
            if note is None:
                raise Bad("`checkpoint` is missing")
            Check(files, options, report, note).run()
            report.verified = True
            return report
        except Bad as error:
            report.reason, report.first_bad_index = error.reason, error.index
        if files.read("checkpoint") == note:
            break
        time.sleep(0.02)
    return report


class Check:
    """One attempt at one checkpoint."""

    def __init__(self, files: Files, options: Options, report: Report, note: bytes) -> None:
        self.files, self.options, self.report = files, options, report
        self.note: Note = parse_note(note)
        self.checkpoint: Checkpoint = parse_checkpoint(self.note.text)
        self.size = self.checkpoint.size
        report.origin, report.size, report.root = self.checkpoint
        self.rules = Rules()
        self.frontier = Frontier()
        self.upper: dict[tuple[int, int], list[bytes]] = {}
        self.faults: list[Bad] = []
        self.wanted: list[int] = []
        self.roots: dict[int, bytes] = {}

    def run(self) -> None:
        # A wrong signature of a given key is the whole answer. None at all may still be explained by a change of keys.
        signer(self.note, self.options.keys)
        at_least = self.at_least()
        lines, lines_fault = self.lines()
        self.wanted = sorted({line.size for line in lines} | ({at_least.size} if at_least else set()))
        self.tree(lines)
        fault = self.rules.finish()
        if fault:
            raise fault
        self.check_other_files()
        chain = Chain(self.options.keys, self.rules.rotations)
        _, key = chain.open(self.note)
        chain.trust(key, lines, self.roots)
        if lines_fault:
            raise lines_fault
        chain.check(lines, self.roots, not self.options.quick)
        self.report.key, self.report.signatures = key.id.hex(), len(lines)
        self.report.rotations = len(chain.rotations)
        self.check_at_least(chain, at_least)
        self.report.records = self.rules.counts

    def lines(self) -> tuple[list[Line], Bad | None]:
        """A damaged `checkpoints.log` is told only after what the tiles have to say."""
        try:
            return parse_lines(self.files.read("checkpoints.log"), self.size), None
        except Bad as error:
            return [], error

    def at_least(self) -> Checkpoint | None:
        """The checkpoint that somebody kept; its signature waits until the keys are known."""
        if self.options.at_least is None:
            return None
        try:
            kept = parse_checkpoint(parse_note(self.options.at_least).text)
        except Bad as error:
            raise Bad(f"the checkpoint to compare with: {error.reason}") from error
        if kept.size > self.size:
            raise Bad(
                f"the log has {self.size} entries, and had {kept.size} when the checkpoint to compare with "
                "was signed",
                self.size,
            )
        return kept

    def check_at_least(self, chain: Chain, kept: Checkpoint | None) -> None:
        if kept is None or self.options.at_least is None:
            return
        try:
            open_note(self.options.at_least, chain.allowed(kept.size))
        except Bad as error:
            raise Bad(f"the checkpoint to compare with: {error.reason}") from error
        if kept.origin != self.checkpoint.origin:
            raise Bad(f"the checkpoint to compare with is of another log, `{kept.origin}`")
        if kept.root != self.roots[kept.size]:
            raise Bad(f"the first {kept.size} entries are not those that the checkpoint to compare with was signed for")

    def tree(self, lines: list[Line]) -> None:
        """Hashes everything; `Bad` names the first entry that is not proved."""
        self.roots_within(0, [])
        self.load_upper()
        for tile in tiles_of(0, self.size):
            self.leaf_tile(tile)
            if any(fault.index is not None and fault.index < tile.start + WIDTH for fault in self.faults):
                break
        if self.faults:
            raise min(self.faults, key=lambda fault: fault.index or 0)
        if self.frontier.root() != self.checkpoint.root:
            raise Bad(
                "the tiles are whole among themselves and lead to another root than the checkpoint's",
                proved_before(lines, self.roots, self.options.keys),
            )

    def load_upper(self) -> None:
        """Levels above the leaves: one part in 256 of the hashes."""
        for level in range(1, levels(self.size)):
            for tile in tiles_of(level, self.size):
                try:
                    self.upper[level, tile.index] = hashes_of(self.files.hashes(tile))
                except Bad as fault:
                    # Nobody has signed for the size yet: one that is far too large must not be counted out.
                    self.faults.append(fault)
                    break
        for (level, index), hashes in self.upper.items():
            self.check_parent(Tile(level, index, len(hashes)), hashes)

    def check_parent(self, tile: Tile, hashes: list[bytes]) -> bytes | None:
        """A full tile's root is a hash of the tile above. Returns that root."""
        if tile.width != WIDTH:
            return None
        root = complete_root(hashes)
        above = self.upper.get((tile.level + 1, tile.index // WIDTH))
        if above is not None and above[tile.index % WIDTH] != root:
            self.faults.append(Bad(f"`{tile.path()}` does not hash to what the level above says", tile.start))
        return root

    def leaf_tile(self, tile: Tile) -> None:
        try:
            hashes = hashes_of(self.files.hashes(tile))
        except Bad as fault:
            self.faults.append(fault)
            return
        self.bundle(tile, hashes)
        self.roots_within(tile.start, hashes)
        root = self.check_parent(tile, hashes)
        if root is not None:
            self.frontier.append(8, root)
        else:
            for hash_ in hashes:
                self.frontier.append(0, hash_)

    def bundle(self, tile: Tile, hashes: list[bytes]) -> None:
        try:
            entries = self.files.entries(tile._replace(level=ENTRIES))
        except Bad as fault:
            self.faults.append(fault)
            return
        for index, (entry, expected) in enumerate(zip(entries, hashes), tile.start):
            if leaf_hash(entry) != expected:
                self.faults.append(Bad(f"entry {index} does not hash to its leaf", index))
                return
            self.rules.pass_(index, entry)

    def roots_within(self, start: int, hashes: list[bytes]) -> None:
        """Roots of the wanted sizes that end at `start` or among `hashes`, which follow it."""
        frontier, at = self.frontier.copy(), start
        first, behind = bisect.bisect_left(self.wanted, start), bisect.bisect_right(self.wanted, start + len(hashes))
        for size in self.wanted[first:behind]:
            for hash_ in hashes[at - start : size - start]:
                frontier.append(0, hash_)
            at = size
            self.roots[size] = frontier.root()

    def check_other_files(self) -> None:
        """Tiles of other widths begin as the checked ones do; tiles of a larger tree follow without a hole."""
        listed = self.files.listed()
        faults: list[Bad] = []
        for tile in listed:
            width = width_in(tile.level, tile.index, self.size)
            if width <= 0:
                self.report.newer_files += 1
            elif tile.width != width:
                try:
                    self.compare(tile, min(width, tile.width), width)
                except Bad as fault:
                    faults.append(fault)
        faults += self.holes(listed)
        if faults:
            raise min(faults, key=lambda fault: fault.index or 0)

    def compare(self, tile: Tile, common: int, width: int) -> None:
        data = self.files.read(tile.path())
        if data is None:  # A partial tile that a full one has replaced meanwhile.
            return
        if tile.level == ENTRIES:
            parts = split_bundle(data, tile.width, tile.start)
            checked = self.files.entries(tile._replace(width=width))
        else:
            self.files.check_length(tile, data)
            parts = hashes_of(data)
            checked = hashes_of(self.files.hashes(tile._replace(width=width)))
        for at in range(common):
            if parts[at] != checked[at]:
                raise Bad(f"`{tile.path()}` differs from what the checkpoint covers", tile.start + at * tile.span)

    def holes(self, listed: list[Tile]) -> list[Bad]:
        """What a growing log has beyond its checkpoint reaches on from it, at every level."""
        faults = []
        reach = max((tile.start + tile.width for tile in listed if tile.level <= 0), default=0)
        for tile in listed:
            if tile.level > 0 and tile.start + tile.width * tile.span > max(reach, self.size):
                faults.append(Bad(f"`{tile.path()}` is of a larger tree than there are entries", self.size))
        for level in (ENTRIES, 0):
            last = max((tile.index for tile in listed if tile.level == level), default=0)
            for index in range(self.size // WIDTH, last):
                full = Tile(level, index, WIDTH)
                if self.files.read(full.path()) is None:
                    faults.append(Bad(f"`{full.path()}` is missing, and there are later ones", self.size))
                    break
        return faults
