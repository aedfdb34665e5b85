"""Tile coordinates, paths and entry bundles of C2SP tlog-tiles, and the files of one log as they lie on the disk."""

import os
import pathlib
import re
from typing import Iterator, NamedTuple

from . import Bad
from .merkle import HASH, MOST

WIDTH = 256
ENTRIES = -1
PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


class Tile(NamedTuple):
    """`level` is ENTRIES for an entry bundle; `width` is WIDTH for a full tile."""

    level: int
    index: int
    width: int

    @property
    def span(self) -> int:
        """Entries under one of its hashes."""
        return WIDTH ** max(self.level, 0)

    @property
    def start(self) -> int:
        """The first entry that it covers."""
        return self.index * WIDTH * self.span

    def path(self) -> str:
        rest, digits = divmod(self.index, 1000)
        elements = [f"{digits:03}"]
        while rest:
            rest, digits = divmod(rest, 1000)
            elements.insert(0, f"x{digits:03}")
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(elements)}{partial}"


def parse_path(path: str) -> Tile:
    """The one path of a tile; other spellings of the same number are refused."""
    match = PATH.fullmatch(path)
    if not match:
        raise Bad(f"`{path}` is not the path of a tile")
    level, upper, last, width = match.groups()
    index = int(upper.replace("x", "").replace("/", "") + last)
    tile = Tile(ENTRIES if level == "entries" else int(level), index, int(width or WIDTH))
    if tile.level > 63 or tile.width > WIDTH or index >= MOST or tile.path() != path:
        raise Bad(f"`{path}` is not the path of a tile")
    return tile


def width_in(level: int, index: int, size: int) -> int:
    """Hashes (or entries) that a tree of `size` has for a tile; 0 or less where it has none."""
    return min(WIDTH, size // WIDTH ** max(level, 0) - index * WIDTH)


def tiles_of(level: int, size: int) -> Iterator[Tile]:
    """The tiles that a tree of `size` has at `level`, left to right."""
    for index in range(-(-(size // WIDTH ** max(level, 0)) // WIDTH)):
        yield Tile(level, index, width_in(level, index, size))


def levels(size: int) -> int:
    """Levels with at least one hash."""
    count = 0
    while size:
        count, size = count + 1, size // WIDTH
    return count


def split_bundle(bundle: bytes, width: int, start: int) -> list[bytes]:
    """The entries of a bundle: exactly `width`, and nothing behind them."""
    entries, at = [], 0
    for index in range(start, start + width):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if len(bundle) < at + 2 or len(bundle) < end:
            raise Bad("the entry bundle ends too early", index)
        entries.append(bundle[at + 2 : end])
        at = end
    if at != len(bundle):
        raise Bad("the entry bundle has bytes behind its last entry", start + width)
    return entries


class Files:
    """The tiles of a log's directory. A log may be growing while it is read."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = pathlib.Path(directory)

    def read(self, name: str) -> bytes | None:
        """None where there is no such file."""
        try:
            return (self.directory / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def find(self, tile: Tile) -> tuple[Tile, bytes]:
        """The tile or a wider one, which begins with the same hashes and may have taken its place."""
        candidates = [tile.width, *self.wider(tile), WIDTH]
        for width in dict.fromkeys(candidates):
            found = tile._replace(width=width)
            data = self.read(found.path())
            if data is not None:
                return found, data
        raise Bad(f"`{tile.path()}` is missing", tile.start)

    def wider(self, tile: Tile) -> list[int]:
        if tile.width == WIDTH:
            return []
        try:
            names = os.listdir((self.directory / tile.path()).parent)
        except (FileNotFoundError, NotADirectoryError):
            return []
        widths = (int(name) for name in names if re.fullmatch("[1-9][0-9]{0,2}", name, re.ASCII))
        return sorted(width for width in widths if tile.width < width < WIDTH)

    def hashes(self, tile: Tile) -> bytes:
        """The first `width` hashes of a tile, 32 bytes each."""
        found, data = self.find(tile)
        self.check_length(found, data)
        return data[: tile.width * HASH]

    @staticmethod
    def check_length(tile: Tile, data: bytes) -> None:
        if len(data) != tile.width * HASH:
            raise Bad(f"`{tile.path()}` has {len(data)} bytes and not {tile.width * HASH}", tile.start)

    def entries(self, tile: Tile) -> list[bytes]:
        """The first `width` entries of a bundle."""
        found, data = self.find(tile)
        try:
            return split_bundle(data, found.width, found.start)[: tile.width]
        except Bad as error:
            raise Bad(f"`{found.path()}`: {error.reason}", error.index) from error

    def listed(self) -> list[Tile]:
        """Every tile that is there. Names that end in `.new` are being written."""
        root = self.directory / "tile"
        if root.is_symlink() or root.is_file():
            raise Bad("`tile` is not a folder of this log")
        found = []
        for folder, folders, names in os.walk(root):
            folders.sort()
            # A folder that is elsewhere would be read and not be listed.
            for name in sorted(names) + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
                if not name.endswith(".new"):
                    path = pathlib.Path(folder, name).relative_to(self.directory).as_posix()
                    found.append(parse_path(path))
        return found
