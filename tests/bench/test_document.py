"""A row beside its rivals, and the file it travels in."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.document import Document, Row, Table, compare, judge, read, write


def test_where_lower_is_better_the_lowest_rival_is_the_best() -> None:
    row = compare("c", "us", "lower", 2.0, {"slow": 20.0, "fast": 10.0}, target=0.2)

    assert (row.best_rival, row.best_rival_figure, row.ratio, row.met) == ("fast", 10.0, 0.2, True)


def test_where_higher_is_better_the_highest_rival_is_the_best() -> None:
    row = compare("c", "messages/s", "higher", 30.0, {"slow": 5.0, "fast": 20.0}, target=2.0)

    assert (row.best_rival, row.ratio, row.met) == ("fast", 1.5, False)


@pytest.mark.parametrize(("ours", "met"), [(19.9, False), (20.0, True), (20.1, True)])
def test_a_bound_itself_is_met(ours: float, met: bool) -> None:
    assert compare("c", "messages/s", "higher", ours, {"rival": 10.0}, target=2.0).met is met


def test_target_and_stretch_are_judged_apart() -> None:
    row = compare("c", "us", "lower", 0.95, {"rival": 1.0}, target=1.0, stretch=0.9)

    assert (row.met, row.stretch_met) == (True, False)


def test_a_target_whose_other_condition_fails_is_missed() -> None:
    assert compare("c", "us", "lower", 1.0, {"rival": 10.0}, target=0.7, also=False).met is False


@pytest.mark.parametrize(("ours", "rivals"), [(None, {"rival": 1.0}), (1.0, {})])
def test_what_was_not_measured_is_not_judged(ours: float | None, rivals: dict[str, float]) -> None:
    row = compare("c", "us", "lower", ours, rivals, target=0.5)

    assert row.ratio is None
    assert row.met is None


def test_a_rival_can_be_ahead_though_the_target_is_met() -> None:
    assert compare("c", "messages/s", "higher", 9.0, {"rival": 10.0}, target=0.8).is_behind
    assert not compare("c", "us", "lower", 9.0, {"rival": 10.0}).is_behind


def test_a_bound_that_names_no_rival_is_judged_alone() -> None:
    assert judge("c", "us", 7.5, most=8.0).met is True
    assert judge("c", "us", 8.5, most=8.0).met is False
    assert judge("c", "us", None, most=8.0).met is None
    assert not judge("c", "us", 8.5, most=8.0).is_behind


def test_a_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    row = compare("c", "us", "lower", 2.0, {"rival": 10.0}, target=0.2, note="n")
    document = Document("t", "m", [row], [Table("x", ["a"], [[1.5], [None]])], ["note"], {"cores": 2}, 10)

    write(document, tmp_path / "new" / "one.json")

    assert read(tmp_path / "new" / "one.json") == document
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["one.json"]


@pytest.mark.parametrize(
    "text", ['{"title": "t", "method": "m", "schema": 99}', '{"title": "t", "rows": [{"no": 1}]}', "[]"]
)
def test_a_file_of_another_schema_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)

    with pytest.raises(ValueError, match="odd.json"):
        read(path)


def test_a_row_needs_only_what_every_case_has() -> None:
    assert Row("c", "us", "lower", 1.0).met is None
