"""The verbs that talk to nodes, against real nodes: a scheduler, one machine, `count`, a part of `cursor`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import psutil
import pytest
from click.testing import CliRunner, Result
from running import GRAPHS, MESHCTL, REPOSITORY, until
from scheduler_process import SchedulerProcess, short_folder

from rtmesh.cli.meshctl import meshctl
from rtmesh.client import Client
from rtmesh.client.node import array, connect
from rtmesh.graph.load import load_graph
from rtmesh.graph.protos import message_class, pool_of
from rtmesh.v1 import graph_pb2, status_pb2, stream_pb2

COUNT = GRAPHS / "count" / "graph.yaml"
CURSOR = REPOSITORY / "graphs" / "cursor"
RATES = f"""
rtmesh: 1
name: cursor
protos: [cursor/v1/cursor.proto]
python_path: [{CURSOR}]
nodes:
  pointer:
    service: cursor.v1.Pointer
    run: nodes.pointer:Pointer
    parameters: {{path: {CURSOR}/data/hand_movement_200hz.npz}}
  simulator:
    service: cursor.v1.Simulator
    run: nodes.simulator:Simulator
    inputs: {{velocity: pointer.velocity}}
  talker:
    service: cursor.v1.Simulator
    run: talker:Talker
"""
TALKER = """
from rtmesh import Node, on

class Talker(Node):
    def start(self):
        print("talker starts", flush=True)

    @on("velocity")
    def hear(self, velocity):
        print("heard", velocity.dx, flush=True)
"""
PATIENCE_S = 30.0


class Laboratory(NamedTuple):
    """A mesh on which graphs run: `count` and `cursor`; `broken` has failed."""

    address: str
    client: Client

    def run(self, *arguments: str, given: str | None = None) -> Result:
        result = CliRunner().invoke(meshctl, [*arguments], input=given, env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def out(self, *arguments: str, given: str | None = None) -> str:
        """What a verb that succeeds says."""
        result = self.run(*arguments, given=given)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def refused(self, *arguments: str, status: int = 1, given: str | None = None) -> str:
        """What a verb says that fails."""
        result = self.run(*arguments, given=given)
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output and result.stdout == ""
        return result.stderr

    def node(self, graph: str, name: str) -> status_pb2.NodeStatus:
        return next(node for node in self.client.get(graph).nodes if node.name == name)

    @property
    def environment(self) -> dict[str, str | None]:
        return {"MESHCTL_SCHEDULER": self.address, "MESHCTL_CONTEXT": None}


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    folder = tmp_path_factory.mktemp("rates")
    (folder / "graph.yaml").write_text(RATES)
    (folder / "talker.py").write_text(TALKER)
    with (
        short_folder() as runtime,
        SchedulerProcess(runtime) as scheduler,
        machine(runtime, scheduler.address),
        Client(scheduler.address) as client,
    ):
        count = load_graph(COUNT, {"counter.count": "0", "counter.rate_hz": "200"}).graph
        broken = load_graph(COUNT, {"summer.fail_at": "3"}).graph
        broken.name = "broken"
        for graph in (count, broken, load_graph(folder / "graph.yaml").graph):
            client.apply(graph)
        for name, phase in (("count", "RUNNING"), ("cursor", "RUNNING"), ("broken", "FAILED")):
            until_phase(client, name, phase)
        yield Laboratory(scheduler.address, client)
        for name in ("count", "cursor", "broken"):
            client.delete(name)
        until(lambda: not client.list(), PATIENCE_S, "the end of every graph")


@contextmanager
def machine(folder: Path, scheduler: str) -> Iterator[None]:
    """A meshd that has joined; it ends with what it runs."""
    command = [sys.executable, "-m", "rtmesh.machine", "--machine", "bench", "--scheduler", scheduler]
    with (folder / "meshd.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--root", "/", "--dir", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def until_phase(client: Client, name: str, phase: str) -> None:
    for status in client.watch(name, rate_hz=50):
        if status.phase == status_pb2.GraphPhase.Value(f"GRAPH_PHASE_{phase}"):
            return
    raise AssertionError(f"{name} ended: {client.get(name)}")


class Running:
    """A verb that goes on in a process of its own."""

    def __init__(self, laboratory: Laboratory, *arguments: str) -> None:
        command = [*MESHCTL, *arguments, "--scheduler", laboratory.address]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)

    def next_line(self) -> str:
        assert self.process.stdout is not None
        line: str = self.process.stdout.readline()
        return line

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Its exit status and stderr, after a signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, err


class PlainReader:
    """Reads an output with nothing but grpc and the graph's protos, as a stub from protoc does."""

    def __init__(self, graph: graph_pb2.Graph, address: str, method: str, message: str, count: int) -> None:
        kind = message_class(pool_of(graph.descriptors), message)
        self._channel = grpc.insecure_channel(address)
        rpc = self._channel.stream_stream(
            method, stream_pb2.Credit.SerializeToString, response_deserializer=kind.FromString
        )
        self._call = rpc(iter([stream_pb2.Credit(messages=count)]), timeout=PATIENCE_S)
        self._call.initial_metadata()
        self.messages: list[Any] = []
        self._thread = threading.Thread(target=lambda: self.messages.extend(self._call))
        self._thread.start()

    def by_sequence(self) -> dict[int, Any]:
        self._thread.join()
        self._channel.close()
        return {message.header.sequence: message for message in self.messages}


# echo


def test_echo_prints_a_block_for_each_message(laboratory: Laboratory) -> None:
    lines = laboratory.out("echo", "counter.numbers", "--count", "3").splitlines()

    heads, values = lines[::2], lines[1::2]
    first = int(values[0].removeprefix("  value: "))
    assert values == [f"  value: {first + k}" for k in range(3)]
    assert [head.split("  ")[:2] for head in heads] == [[f"#{first + k}", "epoch 1"] for k in range(3)]
    assert all(head.split("  ")[2].startswith("age ") for head in heads)


def test_echo_prints_in_json_what_a_plain_stub_receives(laboratory: Laboratory) -> None:
    graph, address = laboratory.client.definition("count"), laboratory.node("count", "counter").address
    plain = PlainReader(graph, address, "/count.v1.Counter/Numbers", "count.v1.Number", 300)
    lines = laboratory.out("echo", "count/counter.numbers", "--count", "5", "-o", "json").splitlines()
    theirs = plain.by_sequence()

    assert len(lines) == 5
    for said in map(json.loads, lines):
        message = theirs[said["header"]["sequence"]]
        assert said["value"] == message.value
        fields = [field.name for field in message.header.DESCRIPTOR.fields]
        assert said["header"] == {name: getattr(message.header, name) for name in fields}


def test_echo_shows_arrays_short_whole_or_not_at_all(laboratory: Laboratory) -> None:
    def echo(*options: str) -> str:
        return laboratory.out("echo", "simulator.rates", "--count", "1", *options)

    short, full, without = echo().splitlines(), echo("--full").splitlines(), echo("--no-arrays").splitlines()
    assert short[1].startswith("  rates: float32[192] ") and " … (" in short[1]
    assert len("".join(full[2:]).strip().strip("[]").split()) == 192
    assert without[1:] == ["  rates: float32[192]"]
    assert json.loads(echo("--no-arrays", "-o", "json"))["rates"] == {"dtype": "float32", "shape": [192]}


def test_echo_prints_the_elements_of_an_array_in_json(laboratory: Laboratory) -> None:
    graph, address = laboratory.client.definition("cursor"), laboratory.node("cursor", "simulator").address
    plain = PlainReader(graph, address, "/cursor.v1.Simulator/Rates", "cursor.v1.FiringRates", 300)
    said = json.loads(laboratory.out("echo", "simulator.rates", "--count", "1", "-o", "json"))
    message = plain.by_sequence()[said["header"]["sequence"]]

    rates = said["rates"]
    assert (rates["dtype"], rates["shape"]) == ("float32", [192])
    np.testing.assert_array_equal(np.array(rates["data"], np.float32), array(message.rates))


def test_echo_shows_the_fields_that_are_named(laboratory: Laboratory) -> None:
    said = laboratory.out("echo", "pointer.velocity", "--count", "1", "--fields", "dy,dx", "-o", "json")

    assert list(json.loads(said)) == ["dy", "dx"]


def test_ctrl_c_ends_echo_well(laboratory: Laboratory) -> None:
    with Running(laboratory, "echo", "counter.numbers") as echo:
        assert echo.next_line().startswith("#")
        assert echo.end(signal.SIGINT)[0] == 0


def test_echo_ends_well_with_its_stream(laboratory: Laboratory) -> None:
    graph = laboratory.client.definition("count")
    graph.name = "short"
    laboratory.client.apply(graph)
    until_phase(laboratory.client, "short", "RUNNING")
    with Running(laboratory, "echo", "short/counter.numbers", "--fields", "value", "-o", "json") as echo:
        assert echo.next_line().startswith('{"value": ')
        laboratory.client.delete("short")
        status, err = echo.end()

    assert (status, err.splitlines()[-1]) == (0, "short/counter.numbers has ended")


def test_echo_tells_when_the_service_of_a_node_goes_away(laboratory: Laboratory) -> None:
    service = psutil.Process(laboratory.node("cursor", "pointer").service.process_id)
    with Running(laboratory, "echo", "pointer.velocity") as echo:
        assert echo.next_line().startswith("#")
        service.kill()
        status, err = echo.end()

    assert status == 1
    assert err.startswith("error: cursor/pointer: ") and len(err.splitlines()) == 1
    # The graph goes on, and its service comes again.
    until(
        lambda: laboratory.run("echo", "pointer.velocity", "--count", "1").exit_code == 0, 20, "the service"
    )


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("summer.numbers", "count/summer.numbers is an input: its outputs: totals"),
        ("summer.totls", "count/summer has no output 'totls': did you mean totals?"),
        ("summer", "'summer' names no port: write NODE.PORT or GRAPH/NODE.PORT"),
        ("sumer.totals", "there is no node 'sumer' in any graph: did you mean summer?"),
        ("cont/summer.totals", "there is no graph 'cont'"),
        ("broken/summer.totals", "node broken/summer has failed (RuntimeError: asked to fail at 3): start"),
        ("broken/counter.numbers", "node broken/counter "),
    ],
)
def test_a_port_that_cannot_be_read_is_told_in_a_line(laboratory: Laboratory, port: str, said: str) -> None:
    err = laboratory.refused("echo", port)

    assert err.startswith("error: ") and said in err and len(err.splitlines()) == 1


def test_a_field_that_a_message_does_not_have_is_told(laboratory: Laboratory) -> None:
    err = laboratory.refused("echo", "counter.numbers", "--fields", "vale")

    assert err == "error: count.v1.Number has no field 'vale': did you mean value?\n"


# hz


def test_hz_of_a_port_that_cannot_be_read_says_why(laboratory: Laboratory) -> None:
    assert "count/summer.numbers is an input: its outputs: totals" in laboratory.refused(
        "hz", "summer.numbers"
    )


def test_hz_tells_each_second_and_sums_up(laboratory: Laboratory) -> None:
    lines = laboratory.out("hz", "counter.numbers", "--window", "10", "--for", "1200ms").splitlines()

    assert len(lines) == 2
    assert lines[0].startswith("11 messages  ") and " Hz  " in lines[0] and "interval mean" in lines[0]
    assert lines[1].startswith("sum: ")


def test_hz_is_an_object_a_line_in_json(laboratory: Laboratory) -> None:
    (said,) = map(
        json.loads, laboratory.out("hz", "simulator.rates", "--for", "300ms", "-o", "json").splitlines()
    )

    assert (said["over"], said["missed"], said["restarts"]) == ("all", 0, 0)
    interval = said["interval_us"]
    assert 0 < interval["min"] <= interval["mean"] <= interval["max"] and interval["std"] >= 0
    assert said["rate_hz"] == pytest.approx(1e6 / interval["mean"])
    # 192 float32 and a header in each.
    assert said["bytes_per_s"] / said["rate_hz"] > 192 * 4


def test_ctrl_c_ends_hz_with_its_sum(laboratory: Laboratory) -> None:
    with Running(laboratory, "hz", "counter.numbers", "-o", "json") as hz:
        assert json.loads(hz.next_line())["over"] == "window"
        hz.process.send_signal(signal.SIGINT)
        out, _ = hz.process.communicate(timeout=PATIENCE_S)

    assert hz.process.returncode == 0
    assert json.loads(out.splitlines()[-1])["over"] == "all"


# call


def test_call_prints_the_response(laboratory: Laboratory, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"total": -1000000000}')
    text = laboratory.out("call", "summer.Reset", '{"total": 5}')
    stdin = laboratory.out("call", "count/summer.Reset", "-", given='{"total": 1000000000}')
    from_file = json.loads(laboratory.out("call", "summer.Reset", f"@{file}", "-o", "json"))
    empty = json.loads(laboratory.out("call", "summer.Reset", "-o", "json"))

    assert int(text.removeprefix("previous_total: ")) > 0
    assert int(stdin.removeprefix("previous_total: ")) >= 5
    assert from_file["previous_total"] >= 1_000_000_000
    assert -1_000_000_000 <= empty["previous_total"] < 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["summer.Reset", '{"total": "x"}'], "count/summer.Reset: total: is the text 'x'; expected int64"),
        (["summer.Reset", '{"totl": 1}'], "has no field 'totl'; did you mean total?"),
        (["summer.Reset", "{"], "the request is not JSON: "),
        (["summer.Reset", "[1]"], "the request is list [1]: write a JSON object"),
        (["summer.Reset", "@missing.json"], "there is no file missing.json"),
        (["summer.Rest"], "did you mean Reset?\n  Configure(factor: int64, "),
        (["summer.Rest"], "\n  Reset(total: int64) -> (previous_total: int64)\n"),
        (["summer.totals"], "it is an output: read it with meshctl echo"),
        (["summer"], "'summer' names no method: write NODE.METHOD"),
        (["broken/summer.Reset"], "node broken/summer has failed"),
    ],
)
def test_a_call_that_cannot_be_made_says_why(laboratory: Laboratory, arguments: list[str], said: str) -> None:
    assert said in laboratory.refused("call", *arguments)


# param


def test_param_set_changes_a_running_node_and_shows_what_it_says(laboratory: Laboratory) -> None:
    changed = laboratory.out("param", "set", "summer.factor", "-2")
    json_line = laboratory.out("param", "set", "summer.factor", "1", "counter.rate_hz", "100", "-o", "json")
    with connect(laboratory.client, "counter") as counter:
        rate_hz = counter.parameters().rate_hz

    assert changed == "factor: -2\n"
    assert [*map(json.loads, json_line.splitlines())] == [{"factor": 1}, {"rate_hz": 100.0}]
    assert rate_hz == 100.0
    assert laboratory.out("param", "get", "counter.rate_hz") == "100.0\n"
    assert laboratory.out("param", "set", "counter.rate_hz", "200") == "rate_hz: 200.0\n"


def test_param_get_shows_all_parameters_or_one(laboratory: Laboratory) -> None:
    assert laboratory.out("param", "get", "count/summer") == "factor: 1\nfail_at: 0\nhang_at: 0\n"
    assert json.loads(laboratory.out("param", "get", "pointer", "-o", "json")) == {
        "source": "recording",
        "path": f"{CURSOR}/data/hand_movement_200hz.npz",
    }
    assert laboratory.out("param", "get", "pointer.source") == "recording\n"
    assert laboratory.out("param", "get", "pointer.source", "-o", "json") == '"recording"\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "pointer.source", "autopilot"], "the source of a running pointer cannot be changed"),
        (
            ["set", "counter.rate_hz", "fast"],
            "counter.Configure: rate_hz: is the text 'fast'; expected double",
        ),
        (["set", "counter.rate_hz", "{"], "error: counter.rate_hz"),
        (["set", "counter.rat", "1"], "count/counter has no parameter 'rat': did you mean rate_hz?"),
        (["get", "counter.rat"], "count/counter has no parameter 'rat': did you mean rate_hz?"),
        (["get", "broken/summer"], "node broken/summer has failed"),
    ],
)
def test_a_parameter_that_is_refused_says_why_and_nothing_changes(
    laboratory: Laboratory, arguments: list[str], said: str
) -> None:
    before = laboratory.out("param", "get", "counter")

    assert said in laboratory.refused("param", *arguments)

    assert laboratory.out("param", "get", "counter") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["param", "set", "counter.rate_hz"], "'counter.rate_hz' has no value"),
        (["param", "set"], "Missing argument"),
        (["param"], "Usage: "),
        (["echo"], "Missing argument"),
        (["echo", "a.b", "--count", "-1"], "--count"),
        (["hz", "a.b", "--window", "0"], "--window"),
        (["hz", "a.b", "--for", "soon"], "20s"),
        (["call"], "Missing argument"),
        (["logs", "-f", "--previous", "counter"], "--previous is over"),
        (["logs", "counter", "--tail", "0"], "--tail"),
    ],
)
def test_wrong_usage_exits_2(laboratory: Laboratory, arguments: list[str], said: str) -> None:
    assert said in laboratory.refused(*arguments, status=2)


# logs


def test_logs_print_what_a_node_said_also_after_it_failed(laboratory: Laboratory) -> None:
    text = laboratory.out("logs", "broken/summer")
    last = laboratory.out("logs", "broken/summer", "--tail", "1")

    assert "RuntimeError: asked to fail at 3" in text
    assert text.endswith(last) and len(last.splitlines()) == 1


def test_logs_of_an_earlier_life_that_was_not_say_so(laboratory: Laboratory) -> None:
    assert "error: " in laboratory.refused("logs", "--previous", "broken/summer")


def test_of_a_node_that_logged_nothing_it_is_said(laboratory: Laboratory) -> None:
    result = laboratory.run("logs", "count/counter")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "count/counter has logged nothing\n"


def test_logs_follow_a_node_until_ctrl_c(laboratory: Laboratory) -> None:
    with Running(laboratory, "logs", "-f", "talker") as logs:
        assert logs.next_line() == "talker starts\n"
        with connect(laboratory.client, "cursor/talker") as talker:
            assert talker.feed("velocity", [{"dx": 7}]) == 1
        assert logs.next_line() == "heard 7\n"
        assert logs.end(signal.SIGINT)[0] == 0


@pytest.mark.parametrize("verb", ["echo", "hz", "call", "param get", "param set", "logs"])
def test_help_teaches_with_an_example(verb: str) -> None:
    result = CliRunner().invoke(meshctl, [*verb.split(), "--help"])

    assert result.exit_code == 0
    assert f"meshctl {verb}" in result.stdout.partition("Example")[2]
