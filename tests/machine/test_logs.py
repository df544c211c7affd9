"""Logs: one file a life, bounded, read from any point, followed through cuts and lives."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from rtmesh.machine.log_files import LogFiles
from rtmesh.machine.log_reader import CHUNK_BYTES, LogReader
from rtmesh.machine.paths import KEPT_RUNS, Paths
from rtmesh.v1 import graph_pb2, machine_pb2


@pytest.fixture
def files(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path, "sum")


def rest(reader: LogReader) -> bytes:
    return b"".join(iter(reader.next_chunk, b""))


def lines(numbers: range) -> bytes:
    return b"".join(b"line %d\n" % number for number in numbers)


def append(files: LogFiles, text: bytes) -> None:
    with files.current.open("ab") as log:
        log.write(text)


def cut(files: LogFiles) -> None:
    files.bound(most_bytes=0)


# files


def test_each_life_has_its_log_and_three_before_it_are_kept(files):
    for life in range(6):
        files.begin_life()
        append(files, b"%d" % life)

    assert files.current.read_text() == "5"
    assert [files.before(lives).read_text() for lives in (1, 2, 3)] == ["4", "3", "2"]
    assert not files.before(4).exists()


def test_a_log_that_is_cut_goes_on_through_the_descriptor_that_writes_it(files):
    writer = os.open(files.current, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(writer, lines(range(100)))
        files.bound(most_bytes=100)
        os.write(writer, b"after\n")
    finally:
        os.close(writer)

    assert files.older.read_bytes() == lines(range(100))
    assert files.current.read_bytes() == b"after\n"


def test_a_log_of_a_usual_size_is_left_alone(files):
    append(files, lines(range(100)))

    files.bound()

    assert files.current.read_bytes() == lines(range(100))
    assert not files.older.exists()


def test_a_log_that_cannot_be_copied_is_cut_all_the_same(files):
    append(files, lines(range(100)))
    files.older.with_suffix(".new").mkdir()

    files.bound(most_bytes=10)

    assert files.current.stat().st_size == 0


def test_an_older_part_does_not_outlive_its_life(files):
    append(files, b"a")
    cut(files)
    files.begin_life()

    assert not files.older.exists()


# reading


def test_a_log_is_read_whole_in_chunks(files):
    text = lines(range(30_000))
    append(files, text)

    chunks = list(iter(LogReader(files).next_chunk, b""))

    assert b"".join(chunks) == text
    assert max(map(len, chunks)) == CHUNK_BYTES


def test_the_older_part_comes_first(files):
    append(files, b"one\n")
    cut(files)
    append(files, b"two\n")

    assert rest(LogReader(files)) == b"one\ntwo\n"


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, "c\n"), (2, "b\nc\n"), (3, "a\nb\nc\n"), (4, "z\na\nb\nc\n"), (9, "y\nz\na\nb\nc\n")],
)
def test_the_last_lines_are_those_asked_for(files, count, expected):
    append(files, b"y\nz\n")
    cut(files)
    append(files, b"a\nb\nc\n")

    assert rest(LogReader(files, count)).decode() == expected


def test_a_last_line_without_end_is_a_line(files):
    append(files, b"a\nb\nc")

    assert rest(LogReader(files, 2)) == b"b\nc"


def test_an_empty_log_has_no_last_lines(files):
    append(files, b"")

    assert rest(LogReader(files, 5)) == b""


def test_a_reader_goes_on_as_the_log_grows_is_cut_and_starts_anew(files):
    append(files, b"1\n")
    reader = LogReader(files)
    read = [rest(reader)]
    steps = [
        (b"2\n", "grow"),
        (b"3\n", "cut"),
        (b"4 is longer than all before it together\n", "cut"),
        (b"5\n", "life"),
        (b"6\n", "cut"),
        (b"7\n", "life"),
        (b"8\n", "grow"),
    ]
    for text, then in steps:
        append(files, text)
        if then == "cut":
            cut(files)
        if then == "life":
            files.begin_life()
            append(files, b"")
        read.append(rest(reader))

    assert b"".join(read) == b"1\n" + b"".join(text for text, _ in steps)


def test_a_cut_before_the_reader_came_to_the_end_loses_nothing(files):
    text = lines(range(20_000))
    append(files, text)
    reader = LogReader(files)
    first = reader.next_chunk()

    cut(files)
    append(files, b"more\n")
    cut_again = rest(reader)

    assert first + cut_again == text + b"more\n"


def test_a_second_cut_while_the_older_part_is_read_loses_nothing(files):
    text = lines(range(20_000))
    append(files, text)
    cut(files)
    reader = LogReader(files)
    first = reader.next_chunk()
    append(files, b"second\n")
    cut(files)
    append(files, b"third\n")

    assert first + rest(reader) == text + b"second\nthird\n"


# of meshd

TAIL_BYTES = 100


class Reading:
    """Asks meshd for logs, and waits for what it answers."""

    def __init__(self, machine) -> None:
        self._machine = machine
        self._numbers = itertools.count(1)
        self._texts: dict[int, bytearray] = {}
        self._seen = 0

    def begin(self, node: str, **fields: object) -> int:
        number = next(self._numbers)
        order = machine_pb2.ReadLog(id=number, node=node, **{"run": "run-1"} | fields)
        self._machine.scheduler.give(read_log=order)
        return number

    def text(self, number: int) -> bytes:
        """What came for that id so far. Each report is looked at once: a log is many."""
        reports = self._machine.scheduler.reports
        while self._seen < len(reports):
            chunk = reports[self._seen].log
            self._seen += 1
            self._texts.setdefault(chunk.id, bytearray()).extend(chunk.text)
        return bytes(self._texts.get(number, b"")[-TAIL_BYTES:])

    def until_text(self, number: int, text: bytes) -> None:
        self._machine.scheduler.until(lambda _: text in self.text(number))

    def until_end(self, number: int) -> machine_pb2.LogChunk:
        return self._machine.scheduler.until(lambda told: told.log.id == number and told.log.end).log

    def error(self, node: str, **fields: object) -> str:
        return self.until_end(self.begin(node, **fields)).error


@pytest.fixture
def reading(machine) -> Reading:
    return Reading(machine)


def failing_plan(plans):
    restart = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=1, backoff_ms=10)
    return plans.chain(plans.node("source", "exit=3", restart=restart), plans.node("sink", "take"))


def test_the_log_of_a_node_and_of_its_life_before(machine, plans, reading):
    machine.begin_run(failing_plan(plans))
    machine.until_state("source", "FAILED")
    now, before = reading.begin("source"), reading.begin("source", previous=True)

    assert reading.until_end(now).error == reading.until_end(before).error == ""
    assert reading.text(now) == reading.text(before) == b"last words\n"
    assert reading.error("sink", previous=True).startswith("sink has lived once in run run-1")
    machine.stop_run()
    after = reading.begin("source")
    assert reading.until_end(after).error == ""
    assert reading.text(after) == b"last words\n"


@pytest.mark.parametrize(
    ("node", "run", "told"),
    [
        ("nobody", "run-1", "run run-1 has no log of a node nobody on this machine"),
        ("source", "run-9", "there are no logs of run run-9 here"),
        ("../state", "run-1", "run-1/../state cannot name a run and a node"),
        ("source", "..", "../source cannot name a run and a node"),
    ],
)
def test_a_log_that_is_not_there_is_told(machine, plans, reading, node, run, told):
    machine.begin_run(plans.chain(plans.node("source", "endless"), plans.node("sink", "take")))

    assert reading.error(node, run=run).startswith(told)

    machine.stop_run()


def test_a_log_is_followed_through_cuts_until_the_run_ends(machine, plans, reading):
    machine.begin_run(plans.chain(plans.node("source", "endless"), plans.node("sink", "take")))
    files = LogFiles(machine.folder / "run-1", "sink")
    append(files, b"first\nsecond\n")
    number = reading.begin("sink", follow=True, last_lines=1)
    reading.until_text(number, b"second\n")

    append(files, b"x" * (16 * 1024 * 1024) + b"\nthird\n")
    reading.until_text(number, b"third\n")
    append(files, b"fourth\n")
    reading.until_text(number, b"fourth\n")
    machine.stop_run()

    assert reading.until_end(number).error == ""
    assert reading.text(number).endswith(b"xx\nthird\nfourth\n")
    assert files.older.exists()


def test_a_read_that_was_cancelled_says_no_more(machine, plans, reading):
    machine.begin_run(plans.chain(plans.node("source", "endless"), plans.node("sink", "take")))
    files = LogFiles(machine.folder / "run-1", "sink")
    append(files, b"first\n")
    number = reading.begin("sink", follow=True)
    reading.until_text(number, b"first\n")

    machine.scheduler.give(cancel_log=machine_pb2.CancelLog(id=number))
    machine.scheduler.give(cancel_log=machine_pb2.CancelLog(id=99))
    reading.error("nobody")  # orders are taken in turn: the cancel has been
    append(files, b"second\n")
    machine.stop_run()

    assert reading.text(number) == b"first\n"
    assert not [report for report in machine.scheduler.reports if report.log.id == number and report.log.end]


def test_the_newest_run_folders_are_kept(tmp_path):
    paths = Paths(tmp_path, "solo")
    for number in range(KEPT_RUNS + 3):
        folder = paths.run(f"run-{number}").folder
        folder.mkdir(parents=True)
        os.utime(folder, (number, number))

    paths.remove_old_runs({"run-0"})

    kept = sorted(path.name for path in paths.folder.iterdir())
    assert kept == ["run-0", *(f"run-{number}" for number in range(3, KEPT_RUNS + 3))]
