"""A trivial dora node: hands each value on; the last one writes the file that ARRIVED names."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow
from dora import Node


def main() -> None:
    node, arrived = Node(), os.environ.get("ARRIVED", "")
    for event in node:
        if event["type"] == "STOP":
            return
        if event["type"] == "INPUT":
            node.send_output("out", pyarrow.array([1.0]))
            if arrived:
                Path(arrived).touch()


if __name__ == "__main__":
    main()
