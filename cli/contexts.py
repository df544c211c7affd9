"""Contexts: names for schedulers, in one file of the user's.

    current = "lab"

    [contexts.lab]
    scheduler = "10.0.0.5:7700"

The file is $MESHCTL_CONFIG, or ~/.config/rtmesh/contexts.toml.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtmesh.common.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, RtmeshError
from rtmesh.graph.names import did_you_mean

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]/]+):(\d{1,5})")
_HEADER = "# Written by `meshctl context`.\n"


@dataclass
class Contexts:
    """What the file holds.

    Args:
        path: the file.
        addresses: the scheduler's address by the context's name.
        current: the context that is used when none is named; empty if none is.
    """

    path: Path
    addresses: dict[str, str] = field(default_factory=dict)
    current: str = ""

    def address(self, name: str) -> str:
        """The address of a context. Raises NotFoundError."""
        if name in self.addresses:
            return self.addresses[name]
        remedy = did_you_mean(name, sorted(self.addresses))
        raise NotFoundError(
            f"there is no context {name!r} in {self.path}",
            remedy or f"add it: meshctl context add {name} HOST:PORT",
        )

    def add(self, name: str, address: str) -> None:
        """Add a context; the first one becomes the current one.

        Raises:
            InvalidArgumentError: the name or the address cannot be one.
            AlreadyExistsError: there is such a context with another address.
        """
        if _NAME.fullmatch(name) is None:
            raise InvalidArgumentError(
                f"{name!r:.80} cannot name a context", "use up to 40 of A-Z a-z 0-9 _ -"
            )
        check_address(address)
        if self.addresses.get(name, address) != address:
            raise AlreadyExistsError(
                f"context {name} is {self.addresses[name]} already",
                f"remove it first: meshctl context remove {name}",
            )
        self.addresses[name] = address
        self.current = self.current or name

    def use(self, name: str) -> None:
        """Make a context the current one. Raises NotFoundError."""
        self.address(name)
        self.current = name

    def remove(self, name: str) -> None:
        """Forget a context; if it was the current one, there is none then. Raises NotFoundError."""
        self.address(name)
        del self.addresses[name]
        self.current = "" if self.current == name else self.current

    def save(self) -> None:
        """Write the file, whole or not at all. Raises RtmeshError."""
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(self._text(), encoding="utf-8")
            temporary.replace(self.path)
        except OSError as error:
            raise RtmeshError(
                f"{self.path} cannot be written: {error.strerror}", "set $MESHCTL_CONFIG to another file"
            ) from error

    def _text(self) -> str:
        # A TOML string is written as a JSON string is.
        head = f"current = {json.dumps(self.current)}\n" if self.current else ""
        parts = [
            f"\n[contexts.{name}]\nscheduler = {json.dumps(address, ensure_ascii=False)}\n"
            for name, address in sorted(self.addresses.items())
        ]
        return _HEADER + head + "".join(parts)


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the contexts of this user are."""
    if given := environment.get("MESHCTL_CONFIG"):
        return Path(given)
    base = environment.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "rtmesh" / "contexts.toml"


def load_contexts(path: Path | None = None) -> Contexts:
    """Read the contexts; none if there is no file. Raises RtmeshError if the file is broken."""
    import tomllib

    path = path or config_path()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Contexts(path)
    except OSError as error:
        raise RtmeshError(f"{path} cannot be read", error.strerror or "check its permissions") from error
    except ValueError as error:
        raise RtmeshError(f"{path} is no TOML: {error}", "mend it, or remove it and add anew") from error
    return _read(path, document)


def check_address(address: str, lowest_port: int = 1) -> None:
    """Raise InvalidArgumentError if a text is no address of a scheduler."""
    if address.startswith("unix:") and len(address) > len("unix:") and address.isprintable():
        return
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None or not lowest_port <= int(match[2]) < 65536:
        raise InvalidArgumentError(f"{address!r:.80} is no address", "give HOST:PORT or unix:PATH")


def _read(path: Path, document: dict[str, Any]) -> Contexts:
    tables, current = document.get("contexts", {}), document.get("current", "")
    if not isinstance(tables, dict) or not isinstance(current, str):
        raise _not_contexts(path, "current is a text and [contexts.NAME] a table")
    addresses: dict[str, str] = {}
    for name, table in tables.items():
        address = table.get("scheduler") if isinstance(table, dict) else None
        if not isinstance(address, str):
            raise _not_contexts(path, f'[contexts.{name}] needs scheduler = "HOST:PORT"')
        addresses[name] = address
    return Contexts(path, addresses, current)


def _not_contexts(path: Path, remedy: str) -> RtmeshError:
    return RtmeshError(f"{path} holds no contexts as they should be", remedy)
