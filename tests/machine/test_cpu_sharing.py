"""The decisions: who shares a CPU, which, until when."""

from __future__ import annotations

import pytest

from rtmesh.machine.cpu_groups import RELAY, Group, Use, group_with_relay, groups_of
from rtmesh.machine.cpu_sharing import (
    FIRST_PAUSE_NS,
    LONGEST_PAUSE_NS,
    PERIODS,
    SECOND_NS,
    Change,
    Reading,
    Sharing,
)

PERIOD_NS = SECOND_NS // PERIODS


def chain(nodes: str, run: str = "run") -> Group:
    (made,) = groups_of(run, tuple(nodes), tuple(zip(nodes, nodes[1:])))
    return made


def reading(group: Group, share: float = 0.2, waited: float = 0.0) -> Reading:
    """All loops of a group ran for `share` of a CPU; each waited for so much of the time."""
    ran_ns = round(share * PERIOD_NS / len(group.nodes))
    return Reading(PERIOD_NS, {node: Use(ran_ns, round(waited * PERIOD_NS), 250) for node in group.nodes})


class Story:
    """Tells a Sharing what is measured, period by period."""

    def __init__(self, *groups: Group, cpus: int = 4) -> None:
        self.sharing = Sharing()
        self.groups = groups
        self.busy = dict.fromkeys(range(cpus), 0.05)
        self.now_ns = 0
        self.changes: list[Change] = []

    def period(self, *readings: Reading | None) -> None:
        self.now_ns += PERIOD_NS
        given = dict(zip(self.groups, readings or map(reading, self.groups)))
        self.changes += self.sharing.look(given, self.busy.keys(), self.busy, self.now_ns)

    def second(self, *readings: Reading | None) -> None:
        for _ in range(PERIODS):
            self.period(*readings)

    @property
    def cpus(self) -> list[int | None]:
        return [self.sharing.cpu_of(group) for group in self.groups]

    @property
    def why(self) -> str:
        return self.changes[-1].why


ABC = chain("abc")


@pytest.fixture
def shared() -> Story:
    """One chain that shares a CPU."""
    story = Story(ABC)
    story.second()
    assert story.cpus == [3]
    return story


def test_a_calm_chain_shares_a_cpu_after_a_second():
    story = Story(ABC)

    for _ in range(PERIODS - 1):
        story.period()
        assert story.cpus == [None]
    story.period()

    assert story.changes == [Change(ABC, 3, "its loops use 20 % of a CPU")]


def test_a_busy_chain_does_not():
    story = Story(ABC)

    for _ in range(10):
        story.second(reading(ABC, 0.45))

    assert story.changes == []


def test_one_busy_period_spreads_it_at_once(shared):
    shared.period(reading(ABC, 0.7))

    assert shared.cpus == [None]
    assert shared.why == "its loops use 70 % of a CPU"


def test_between_calm_and_busy_it_stays_where_it_is(shared):
    for _ in range(20):
        shared.second(reading(ABC, 0.55))
    assert shared.cpus == [3]

    shared.period(reading(ABC, 0.65))
    shared.now_ns += FIRST_PAUSE_NS
    shared.second(reading(ABC, 0.55))
    assert shared.cpus == [None]


def test_whose_loops_wait_for_others_is_spread_and_pauses_longer_each_time(shared):
    pauses = []
    for _ in range(8):
        shared.second(reading(ABC, 0.2, waited=0.25))
        assert shared.cpus == [None]
        assert "waited" in shared.why
        assert "while others ran on CPU 3" in shared.why
        spread_ns = shared.now_ns
        while shared.cpus == [None]:
            shared.period()
        pauses.append((shared.now_ns - spread_ns) // FIRST_PAUSE_NS)

    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_pause_is_short_again_after_a_long_time_without_trouble(shared):
    for _ in range(2):
        shared.second(reading(ABC, waited=0.25))
        while shared.cpus == [None]:
            shared.period()
    while shared.now_ns < 2 * LONGEST_PAUSE_NS:
        shared.period()

    shared.period(reading(ABC, waited=0.9))
    assert shared.cpus == [None]
    spread_ns = shared.now_ns
    while shared.cpus == [None]:
        shared.period()

    assert shared.now_ns - spread_ns == FIRST_PAUSE_NS


def test_to_wait_while_the_others_of_the_chain_run_is_no_harm(shared):
    for _ in range(20):
        shared.second(reading(ABC, 0.3, waited=0.2 + 0.015))  # two thirds of 30 %, and a little

    assert shared.cpus == [3]


def test_branches_that_become_heavy_are_spread():
    (fork,) = groups_of("run", tuple("abc"), (("a", "b"), ("a", "c")))
    story = Story(fork)
    story.second(reading(fork, 0.03))  # 10 us a step each
    assert story.cpus == [3]

    story.second(reading(fork, 0.04))
    assert story.cpus == [3], "who is at the limit does not go to and fro"
    story.second(reading(fork, 0.3))

    assert story.cpus == [None]
    assert story.why == "its branches are done sooner at the same time"


def test_groups_go_to_different_cpus_the_emptiest_first():
    story = Story(chain("ab"), chain("cd"), chain("ef", run="other"), cpus=3)
    story.busy[2] = 0.2

    story.second()

    assert story.cpus == [1, 0, 2]


def test_about_as_busy_counts_as_the_same():
    story = Story(ABC)
    story.busy |= {0: 0.01, 3: 0.04}

    story.second()

    assert story.cpus == [3]


def test_nobody_goes_where_there_is_no_room():
    story = Story(ABC)
    story.busy = dict.fromkeys(story.busy, 0.65)
    story.second()
    assert story.cpus == [None]

    story.busy[1] = 0.5
    story.second()
    assert story.cpus == [1]


def test_more_groups_than_cpus_have_room_for_stay_spread():
    groups = [chain("ab", run=f"run-{number}") for number in range(8)]
    story = Story(*groups, cpus=2)

    story.second(*(reading(group, 0.35) for group in groups))

    assert story.cpus.count(0) == story.cpus.count(1) == 2


def test_with_one_cpu_nothing_happens():
    story = Story(ABC, cpus=1)

    for _ in range(10):
        story.second()

    assert story.changes == []


def test_without_knowing_how_busy_cpus_are_nothing_is_begun():
    story = Story(ABC)
    story.busy, cpus = {}, range(4)
    for _ in range(10):
        story.now_ns += PERIOD_NS
        story.changes += story.sharing.look({ABC: reading(ABC)}, cpus, {}, story.now_ns)

    assert story.changes == []


def test_a_loop_that_is_not_at_work_spreads_the_others(shared):
    shared.period(None)
    assert shared.cpus == [None]
    assert shared.why == "not all of its loops are at work"

    shared.second()
    assert shared.cpus == [3], "at once when it is back"


def test_a_cpu_that_is_taken_away_is_left(shared):
    del shared.busy[3]

    shared.period()
    assert (shared.cpus, shared.why) == ([None], "CPU 3 may not be used any more")

    shared.second()
    assert shared.cpus == [2]


def test_how_busy_cpus_are_is_asked_only_by_who_may_share(shared):
    assert not shared.sharing.wants_a_cpu(shared.now_ns)

    shared.period(reading(ABC, 0.9))
    assert not shared.sharing.wants_a_cpu(shared.now_ns)
    assert shared.sharing.wants_a_cpu(shared.now_ns + FIRST_PAUSE_NS)


def test_a_run_that_ended_is_forgotten(shared):
    shared.groups = ()
    shared.period()

    assert shared.sharing.cpu_of(ABC) is None
    assert not shared.sharing.wants_a_cpu(shared.now_ns)


# the relay

AB = chain("ab")
# The same two, and what they send goes to another machine.
WIDE = group_with_relay("run", tuple("ab"), AB.edges, (("b", RELAY),))
assert WIDE is not None
QUIET = reading(WIDE)


@pytest.fixture
def wide() -> Story:
    """A chain whose messages the relay carries: all share a CPU."""
    story = Story(AB, WIDE)
    story.second()
    assert story.cpus == [3, 3]
    return story


def test_a_calm_relay_shares_the_cpu_of_those_it_serves(wide):
    assert wide.changes == [Change(WIDE, 3, "its loops use 20 % of a CPU")], "the chain alone is no news"


def test_a_busy_relay_leaves_and_the_chain_stays(wide):
    for _ in range(3):
        wide.period(reading(AB, 0.1, waited=0.3), reading(WIDE, 0.55, waited=0.3))
    wide.period(reading(AB, 0.1, waited=0.3), reading(WIDE, 0.7, waited=0.3))
    assert wide.cpus == [3, None], "it waited for the relay, with which it shared"
    assert wide.why == "its loops use 70 % of a CPU"

    wide.second(reading(AB, 0.1), reading(WIDE, 0.7))
    assert wide.cpus == [3, None]
    wide.period(reading(AB, 0.7), reading(WIDE, 1.3))
    assert wide.cpus == [None, None]


def test_a_relay_that_has_become_calm_joins_the_chain_where_it_is():
    story = Story(AB, WIDE)
    story.second(reading(AB, 0.1), reading(WIDE, 0.5))
    assert story.cpus == [3, None]

    story.busy |= {3: 0.3}
    story.second()
    assert story.cpus == [3, 3]


def test_a_relay_does_not_join_where_it_has_no_room():
    story = Story(AB, WIDE)
    story.second(reading(AB, 0.1), reading(WIDE, 0.5))

    story.busy |= {3: 0.8}  # of which the chain is a tenth
    story.second(reading(AB, 0.1), QUIET)

    assert story.cpus == [3, None]


def test_a_chain_with_its_relay_keeps_others_away_once():
    other = chain("cd", run="other")
    story = Story(AB, WIDE, other, cpus=2)
    calm = reading(AB, 0.25), reading(WIDE, 0.3)
    story.second(*calm, None)
    assert story.cpus == [1, 1, None]

    story.busy |= {0: 0.69, 1: 0.3}
    story.second(*calm, reading(other, 0.1))

    assert story.cpus == [1, 1, 1], "0.3 measured and 0.3 kept, and not the chain's 0.25 once more"


def test_without_a_relay_that_runs_the_chain_stays(wide):
    wide.period(reading(AB), None)
    assert wide.cpus == [3, None]

    wide.second()
    assert wide.cpus == [3, 3]


def test_what_the_chain_uses_already_is_no_reason_not_to_join_it():
    story = Story(AB, WIDE)
    story.second(reading(AB, 0.3), reading(WIDE, 0.5))

    story.second(reading(AB, 0.25), reading(WIDE, 0.5))
    story.busy |= {3: 0.8}
    story.second(reading(AB, 0.05), reading(WIDE, 0.5))
    story.second(reading(AB, 0.05), reading(WIDE, 0.1))
    assert story.cpus == [3, None], "of these 0.8 the chain is 0.05 now"

    story.busy |= {3: 0.7}  # of which the chain is three parts, others four
    for _ in range(2):
        story.second(reading(AB, 0.3), reading(WIDE, 0.35))

    assert story.cpus == [3, 3]


def test_a_chain_that_waits_while_its_relay_runs_stays_with_it(wide):
    wide.second(reading(AB, 0.05, waited=0.06), reading(WIDE, 0.3, waited=0.06))

    assert wide.cpus == [3, 3]
    assert len(wide.changes) == 1


def test_the_same_names_in_another_run_are_another_chain():
    story = Story(chain("ab", run="other"), WIDE)

    story.second(reading(story.groups[0], 0.5), QUIET)

    assert story.cpus == [None, 3]
