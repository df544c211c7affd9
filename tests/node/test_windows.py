"""Windows by count and by time, decided without rings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laboratory import sample, sample_type

from rtmesh.node.windows import CountGathering, TimeGathering, Window


def by_count(size: int) -> CountGathering:
    return CountGathering(sample_type().descriptor, size)


def by_time(length_ns: int) -> TimeGathering:
    return TimeGathering(sample_type().descriptor, length_ns)


def gathered(gathering: CountGathering | TimeGathering, times_ns: list[int]) -> list[Window]:
    """All windows of messages with these origin times, numbered by `count`, and the end of the stream."""
    messages = [sample(time_ns=time_ns, count=number) for number, time_ns in enumerate(times_ns)]
    windows = [gathering.add(message) for message in messages]
    return [window for window in (*windows, gathering.end()) if window is not None]


def test_a_window_by_count_has_exactly_so_many_messages() -> None:
    windows = gathered(by_count(3), list(range(6)))

    assert [list(window["count"]) for window in windows] == [[0, 1, 2], [3, 4, 5]]
    assert not any(window.is_partial for window in windows)


def test_the_end_of_the_stream_closes_a_partial_window() -> None:
    whole, rest = gathered(by_count(3), list(range(5)))

    assert not whole.is_partial
    assert rest.is_partial
    assert list(rest["count"]) == [3, 4]


def test_a_stream_that_ends_with_a_window_leaves_no_partial_one() -> None:
    assert len(gathered(by_count(3), [1, 2, 3])) == 1
    assert gathered(by_count(3), []) == []


def test_a_window_by_count_spans_its_first_to_its_last_message() -> None:
    (window,) = gathered(by_count(3), [10, 20, 35])

    assert (window.start_time_ns, window.end_time_ns) == (10, 35)


def test_windows_by_time_are_aligned_to_the_first_message() -> None:
    windows = gathered(by_time(10), [103, 105, 112, 113, 122, 123])

    assert [list(window["count"]) for window in windows] == [[0, 1, 2], [3, 4], [5]]
    assert [window.start_time_ns for window in windows] == [103, 113, 123]
    assert [window.end_time_ns for window in windows] == [113, 123, 133]
    assert [window.is_partial for window in windows] == [False, False, True]


def test_a_span_without_messages_gives_no_window() -> None:
    windows = gathered(by_time(10), [0, 35])

    assert [window.start_time_ns for window in windows] == [0, 30]


def test_a_late_message_falls_into_the_open_window() -> None:
    windows = gathered(by_time(10), [0, 10, 9, 20])

    assert [list(window["count"]) for window in windows] == [[0], [1, 2], [3]]


@given(st.lists(st.integers(0, 200), max_size=40).map(sorted), st.integers(1, 50))
def test_no_message_is_lost_between_windows_by_time(times_ns: list[int], length_ns: int) -> None:
    windows = gathered(by_time(length_ns), times_ns)

    assert [number for window in windows for number in window["count"]] == list(range(len(times_ns)))
    for window in windows:
        assert all(window.start_time_ns <= header.origin_time_ns < window.end_time_ns for header in window)


def window_of(*fields: dict[str, object]) -> Window:
    gathering = by_count(len(fields))
    windows = [gathering.add(sample(**each)) for each in fields]
    assert windows[-1] is not None
    return windows[-1]


def test_arrays_are_stacked_with_their_dtype() -> None:
    window = window_of(*({"values": np.full((2, 3), k, np.int8)} for k in range(4)))

    assert window.values.shape == (4, 2, 3)
    assert window.values.dtype == np.int8
    assert list(window.values[:, 0, 0]) == [0, 1, 2, 3]


def test_numbers_are_stacked_into_one_array() -> None:
    window = window_of({"gain": 0.5, "count": 3}, {"gain": 1.5, "count": 4})

    assert window.gain.dtype == np.float64
    assert list(window.gain) == [0.5, 1.5]
    assert window["count"].dtype == np.uint32


def test_repeated_numbers_are_stacked_if_they_are_as_long() -> None:
    assert window_of({"marks": [1, 2]}, {"marks": [3, 4]}).marks.tolist() == [[1, 2], [3, 4]]
    assert [row.tolist() for row in window_of({"marks": [1]}, {"marks": [3, 4]}).marks] == [[1], [3, 4]]


def test_other_fields_are_lists() -> None:
    assert window_of({"label": "a"}, {"label": "b"}).label == ["a", "b"]


def test_count_is_the_number_of_messages_even_if_a_field_is_called_so() -> None:
    window = window_of({"count": 7}, {"count": 8})

    assert window.count == 2 == len(window)
    assert list(window["count"]) == [7, 8]


def test_iterating_gives_the_headers() -> None:
    gathering = by_count(2)
    gathering.add(sample(sequence=4))
    window = gathering.add(sample(sequence=5))

    assert window is not None
    assert [header.origin_sequence for header in window] == [4, 5]


def test_arrays_of_different_shapes_are_told_by_field() -> None:
    window = window_of({"values": np.zeros(2)}, {"values": np.zeros(3)})

    with pytest.raises(ValueError, match=r"lab\.v1\.Sample\.values differs within a window"):
        _ = window.values


def test_an_unknown_field_is_told_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match="has no field 'spikes'; it has values, gain"):
        _ = window_of({}).spikes
