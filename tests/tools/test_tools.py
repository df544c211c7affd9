"""Any gRPC tool works on any node: read an output, call methods, feed an input, ask for health."""

from __future__ import annotations

import pytest
from running import until
from stock_tools import Grpcurl, Nodes, Reflection, Tool, ToolError, grpcurl

COUNTER, SUMMER, HEALTH = "count.v1.Counter", "count.v1.Summer", "grpc.health.v1.Health"
REFLECTION = [f"grpc.reflection.{version}.ServerReflection" for version in ("v1", "v1alpha")]
INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION = 3, 5, 9


def test_one_credit_and_a_half_close_give_as_many_messages(nodes: Nodes, tool: Tool) -> None:
    received = tool.call(nodes.socket("counter"), COUNTER, "Numbers", {"messages": 5})

    # The counter sends n as its n-th message, so each has told its own place.
    sequences = [int(message["header"]["sequence"]) for message in received]
    assert sequences == list(range(sequences[0], sequences[0] + 5))
    assert [int(message["value"]) for message in received] == sequences
    assert {message["header"]["epoch"] for message in received} == {1}


def test_credits_add_up(nodes: Nodes, tool: Tool) -> None:
    received = tool.call(nodes.socket("summer"), SUMMER, "Totals", {"messages": 2}, {"messages": 1})

    assert len(received) == 3


def test_a_message_tells_which_one_it_derives_from(nodes: Nodes, tool: Tool) -> None:
    (number,) = tool.call(nodes.socket("counter"), COUNTER, "Numbers", {"messages": 1})
    (total,) = tool.call(nodes.socket("summer"), SUMMER, "Totals", {"messages": 1})

    assert total["header"]["origin"] == number["header"]["origin"]
    last = int(total["header"]["originSequence"])
    assert int(total["value"]) == last * (last + 1) // 2


def test_configure_reads_sets_and_refuses(nodes: Nodes, tool: Tool) -> None:
    socket = nodes.socket("adder")
    (before,) = tool.call(socket, SUMMER, "Configure", {})
    (changed,) = tool.call(socket, SUMMER, "Configure", {"failAt": "7000000"})
    (after,) = tool.call(socket, SUMMER, "Configure", {})
    tool.call(socket, SUMMER, "Configure", {"failAt": "0"})

    assert before == {"factor": "1", "failAt": "0", "hangAt": "0"}
    assert changed == after == {"factor": "1", "failAt": "7000000", "hangAt": "0"}


def test_a_client_feeds_a_free_input_and_a_method_tells_what_came_of_it(nodes: Nodes, tool: Tool) -> None:
    socket = nodes.socket("adder")
    credits = tool.call(socket, SUMMER, "Numbers", *[{"value": str(value)} for value in range(1, 101)])

    # The last number is stored when the call ends; the node comes to it a little later.
    assert sum(int(credit["messages"]) for credit in credits) >= 100
    came: list[int] = []

    def all_came() -> bool:
        (answer,) = tool.call(socket, SUMMER, "Reset", {"total": "0"})
        came.append(int(answer.get("previousTotal", 0)))
        return sum(came) == 5050

    until(all_came, 20, "the sum of what was fed")


def test_an_input_that_has_an_edge_is_refused_with_a_remedy(nodes: Nodes, tool: Tool) -> None:
    with pytest.raises(ToolError) as refused:
        tool.call(nodes.socket("summer"), SUMMER, "Numbers", {"value": "1"})

    assert refused.value.code == FAILED_PRECONDITION
    assert "summer.numbers is fed by counter.numbers -> summer.numbers" in refused.value.text
    assert "remove that edge" in refused.value.text


@pytest.mark.parametrize("service", ["", SUMMER])
def test_health_of_the_process_and_of_the_service(nodes: Nodes, tool: Tool, service: str) -> None:
    answer = tool.call(nodes.socket("summer"), HEALTH, "Check", {"service": service})

    assert answer == [{"status": "SERVING"}]


def test_health_of_another_service_is_not_found(nodes: Nodes, tool: Tool) -> None:
    with pytest.raises(ToolError) as refused:
        tool.call(nodes.socket("summer"), HEALTH, "Check", {"service": COUNTER})

    assert refused.value.code == NOT_FOUND


LISTERS = [Reflection("v1"), Reflection("v1alpha"), *([Grpcurl(path)] if (path := grpcurl()) else [])]


@pytest.mark.parametrize("lister", LISTERS, ids=["v1", "v1alpha", "grpcurl"][: len(LISTERS)])
def test_every_service_of_a_node_is_listed(nodes: Nodes, lister: Reflection | Grpcurl) -> None:
    assert set(lister.services(nodes.socket("counter"))) == {COUNTER, HEALTH, *REFLECTION}
