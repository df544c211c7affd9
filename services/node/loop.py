"""The loop process: `python -m rtmesh.node.loop CONFIG.json` runs one node on its rings.

It imports neither gRPC nor asyncio, whose callbacks would stall it; what is asked of it comes
through control rings. Its life, told as it goes (NodeEvent, and a word of the events ring):

    SETTING_UP   load the code, setup()
    READY        wait for StartNode
    RUNNING      start(), then steps
    DRAINING     DrainNode came: no more @every
    ENDED        the node ended by itself; teardown(), exit 0
    STOPPED      StopNode or SIGTERM came; told after teardown(), exit 0
    FAILED       user code raised; told at once, teardown(), exit 1
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from google.protobuf import json_format

from rtmesh.common.clock import ClockPage
from rtmesh.common.processes import die_with_parent, wake_on_time
from rtmesh.common.time_slice import set_time_slice
from rtmesh.node.channel import Channel
from rtmesh.node.definition import Definition
from rtmesh.node.engine import Engine
from rtmesh.node.errors import StopRequested
from rtmesh.node.large_pages import use_large_pages
from rtmesh.node.loop_host import LoopHost
from rtmesh.node.node_code import load_class, load_contract
from rtmesh.node.parts import Wiring, assemble
from rtmesh.node.ports import Identity
from rtmesh.node.rings import Rings
from rtmesh.node.tracebacks import Failure, failure_of
from rtmesh.v1.node_pb2 import LoopConfig
from rtmesh.v1.status_pb2 import NODE_STATE_DRAINING as DRAINING
from rtmesh.v1.status_pb2 import NODE_STATE_ENDED as ENDED
from rtmesh.v1.status_pb2 import NODE_STATE_FAILED as FAILED
from rtmesh.v1.status_pb2 import NODE_STATE_READY as READY
from rtmesh.v1.status_pb2 import NODE_STATE_RUNNING as RUNNING
from rtmesh.v1.status_pb2 import NODE_STATE_SETTING_UP as SETTING_UP
from rtmesh.v1.status_pb2 import NODE_STATE_STOPPED as STOPPED


class Loop:
    """Runs one node from its configuration to its end."""

    def __init__(self, config: LoopConfig, *, spin_ns: int | None = None) -> None:
        """Attach to the control rings.

        Args:
            spin_ns: how long to spin before sleeping when nothing is due; None: as its graph says.
        """
        self._config = config
        if spin_ns is None:
            spin_ns = config.node.node.spin_us * 1000
        self._channel = Channel(config)
        self._clock = ClockPage.open(config.clock_segment)
        self._host = LoopHost(self._clock, self._channel, spin_ns)
        self._rings: Rings | None = None
        self._engine: Engine | None = None
        self._failures: list[Failure] = []

    def run(self) -> int:
        """Run the node to its end, whatever that is; the exit code of the process."""
        try:
            states = self._life()
            if FAILED in states:
                return 1
            if STOPPED in states:
                self._tell(STOPPED)
            return 0
        finally:
            self._close()

    def stop(self) -> None:
        """Do as StopNode says. For signal handlers."""
        self._host.stop()

    def _life(self) -> list[int]:
        """Run the node, then teardown(), whatever was raised; the states in which the two ended."""
        states = []
        try:
            states.append(self._guard(self._live))
        finally:
            states.append(self._guard(self._teardown))
        return states

    def _guard(self, part: Callable[[], int]) -> int:
        """Run a part of the node's life; the state it ended in."""
        try:
            return part()
        except StopRequested:
            return STOPPED
        except BaseException as error:  # a sys.exit() in user code ends the node no less
            self._tell_failure(error)
            return FAILED

    def _live(self) -> int:
        self._tell(SETTING_UP)
        engine = self._engine = self._assemble()
        engine.setup()
        # What setup() made stays: later collections need not look at it again.
        gc.collect()
        gc.freeze()
        use_large_pages()
        self._tell(READY)
        if not self._wait_for_start(engine):
            return self._end(engine) if self._channel.is_draining else STOPPED
        self._tell(RUNNING)
        engine.start()
        return self._run(engine)

    def _assemble(self) -> Engine:
        config = self._config
        contract, node_class = load_contract(config), load_class(config)
        rings = self._rings = Rings(config, Definition.of(node_class).triggering_inputs)
        wiring = Wiring(
            identity=Identity(config.graph, config.node.node.name, Path(config.folder)),
            contract=contract,
            inputs=rings.inputs,
            outputs=rings.outputs,
            parameters=config.node.node.parameters,
        )
        return Engine(assemble(node_class, wiring, self._host), self._host)

    def _wait_for_start(self, engine: Engine) -> bool:
        """Answer requests until StartNode comes; False if the node is to end before that."""
        while True:
            now_ns = self._host.now_ns()
            self._channel.poll_orders(now_ns)
            if self._channel.is_stopping or self._channel.is_draining:
                return False
            if self._channel.is_started:
                return True
            if not self._answer(engine, now_ns):
                self._host.wait_for_orders()

    def _run(self, engine: Engine) -> int:
        """Step by step, until the node ends or must stop; orders and requests between the steps."""
        channel, is_draining = self._channel, False
        while True:
            now_ns = self._host.now_ns()
            channel.poll_orders(now_ns)
            if channel.is_stopping:
                return STOPPED
            if channel.is_draining and not is_draining:
                is_draining = True
                engine.drain()
                self._tell(DRAINING)
            self._host.tell_due_result()
            if self._answer(engine, now_ns) or engine.step():
                continue
            if engine.is_over:
                return self._end(engine)
            self._wait_and_step(engine)

    def _wait_and_step(self, engine: Engine) -> None:
        """What ends a wait is most likely a message: it need not wait for a look at orders and requests.

        Nor need the next wait, as long as there are none: if the next message is there, it ends at once.
        """
        self._host.wait_for_work(engine)
        while engine.step() and self._channel.is_quiet and not engine.is_over:
            self._host.wait_for_work(engine)

    def _answer(self, engine: Engine, now_ns: int) -> bool:
        """Answer one request; False if there is none."""
        request = self._channel.next_request(now_ns)
        if request is None:
            return False
        reply = engine.reply(request.method, request.request)
        self._channel.tell_reply(self._host.now_ns(), request.id, reply)
        return True

    def _end(self, engine: Engine) -> int:
        engine.end()
        self._host.show_counts(engine)
        self._tell(ENDED)
        return ENDED

    def _teardown(self) -> int:
        if self._engine is not None:
            self._engine.teardown()
            self._host.show_counts(self._engine)
            self._host.tell_last_result()
        return ENDED

    def _tell(self, state: int, reason: str = "", detail: str = "") -> None:
        self._host.tell_last_result()
        self._channel.tell_state(self._host.now_ns(), state, reason, detail)

    def _tell_failure(self, error: BaseException) -> None:
        """Tell of an exception at once; of a second one, in teardown(), together with the first."""
        failure = failure_of(error)
        self._failures.append(failure)
        detail = "\nThen teardown() raised:\n\n".join(each.detail for each in self._failures)
        self._tell(FAILED, self._failures[0].reason, detail)
        with contextlib.suppress(Exception):  # user code may have closed the log, or the disk is full
            sys.stderr.write(failure.detail)
            sys.stderr.flush()

    def _close(self) -> None:
        if self._rings is not None:
            self._rings.close()
        self._channel.close()
        self._clock.close()


def main(arguments: Sequence[str]) -> int:
    """Run the node of a configuration file; the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m rtmesh.node.loop CONFIG.json\n")
        return 2
    config = json_format.Parse(Path(arguments[0]).read_text(), LoopConfig())
    if config.die_with_parent:
        die_with_parent(config.parent_process_id)
    wake_on_time()
    if config.node.time_slice_us:
        set_time_slice(config.node.time_slice_us)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    loop = Loop(config)
    with _stack_file(config.stack_path):
        # A terminal's Ctrl-C is for whoever started the graph; here both mean: stop in order.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        return loop.run()


@contextlib.contextmanager
def _stack_file(path: str) -> Iterator[None]:
    """Write every thread's stack to `path` on SIGUSR1, whatever the code is doing."""
    faulthandler.enable()
    if not path:
        yield
        return
    with Path(path).open("w") as file:
        faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)
        try:
            yield
        finally:
            faulthandler.unregister(signal.SIGUSR1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
