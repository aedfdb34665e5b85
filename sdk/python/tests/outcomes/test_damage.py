"""Files that were torn, changed or swapped."""

import zlib
from pathlib import Path
from typing import Any

from altar_grid.outcomes import (
    OutcomeLog,
    ShippingSettings,
)
from altar_grid.outcomes import segment as segment_module
from outcomes.common import KEY, FakeHost, report

QUICK = ShippingSettings(batch=10, first_pause=0.01, longest_pause=0.05)


def opened(folder: Path, host: FakeHost | None = None, **more: Any) -> OutcomeLog:
    return OutcomeLog(folder, key=KEY, sender=host, shipping=more.pop("shipping", QUICK), **more)


def fill(log: OutcomeLog, count: int, first: int = 0) -> None:
    tickets = [log.place().report(report(first + at)) for at in range(count)]
    assert all(ticket.synced.wait(5) for ticket in tickets)


def test_a_torn_tail_is_cut_wherever_it_is_torn(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    fill(log, 3)
    log.close()
    (path,) = (tmp_path / "log").glob("*.seg")
    whole = path.read_bytes()
    frame = (len(whole) - segment_module.HEADER_BYTES) // 3
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        again = opened(tmp_path / "log")
        assert again.stats.pending == max(0, (cut - segment_module.HEADER_BYTES) // frame), cut
        assert not again.damaged
        if cut % 3 == 0:
            # What was cut stays cut: later files do not make it look like damage.
            fill(again, 1, first=50)
            again.close()
            again = opened(tmp_path / "log")
            assert not again.damaged
        again.close()
        for other in (tmp_path / "log").glob("*.seg"):
            other.unlink()


def test_a_changed_record_is_found_and_what_can_be_read_lives_on(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    fill(log, 5)
    log.close()
    (path,) = (tmp_path / "log").glob("*.seg")
    data = bytearray(path.read_bytes())
    frame = (len(data) - segment_module.HEADER_BYTES) // 5
    data[segment_module.HEADER_BYTES + 2 * frame + 40] ^= 1
    path.write_bytes(data)
    host = FakeHost()
    again = opened(tmp_path / "log", host)
    assert again.damaged == [path.name + ".damaged"]
    assert again.flush(5)
    again.close()
    assert set(host.taken) == {report(0).invocation_id, report(1).invocation_id}
    assert (tmp_path / "log" / (path.name + ".damaged")).read_bytes() == data


def test_frames_cannot_be_moved_or_taken_from_another_file(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    fill(log, 2, first=1)
    log.close()
    (path,) = (tmp_path / "log").glob("*.seg")
    data = path.read_bytes()
    head, frame = segment_module.HEADER_BYTES, (len(data) - segment_module.HEADER_BYTES) // 2
    path.write_bytes(data[:head] + data[head + frame :] + data[head : head + frame])
    swapped = opened(tmp_path / "log")
    # Their sequence numbers go with them: both are read, neither as the other.
    assert swapped.stats.pending == 2
    swapped.close()
    changed = data[: head + 15] + b"\x02" + data[head + 16 :]
    body = changed[head + 8 : head + frame]
    path.write_bytes(changed[: head + 4] + zlib.crc32(body).to_bytes(4, "big") + changed[head + 8 :])
    renumbered = opened(tmp_path / "log")
    assert renumbered.damaged
    renumbered.close()


def test_a_length_that_was_changed_does_not_hide_what_follows(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    fill(log, 4)
    log.close()
    (path,) = (tmp_path / "log").glob("*.seg")
    data = bytearray(path.read_bytes())
    data[segment_module.HEADER_BYTES] = 0x7F
    path.write_bytes(data)
    again = opened(tmp_path / "log")
    assert again.damaged
    assert (tmp_path / "log" / again.damaged[0]).read_bytes() == data
    again.close()
