"""The board of links: states, and who watches them."""

import asyncio

from rtmesh.relay.links import LinkBoard


def state(response):
    return response.run, response.edge, response.connected, response.reason


def watch(board, change, count):
    """The first `count` states a watcher sees when `change` happens after it began."""

    async def collect():
        states = []
        watching = board.watch()
        async with asyncio.timeout(5):
            for _ in range(count):
                if not states:
                    asyncio.get_running_loop().call_soon(change)
                states.append(state(await anext(watching)))
        await watching.aclose()
        return states

    return asyncio.run(collect())


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
