"""The folder of an outcome log: segments, their recovery, the dead letters. Used by one thread at a time."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.errors import DataCorruption, SettingError
from altar_grid.outcomes.records import Begun, Outcome, Record, Settled, decode, encode
from altar_grid.outcomes.segment import FRAME_BYTES, SegmentWriter, TornTail, read_segment, sync_folder

_LOG: Final = logging.getLogger("altar_grid.outcomes")
SEGMENT_BYTES: Final = 8 << 20


@dataclass
class Recovered:
    """What an earlier process left."""

    pending: dict[int, local_pb2.LogToolResultRequest] = field(default_factory=dict)
    """Reports that the host has yet to take, by sequence number."""
    begun: dict[str, Begun] = field(default_factory=dict)
    """Runs of which nothing is known but that they were begun, by invocation id."""
    damaged: list[str] = field(default_factory=list)
    """Files that were changed; what could not be read of them was kept beside, with `.damaged` behind the name."""


class Store:
    """Opens the folder, alone; what an earlier process left is in `recovered`."""

    def __init__(self, folder: Path, key: bytes, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder, self._key, self._segment_bytes = folder, key, segment_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            raise SettingError(f"the folder `{folder}` of the outcome log is open to others; chmod 700 it")
        self._lock = self._locked()
        self.recovered = Recovered()
        self._next = 1
        self._held: dict[Path, set[int]] = {}
        self._writer: SegmentWriter | None = None
        self._sizes: dict[Path, int] = {}
        try:
            damaged = self._recover_all()
            for path in damaged:
                self._set_aside(path)
            self.remove_settled(())
        except BaseException:
            os.close(self._lock)
            raise

    def _locked(self) -> int:
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise SettingError(
                f"the outcome log `{self.folder}` is in use by another process; give each process a folder of its own"
            ) from None
        return descriptor

    def _segments(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.seg") if path.stem.isdigit())

    def _recover_all(self) -> list[Path]:
        """Reads every file. Gives those that were changed; what could be read of them is pending like the rest."""
        damaged = []
        paths = self._segments()
        for path in paths:
            held = self._held[path] = set()
            try:
                self._read(path, held)
            except TornTail as torn:
                if path != paths[-1]:
                    # It was synced before the next one was begun, so nothing of it can have been cut off by a crash.
                    damaged.append(path)
                    continue
                _LOG.info("cut an unfinished record off `%s`", path.name)
                os.truncate(path, torn.end)
                if torn.end == 0:
                    path.unlink()
                    del self._held[path]
                    continue
            except DataCorruption as fault:
                _LOG.error("%s", fault.message)
                damaged.append(path)
            self._sizes[path] = path.stat().st_size
        return damaged

    def _read(self, path: Path, held: set[int]) -> None:
        for sequence, data in read_segment(path, self._key):
            self._next = max(self._next, sequence + 1)
            self._replay(sequence, decode(data), held)

    def _set_aside(self, path: Path) -> None:
        """Writes anew what could be read of a changed file, then gives the file another name."""
        kept = path.with_suffix(".seg.damaged")
        for sequence in sorted(self._held[path]):
            request = self.recovered.pending.pop(sequence)
            again, _ = self.append(Outcome(request))
            self.recovered.pending[again] = request
        self.sync()
        os.replace(path, kept)
        del self._held[path]
        self._sizes.pop(path, None)
        self.recovered.damaged.append(kept.name)
        _LOG.error("what could not be read of `%s` is kept as `%s`", path.name, kept.name)

    def _replay(self, sequence: int, record: Record, held: set[int]) -> None:
        if isinstance(record, Begun):
            self.recovered.begun[record.invocation_id] = record
        elif isinstance(record, Outcome):
            self.recovered.pending[sequence] = record.request
            self.recovered.begun.pop(record.request.invocation_id, None)
            held.add(sequence)
        else:
            self._forget(record.sequences)
            for settled in record.sequences:
                self.recovered.pending.pop(settled, None)

    def _forget(self, sequences: Iterable[int]) -> None:
        for held in self._held.values():
            held.difference_update(sequences)

    def append(self, record: Record) -> tuple[int, int]:
        """Writes a record, to the system and not yet to the disk. Gives its sequence number and what it cost in bytes.

        Raises:
            OSError: It could not be written; nothing of it is in the file.
        """
        data = encode(record)
        writer = self._writing()
        sequence = self._next
        writer.append(writer.frame(sequence, data))
        self._next += 1
        if isinstance(record, Outcome):
            self._held[writer.path].add(sequence)
        self._sizes[writer.path] = writer.size
        return sequence, len(data) + FRAME_BYTES

    def _writing(self) -> SegmentWriter:
        if self._writer is not None and self._writer.size >= self._segment_bytes:
            self._writer.sync()
            self._writer.close()
            self._writer = None
        if self._writer is None:
            path = self.folder / f"{self._next:020}.seg"
            self._writer = SegmentWriter(path, self._key, self._next)
            self._held[path] = set()
        return self._writer

    def sync(self) -> None:
        """Waits until all that was appended is on the disk."""
        if self._writer is not None:
            self._writer.sync()

    def settle(self, sequences: Iterable[int]) -> None:
        """Notes that reports are done with, and removes files in which no others are left."""
        settled = tuple(sequences)
        if settled:
            self.append(Settled(settled))
            self.remove_settled(settled)

    def remove_settled(self, sequences: Iterable[int]) -> None:
        """Removes the oldest files, as long as nothing in them waits. A note that something is settled goes no earlier
        than what it settles."""
        self._forget(sequences)
        for path in sorted(self._held):
            if self._held[path] or (self._writer is not None and path == self._writer.path):
                break
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            del self._held[path]
            self._sizes.pop(path, None)

    def bury(self, request: local_pb2.LogToolResultRequest, code: str, message: str) -> None:
        """Keeps a report that the host will never take, with its reason, encrypted, where an operator finds it."""
        letter = local_pb2.LogToolResultResponse(
            status=local_pb2.LogToolResultResponse.REJECTED, invocation_id=request.invocation_id
        )
        letter.error.type, letter.error.message = code, message
        answer = letter.SerializeToString(deterministic=True)
        data = len(answer).to_bytes(4, "big") + answer + request.SerializeToString(deterministic=True)
        path = self.folder / f"{self._next:020}.dead"
        writer = SegmentWriter(path, self._key, self._next)
        try:
            writer.append(writer.frame(self._next, data))
            writer.sync()
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            writer.close()
        self._next += 1

    def dead_letters(self) -> list[tuple[Path, local_pb2.LogToolResultRequest, str, str]]:
        """The reports that the host would not take: file, report, code and message of the refusal."""
        letters = []
        for path in sorted(self.folder.glob("*.dead")):
            with contextlib.suppress(TornTail):
                for _, data in read_segment(path, self._key):
                    split = 4 + int.from_bytes(data[:4], "big")
                    answer = local_pb2.LogToolResultResponse.FromString(data[4:split])
                    request = local_pb2.LogToolResultRequest.FromString(data[split:])
                    letters.append((path, request, answer.error.type, answer.error.message))
        return letters

    @property
    def size(self) -> int:
        """Bytes on the disk, dead letters included."""
        dead = sum(path.stat().st_size for path in self.folder.glob("*.dead"))
        return dead + sum(self._sizes.values())

    def close(self) -> None:
        """Writes out what is left and gives the folder free."""
        if self._writer is not None:
            self._writer.sync()
            self._writer.close()
            self._writer = None
        sync_folder(self.folder)
        os.close(self._lock)
