"""Whatever a segment holds, Python sees a message, nothing, or a named error; never a crash, never a hang.

The native fuzzer goes deep (shm/native/fuzz_segment.c); this one goes through everything that Python can
call. It runs in a process of its own, which says the seed before each case: a crash names the case.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtmesh.shm import CorruptRingError, Ring, RingError, list_segments, open_segment, sweep
from tests.shm.conftest import reader, ring_of

CASES = 5000
WITHIN_S = 100
SEED = "seed "


@pytest.mark.parametrize("target", ["fuzz"])
def test_the_native_fuzzer_finds_nothing(target, repository, tmp_path):
    command = ["make", "-s", "-C", repository / "shm" / "native", f"BUILD={tmp_path}", target]

    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "200000 cases" in done.stdout
    past_the_header = int(done.stdout.split(" % past the header")[0].split()[-1])
    assert past_the_header > 60, "cases that end at the header find nothing"


def run_cases(name: str, first: int, count: int) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.shm.fuzz_cases", name, str(first), str(count)],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def test_any_bytes_give_a_message_or_a_named_error_in_python(name):
    done = run_cases(name, 0, CASES)

    last = done.stdout.rpartition(SEED)[2].split()[:1]
    assert done.returncode == 0, f"seed {last}: {done.stderr[-3000:]}"
    tally = dict(line.split("=") for line in done.stdout.splitlines() if "=" in line)
    assert int(tally["opened"]) > CASES // 2
    assert int(tally["messages"]) > CASES // 10
    assert {"CorruptRingError", "LayoutMismatchError"} <= tally.keys()
    assert list_segments(name) == []


@pytest.mark.parametrize("size", [1 << 47, 1 << 60])
def test_a_segment_of_absurd_size_is_refused_and_swept(name, size):
    descriptor = os.open(f"/dev/shm/{name}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(descriptor, size)
    os.close(descriptor)

    with pytest.raises(CorruptRingError, match=f"{name}: it has {size} bytes; a segment has at most"):
        Ring.open(name)
    assert sweep(name) == [name]


def test_a_folder_in_place_of_a_segment_is_named(name):
    folder = Path("/dev/shm", name)
    folder.mkdir()
    try:
        with pytest.raises(RingError, match=f"{name}: it is a folder"):
            Ring.open(name)
    finally:
        folder.rmdir()


def test_a_time_out_of_all_bounds_does_not_overflow(name):
    """The native fuzzer found it: latency was computed as a signed difference."""
    from rtmesh.shm import Reader, Writer

    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    writer.try_publish(b"a", -(2**63))

    assert bytes(block.try_take(2**63 - 1)) == b"a"
    assert Ring.open(name).snapshot().readers[0].latency.count == 1


def test_the_seat_of_a_fixed_reader_that_says_free_does_not_hide_it(name):
    ring = ring_of(name, reader(), reader())
    segment = open_segment(name)
    seats = int.from_bytes(segment[104:112], "little")
    segment[seats + 8 : seats + 16] = bytes(8)

    assert [account.index for account in ring.snapshot().readers] == [1]
