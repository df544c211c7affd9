"""Simulator: the firing rates of neurons that are tuned to the velocity of the hand."""

from __future__ import annotations

from typing import Any

from maths.tuning import Population

from rtmesh import Node, on


class Simulator(Node):
    """One message of rates for each velocity."""

    defaults = {"neurons": 192, "max_velocity": 25.0, "seed": 42}

    def setup(self) -> None:
        wanted = self.parameters
        if not wanted.neurons or not wanted.max_velocity > 0:
            raise ValueError(
                f"neurons {wanted.neurons}, max_velocity {wanted.max_velocity}: both must be above 0"
            )
        self.population = Population.draw(wanted.neurons, wanted.max_velocity, wanted.seed)

    def configure(self, parameters: Any) -> None:
        raise ValueError("the neurons of a running simulator cannot be changed: start the graph anew")

    @on("velocity")
    def move(self, velocity: Any) -> None:
        self.outputs.rates.send(rates=self.population.rates_hz(velocity.dx, velocity.dy))
