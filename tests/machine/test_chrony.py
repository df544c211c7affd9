"""What chrony says of a machine's wall clock, whatever it says."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.machine.chrony import parse_tracking, read_tracking

LINE = (
    "A29FC801,162.159.200.1,3,1759180000.123456789,-0.000012345,0.000003216,"
    "0.000030721,5.171,0.023,0.313,0.031503677,0.001528731,1040.9,Normal\n"
)
UNSYNCHRONISED = (
    "00000000,,0,0.000000000,0.000000000,0.000000000,"
    "0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n"
)


def test_a_synchronised_clock_is_told_with_source_stratum_and_offset() -> None:
    told = parse_tracking(LINE)

    assert told is not None and told.synchronised
    assert (told.reference, told.stratum, told.offset_ns) == ("162.159.200.1", 3, -12_345)


def test_a_leap_second_to_come_is_no_fault() -> None:
    told = parse_tracking(LINE.replace("Normal", "Insert second"))

    assert told is not None and told.synchronised


def test_a_chrony_without_a_source_is_not_synchronised() -> None:
    told = parse_tracking(UNSYNCHRONISED)

    assert told is not None and not told.synchronised


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "506 Cannot talk to daemon\n",
        LINE.replace(",Normal", ""),
        LINE.replace(",3,", ",three,"),
        LINE.replace(",3,", ",-1,"),
        LINE.replace(",3,", ",99999999999,"),
        LINE.replace("-0.000012345", "nan"),
        LINE.replace("-0.000012345", "inf"),
        LINE.replace("-0.000012345", "1e300"),
        "Reference ID    : A29FC801 (162.159.200.1)\nStratum         : 3\n",
    ],
)
def test_what_is_not_such_a_line_is_nothing(text: str) -> None:
    assert parse_tracking(text) is None


@given(st.text() | st.lists(st.text(), min_size=14, max_size=14).map(",".join))
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_tracking(text)


def test_chrony_that_is_not_installed_is_no_error() -> None:
    assert read_tracking(("/nowhere/chronyc",)) is None


def test_chrony_that_does_not_run_is_no_error() -> None:
    assert read_tracking((sys.executable, "-c", f"print({LINE.strip()!r}); raise SystemExit(1)")) is None


def test_the_line_of_the_program_is_read() -> None:
    told = read_tracking((sys.executable, "-c", f"print({LINE.strip()!r})"))

    assert told is not None and told.stratum == 3
