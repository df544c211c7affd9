"""A loop's memory in large pages: what is moved there, and when."""

from __future__ import annotations

import errno
import mmap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtmesh.node import loop as loop_module
from rtmesh.node.large_pages import MOST_BYTES, use_large_pages
from rtmesh.v1 import status_pb2

PAGE = 2 << 20
BASE = 0x7F00_0000_0000


def mapping(start: int, length: int, rights: str = "rw-p", name: str = "") -> str:
    return f"{start:x}-{start + length:x} {rights} 00000000 00:00 0    {name}\n"


class Kernel:
    """The kernel's settings and this process's mappings, as files, and a record of what was asked for."""

    def __init__(self, folder: Path, *mappings: str, enabled: str = "always [madvise] never") -> None:
        self.folder = folder
        (folder / "enabled").write_text(f"{enabled}\n")
        (folder / "hpage_pmd_size").write_text(f"{PAGE}\n")
        (folder / "maps").write_text("".join(mappings))
        self.asked: list[int] = []
        self.refused: set[int] = set()

    def use_large_pages(self) -> list[int]:
        use_large_pages(self.folder, self.folder / "maps", self._advise)
        return self.asked

    def _advise(self, start: int, length: int) -> None:
        assert length == PAGE
        self.asked.append(start)
        if start in self.refused:
            raise OSError(errno.EINVAL, "nothing lies there")


def test_only_whole_large_pages_of_the_heap_are_moved(tmp_path: Path) -> None:
    kernel = Kernel(
        tmp_path,
        mapping(BASE - PAGE // 2, 3 * PAGE),
        mapping(BASE + 16 * PAGE, PAGE, name="[heap]"),
        mapping(BASE + 32 * PAGE + 4096, PAGE),
    )

    assert kernel.use_large_pages() == [BASE, BASE + PAGE, BASE + 16 * PAGE]


@pytest.mark.parametrize(
    ("rights", "name"),
    [("r--p", ""), ("rw-s", ""), ("r-xp", "/bin/python"), ("rw-p", "/a file"), ("rw-p", "[stack]")],
)
def test_files_stacks_and_what_is_shared_stay_where_they_are(tmp_path: Path, rights: str, name: str) -> None:
    assert Kernel(tmp_path, mapping(BASE, 4 * PAGE, rights, name)).use_large_pages() == []


def test_a_mapping_that_is_large_is_data_and_stays(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, mapping(BASE, MOST_BYTES + PAGE), mapping(2 * BASE, PAGE))

    assert kernel.use_large_pages() == [2 * BASE]


def test_no_more_is_moved_than_a_loop_may_cost(tmp_path: Path) -> None:
    room = [mapping(BASE + index * 4 * MOST_BYTES, MOST_BYTES) for index in range(3)]

    assert len(Kernel(tmp_path, *room).use_large_pages()) * PAGE == MOST_BYTES


def test_a_place_that_the_kernel_refuses_is_passed_over_and_costs_nothing(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, *[mapping(BASE + index * 4 * MOST_BYTES, MOST_BYTES) for index in range(3)])
    kernel.refused = {BASE}

    asked = kernel.use_large_pages()

    assert (len(asked) - 1) * PAGE == MOST_BYTES


def test_the_setting_never_is_respected(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, mapping(BASE, PAGE), enabled="always madvise [never]")

    assert kernel.use_large_pages() == []


def test_a_kernel_without_large_pages_is_no_error(tmp_path: Path) -> None:
    use_large_pages(tmp_path / "nothing", tmp_path / "nothing")


def test_what_lies_there_stays_as_it_is() -> None:
    with mmap.mmap(-1, 4 * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory[::4096] = bytes(index % 251 for index in range(len(memory) // 4096))
        before = memory[:]

        use_large_pages()

        assert memory[:] == before


def test_a_loop_moves_its_memory_between_setup_and_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[object] = []
    loop: Any = loop_module.Loop.__new__(loop_module.Loop)
    loop._channel = SimpleNamespace(is_draining=False)
    loop._tell = order.append
    loop._assemble = lambda: SimpleNamespace(setup=lambda: order.append("setup"))
    loop._wait_for_start = lambda engine: False
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setattr(loop_module, "use_large_pages", lambda: order.append("moved"))

    loop._live()

    setting_up, ready = status_pb2.NODE_STATE_SETTING_UP, status_pb2.NODE_STATE_READY
    assert order == [setting_up, "setup", "moved", ready]
