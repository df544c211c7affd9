"""BRAND's own test, of rtmesh and of Redis streams: which runs there are, and their rows and tables."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.awake import AwakeError, held_by_others, kept_awake
from bench.document import Cell, Row, Table, compare
from bench.figures import spread
from bench.nodes.attempts import Attempts
from bench.nodes.chain import run_rtmesh
from bench.nodes.figures import Parts, cells_of
from bench.nodes.hops import Chain
from bench.nodes.redis_rival import run_redis

OURS, REDIS = "rtmesh", "Redis streams"
ANYWHERE = "rtmesh, --loop-cpus any"
LENGTHS = (1, 2, 3, 4)
RATE_HZ = 1000
FULL_S = 60.0
P50_TARGET, P99_TARGET = 0.15, 0.25

# By system and how many nodes are behind the source.
Chains = Mapping[tuple[str, int], Chain]
Run = Callable[[Path, int, int, float], Chain]


@dataclass(frozen=True)
class Setting:
    """How all the systems of one table run."""

    title: str
    is_awake: bool
    runs: Mapping[str, Run]
    seconds: float
    quick_seconds: float
    # Of Redis, for p50 and for p99.
    targets: tuple[float | None, float | None]

    def holding(self) -> contextlib.AbstractContextManager[None]:
        """What is held while one of them runs: the same for each."""
        return kept_awake() if self.is_awake else contextlib.nullcontext()


AS_IT_COMES = Setting(
    "BRAND's test", False, {OURS: run_rtmesh, REDIS: run_redis}, FULL_S, 3.0, (P50_TARGET, P99_TARGET)
)
# The kernel places the loops, not meshd: what its placing is worth.
_run_anywhere = functools.partial(run_rtmesh, options=("--loop-cpus", "any"))
AWAKE = Setting(
    "BRAND's test (CPUs kept awake)",
    True,
    {OURS: run_rtmesh, ANYWHERE: _run_anywhere, REDIS: run_redis},
    20.0,
    2.0,
    (None, None),
)
SETTINGS = (AS_IT_COMES, AWAKE)


def measure(attempt: Attempts, is_quick: bool, seconds: float | None = None) -> Parts:
    """All of them, one chain after the other; `seconds` is how long those as they come run."""
    if note := held_by_others():
        attempt.notes.append(note)
    rows: list[Row] = []
    tables: list[Table] = []
    for setting in SETTINGS:
        length_s = setting.quick_seconds if is_quick else setting.seconds
        if setting is AS_IT_COMES:
            length_s = seconds or length_s
        chains = _run_all(attempt, setting, length_s)
        rows += rows_of(setting, chains)
        tables += tables_of(setting, chains, length_s)
    return rows, tables


def _run_all(attempt: Attempts, setting: Setting, seconds: float) -> Chains:
    """Ours and theirs in turn at each length, so that what one meets the other meets soon."""
    chains: dict[tuple[str, int], Chain] = {}
    for nodes in LENGTHS:
        for name, run in setting.runs.items():
            what = f"{setting.title}, {name}, {nodes} nodes, {seconds:g} s"
            try:
                with setting.holding():
                    chain = attempt(what, run, nodes, RATE_HZ, seconds)
            except AwakeError as error:
                attempt.miss(setting.title, str(error))
                return chains
            if chain:
                chains[name, nodes] = chain
    return chains


def rows_of(setting: Setting, chains: Chains) -> list[Row]:
    """A row a length of the chain for p50 and for p99."""
    rows = []
    for nodes in LENGTHS:
        ours, theirs = chains.get((OURS, nodes)), chains.get((REDIS, nodes))
        for name, target in zip(("p50", "p99"), setting.targets):
            if target is None and not (ours or theirs):
                continue
            rivals = {REDIS: getattr(spread(theirs.whole_us), name)} if theirs else {}
            figure = getattr(spread(ours.whole_us), name) if ours else None
            case = f"{setting.title}, {nodes} chained nodes, whole chain {name}"
            is_whole = ours is not None and ours.lost == 0
            note = f"lost: rtmesh {_lost(ours)}, Redis {_lost(theirs)}"
            rows.append(compare(case, "us", "lower", figure, rivals, target=target, also=is_whole, note=note))
    return rows


def tables_of(setting: Setting, chains: Chains, seconds: float) -> list[Table]:
    """Every hop of every chain."""
    cells: list[list[Cell]] = []
    for (name, nodes), each in chains.items():
        cells.append([name, nodes, "whole", *cells_of(spread(each.whole_us)), each.sent, each.lost])
        for number, hop in enumerate(each.hops_us, 1):
            cells.append([name, nodes, f"hop {number}", *cells_of(spread(hop)), None, None])
    columns = ["system", "nodes", "part", "p50", "p99", "p99.9", "max", "sent", "lost"]
    return [Table(f"{setting.title}, {seconds:g} s each, us", columns, cells)] if cells else []


def _lost(chain: Chain | None) -> str:
    return f"{chain.lost} of {chain.sent}" if chain else "not measured"
