"""A system that has a name and measures nothing: for results that are made up."""

from __future__ import annotations

from bench.ring.endpoint import Seat, System


class Named(System):
    def __init__(self, name: str) -> None:
        self.name, self.setting = name, f"{name} as it comes"
        self.polls = name == "polls"

    def connect(self, seat: Seat) -> object:
        raise AssertionError("nothing is measured here")
