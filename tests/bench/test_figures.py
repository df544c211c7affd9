"""Percentiles and medians: by rank, of all values."""

from __future__ import annotations

import pytest

from bench.figures import Spread, median_of_runs, percentile, spread


@pytest.mark.parametrize(("part", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(part: float, value: int) -> None:
    assert percentile(range(1, 101), part) == value


def test_of_one_value_every_percentile_is_it() -> None:
    assert spread([7.0]) == Spread(1, 7.0, 7.0, 7.0, 7.0)


def test_a_spread_trims_nothing() -> None:
    values = [1.0] * 9_999 + [1e9]

    assert spread(values) == Spread(10_000, 1.0, 1.0, 1.0, 1e9)


def test_values_need_no_order() -> None:
    assert spread([3.0, 1.0, 2.0]).p50 == 2.0


def test_runs_are_summed_up_by_the_median_of_each_figure() -> None:
    runs = [Spread(10, p50, p99, p99 + 1, p99 + 2) for p50, p99 in [(1, 30), (5, 10), (2, 20)]]

    assert median_of_runs(runs) == Spread(30, 2, 20, 21, 22)


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])
    with pytest.raises(ValueError, match="no runs"):
        median_of_runs([])
