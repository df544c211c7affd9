"""Which loops belong together, and when one CPU is better for them than several."""

from __future__ import annotations

import itertools
import time

from rtmesh.machine.cpu_groups import (
    RELAY,
    WAKE_NS,
    Group,
    Path,
    Use,
    gains,
    group_with_relay,
    groups_of,
    longest_path,
    relay_edges,
    ring_edges,
)

from .tally_plan import make_plan

STEPS = 1000


def group(*edges: str) -> Group:
    """Of edges such as "ab", from a to b."""
    nodes = tuple(dict.fromkeys("".join(edges)))
    (made,) = groups_of("run", nodes, tuple((edge[0], edge[1]) for edge in edges))
    return made


def uses(**us_per_step: float) -> dict[str, Use]:
    """What each loop did in a second at 1 kHz."""
    return {node: Use(round(us * 1000 * STEPS), 0, STEPS) for node, us in us_per_step.items()}


def test_edges_are_the_rings_between_two_nodes_of_the_machine():
    plan = make_plan()
    assert ring_edges(plan) == (("numbers", "sum"),)

    plan.nodes[1].inputs[0].ring = "sum.number"  # the relay writes it
    assert ring_edges(plan) == ()


def test_edges_of_the_relay_are_those_that_leave_and_enter_the_machine():
    plan = make_plan()
    assert relay_edges(plan) == ()

    ring = plan.nodes[0].outputs[0].ring
    plan.egress.add(edge="numbers.number -> far.number", ring=ring, reader=1, to_machine="far")
    plan.egress.add(edge="numbers.number -> far.other", ring=ring, reader=2, to_machine="far")
    plan.ingress.add(edge="far.number -> sum.number", ring="sum.number", from_machine="far")
    plan.nodes[1].inputs[0].ring = "sum.number"

    assert relay_edges(plan) == (("numbers", RELAY), (RELAY, "sum"))


def test_the_relay_is_in_a_group_with_all_that_it_connects():
    nodes, edges = ("a", "b", "c", "d"), (("a", "b"),)

    wide = group_with_relay("run", nodes, edges, (("b", RELAY), (RELAY, "c"), ("gone", RELAY)))

    assert wide is not None
    assert wide.nodes == ("a", "b", "c", RELAY)
    assert wide.edges == (("a", "b"), ("b", RELAY), (RELAY, "c"))
    assert group_with_relay("run", nodes, edges, (("gone", RELAY),)) is None
    assert group_with_relay("run", nodes, edges, ()) is None


def test_what_leaves_through_the_relay_and_what_enters_are_not_one_path():
    apart = group_with_relay("run", ("a", "z"), (), (("a", RELAY), (RELAY, "z")))
    assert apart is not None
    used = uses(a=90, z=60) | {RELAY: Use(30_000 * STEPS, 0, STEPS)}

    assert longest_path(apart, used) == Path(120_000 * STEPS, ("a", RELAY))
    assert not gains(apart, used, 8, WAKE_NS)
    assert gains(apart, used | uses(z=9), 8, WAKE_NS)


def test_a_path_may_begin_and_end_with_the_relay():
    through = group_with_relay("run", ("a",), (), (("a", RELAY), (RELAY, "a")))
    assert through is not None

    path = longest_path(through, uses(a=90) | {RELAY: Use(30_000 * STEPS, 0, STEPS)})

    assert path.nodes == (RELAY, "a", RELAY)


def test_groups_are_what_edges_connect_whatever_their_direction():
    edges = (("a", "b"), ("c", "b"), ("d", "e"), ("f", "f"), ("g", "gone"))

    made = groups_of("run", ("a", "b", "c", "d", "e", "f", "g"), edges)

    assert [each.nodes for each in made] == [("a", "b", "c"), ("d", "e")]
    assert [each.edges for each in made] == [(("a", "b"), ("c", "b")), (("d", "e"),)]


def test_a_chain_is_never_slower_on_one_cpu():
    chain = group("ab", "bc", "cd")

    assert gains(chain, uses(a=90, b=90, c=90, d=90), 8, WAKE_NS)


def test_light_branches_gain_and_heavy_ones_do_not():
    fork = group("ab", "ac", "ad")

    assert gains(fork, uses(a=50, b=4, c=4, d=4), 8, WAKE_NS)
    assert not gains(fork, uses(a=50, b=40, c=40, d=40), 8, WAKE_NS)


def test_two_cpus_cannot_run_three_branches_at_once():
    fork = group("ab", "ac", "ad")
    light = uses(a=0, b=6.5, c=6.5, d=6.5)

    assert gains(fork, light, 2, WAKE_NS)
    assert not gains(fork, light, 8, WAKE_NS)


def test_a_second_source_is_a_branch():
    join = group("ac", "bc")

    assert gains(join, uses(a=5, b=5, c=50), 8, WAKE_NS)
    assert not gains(join, uses(a=30, b=30, c=50), 8, WAKE_NS)


def test_the_longest_path_of_a_closed_loop_is_the_way_round():
    loop = group("ab", "bc", "ca")

    assert longest_path(loop, uses(a=1, b=2, c=3)).nodes == ("a", "b", "c")


def test_a_loop_is_entered_from_outside():
    loop = group("xb", "ab", "bc", "ca")

    assert longest_path(loop, uses(a=1, b=2, c=3, x=4)).nodes == ("x", "b", "c", "a")


def test_fifty_loops_are_judged_in_no_time():
    pairs = tuple(itertools.combinations([f"n{number}" for number in range(50)], 2))
    nodes = tuple(dict.fromkeys(itertools.chain(*pairs)))
    began_s = time.thread_time()

    (made,) = groups_of("run", nodes, pairs)
    path = longest_path(made, {node: Use(1, 0, 1) for node in nodes})

    assert path.nodes == nodes
    assert time.thread_time() - began_s < 5, "seconds would mean that it looks at every path"
