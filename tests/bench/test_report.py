"""The text of RESULTS.md: what is missed and where others are ahead stand first."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.document import Document, Row, Table, compare, write
from bench.report import compose, number, table_text, write_report

MET = compare("quick case", "us", "lower", 1.0, {"rival": 10.0}, target=0.2)
MISSED = compare("slow case", "us", "lower", 5.0, {"rival": 10.0}, target=0.2, note="why so")
BEHIND = compare("lost case", "messages/s", "higher", 9.0, {"swift": 10.0}, target=0.8)
UNKNOWN = Row("other case", "us", "lower", None, target=0.2)


def section(text: str, heading: str) -> str:
    """What stands below the heading that begins so."""
    return text.split(f"## {heading}")[1].split("\n## ")[0]


def test_targets_are_counted_and_the_missed_are_named() -> None:
    targets = section(compose([Document("t", "m", [MET, MISSED, BEHIND, UNKNOWN])]), "Targets")

    assert targets.startswith(": 2 met, 1 missed, 1 not measured")
    assert (
        "**Missed**: slow case: rtmesh 5 us, rival 10 us; ratio 0.5, target at most 0.2 (why so)" in targets
    )
    assert "Not measured: other case" in targets
    assert "quick case" not in targets


def test_where_a_rival_is_ahead_is_told_also_when_the_target_is_met() -> None:
    behind = section(compose([Document("t", "m", [MET, MISSED, BEHIND])]), "Where another system is ahead")

    assert "lost case: rtmesh 9 messages/s, swift 10 messages/s; ratio 0.9" in behind
    assert "slow case" not in behind


def test_sections_stand_by_their_order_then_title() -> None:
    documents = [Document("b", "m", order=20), Document("c", "m", order=10), Document("a", "m", order=20)]

    headings = [line for line in compose(documents).splitlines() if line in ("## a", "## b", "## c")]

    assert headings == ["## c", "## a", "## b"]


def test_a_section_tells_method_machine_notes_rows_and_tables() -> None:
    table = Table("all of them", ["system", "us"], [["rtmesh", 1.0], ["absent one", None]], note="below")
    environment = {"CPU": "Zen", "versions": {"pyzmq": "27"}}
    text = compose([Document("t", "how", [MET], [table], ["a note"], environment)])

    for part in ["**Method.** how", "CPU: Zen; versions: pyzmq 27", "- a note", "### all of them", "below"]:
        assert part in text
    assert "| quick case | us | 1 | rival | 10 | 0.1 | at most 0.2 | met |" in text
    assert "| absent one | – |" in text


def test_a_missed_target_stands_out_in_its_row() -> None:
    row = compare("c", "messages/s", "higher", 9.0, {"rival": 10.0}, target=0.8, stretch=1.0)
    text = compose([Document("t", "m", [MISSED, row])])

    assert "at most 0.2 | **missed** |" in text
    assert "at least 0.8 (stretch 1) | met, stretch missed |" in text


def test_every_result_in_the_folder_has_a_section(tmp_path: Path) -> None:
    results = tmp_path / "results"
    write(Document("one", "m"), results / "one.json")
    write(Document("two", "m"), results / "two.json")
    write(Document("part", "m"), results / "partial" / "one.json")
    (results / ".hidden.json").write_text("{")

    text = write_report(results).read_text()

    assert (tmp_path / "RESULTS.md").read_text() == text
    assert "## one" in text and "## two" in text and "## part" not in text


def test_without_results_the_report_says_so() -> None:
    assert "Nothing has been measured yet" in compose([])
    assert "No case has been compared yet" in compose([])


def test_where_nobody_is_ahead_it_says_among_how_many() -> None:
    assert "In none of the 1 cases compared here" in compose([Document("t", "m", [MET])])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (0.5663, "0.566"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (7, "7"),
        (20_000, "20,000"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_cell_cannot_break_its_table() -> None:
    assert table_text(["a"], [["x|y\nz"]]).splitlines()[-1] == "| x\\|y z |"
