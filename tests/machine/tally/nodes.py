"""The nodes of the tally graph."""

from __future__ import annotations

from rtmesh import Node, every, on


class Numbers(Node):
    """1, 2, 3, … a thousand a second."""

    defaults = {"count": 0, "fail_at": -1}

    def setup(self) -> None:
        self.value = 0

    @every(hz=1000)
    def tick(self) -> None:
        self.value += 1
        if self.value == self.parameters.fail_at:
            raise ValueError(f"{self.value} is one too many")
        self.outputs.number.send(value=self.value)
        if self.value == self.parameters.count:
            self.finish()


class Sum(Node):
    """The sum of all numbers, as a result."""

    def setup(self) -> None:
        self.sum = 0
        self.count = 0

    @on("number")
    def add(self, number) -> None:
        self.sum += number.value
        self.count += 1

    def teardown(self) -> None:
        self.report(sum=self.sum, count=self.count)
