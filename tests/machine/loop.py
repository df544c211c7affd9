"""A loop process in a page: what a node in another language would do. Run by the tests as a command.

    loop.py BEHAVIOUR... CONFIG

Behaviours: count=N (send N messages on the only output, then end), endless (send until drained),
take (take until the input ends), deaf (ignore Stop), hang-setup, long-step, raise, exit=CODE,
unended (exit 0 without a word), fail-first (fail in the first life only), paced (send 50 a second), burn=PATH
(use all of a CPU while that file is there).
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import time
from pathlib import Path

from google.protobuf import json_format

from rtmesh.common import control, processes
from rtmesh.common.clock import ClockPage
from rtmesh.shm import Reader, Writer, wait
from rtmesh.v1 import node_pb2, status_pb2

LOOK_NS = 20_000_000


class Loop:
    def __init__(self, config: node_pb2.LoopConfig, behaviours: dict[str, str]) -> None:
        self.config = config
        self.behaviours = behaviours
        self.orders = Reader(config.orders_segment, 0)
        self.events = Writer(config.events_segment, epoch=config.epoch)
        self.clock = ClockPage.open(config.clock_segment)
        self.is_started = self.is_draining = self.is_stopped = False
        self.steps = 0

    def attach(self) -> None:
        node, segments = self.config.node, self.config.segments
        self.outputs = [Writer(segments[out.ring], epoch=self.config.epoch) for out in node.outputs]
        self.inputs = [Reader(segments[bound.ring], bound.reader) for bound in node.inputs]

    def tell(self, event: node_pb2.NodeEvent) -> None:
        assert self.events.try_publish(event.SerializeToString(), 0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
            try:
                bell.sendto(
                    f"{self.config.run}/{self.config.node.node.name}".encode(), self.config.doorbell_path
                )
            except OSError:
                pass  # meshd is away

    def enter(self, state: str, reason: str = "", detail: str = "") -> None:
        value = status_pb2.NodeState.Value(f"NODE_STATE_{state}")
        self.events.set_word(control.WORD_STATE, value)
        change = node_pb2.NodeStateChange(state=value, reason=reason, detail=detail)
        self.tell(node_pb2.NodeEvent(state=change))

    def hear(self) -> None:
        while (view := self.orders.try_take(0)) is not None:
            kind = node_pb2.NodeOrder.FromString(bytes(view)).WhichOneof("order")
            self.is_started |= kind == "start"
            self.is_draining |= kind == "drain"
            self.is_stopped |= kind == "stop" and "deaf" not in self.behaviours
            del view
            self.orders.release()

    def run(self) -> int:
        self.enter("SETTING_UP")
        if "hang-setup" in self.behaviours:
            self.hang_in_setup()
        self.attach()
        self.enter("READY")
        while not self.is_started and not self.is_stopped:
            wait((self.orders,), timeout_ns=LOOK_NS)
            self.hear()
        if not self.is_stopped:
            self.enter("RUNNING")
            self.misbehave()
            self.work()
        return self.leave()

    def hang_in_setup(self) -> None:
        while True:
            time.sleep(60)

    def misbehave(self) -> None:
        if "raise" in self.behaviours or ("fail-first" in self.behaviours and self.config.epoch == 1):
            self.enter("FAILED", "ValueError: no such filter", "Traceback: line 7")
            sys.exit(1)
        if "exit" in self.behaviours:
            print("last words", flush=True)
            os._exit(int(self.behaviours["exit"]))
        if "unended" in self.behaviours:
            os._exit(0)
        if "long-step" in self.behaviours:
            self.long_step()

    def long_step(self) -> None:
        self.events.set_word(control.WORD_STEP_STARTED_NS, time.monotonic_ns())
        release = Path(self.behaviours["long-step"])
        while not release.exists():
            time.sleep(0.02)
        self.events.set_word(control.WORD_STEP_STARTED_NS, 0)

    def work(self) -> None:
        while not self.is_stopped and not self.is_done():
            self.hear()
            if not self.step() and not self.is_burning():
                wait((self.orders, *self.inputs), timeout_ns=LOOK_NS)

    def is_done(self) -> bool:
        if "count" in self.behaviours:
            return self.steps >= int(self.behaviours["count"])
        if "take" in self.behaviours:
            return all(reader.ended for reader in self.inputs)
        return "endless" in self.behaviours and self.is_draining

    def step(self) -> bool:
        """One message sent or taken; False if there was none to take and no room to send."""
        if "take" in self.behaviours:
            moved = self.inputs[0].try_take(self.clock.now_ns()) is not None
            self.inputs[0].release()
        elif self.is_burning():
            moved = self.burn()
        elif self.outputs:
            moved = self.outputs[0].try_publish(b"x" * 64, self.clock.now_ns())
        else:
            moved = False
        if moved:
            self.steps += 1
            if "paced" in self.behaviours:
                wait((self.orders,), timeout_ns=LOOK_NS)
            self.events.set_word(control.WORD_STEPS, self.steps)
        return moved

    def is_burning(self) -> bool:
        return "burn" in self.behaviours and Path(self.behaviours["burn"]).exists()

    def burn(self) -> bool:
        until_s = time.thread_time() + 0.01
        while time.thread_time() < until_s:
            pass
        return False

    def leave(self) -> int:
        if self.is_stopped:
            self.enter("STOPPED")
            return 0
        for writer in self.outputs:
            writer.end()
        for reader in self.inputs:
            reader.leave()
        self.tell(node_pb2.NodeEvent(result=node_pb2.NodeResult(json=f'{{"steps": {self.steps}}}')))
        self.enter("ENDED")
        return 0


def main() -> int:
    config = json_format.Parse(Path(sys.argv[-1]).read_text(), node_pb2.LoopConfig())
    if config.die_with_parent:
        processes.die_with_parent(config.parent_process_id)
    faulthandler.register(signal.SIGUSR1, file=Path(config.stack_path).open("a"), all_threads=True)  # noqa: SIM115
    behaviours = dict(argument.partition("=")[::2] for argument in sys.argv[1:-1])
    return Loop(config, behaviours).run()


if __name__ == "__main__":
    sys.exit(main())
