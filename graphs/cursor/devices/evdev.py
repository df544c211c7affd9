"""A pointing device through Linux evdev: struct input_event from a device, a fifo or a file.

      OFFSET  SIZE  FIELD
           0     8  seconds        int64
           8     8  microseconds   int64
          16     2  type           uint16: SYN 0, KEY 1, REL 2
          18     2  code           uint16: REL_X 0, REL_Y 1, BTN_LEFT 0x110
          20     4  value          int32

That is its layout on 64-bit machines. Events between two SYN_REPORT belong together.
Tried with recorded events through files and fifos; not yet with a real device.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from collections import deque
from pathlib import Path
from typing import NamedTuple

from devices.sample import Sample
from maths.counts import LARGEST

EVENT = struct.Struct("=qqHHi")
SYN, KEY, REL = 0, 1, 2
SYN_REPORT, REL_X, REL_Y, BTN_LEFT = 0, 0, 1, 0x110
HIGHEST_TYPE = 0x1F
GET_VERSION = 0x80044501  # EVIOCGVERSION: only an evdev device answers it
_READ_BYTES = EVENT.size * 1024


class Report(NamedTuple):
    """What one SYN_REPORT closes; y as the device has it, down positive."""

    time_ns: int
    dx: int
    dy: int
    button: bool


class Parser:
    """Bytes to reports; keeps what is incomplete until more comes."""

    def __init__(self) -> None:
        self._rest = b""
        self._dx = self._dy = 0
        self._button = False

    def feed(self, data: bytes) -> list[Report]:
        """The reports that these bytes complete. ValueError if they are no input events."""
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        reports = (self._take(*event) for event in EVENT.iter_unpack(data[:whole]))
        return [report for report in reports if report is not None]

    def _take(self, seconds: int, microseconds: int, kind: int, code: int, value: int) -> Report | None:
        if kind > HIGHEST_TYPE or not 0 <= microseconds < 1_000_000 or seconds < 0:
            raise ValueError(f"an event of type {kind} at {seconds} s and {microseconds} us")
        if (kind, code) == (REL, REL_X):
            self._dx += value
        elif (kind, code) == (REL, REL_Y):
            self._dy += value
        elif (kind, code) == (KEY, BTN_LEFT):
            self._button = value != 0
        elif (kind, code) == (SYN, SYN_REPORT):
            report = Report(seconds * 10**9 + microseconds * 1000, self._dx, self._dy, self._button)
            self._dx = self._dy = 0
            return report
        return None


class Evdev:
    """Reads a device without ever waiting for it.

    What a device or a fifo has is taken at once; the events of a file are played at their own pace.
    """

    def __init__(self, path: Path) -> None:
        """Open and check it. OSError or ValueError says what is wrong and what to do."""
        self._path = path
        self._parser = Parser()
        self._reports: deque[Report] = deque()
        self._button = False
        self._started_ns: int | None = None
        self._file = _open(path)
        try:
            self._is_file = _check(path, self._file)
            if self._is_file:
                self._read()
        except BaseException:
            self.close()
            raise
        self._first_ns = self._reports[0].time_ns if self._reports else 0

    def sample(self, now_ns: int) -> Sample:
        """The movement since the last call."""
        if not self._is_file:
            self._read()
        if self._started_ns is None:
            self._started_ns = now_ns
        dx = dy = time_ns = 0
        while self._reports and self._is_due(self._reports[0], now_ns - self._started_ns):
            time_ns, moved_x, moved_y, self._button = self._reports.popleft()
            dx, dy = dx + moved_x, dy - moved_y
        return Sample(_clipped(dx), _clipped(dy), self._button, time_ns)

    def close(self) -> None:
        """Let go of the device."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _is_due(self, report: Report, elapsed_ns: int) -> bool:
        return not self._is_file or report.time_ns - self._first_ns <= elapsed_ns

    def _read(self) -> None:
        try:
            while data := os.read(self._file, _READ_BYTES):
                self._reports.extend(self._parser.feed(data))
        except BlockingIOError:
            pass  # nothing more for now
        except ValueError as error:
            raise ValueError(f"{self._path} is no stream of input events: it has {error}") from error
        except OSError as error:
            raise OSError(error.errno, f"the device {self._path} went away ({error.strerror})") from error


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no device {path}: `ls /dev/input/by-id` lists those there are; "
            "set the parameter `path`"
        ) from None
    except PermissionError:
        raise PermissionError(
            f"the device {path} may not be read by this user: add the user to the group `input`"
        ) from None


def _check(path: Path, file: int) -> bool:
    """Whether it is a plain file. ValueError if it can hold no input events."""
    status = os.fstat(file)
    if stat.S_ISREG(status.st_mode):
        if status.st_size == 0 or status.st_size % EVENT.size:
            raise ValueError(
                f"{path} is no recording of input events: {status.st_size} bytes are not a whole number "
                f"of events of {EVENT.size} bytes"
            )
        return True
    if stat.S_ISCHR(status.st_mode):
        _ask_version(path, file)
    elif not stat.S_ISFIFO(status.st_mode):
        raise ValueError(f"{path} is neither a device nor a fifo nor a file: set the parameter `path`")
    return False


def _ask_version(path: Path, file: int) -> None:
    try:
        fcntl.ioctl(file, GET_VERSION, bytes(4))
    except OSError as error:
        raise ValueError(f"{path} is no evdev device: name one such as /dev/input/event3") from error


def _clipped(counts: int) -> int:
    return min(max(counts, -LARGEST), LARGEST)
