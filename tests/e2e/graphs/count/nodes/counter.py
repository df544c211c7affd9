"""The source of the count graph."""

from rtmesh import Node, every


class Counter(Node):
    """Sends 1, 2, 3, ... and ends after `count` of them."""

    defaults = {"count": 1000, "rate_hz": float("inf"), "fail_at": 0}

    def setup(self) -> None:
        self.value = 0

    @every(hz="parameter:rate_hz")
    def count(self) -> None:
        self.value += 1
        if self.value == self.parameters.fail_at:
            raise RuntimeError(f"asked to fail at {self.value}")
        self.outputs.numbers.send(value=self.value)
        self.report(sent=self.value) if self.value == self.parameters.count else None
        if self.value == self.parameters.count:
            self.finish()
