"""A log that is written while both verifiers read it: tiles first, then the checkpoint, then partial tiles that are not
needed any more are taken away. Whatever moment they meet, they must not raise an alarm."""

import json
import os
import pathlib
import random
import subprocess
import tempfile
import threading
import time
from typing import Callable

import sample_records
from sample_log import Directory, Image, Tree, image_of, line, tiles
from vector_texts import LOG

Ask = Callable[[list[str]], tuple[int, str]]
ROUNDS = 15
MOST = 8_000


class Writer(threading.Thread):
    """Grows the log until it is told to stop."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(daemon=True)
        self.directory = directory
        self.tree = Tree(sample_records.series(7, 1) + [b'{"kind":"refused","n":%d}' % at for at in range(MOST)])
        self.stopped = threading.Event()
        self.size = 0
        self.grow(300, random.Random(0))

    def run(self) -> None:
        chance = random.Random("growing")
        while not self.stopped.is_set() and self.size < MOST:
            self.grow(min(MOST, self.size + chance.choice([1, 2, 40, 300])), chance)

    def grow(self, size: int, chance: random.Random) -> None:
        before, image = tiles(self.tree, self.size), tiles(self.tree, size, self.size)
        self.put(image)
        with open(self.directory / "checkpoints.log", "a", encoding="ascii") as file:
            file.write(line(LOG, self.tree, size))
        self.put({"checkpoint": LOG.checkpoint(size, self.tree.root(size)).encode()})
        for name in before.keys() - tiles(self.tree, size).keys():
            if chance.random() < 0.9:
                (self.directory / name).unlink()
        self.size = size

    def put(self, image: Image) -> None:
        """As the host does it: nobody sees half a file."""
        for name, data in image.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(data)
            os.replace(new, path)


def overtaken(command: list[str], base: str | None) -> str | None:
    """A verifier that has read a checkpoint meets the files of another one: it must look again. It is held at
    `checkpoints.log`, a pipe, until they are there. Returns what it said if that was an alarm."""
    with tempfile.TemporaryDirectory(prefix="grid-verifiers-", dir=base) as folder:
        log, key = Directory(folder), pathlib.Path(folder, "log.vkey")
        tree = Tree(sample_records.series(7, 513))
        image = image_of(tree, LOG, [300])
        log.become({**image, "checkpoint": LOG.checkpoint(513, tree.root(513)).encode()})
        lines = log.path / "checkpoints.log"
        lines.unlink()
        os.mkfifo(lines)
        arguments = [*command, "log", folder, "--key", str(key)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as asked:
            pipe = opened(lines)
            os.unlink(lines)
            log.become(image)
            lines.write_bytes(image["checkpoints.log"])
            os.close(pipe)
            said, _ = asked.communicate(timeout=30)
        return None if asked.returncode == 0 else f"overtaken: {command[0]}: {said.strip()}"


def opened(fifo: pathlib.Path) -> int:
    """The writing end, once somebody reads."""
    for _ in range(1000):
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.01)
    raise TimeoutError("the verifier does not read `checkpoints.log`")


def agree_on_growing(verifiers: list[Ask], base: str | None) -> tuple[int, list[str]]:
    """How often they found the log whole, and what they said otherwise."""
    passed, failures = 0, []
    with tempfile.TemporaryDirectory(prefix="grid-verifiers-", dir=base) as folder:
        directory = pathlib.Path(folder, "log")
        key = pathlib.Path(folder, "log.vkey")
        key.write_text(LOG.vkey + "\n", encoding="utf-8")
        writer = Writer(directory)
        writer.start()
        last = 0
        for _ in range(ROUNDS):
            for ask in verifiers:
                code, said = ask(["log", str(directory), "--json", "--quick", "--key", str(key)])
                size = json.loads(said)["size"] if code == 0 else -1
                if size >= last:
                    passed, last = passed + 1, size
                else:
                    failures.append(f"growing log: code {code}: {said.strip()}")
        writer.stopped.set()
        writer.join()
        if writer.size == 300:
            failures.append("growing log: it did not grow, so that nothing was tried")
    return passed, failures
