"""Rows and tables of what was measured of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench.document import Cell, Table, compare, judge
from bench.figures import median_of_runs, spread
from bench.nodes.costs import SYSTEMS, Cost
from bench.nodes.figures import Parts, cells_of
from bench.nodes.redis_rival import REDIS_SETTING
from bench.nodes.typed import Kind, Setting

METHOD = (
    "A typed message: from before `send()` to inside the other node's `@on` and back, halved, beside the "
    "same bytes on two bare rings with the same pins and the same spin; interleaved, medians of 5 runs. "
    "**BRAND's test**: `int16[1024, 30]` at 1 kHz, time stamps in the message. Ours is run by `meshctl up` "
    "with its meshd, scheduler and services, as a user runs it; Redis as BRAND drives it: one process a "
    "node, XREAD BLOCK of one entry and XADD, a server of its own. Both with default scheduling (BRAND's "
    "published figures are of SCHED_FIFO 99), ours first, then Redis, then the next length, and all of it "
    "five times; medians of the runs, but the longest of all. Rows with a target are of both as they come: "
    "the kernel places the processes, but "
    "meshd our loops (`--loop-cpus auto`, its default: those that hand messages to each other share a CPU "
    "while that is quicker), and a CPU that has nothing to do sleeps. The runs *with the CPUs kept awake* "
    "are one each; the bench holds /dev/cpu_dma_latency at 0 for both alike, and neither does so itself; "
    "there ours is measured with `--loop-cpus any` as well, where the kernel places all. Redis "
    f"has the fastest of the settings that were tried: {REDIS_SETTING}. "
    "**Start-up**: from the command to the first message at the last node. **Memory**: of all processes, 3 s "
    "later; each system is started by its own command and ended as Ctrl-C ends it. Nothing is trimmed."
)
TypedTimes = dict[tuple[Kind, Setting], list[tuple[list[float], list[float]]]]


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
            [kind.name, setting.name, "SDK", *cells_of(sdk)],
            [kind.name, setting.name, "bare ring", *cells_of(bare)],
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
