"""Credit and release of an ingress edge, as numbers."""

from hypothesis import given
from hypothesis import strategies as st

from rtmesh.relay.window import DROPPING_WINDOW, Grant, Held, Window

EMPTY = Held(head=0, released=0, source_position=0)


def blocking(size, held=EMPTY):
    return Window(size, held, follows_release=True)


def dropping(held=EMPTY):
    return Window(DROPPING_WINDOW, held, follows_release=False)


def receive(window, *positions):
    for position in positions:
        window.received(1, position + 1)


def test_an_empty_ring_grants_its_whole_queue():
    assert blocking(64).grant() == Grant(credit=64, released_position=0)


def test_nothing_is_granted_twice():
    window = blocking(64)
    window.grant()

    assert not window.has_news
    assert window.grant() == Grant(credit=0, released_position=0)


def test_holding_a_message_gives_no_credit_and_releasing_it_gives_one():
    window = blocking(4)
    window.grant()
    receive(window, 0, 1)
    assert not window.has_news

    window.released(1)

    assert window.grant() == Grant(credit=1, released_position=1)


def test_a_ring_that_holds_unreleased_messages_grants_what_is_left():
    window = blocking(8, Held(head=10, released=7, source_position=110))

    assert window.grant() == Grant(credit=5, released_position=107)
    assert window.unreleased == 3


def test_messages_of_an_earlier_life_are_acknowledged_one_by_one():
    window = blocking(8, Held(head=10, released=7, source_position=110))
    window.grant()
    receive(window, 110)

    window.released(9)
    assert window.grant() == Grant(credit=2, released_position=109)
    window.released(11)
    assert window.grant() == Grant(credit=2, released_position=111)


def test_what_was_released_is_told_in_far_positions_across_a_gap():
    window = blocking(8)
    window.grant()
    receive(window, 0, 1)
    window.skipped(500)
    receive(window, 500)

    window.released(2)
    assert window.grant().released_position == 2
    window.released(3)
    assert window.grant().released_position == 501


def test_a_quarter_of_the_window_is_due_and_less_is_not():
    window = blocking(8)
    window.grant()
    receive(window, 0, 1, 2)

    window.released(1)
    assert not window.is_due
    window.released(2)
    assert window.is_due


def test_an_exhausted_far_side_is_told_of_a_single_release():
    window = blocking(64)
    window.grant()
    receive(window, *range(64))
    assert window.credit == 0
    assert not window.is_due

    window.released(window.due_at)

    assert window.is_due
    assert window.grant() == Grant(credit=1, released_position=1)


def test_a_dropping_edge_acknowledges_what_it_holds_and_never_runs_dry():
    window = dropping()
    assert window.grant() == Grant(credit=DROPPING_WINDOW, released_position=0)
    for position in range(0, 10 * DROPPING_WINDOW, 10):
        receive(window, position)
        if window.is_due:
            assert window.grant() == Grant(credit=DROPPING_WINDOW // 4, released_position=position + 1)

    assert not window.is_exhausted


def test_a_window_says_what_may_come_and_from_where():
    window = blocking(4, Held(head=3, released=3, source_position=8))
    window.grant()
    receive(window, 8, 9)

    assert (window.credit, window.next_position) == (2, 10)


def test_several_messages_at_once_count_as_one_by_one():
    together, single = blocking(8), blocking(8)
    for window in (together, single):
        window.grant()
    together.received(3, 3)
    receive(single, 0, 1, 2)

    for window in (together, single):
        window.released(2)

    assert together.grant() == single.grant() == Grant(credit=2, released_position=2)


@given(
    size=st.integers(1, 40),
    steps=st.lists(st.tuples(st.sampled_from(["come", "skip", "release"]), st.integers(1, 9)), max_size=60),
)
def test_what_is_acknowledged_is_what_was_released(size, steps):
    window = blocking(size)
    window.grant()
    far, held, released = 0, [], 0
    for step, count in steps:
        if step == "skip":
            far += count
            window.skipped(far)
        elif step == "come":
            count = min(count, window.credit)
            held += range(far, far + count)
            far += count
            window.received(count, far)
        else:
            released = min(released + count, len(held))
            window.released(released)
            acknowledged = window.grant().released_position
            assert acknowledged == (held[released - 1] + 1 if released else 0)


@given(size=st.integers(1, 40), steps=st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=60))
def test_granted_and_not_released_never_exceeds_the_queue(size, steps):
    window = blocking(size)
    granted = window.grant().credit
    head = released = 0
    for is_arrival, count in steps:
        for _ in range(count):
            if is_arrival and head < granted:
                receive(window, head)
                head += 1
            elif not is_arrival and released < head:
                released += 1
        window.released(released)
        if window.is_due:
            granted += window.grant().credit

        assert granted - released <= size
        assert head < granted or released == 0 or window.credit == 0 or granted - released == size
