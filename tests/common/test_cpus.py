"""Lists of CPUs, and what --loop-cpus may be."""

from __future__ import annotations

import os

import pytest

from rtmesh.common.cpus import check_loop_cpus, cpus_text, listed_cpus, parse_cpus
from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "cpus"), [("3", {3}), ("2,3", {2, 3}), ("2-5", {2, 3, 4, 5}), ("7, 0-1", {0, 1, 7})]
)
def test_a_list_is_numbers_and_ranges(text, cpus):
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", "two", "3-1", "-1", "1,,2", "1-", "0x1", "70000", "²"])
def test_what_is_no_list_is_refused(text):
    with pytest.raises(InvalidArgumentError, match="is no list of CPUs: write for example 2,3 or 2-5"):
        parse_cpus(text)


@pytest.mark.parametrize("text", ["", "0", "0-3", "0,2-4,9"])
def test_cpus_are_written_as_they_are_read(text):
    assert cpus_text(parse_cpus(text) if text else ()) == text


def test_auto_and_any_list_nothing():
    assert [listed_cpus(text) for text in ("auto", "any", "1-2")] == [set(), set(), {1, 2}]


def test_a_cpu_that_may_not_be_used_is_refused_with_those_that_may():
    allowed = os.sched_getaffinity(0)
    check_loop_cpus(cpus_text(allowed))

    with pytest.raises(FailedPreconditionError) as refused:
        check_loop_cpus(f"{min(allowed)},60000")

    assert "CPU 60000 does not exist or may not be used here" in refused.value.message
    assert f"choose among {cpus_text(allowed)}" in refused.value.remedy


def test_what_is_neither_word_nor_list_is_refused_with_the_words():
    with pytest.raises(InvalidArgumentError, match="'all' is neither auto, any nor a list of CPUs"):
        check_loop_cpus("all")
