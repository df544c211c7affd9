"""The sink of the count graph."""

import signal

from rtmesh import Node, on


class Summer(Node):
    """Adds up what comes; its totals go out, its counts are its result."""

    defaults = {"factor": 1, "fail_at": 0, "hang_at": 0}

    def setup(self) -> None:
        self.total = 0
        self.received = 0

    @on("numbers")
    def add(self, number) -> None:
        if number.value == self.parameters.fail_at:
            raise RuntimeError(f"asked to fail at {number.value}")
        if number.value == self.parameters.hang_at:
            while True:
                signal.pause()
        self.received += 1
        self.total += number.value * self.parameters.factor
        self.outputs.totals.send(value=self.total)

    def Reset(self, request):  # noqa: N802, the rpc's name
        from count.v1 import count_pb2

        previous, self.total = self.total, request.total
        return count_pb2.ResetResponse(previous_total=previous)

    def teardown(self) -> None:
        self.report(received=self.received, total=self.total)
