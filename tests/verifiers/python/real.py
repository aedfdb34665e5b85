"""Logs that a real host and the ledger it is made of have written, at rest, after crashes and changes of keys, and random
changes of them. Their records and keys are new each time, so that of a mutant that fails the log itself is kept."""

import json
import pathlib
import random
import signal
import subprocess
import time
from typing import Callable, Iterator, NamedTuple

from honest import Case
from naive import Signer
from sample_log import Image, Tree, bundle, tiles

# Of the ledger, how it writes: segment bytes, milliseconds between two looks of the publisher, steps of the probe, each
# for a process of its own. `!` in front: that process is killed once it waits or has written for a moment.
WRITTEN = [
    (1 << 16, 1000, [["calls:1:1:0"]]),
    (1 << 16, 20, [["calls:1:128:0"]]),
    (1 << 16, 5, [["calls:4:40:100"], ["calls:1:3:0"], []]),
    (1 << 14, 20, [["calls:8:60:0"], ["open:9:0"], ["calls:2:20:30"]]),
    (1 << 16, 20, [["!", "calls:8:0:300"], [], ["!", "open:30:0", "calls:4:0:0"], []]),
    (1 << 16, 20, [["!", "open:5:0", "wait"], ["!", "calls:1:0:3000"], ["calls:1:1:0"]]),
]


class Real(NamedTuple):
    """A log and its verifier key."""

    name: str
    image: Image
    key: str

    @property
    def size(self) -> int:
        return int(self.image["checkpoint"].split(b"\n")[1])


def read(name: str, directory: pathlib.Path) -> Real:
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    image = {str(path.relative_to(directory)): path.read_bytes() for path in files}
    return Real(name, image, image["log.vkeys"].decode().splitlines()[0].split(" ", 1)[1])


def write(probe: str, grid: str, folder: pathlib.Path, chance: random.Random) -> None:
    """Makes every log, each in a directory of its own below `folder`."""
    for number, (segment, publish, processes) in enumerate(WRITTEN):
        directory = folder / f"ledger-{number}"
        for steps in processes:
            options = ["--dir", str(directory), "--segment", str(segment), "--publish", str(publish)]
            killed = steps[:1] == ["!"]
            command = [probe, *options, *steps[killed:]]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
                if killed:
                    time.sleep(0.3 + chance.random() / 5)
                    process.kill()
                else:
                    process.communicate(timeout=60)
            if not killed and process.returncode:
                raise RuntimeError(f"`{command}` ended with {process.returncode}")
    serve(grid, folder)


def serve(grid: str, folder: pathlib.Path) -> None:
    """A host that starts and stops, and whose key changes twice between."""
    home = folder / "host"
    home.mkdir()
    manifest = pathlib.Path(__file__).resolve().parents[3] / "manifests" / "quickstart.json"
    address = "127.0.0.1:0"
    (home / "grid.toml").write_text(
        f'mode = "strict"\n[server]\nlisten = "{address}"\nadmin_listen = "{address}"\n'
        f'[manifest]\npath = "{manifest}"\n[data]\ndir = "{home}/data"\n[audit]\nsegment = "64KiB"\n',
        encoding="utf-8",
    )
    own = ["--config", str(home / "grid.toml")]
    command([grid, *own, "audit", "init", "--origin", "grid.test/real/host-1/audit"])
    command([grid, *own, "token", "new", "--principal", "ann", "--tenant", "acme", "-o", str(home / "token")])
    for start in range(4):
        with subprocess.Popen([grid, *own, "serve"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as host:
            until(lambda: (home / "data/audit/checkpoint").exists() and host.poll() is None)
            time.sleep(0.5)
            host.send_signal(signal.SIGTERM)
            host.wait(timeout=30)
        if start in (1, 2):
            command([grid, *own, "audit", "rotate"])
    (home / "data/audit").rename(folder / "host-audit")


def command(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(words)}` ended with {done.returncode}: {done.stderr}")


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise TimeoutError("the host does not write its log")


def read_all(folder: pathlib.Path) -> list[Real]:
    directories = sorted(path for path in folder.iterdir() if (path / "checkpoint").exists())
    return [read(path.name, path) for path in directories]


def honest(logs: list[Real]) -> Iterator[Case]:
    for log in logs:
        keys = [line.split(" ", 1)[1] for line in log.image["log.vkeys"].decode().splitlines()]
        for key in keys:
            yield Case(f"{log.name}, key {key.split('+')[1]}", log.image, True, [key])
        kept = log.image["checkpoint"].decode()
        yield Case(f"{log.name}, kept", log.image, True, [log.key], at_least=kept)
        needless = [name for name in log.image if ".p/" in name and not is_needed(log, name)]
        public = {name: data for name, data in log.image.items() if name not in needless}
        yield Case(f"{log.name}, without needless tiles", public, True, [log.key])


def is_needed(log: Real, name: str) -> bool:
    """Whether no wider tile stands in the place of this one."""
    row, _, width = name.partition(".p/")
    others = [int(other.partition(".p/")[2] or 256) for other in log.image if other.partition(".p/")[0] == row]
    return int(width or 256) == max(others)


Changed = tuple[str, Image, list[str]]


def mutant(logs: list[Real], seed: int, number: int) -> Case:
    """The same change for the same seed and number, of a log that the same processes wrote."""
    chance = random.Random(f"{seed}/{number}")
    while True:
        log, other = chance.choice(logs), chance.choice(logs)
        what, changed, keys = chance.choice(CHANGES)(log, other, chance)
        if changed != log.image or keys != [log.key]:
            exact = what.startswith("entry")
            name = f"seed {seed} mutant {number}: {log.name}, {what}"
            return Case(name, changed, False, keys, exact=exact)


def some_file(log: Real, chance: random.Random, lines: bool = False) -> str:
    names = [name for name in log.image if name.startswith("tile/") or name == "checkpoint"]
    return chance.choice([*names, *(["checkpoints.log"] * (len(names) // 4 + 1) if lines else [])])


def flipped(log: Real, _: Real, chance: random.Random) -> Changed:
    name = some_file(log, chance, lines=True)
    data = bytearray(log.image[name])
    # The last newline of `checkpoints.log` may be missing, as of a line that is being written.
    at = chance.randrange(len(data) - (name == "checkpoints.log"))
    data[at] ^= 1 << chance.randrange(8)
    return f"{name}: a bit of byte {at}", log.image | {name: bytes(data)}, [log.key]


def cut(log: Real, _: Real, chance: random.Random) -> Changed:
    name = some_file(log, chance)
    end = chance.randrange(len(log.image[name]))
    return f"{name} cut at {end}", log.image | {name: log.image[name][:end]}, [log.key]


def longer(log: Real, _: Real, chance: random.Random) -> Changed:
    name = some_file(log, chance)
    more = chance.randbytes(chance.choice([1, 2, 32, 500]))
    return f"{name}, {len(more)} bytes more", log.image | {name: log.image[name] + more}, [log.key]


def missing(log: Real, _: Real, chance: random.Random) -> Changed:
    name = chance.choice([name for name in log.image if name.startswith("tile/") and is_needed(log, name)])
    return f"{name} missing", {kept: data for kept, data in log.image.items() if kept != name}, [log.key]


def spliced(log: Real, other: Real, chance: random.Random) -> Changed:
    name = some_file(log, chance)
    return f"{name} of {other.name}", log.image | {name: other.image.get(name, log.image[name])}, [log.key]


def exchanged(log: Real, _: Real, chance: random.Random) -> Changed:
    one, two = some_file(log, chance), some_file(log, chance)
    return f"{one} and {two} exchanged", log.image | {one: log.image[two], two: log.image[one]}, [log.key]


def moved(log: Real, _: Real, chance: random.Random) -> Changed:
    name = chance.choice([name for name in log.image if name.startswith("tile/") and is_needed(log, name)])
    level, below = name.removeprefix("tile/").split("/", 1)
    to = chance.choice([to for to in ("0", "1", "2", "entries") if to != level])
    rest = {kept: data for kept, data in log.image.items() if kept != name}
    return f"{name} moved to {to}", rest | {f"tile/{to}/{below}": log.image[name]}, [log.key]


def entries_of(log: Real) -> list[bytes]:
    entries: list[bytes] = []
    for name in sorted(name for name in log.image if name.startswith("tile/entries/") and is_needed(log, name)):
        data = log.image[name]
        while data:
            length = int.from_bytes(data[:2], "big")
            entries.append(data[2 : 2 + length])
            data = data[2 + length :]
    return entries


def edited(log: Real, other: Real, chance: random.Random) -> Changed:
    """Entries changed, in the bundles alone or with every hash made anew, without the key."""
    before = entries_of(log)
    entries, at = list(before), chance.randrange(len(before))
    what = chance.choice(["changed", "deleted", "inserted", "doubled", "swapped", "spliced"])
    foreign = chance.choice(entries_of(other))
    if what == "changed":
        entries[at] = json.dumps({**json.loads(entries[at]), "at_ms": 1}, sort_keys=True, separators=(",", ":")).encode()
    elif what == "deleted":
        del entries[at]
    elif what == "inserted":
        entries.insert(at, b'{"at_ms":1,"kind":"refused"}')
    elif what == "doubled":
        entries.insert(at, entries[at])
    elif what == "swapped":
        to = chance.randrange(len(entries))
        entries[at], entries[to] = entries[to], entries[at]
    else:
        entries[at] = foreign
    size = log.size
    entries = entries[:size] + [foreign] * (size - len(entries))
    if entries == before:
        return what, log.image, [log.key]
    anew = {name: data for name, data in tiles(Tree(entries), size).items() if name in log.image}
    if chance.random() < 0.5:
        return f"{at} {what}, all hashed anew", log.image | anew, [log.key]
    # One bundle, and only where it is the one file with these entries: else others contradict it first.
    place = at // 256
    name = next((name for name in anew if name.startswith(f"tile/entries/{place:03}")), "")
    whole = bundle(entries[place * 256 : place * 256 + 256])
    return f"entry {at} {what}", log.image | ({name: whole} if name else {}), [log.key]


def signed(log: Real, _: Real, chance: random.Random) -> Changed:
    """Another checkpoint: altered, or signed by somebody else."""
    note = log.image["checkpoint"].decode()
    origin, size, root = note.split("\n")[:3]
    impostor = Signer.make(origin, chance.randbytes(32))
    altered = {
        "size": note.replace(f"\n{size}\n", f"\n{int(size) + chance.choice([1, 2, 256])}\n", 1),
        "root": note.replace(root, root[1:-1][::-1].rjust(43, "A") + "="),
        "origin": note.replace(origin, origin + "x"),
        "signature": impostor.note(f"{origin}\n{size}\n{root}\n".encode()),
    }
    what = chance.choice(sorted(altered))
    return f"checkpoint with another {what}", log.image | {"checkpoint": altered[what].encode()}, [log.key]


def other_key(log: Real, _: Real, chance: random.Random) -> Changed:
    origin = log.image["checkpoint"].decode().split("\n", 1)[0]
    return "asked with another key", log.image, [Signer.make(origin, chance.randbytes(32)).vkey]


def disordered(log: Real, _: Real, chance: random.Random) -> Changed:
    lines = log.image["checkpoints.log"].splitlines(keepends=True)
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return f"signatures {one} and {two} exchanged", log.image | {"checkpoints.log": b"".join(lines)}, [log.key]


CHANGES: list[Callable[[Real, Real, random.Random], Changed]] = [
    flipped,
    flipped,
    cut,
    longer,
    missing,
    spliced,
    exchanged,
    moved,
    edited,
    edited,
    edited,
    signed,
    other_key,
    disordered,
]
