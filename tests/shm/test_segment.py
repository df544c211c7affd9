"""Segments: whole or not there, named, swept only when nobody lives who uses them."""

import fcntl
import os
import signal
import stat
import struct
import time
from pathlib import Path

import pytest

from rtmesh.shm import (
    CorruptRingError,
    LayoutMismatchError,
    MessageTooLargeError,
    Policy,
    Reader,
    Ring,
    RingError,
    RingLayout,
    SegmentExistsError,
    SegmentNotFoundError,
    SegmentOwnerError,
    SharedMemoryFullError,
    Writer,
    create_ring,
    create_segment,
    list_segments,
    open_segment,
    segment_name,
    sweep,
    unlink_segment,
)
from rtmesh.shm.segment import make
from tests.shm.conftest import kill, reader, ring_of

MAKE_AND_SAY = """
    import sys
    from rtmesh.shm import *
    ring = create_ring(sys.argv[1], RingLayout(8, 64, (ReaderLayout("a", Policy.BLOCK, 4),)))
    page = create_segment(sys.argv[1] + ".page", 4096)
    print("made", flush=True)
    sys.stdin.read()
"""

SWEEP_AND_SAY = """
    import sys
    from rtmesh.shm import sweep
    print(sweep(sys.argv[1]), flush=True)
"""

# Says its container's process id as seen from here, then runs a script there.
IN_A_CONTAINER = """
    import os, subprocess, sys, textwrap
    name, script = sys.argv[1:]
    inside = [sys.executable, "-c", textwrap.dedent(script), name]
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    unshare += [] if os.getuid() == 0 else ["--map-current-user"]
    container = subprocess.Popen([*unshare, *inside], stdin=subprocess.PIPE)
    print(container.pid, flush=True)
    container.wait()
"""


def path_of(name: str) -> Path:
    return Path("/dev/shm") / name


def test_a_name_tells_user_machine_run_and_ring():
    assert (
        segment_name("gpc", "run-7", "decoder.velocity") == f"rtmesh.{os.getuid()}.gpc.run-7.decoder.velocity"
    )
    with pytest.raises(ValueError, match="cannot name"):
        segment_name("gpc", "a/b", "c")
    with pytest.raises(ValueError, match="cannot name"):
        segment_name("gpc", "r" * 250, "c")


def test_a_ring_has_its_whole_size_from_the_start_and_is_private(name):
    ring = ring_of(name, reader())

    status = path_of(name).stat()

    assert status.st_size == ring.layout.size_bytes <= status.st_blocks * 512
    assert stat.S_IMODE(status.st_mode) == 0o600


def test_a_name_is_taken_once(name):
    ring = ring_of(name, reader())

    with pytest.raises(SegmentExistsError, match=name):
        ring_of(name, reader())
    assert ring.unlink() and not ring.unlink()
    with pytest.raises(SegmentNotFoundError, match=name):
        Ring.open(name)


def test_a_full_dev_shm_says_what_is_needed_and_leaves_nothing(name):
    space = os.statvfs("/dev/shm")
    entries = 1 << 16
    layout = RingLayout(entries, 2 * space.f_bavail * space.f_frsize // entries + 4096, ())

    with pytest.raises(SharedMemoryFullError, match=rf"{layout.size_bytes} bytes.*left; stop a graph"):
        create_ring(name, layout)

    assert not [path for path in Path("/dev/shm").iterdir() if path.name.startswith(name)]


def test_an_impossible_layout_is_named():
    def sized(**changes):
        values = {"entries": 8, "slot_bytes": 64, "readers": (reader(),)} | changes
        return RingLayout(**values).size_bytes

    assert sized() > 8 * 64
    for changes, text in [
        ({"entries": 12}, "entries is 12"),
        ({"slot_bytes": 0}, "slot_bytes is 0"),
        ({"readers": (reader(queue=9),)}, "queue is 9"),
        ({"readers": (reader(Policy.LATEST, queue=0),)}, "queue is 0"),
        ({"readers": (reader(hold=5000),)}, "hold is 5000"),
        ({"readers": (reader(),) * 33}, "33 readers"),
        ({"spare_readers": 32}, "at most 32"),
        ({"budget_origins": tuple(range(49))}, "49 budget origins"),
    ]:
        with pytest.raises(ValueError, match=text):
            sized(**changes)


def test_a_plain_segment_has_a_header_and_is_no_ring(name):
    page = create_segment(name, 4096)
    page[64:69] = b"hello"

    other = open_segment(name, writable=False)

    assert other[64:69] == b"hello" and len(other) == 4096
    with pytest.raises(TypeError):
        other[64] = 0
    with pytest.raises(LayoutMismatchError, match="not a ring"):
        Ring.open(name)


def test_another_magic_and_another_version_are_named(name):
    ring_of(name, reader())
    segment = open_segment(name)
    segment[8:12] = struct.pack("<I", 99)
    with pytest.raises(LayoutMismatchError, match="version 99, this program has 1"):
        Reader(name, 0)
    segment[0:8] = b"notaring"
    with pytest.raises(LayoutMismatchError, match="magic"):
        Writer(name)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1000, 1024, 5000])
def test_a_segment_cut_short_is_refused(name, size):
    ring_of(name, reader())
    os.truncate(path_of(name), size)

    with pytest.raises(RingError, match=name):
        Ring.open(name)


@pytest.mark.parametrize("offset", [64, 68, 72, 80, 88, 92, 96, 104, 112, 120, 128, 136])
@pytest.mark.parametrize("value", [0xFFFFFFFF, 7, 0x80000000])
def test_a_header_that_contradicts_itself_is_refused(name, offset, value):
    ring_of(name, reader())
    open_segment(name)[offset : offset + 4] = struct.pack("<I", value)

    with pytest.raises(CorruptRingError, match=name):
        Ring.open(name)


def test_an_entry_that_points_out_of_the_segment_is_refused(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    writer.try_publish(b"a", 0)
    segment = open_segment(name)
    entries = struct.unpack_from("<Q", segment, 120)[0]
    for at, form, value in [(8, "<I", 2**32 - 1), (12, "<I", 64), (16, "<Q", 2**63)]:
        before = segment[entries + at : entries + at + struct.calcsize(form)]
        struct.pack_into(form, segment, entries + at, value)
        with pytest.raises(CorruptRingError, match="message 0"):
            block.try_take(0)
        segment[entries + at : entries + at + len(before)] = before

    assert bytes(block.try_take(0)) == b"a"


def test_an_account_that_does_not_add_up_is_refused(name):
    ring_of(name, reader())
    Reader(name, 0).close()
    segment = open_segment(name)
    seats = struct.unpack_from("<Q", segment, 104)[0]
    struct.pack_into("<Q", segment, seats + 64, 5 << 8)

    with pytest.raises(CorruptRingError, match="account of reader 0"):
        Reader(name, 0)


def test_sweep_leaves_what_the_living_made(name, spawn):
    ring_of(name, reader())
    create_segment(name + ".page", 4096)

    assert sweep(name) == []

    assert list_segments(name) == [name, name + ".page"]


def test_sweep_takes_what_the_dead_made_unless_somebody_reads_or_writes_it(name, spawn):
    child = spawn(MAKE_AND_SAY, name)
    assert child.stdout.readline() == "made\n"
    assert sweep(name) == []
    block = Reader(name, 0)

    kill(child)

    assert sweep(name) == [name + ".page"]
    block.close()
    assert sweep(name) == [name]
    assert list_segments(name) == []


def test_sweep_leaves_what_lives_in_another_container_and_takes_what_died_there(name, spawn):
    # A container that shares /dev/shm: process ids there mean nothing here, and the other way round.
    child = spawn(IN_A_CONTAINER, name, MAKE_AND_SAY)
    container = int(child.stdout.readline())
    assert child.stdout.readline() == "made\n"

    assert sweep(name) == []
    assert list_segments(name) == [name, name + ".page"]

    os.kill(container, signal.SIGKILL)
    swept, deadline_s = [], time.monotonic() + 20
    while len(swept) < 2 and time.monotonic() < deadline_s:  # it dies a moment after the container
        swept += sweep(name)
    assert sorted(swept) == [name, name + ".page"]


def test_what_lives_here_is_left_by_a_sweep_in_another_container(name, spawn):
    ring, page = ring_of(name, reader()), create_segment(name + ".page", 4096)
    child = spawn(IN_A_CONTAINER, name, SWEEP_AND_SAY)
    child.stdout.readline()

    assert child.stdout.readline() == "[]\n"

    ring.close()
    page.close()
    child = spawn(IN_A_CONTAINER, name, SWEEP_AND_SAY)
    child.stdout.readline()
    assert child.stdout.readline() == f"{[name, name + '.page']}\n", "nobody there can tell that we live"


def test_a_mapping_keeps_its_segment_from_a_sweep_when_all_descriptors_are_closed(name, spawn):
    child = spawn(MAKE_AND_SAY, name)
    assert child.stdout.readline() == "made\n"
    page = open_segment(name + ".page")
    kill(child)

    assert sweep(name) == [name]
    page.close()
    assert sweep(name) == [name + ".page"]


def test_who_only_looks_on_keeps_no_segment(name, spawn):
    child = spawn(MAKE_AND_SAY, name)
    assert child.stdout.readline() == "made\n"
    look = Ring.open(name)
    kill(child)

    assert sweep(name) == [name, name + ".page"]
    look.close()


def test_what_is_being_swept_cannot_be_opened(name):
    ring_of(name, reader()).close()
    with path_of(name).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(SegmentNotFoundError, match="there is no such segment"):
            Reader(name, 0)

    Reader(name, 0).close()


def test_what_is_being_made_has_no_name_yet(name):
    def fill(descriptor):
        assert list(path_of(name).parent.glob(f"{name}*")) == []
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(name, 4096, fill)

    assert list(path_of(name).parent.glob(f"{name}*")) == []


def test_sweep_takes_what_was_killed_while_it_was_made(name, spawn):
    child = spawn("from rtmesh.shm import _native; print(_native.own_identity())")
    identity = int(child.stdout.readline())
    kill(child)
    path_of(f"{name}.making-{identity:x}").touch()

    assert list_segments(name) == []
    assert sweep(name) == [f"{name}.making-{identity:x}"]


def test_sweep_takes_only_this_users_prefix(name):
    other = "rtmesh-not-mine." + name
    path_of(other).write_bytes(b"x")
    try:
        assert sweep(other) == []
    finally:
        unlink_segment(other)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a segment to another user")
def test_another_users_segment_is_refused_even_to_root(name):
    ring_of(name, reader())
    os.chown(path_of(name), 65534, 65534)

    for use in (Ring.open, Writer, lambda name: Reader(name, 0), open_segment):
        with pytest.raises(
            SegmentOwnerError, match=rf"{name}: .*belongs to user .*65534.*runs as user .*as the same user"
        ):
            use(name)
    assert sweep(name) == []


@pytest.mark.skipif(os.getuid() != 0, reason="needs a user other than the one who runs this")
def test_another_users_segment_is_refused_to_who_may_not_open_it(name, spawn):
    ring_of(name, reader())
    child = spawn(
        """
        import os, sys
        from rtmesh.shm import Ring, SegmentOwnerError
        os.setuid(65534)
        try:
            Ring.open(sys.argv[1])
        except SegmentOwnerError as error:
            print(error)
        """,
        name,
    )

    told = child.stdout.readline()

    assert f"{name}: the segment belongs to user root (0), this program runs as user" in told


def test_errors_of_a_segment_name_it_and_what_to_do(name):
    ring_of(name, reader(), slot_bytes=8)
    segment = open_segment(name)
    writer = Writer(name)
    with pytest.raises(
        MessageTooLargeError, match=f"{name}: .*9 bytes.*8 of.*; raise the output's max_bytes"
    ):
        writer.try_publish(b"123456789", 0)
    segment[16:24] = struct.pack("<Q", 4096)
    with pytest.raises(
        CorruptRingError, match=f"{name}: its header says 4096 bytes, it has .*; stop its graph"
    ):
        Ring.open(name)
    segment[8:12] = struct.pack("<I", 99)
    with pytest.raises(LayoutMismatchError, match=f"{name}: .*version 99, this program has 1; run the same"):
        Ring.open(name)
