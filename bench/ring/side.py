"""One process of a session: connect, then run each case that the harness names. `… side SEAT.json INDEX`."""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import sys
from dataclasses import asdict, replace
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any, NamedTuple

from bench.ring import async_loops, loops
from bench.ring.cases import Case, Kind
from bench.ring.endpoint import AsyncEndpoint, Endpoint, Seat, System
from bench.ring.outcome import Outcome
from bench.ring.systems import load

CONTROL = "control"


class Order(NamedTuple):
    """What the harness tells; None for both says goodbye."""

    case: Case
    seconds: float


def main() -> None:
    """Take the seat that the arguments name, and serve it."""
    seat = replace(read_seat(Path(sys.argv[1])), index=int(sys.argv[2]))
    # Whatever hangs, the process ends in bounded time, and its log says where it stood.
    faulthandler.dump_traceback_later(seat.life_s, exit=True)
    if seat.is_pinned:
        pin(seat)
    with Client(str(seat.folder / CONTROL), "AF_UNIX") as control:
        control.send_bytes(json.dumps({"index": seat.index, "pid": os.getpid()}).encode())
        serve(load(seat.system), seat, control)


def pin(seat: Seat) -> None:
    """The sender on the first CPU, the receiver on the second."""
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[min(len(cpus) - 1, 0 if seat.is_sender else 1)]})


def serve(system: System, seat: Seat, control: Connection) -> None:
    """Every case until the harness says goodbye."""
    if system.is_async:
        asyncio.run(_serve_async(system, seat, control))
        return
    endpoint: Endpoint = system.connect(seat)
    control.send_bytes(b'"connected"')
    while (order := read_order(control.recv_bytes())) is not None:
        endpoint.begin(order.case)
        control.send_bytes(b'"ready"')
        if seat.is_sender:
            outcome = loops.send_case(endpoint, *order)
        else:
            outcome = loops.receive_case(endpoint, order.case)
        control.send_bytes(_told(outcome))
    endpoint.close()


async def _serve_async(system: System, seat: Seat, control: Connection) -> None:
    endpoint: AsyncEndpoint = await system.connect(seat)
    control.send_bytes(b'"connected"')
    while (order := read_order(await asyncio.to_thread(control.recv_bytes))) is not None:
        endpoint.begin(order.case)
        control.send_bytes(b'"ready"')
        if seat.is_sender:
            outcome = await async_loops.send_case(endpoint, *order)
        else:
            outcome = await async_loops.receive_case(endpoint, order.case)
        control.send_bytes(_told(outcome))
    await endpoint.close()


def _told(outcome: Outcome) -> bytes:
    return json.dumps(asdict(outcome)).encode()


def write_order(order: Order | None) -> bytes:
    """As it travels to a side."""
    return json.dumps(order and [asdict(order.case), order.seconds]).encode()


def read_order(data: bytes) -> Order | None:
    """The inverse of write_order."""
    values: Any = json.loads(data)
    if values is None:
        return None
    case, seconds = values
    return Order(Case(**{**case, "kind": Kind(case["kind"])}), seconds)


def write_seat(seat: Seat, path: Path) -> None:
    """Where its processes find it."""
    path.write_text(json.dumps({**asdict(seat), "folder": str(seat.folder)}))


def read_seat(path: Path) -> Seat:
    """The inverse of write_seat."""
    values = json.loads(path.read_text())
    return Seat(**{**values, "folder": Path(values["folder"]), "sizes": tuple(values["sizes"])})


if __name__ == "__main__":
    main()
    # Threads that a system leaves behind must not keep the process, nor crash as the interpreter ends.
    sys.stdout.flush()
    os._exit(0)
