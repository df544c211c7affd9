"""Delays between attempts."""

from rtmesh.relay.backoff import Backoff


def test_delays_double_up_to_the_longest():
    backoff = Backoff(first_s=0.1, longest_s=0.5)

    assert [backoff.next_s() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_after_a_success_delays_begin_again():
    backoff = Backoff(first_s=0.1, longest_s=2.0)
    backoff.next_s()
    backoff.next_s()

    backoff.reset()

    assert backoff.next_s() == 0.1
