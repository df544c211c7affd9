"""The benchmarks of nodes measure what they say: a few messages, no timing judged, no rival needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.nodes import chains, summary
from bench.nodes.chain import run_rtmesh
from bench.nodes.hops import Chain
from bench.nodes.typed import KINDS, SETTINGS, Kind, bare_us, step_us, typed_us
from bench.report import table_text

SLEEPING = SETTINGS[-1]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_typed_message_and_its_bytes_are_timed_as_often_as_asked(tmp_path: Path, kind: Kind) -> None:
    bare = bare_us(tmp_path, kind, SLEEPING, 20)
    sdk = typed_us(tmp_path, kind, SLEEPING, 20)

    assert len(bare) == len(sdk) == 20
    assert min(bare) > 0
    rows, tables = summary.typed({(kind, SETTINGS[0]): [(bare, sdk)]}, {})
    assert rows[0].target == 1.0
    assert "bare ring" in table_text(tables[0].columns, tables[0].rows)


def test_the_pieces_of_a_step_follow_each_other(tmp_path: Path) -> None:
    pieces = step_us(tmp_path, KINDS[0], 300)

    assert list(pieces)[1:3] == ["woken to taking", "taking to taken"]
    assert all(value >= 0 for name, value in pieces.items() if name != "sent to woken")


def test_a_chain_is_timed_hop_by_hop_and_counted(tmp_path: Path) -> None:
    chain = run_rtmesh(tmp_path, 2, 200, 0.1)

    assert (chain.sent, chain.lost) == (20, 0)
    assert [len(hop) for hop in chain.hops_us] == [20, 20]
    np.testing.assert_allclose(np.sum(chain.hops_us, axis=0), chain.whole_us)


def test_what_did_not_arrive_is_lost_and_misses_the_target() -> None:
    times = np.array([[0, 1_000], [0, 2_000]])
    ours, theirs = Chain(3, np.array([1, 3]), times), Chain(2, np.array([1, 2]), times * 100)

    rows = chains.rows_of(chains.AS_IT_COMES, {("rtmesh", 1): [ours], ("Redis streams", 1): [theirs]})

    assert ours.lost == 1
    assert (rows[0].ratio, rows[0].met) == (0.01, False)
