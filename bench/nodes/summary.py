"""Rows and tables of what was measured of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench.document import Cell, Row, Table, compare, judge
from bench.figures import Spread, median_of_runs, spread
from bench.nodes.costs import SYSTEMS, Cost
from bench.nodes.hops import Chain
from bench.nodes.typed import Kind, Setting

METHOD = (
    "A typed message: from before `send()` to inside the other node's `@on` and back, halved, beside the "
    "same bytes on two bare rings with the same pins and the same spin; interleaved, medians of 5 runs. "
    "BRAND's test: `int16[1024, 30]` at 1 kHz, time stamps in the message, run by `meshctl up` with "
    "its services; Redis as BRAND drives it: one process a node, XREAD BLOCK of one entry and "
    "XADD, over a Unix socket. "
    "Start-up: from the command to the first message at the last node. Nothing is trimmed."
)
TypedTimes = dict[tuple[Kind, Setting], list[tuple[list[float], list[float]]]]
Parts = tuple[list[Row], list[Table]]


def typed(times: TypedTimes, steps: Mapping[Kind, Mapping[str, float]]) -> Parts:
    """The SDK over the bare ring, and where a step spends its time."""
    rows, cells = [], []
    for (kind, setting), runs in times.items():
        bare = median_of_runs(spread(bare) for bare, _ in runs)
        sdk = median_of_runs(spread(sdk) for _, sdk in runs)
        extra_us = median(spread(sdk).p50 - spread(bare).p50 for bare, sdk in runs)
        if setting.spin_ns:
            case = f"SDK over the bare ring, {kind.name}, half round trip p50, {setting.name}"
            rows.append(
                judge(case, "us", extra_us, kind.most_us, f"SDK {sdk.p50:.1f}, bare ring {bare.p50:.1f}")
            )
        cells += [
            [kind.name, setting.name, "SDK", *_figures(sdk)],
            [kind.name, setting.name, "bare ring", *_figures(bare)],
        ]
    tables = [
        Table("Half round trips, us", ["message", "setting", "system", "p50", "p99", "p99.9", "max"], cells)
    ]
    if steps:
        names = list(next(iter(steps.values())))
        pieces: list[list[Cell]] = [[name, *(step[name] for step in steps.values())] for name in names]
        note = (
            "Medians, pinned and spinning, of the node that answers. `sent` is the time in the message's "
            "header; "
            "what follows `published` is done while the message flies. Each time stamp adds about 0.1 us."
        )
        tables.append(
            Table(
                "Where a step of the loop spends its time, us",
                ["piece", *(kind.name for kind in steps)],
                pieces,
                note,
            )
        )
    return rows, tables


def chain(chains: Mapping[tuple[str, int], Chain], sizes: Sequence[int]) -> Parts:
    """BRAND's test: a row a length of the chain for p50 and p99, and a table of every hop."""
    rows, cells = [], []
    for nodes in sizes:
        ours, theirs = chains.get(("rtmesh", nodes)), chains.get(("Redis streams", nodes))
        for name, target in (("p50", 0.15), ("p99", 0.25)):
            figures = {"Redis streams": getattr(spread(theirs.whole_us), name)} if theirs else {}
            figure = getattr(spread(ours.whole_us), name) if ours else None
            note = f"lost: rtmesh {_lost(ours)}, Redis {_lost(theirs)}"
            case = f"BRAND's test, {nodes} chained nodes, whole chain {name}"
            is_whole = ours is not None and ours.lost == 0
            rows.append(
                compare(case, "us", "lower", figure, figures, target=target, also=is_whole, note=note)
            )
    for (name, nodes), each in chains.items():
        cells.append([name, nodes, "whole", *_figures(spread(each.whole_us)), each.sent, each.lost])
        cells += [
            [name, nodes, f"hop {i}", *_figures(spread(hop)), None, None]
            for i, hop in enumerate(each.hops_us, 1)
        ]
    columns = ["system", "nodes", "part", "p50", "p99", "p99.9", "max", "sent", "lost"]
    return rows, [Table("BRAND's test, us", columns, cells)] if cells else []


def costs(measured: Mapping[tuple[str, int], Sequence[Cost]], sizes: Sequence[int]) -> Parts:
    """Start-up and memory beside dora and ezmsg: no target, but it is told who is ahead."""
    rows, cells = [], []
    kinds = (
        ("start-up", "s", lambda cost: cost.start_s),
        ("memory of all processes, PSS", "MiB", lambda cost: cost.total_pss_mib),
    )
    for nodes in sizes:
        for what, unit, figure_of in kinds:
            figures = {
                name: median(map(figure_of, measured[name, nodes]))
                for name in SYSTEMS
                if (name, nodes) in measured
            }
            ours = figures.pop("rtmesh", None)
            rows.append(compare(f"{what}, {nodes} nodes", unit, "lower", ours, figures))
    for (name, nodes), runs in measured.items():
        start_s, total = median(run.start_s for run in runs), median(run.total_pss_mib for run in runs)
        for kind in runs[0].pss_mib or ["–"]:
            pss, uss = (
                median(getattr(run, field).get(kind, 0.0) for run in runs) for field in ("pss_mib", "uss_mib")
            )
            cells.append([name, nodes, kind, start_s, pss, uss, total])
    columns = [
        "system",
        "nodes",
        "process",
        "start-up, s",
        "PSS each, MiB",
        "USS each, MiB",
        "PSS of all, MiB",
    ]
    return rows, [Table("Memory and start-up", columns, cells)] if cells else []


def _lost(chain: Chain | None) -> str:
    return f"{chain.lost} of {chain.sent}" if chain else "not measured"


def _figures(measured: Spread) -> list[Cell]:
    return [float(measured.p50), float(measured.p99), float(measured.p999), float(measured.max)]
