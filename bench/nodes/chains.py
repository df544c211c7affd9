"""BRAND's own test, of rtmesh and of Redis streams: which runs there are, and their rows and tables."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.awake import AwakeError, held_by_others, kept_awake
from bench.document import Cell, Row, Table, compare
from bench.figures import Spread, median_of_runs, spread
from bench.nodes.attempts import Attempts
from bench.nodes.chain import run_rtmesh
from bench.nodes.figures import Parts, cells_of
from bench.nodes.hops import Chain
from bench.nodes.redis_rival import run_redis

OURS, REDIS = "rtmesh", "Redis streams"
ANYWHERE = "rtmesh, --loop-cpus any"
LENGTHS = (1, 2, 3, 4)
RATE_HZ = 1000
FULL_S = 20.0
P50_TARGET, P99_TARGET = 0.15, 0.25

# The runs of each, by system and how many nodes are behind the source.
Chains = Mapping[tuple[str, int], Sequence[Chain]]
Run = Callable[[Path, int, int, float], Chain]


@dataclass(frozen=True)
class Setting:
    """How all the systems of one table run."""

    title: str
    is_awake: bool
    systems: Mapping[str, Run]
    # How often they run, in turn: what a shared computer does to one for a minute is to meet all of them.
    runs: int
    seconds: float
    quick_seconds: float
    # Of Redis, for p50 and for p99.
    targets: tuple[float | None, float | None]

    def holding(self) -> contextlib.AbstractContextManager[None]:
        """What is held while one of them runs: the same for each."""
        return kept_awake() if self.is_awake else contextlib.nullcontext()


AS_IT_COMES = Setting(
    "BRAND's test", False, {OURS: run_rtmesh, REDIS: run_redis}, 5, FULL_S, 3.0, (P50_TARGET, P99_TARGET)
)
# The kernel places the loops, not meshd: what its placing is worth.
_run_anywhere = functools.partial(run_rtmesh, options=("--loop-cpus", "any"))
AWAKE = Setting(
    "BRAND's test (CPUs kept awake)",
    True,
    {OURS: run_rtmesh, ANYWHERE: _run_anywhere, REDIS: run_redis},
    1,
    20.0,
    2.0,
    (None, None),
)
SETTINGS = (AS_IT_COMES, AWAKE)


def measure(attempt: Attempts, is_quick: bool, seconds: float | None = None) -> Parts:
    """All of them; `seconds` is how long one run of those as they come takes."""
    if note := held_by_others():
        attempt.notes.append(note)
    rows: list[Row] = []
    tables: list[Table] = []
    for setting in SETTINGS:
        if is_quick:
            setting = replace(setting, runs=1, seconds=setting.quick_seconds)
        if seconds and not setting.is_awake:
            setting = replace(setting, seconds=seconds)
        chains = _run_all(attempt, setting)
        rows += rows_of(setting, chains)
        tables += tables_of(setting, chains)
    return rows, tables


def _run_all(attempt: Attempts, setting: Setting) -> Chains:
    """Ours and theirs in turn at each length, all of that as often as the setting says."""
    chains: dict[tuple[str, int], list[Chain]] = {}
    for run in range(1, setting.runs + 1):
        for nodes, name in itertools.product(LENGTHS, setting.systems):
            what = (
                f"{setting.title}, {name}, {nodes} nodes, {setting.seconds:g} s (run {run} of {setting.runs})"
            )
            try:
                with setting.holding():
                    chain = attempt(what, setting.systems[name], nodes, RATE_HZ, setting.seconds)
            except AwakeError as error:
                attempt.miss(setting.title, str(error))
                return chains
            if chain:
                chains.setdefault((name, nodes), []).append(chain)
    return chains


def rows_of(setting: Setting, chains: Chains) -> list[Row]:
    """A row a length of the chain for p50 and for p99."""
    rows = []
    for nodes in LENGTHS:
        ours, theirs = chains.get((OURS, nodes), ()), chains.get((REDIS, nodes), ())
        for name, target in zip(("p50", "p99"), setting.targets):
            if target is None and not (ours or theirs):
                continue
            rivals = {REDIS: getattr(_whole(theirs), name)} if theirs else {}
            figure = getattr(_whole(ours), name) if ours else None
            case = f"{setting.title}, {nodes} chained nodes, whole chain {name}"
            is_whole = bool(ours) and not any(chain.lost for chain in ours)
            note = f"lost: rtmesh {_lost(ours)}, Redis {_lost(theirs)}"
            rows.append(compare(case, "us", "lower", figure, rivals, target=target, also=is_whole, note=note))
    return rows


def tables_of(setting: Setting, chains: Chains) -> list[Table]:
    """Every hop of every chain."""
    cells: list[list[Cell]] = []
    for (name, nodes), runs in chains.items():
        sent, lost = sum(chain.sent for chain in runs), sum(chain.lost for chain in runs)
        cells.append([name, nodes, "whole", *cells_of(_whole(runs)), sent, lost])
        for hop in range(len(runs[0].hops_us)):
            cells.append([name, nodes, f"hop {hop + 1}", *cells_of(_hop(runs, hop)), None, None])
    columns = ["system", "nodes", "part", "p50", "p99", "p99.9", "max", "sent", "lost"]
    return [Table(f"{setting.title}, {_how_long(setting)}, us", columns, cells)] if cells else []


def _how_long(setting: Setting) -> str:
    if setting.runs == 1:
        return f"{setting.seconds:g} s each"
    return f"{setting.runs} runs of {setting.seconds:g} s each, in turn"


def _whole(runs: Sequence[Chain]) -> Spread:
    return _over_runs([spread(chain.whole_us) for chain in runs])


def _hop(runs: Sequence[Chain], hop: int) -> Spread:
    return _over_runs([spread(chain.hops_us[hop]) for chain in runs])


def _over_runs(runs: Sequence[Spread]) -> Spread:
    """The median of each figure, but the longest of all."""
    return replace(median_of_runs(runs), max=max(run.max for run in runs))


def _lost(runs: Sequence[Chain]) -> str:
    lost, sent = sum(chain.lost for chain in runs), sum(chain.sent for chain in runs)
    return f"{lost} of {sent}" if runs else "not measured"
