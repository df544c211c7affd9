"""A pointing device through evdev: recorded input events, from a file and through a fifo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from devices.evdev import BTN_LEFT, EVENT, KEY, REL, REL_X, REL_Y, SYN, SYN_REPORT, Evdev, Parser
from devices.sample import Sample

SECOND_NS = 1_000_000_000


def events(time_ns: int, *entries: tuple[int, int, int]) -> bytes:
    """Input events of one moment, and the SYN_REPORT that closes them."""
    seconds, microseconds = time_ns // SECOND_NS, time_ns % SECOND_NS // 1000
    return b"".join(EVENT.pack(seconds, microseconds, *entry) for entry in (*entries, (SYN, SYN_REPORT, 0)))


def moved(time_ns: int, dx: int, dy: int) -> bytes:
    return events(time_ns, (REL, REL_X, dx), (REL, REL_Y, dy))


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "mouse"
    os.mkfifo(path)
    return path


@pytest.fixture
def device(fifo: Path) -> Iterator[Evdev]:
    device = Evdev(fifo)
    yield device
    device.close()


@pytest.fixture
def hand(device: Evdev, fifo: Path) -> Iterator[int]:
    """The writing end: what the hand does."""
    hand = os.open(fifo, os.O_WRONLY)
    yield hand
    os.close(hand)


def test_an_event_has_twenty_four_bytes() -> None:
    assert EVENT.size == 24


def test_a_sample_adds_up_what_came_since_the_last_with_up_positive(device: Evdev, hand: int) -> None:
    os.write(hand, moved(SECOND_NS, 3, 4) + moved(SECOND_NS + 8000, 2, -10))

    assert device.sample(0) == Sample(5, 6, False, SECOND_NS + 8000)
    assert device.sample(5_000_000) == Sample(0, 0)


def test_an_idle_device_is_never_waited_for(device: Evdev) -> None:
    assert device.sample(0) == Sample(0, 0)


def test_a_movement_counts_when_its_report_is_closed(device: Evdev, hand: int) -> None:
    data = moved(SECOND_NS, 7, 0)
    os.write(hand, data[:60])
    assert device.sample(0).dx == 0

    os.write(hand, data[60:])
    assert device.sample(5_000_000).dx == 7


def test_the_button_stays_down_until_it_is_let_go(device: Evdev, hand: int) -> None:
    os.write(hand, events(SECOND_NS, (KEY, BTN_LEFT, 1)))
    assert device.sample(0).button and device.sample(1).button

    os.write(hand, events(SECOND_NS, (KEY, BTN_LEFT, 0)))
    assert not device.sample(2).button


def test_a_sample_fits_into_sixteen_bits(device: Evdev, hand: int) -> None:
    os.write(hand, moved(SECOND_NS, 100_000, 100_000))

    assert device.sample(0)[:2] == (32767, -32767)


def test_a_recorded_file_is_played_at_its_own_pace(tmp_path: Path) -> None:
    path = tmp_path / "recorded"
    path.write_bytes(b"".join(moved(SECOND_NS + n * 10_000_000, 1, 0) for n in range(10)))
    device = Evdev(path)

    played = [device.sample(now_ns).dx for now_ns in range(0, 150_000_000, 5_000_000)]

    assert played == [1, 0] * 10 + [0] * 10
    device.close()


def test_what_is_no_event_is_told_with_the_path(device: Evdev, hand: int, fifo: Path) -> None:
    os.write(hand, b"this is text, not input events. " * 3)

    with pytest.raises(ValueError, match=f"{fifo} is no stream of input events"):
        device.sample(0)


def test_bytes_arrive_in_any_pieces() -> None:
    data = b"".join(moved(n * SECOND_NS, n, -n) for n in range(1, 20))
    parser = Parser()

    reports = [report for start in range(0, len(data), 7) for report in parser.feed(data[start : start + 7])]

    assert [(report.dx, report.dy) for report in reports] == [(n, -n) for n in range(1, 20)]


def test_a_missing_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no device .*event99.*ls /dev/input"):
        Evdev(tmp_path / "event99")


def test_a_device_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="/dev/null is no evdev device"):
        Evdev(Path("/dev/null"))
    with pytest.raises(ValueError, match="neither a device nor a fifo"):
        Evdev(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x" * 25])
def test_a_file_that_holds_no_whole_events_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recorded"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=f"{len(content)} bytes are not a whole number of events"):
        Evdev(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recorded"
    path.write_bytes(b"x" * 48)

    with pytest.raises(ValueError, match="is no stream of input events"):
        Evdev(path)
