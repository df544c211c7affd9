"""The board of links: states, and who watches them."""

import itertools

from rtmesh.relay.links import LinkBoard


def state(response):
    return response.run, response.edge, response.connected, response.reason


def watch(board, change, count):
    """The first `count` states a watcher sees when `change` happens after it has seen the first."""
    looks = itertools.count()
    watching = board.watch(lambda: next(looks) < 100)
    states = [state(next(watching))]
    change()
    states += [state(seen) for seen in itertools.islice(watching, count - 1)]
    watching.close()
    return states


def test_a_watcher_sees_every_state_and_then_each_change():
    board = LinkBoard()
    board.set("r1", "a.x -> b.x", True)

    seen = watch(board, lambda: board.set("r1", "a.x -> b.x", False, "gpc: cut"), 2)

    assert seen == [("r1", "a.x -> b.x", True, ""), ("r1", "a.x -> b.x", False, "gpc: cut")]


def test_a_state_that_did_not_change_is_not_told_again():
    board = LinkBoard()
    board.set("r1", "a.x -> b.x", True)

    def change():
        board.set("r1", "a.x -> b.x", True)
        board.set("r1", "c.x -> d.x", True)

    assert [edge for _, edge, _, _ in watch(board, change, 2)] == ["a.x -> b.x", "c.x -> d.x"]


def test_a_forgotten_run_is_not_shown():
    board = LinkBoard()
    board.set("r1", "a.x -> b.x", True)
    board.set("r2", "a.x -> b.x", True)

    board.forget("r1")

    assert [run for run, *_ in watch(board, lambda: None, 1)] == ["r2"]


def test_a_watcher_ends_when_nobody_wants_it_any_more():
    board = LinkBoard()

    assert list(board.watch(lambda: False)) == []
