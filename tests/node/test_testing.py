"""The harness itself: what a graph's author can rely on in tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from laboratory import LAB_FOLDER, LAB_PROTO, harness

from rtmesh import Node, on
from rtmesh.node.testing import NodeHarness


class Echo(Node):
    @on("bins")
    def each(self, bins) -> None:
        self.outputs.velocity.send(values=bins.values)


def test_what_was_sent_is_given_once() -> None:
    with harness(Echo) as node:
        node.feed("bins", values=np.arange(3, dtype=np.int16))

        (sent,) = node.sent("velocity")
        assert sent.values.dtype == np.int16
        assert list(sent.values) == [0, 1, 2]
        assert node.sent("velocity") == []


def test_time_moves_only_when_told_to() -> None:
    with harness(Echo) as node:
        before = node.now_ns
        node.feed("bins", values=[1])
        assert node.now_ns == before

        node.advance(ms=1.5)
        node.advance(s=1)

        assert node.now_ns - before == 1_001_500_000


@pytest.mark.parametrize("proto", [LAB_PROTO, str(LAB_PROTO), "lab/v1/lab.proto"])
def test_protos_are_found_by_path_or_within_an_include_folder(proto: str | Path) -> None:
    with NodeHarness(Echo, service="lab.v1.Filter", protos=[proto], include=[LAB_FOLDER]) as node:
        node.feed("bins", values=[1])

        assert len(node.sent("velocity")) == 1


def test_the_protos_are_importable_as_generated_modules() -> None:
    with harness(Echo):
        from lab.v1 import lab_pb2

        assert lab_pb2.Number(value=3).value == 3


def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match=r"lab/v1/lab\.proto have no service lab\.v1\.Filer"):
        harness(Echo, service="Filer")


def test_ports_that_are_not_there_are_told_with_those_that_are() -> None:
    with harness(Echo) as node:
        with pytest.raises(ValueError, match="no input 'bin'; inputs: bins, target"):
            node.feed("bin")
        with pytest.raises(ValueError, match="no output 'bins'; outputs: velocity, events"):
            node.sent("bins")


def test_feeding_an_input_that_has_ended_is_told() -> None:
    with harness(Echo) as node:
        node.end("bins")

        with pytest.raises(ValueError, match="feed before end"):
            node.feed("bins", values=[1])


def test_parameters_that_do_not_fit_are_told() -> None:
    with pytest.raises(ValueError, match="no Configure"):
        harness(Echo, service="Sink", parameters={"window": 1})


def test_steps_are_counted_with_start() -> None:
    with harness(Echo) as node:
        node.feed("bins", values=[1])
        node.feed("bins", values=[1])

        assert node.steps == 3
