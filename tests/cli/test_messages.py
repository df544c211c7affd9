"""Messages as text, and what a row of headers tells: pure, without a mesh."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor

from rtmesh.cli.measuring import pace_text, pace_values
from rtmesh.cli.messages import Look, age_text, json_line, text_block, text_lines
from rtmesh.cli.sequences import PaceMeter, SequenceWatch
from rtmesh.client.node_values import message_of
from rtmesh.graph.protos import compile_protos, pool_of
from rtmesh.v1.stream_pb2 import Header

PROTO = """
syntax = "proto3";
package shown.v1;
import "rtmesh/v1/stream.proto";
message Shown {
  rtmesh.v1.Header header = 1;
  optional float gain = 2;
  bool is_on = 3;
  string label = 4;
  bytes raw = 5;
  Mode mode = 6;
  repeated uint32 places = 7;
  map<string, Part> parts = 8;
  Part part = 9;
  repeated Part more = 10;
  rtmesh.v1.Tensor data = 11;
}
message Part { float weight = 1; }
enum Mode { MODE_UNSPECIFIED = 0; MODE_FAST = 1; }
"""
FULL = {
    "header": {"sequence": 7, "epoch": 2, "publish_time_ns": 1_000_000_000},
    "gain": 0.1,
    "label": "a\x1b[2J",
    "raw": "AAEC",
    "mode": "MODE_FAST",
    "places": [1, 2],
    "parts": {"b": {"weight": 2.0}, "a": {"weight": 1.0}},
    "part": {"weight": 0.5},
    "more": [{"weight": 3.0}],
    "data": np.arange(6, dtype=np.int16).reshape(2, 3),
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Descriptor:
    folder = tmp_path_factory.mktemp("protos")
    (folder / "shown.proto").write_text(PROTO)
    return pool_of(compile_protos(["shown.proto"], [folder])).FindMessageTypeByName("shown.v1.Shown")


def lines_of(shown: Descriptor, values: dict[str, Any], **look: Any) -> list[str]:
    return text_lines(message_of(shown, values), Look(**look))


def test_a_block_has_a_line_for_the_header_and_one_for_each_field(shown: Descriptor) -> None:
    block = text_block(message_of(shown, FULL), Look(), now_ns=1_002_500_000)

    assert block.splitlines() == [
        "#7  epoch 2  age 2.50 ms",
        "  gain: 0.1",
        "  is_on: false",
        '  label: "a\\u001b[2J"',
        "  raw: bytes[3] 00 01 02",
        "  mode: MODE_FAST",
        "  places: [1, 2]",
        "  parts:",
        "    a:",
        "      weight: 1.0",
        "    b:",
        "      weight: 2.0",
        "  part:",
        "    weight: 0.5",
        "  more[0]:",
        "    weight: 3.0",
        "  data: int16[2, 3] 0 1 2 3 4 5",
    ]


def test_what_is_not_set_has_no_line_in_text_and_is_null_in_json(shown: Descriptor) -> None:
    message = message_of(shown, {})

    assert [line.partition(":")[0] for line in text_lines(message, Look(fields=("gain", "is_on")))] == [
        "is_on"
    ]
    assert json.loads(json_line(message, Look(fields=("gain", "is_on")))) == {"gain": None, "is_on": False}


@pytest.mark.parametrize(
    ("field", "value", "short"),
    [
        ("data", np.arange(20, dtype=np.uint8), "data: uint8[20] 0 1 2 3 4 5 6 7 … (0 to 19)"),
        ("data", np.linspace(0, 1, 9), "data: float64[9] 0 0.125 0.25 0.375 0.5 0.625 0.75 0.875 … (0 to 1)"),
        ("data", np.zeros(9, bool), f"data: bool[9] {'false ' * 8}…"),
        ("data", np.zeros((0, 3)), "data: float64[0, 3]"),
        ("data", np.float32(0.5), "data: float32[] 0.5"),
        ("places", list(range(10)), "places: [0, 1, 2, 3, 4, 5, 6, 7, … 10 in all]"),
        ("raw", bytes(20), f"raw: bytes[20] {'00 ' * 16}…"),
        ("label", "x" * 300, f'label: "{"x" * 200}" … 300 characters'),
    ],
)
def test_what_is_long_is_shortened_unless_all_is_asked_for(
    shown: Descriptor, field: str, value: object, short: str
) -> None:
    assert lines_of(shown, {field: value}, fields=(field,)) == [short]
    assert "…" not in "".join(lines_of(shown, {field: value}, fields=(field,), is_full=True))


def test_an_age_that_no_message_has_is_not_shown() -> None:
    assert [age_text(age) for age in (830_000, 2_000_000_000, -1, 10**18)] == ["0.83 ms", "2.00 s", "?", "?"]


# What headers tell


def header(sequence: int, epoch: int = 1, time_ns: int = 0) -> Header:
    return Header(sequence=sequence, epoch=epoch, publish_time_ns=time_ns)


def test_a_gap_is_told_with_how_much_is_missing() -> None:
    watch = SequenceWatch()

    assert [watch.note(header(sequence)) for sequence in (5, 6, 10)] == [
        "",
        "",
        "gap: 3 messages before #10 were not seen",
    ]
    assert watch.missed == 3


def test_a_restart_is_no_gap() -> None:
    watch = SequenceWatch()
    watch.note(header(100))

    assert watch.note(header(1, epoch=2)) == "epoch 1 ended at #100: the node was started again"
    assert (watch.missed, watch.restarts) == (0, 1)


def meter_of(*headers: Header, window: int = 100) -> PaceMeter:
    meter = PaceMeter(window)
    for each in headers:
        meter.note(each, 100)
    return meter


def test_the_pace_is_that_of_the_publication_times() -> None:
    pace = meter_of(*(header(k, time_ns=at) for k, at in enumerate((0, 4_000_000, 10_000_000), 1))).total()

    assert (pace.messages, pace.missed, pace.rate_hz, pace.bytes_per_s) == (3, 0, 200.0, 20_000.0)
    assert (pace.mean_ns, pace.std_ns, pace.min_ns, pace.max_ns) == (5e6, 1e6, 4e6, 6e6)


def test_what_was_missed_counts_in_the_rate_and_its_time_is_no_interval() -> None:
    pace = meter_of(header(1), header(2, time_ns=1_000_000), header(5, time_ns=4_000_000)).total()

    assert (pace.rate_hz, pace.missed) == (1000.0, 2)
    assert (pace.mean_ns, pace.max_ns) == (1e6, 1e6)


def test_the_time_of_a_restart_counts_nowhere() -> None:
    pace = meter_of(
        header(9), header(10, time_ns=10), header(1, epoch=2, time_ns=10**9), header(2, 2, 10**9 + 10)
    ).total()

    assert (pace.messages, pace.mean_ns, pace.rate_hz) == (4, 10.0, 1e8)


def test_a_window_forgets_what_is_older() -> None:
    times_ns = [0, 1_000_000, 2_000_000, 4_000_000, 6_000_000]
    meter = meter_of(*(header(k, time_ns=at) for k, at in enumerate(times_ns, 1)), window=2)

    assert (meter.newest().messages, meter.newest().mean_ns) == (3, 2e6)
    assert (meter.total().messages, meter.total().mean_ns) == (5, 1.5e6)


def test_nothing_measured_is_said_in_words_and_null() -> None:
    pace = meter_of(header(1)).total()

    assert pace_text("all", pace) == "sum: 1 messages; a rate needs two"
    assert pace_values("all", pace)["rate_hz"] is None
    json.dumps(pace_values("all", pace), allow_nan=False)


def test_a_pace_is_a_line_for_people() -> None:
    meter = meter_of(*(header(k, time_ns=at) for k, at in enumerate((0, 4_000_000, 10_000_000), 1)))

    assert pace_text("window", meter.newest()) == (
        "3 messages  200.00 Hz  20 kB/s  missed 0  "
        "interval mean 5.000 ms std 1.000 ms min 4.000 ms max 6.000 ms"
    )
