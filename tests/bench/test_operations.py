"""pytest-benchmark's file becomes a table for RESULTS.md."""

from __future__ import annotations

from bench.operations import document


def test_operations_are_listed_by_file_in_microseconds() -> None:
    stats = {"min": 1e-6, "median": 2e-6, "max": 3e-3, "rounds": 7, "mean": 9.0}
    names = ["bench/bench_b.py::bench_two", "bench/bench_a.py::bench_one[64]"]
    found = document(
        {"benchmarks": [{"fullname": name, "name": name.split("::")[1], "stats": stats} for name in names]}
    )

    assert [table.title for table in found.tables] == ["bench_a.py", "bench_b.py"]
    assert found.tables[0].columns == ["operation", "min us", "median us", "max us", "rounds"]
    assert found.tables[0].rows == [["one[64]", 1.0, 2.0, 3000.0, 7]]
