"""What a node reports as its result: a JSON object, from Python's and numpy's values, told now and then."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np

from rtmesh.common.errors import InvalidArgumentError

# A node may report in every step, but only the newest result counts, and each one told wakes meshd and
# the service.
TELL_PERIOD_NS = 100_000_000


def result_json(fields: Mapping[str, object]) -> str:
    """The JSON of a result. TypeError names what JSON cannot hold."""
    return json.dumps({name: _plain(value) for name, value in fields.items()}, allow_nan=False)


class Results:
    """The newest result, until it is time to tell it. Pure: no clock.

    Args:
        most_bytes: how big a result may be.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._untold: str | None = None
        self._next_ns = 0

    def put(self, json: str) -> None:
        """Take a result in place of the last. InvalidArgumentError if it is too big to be told."""
        size = len(json.encode())
        if size > self._most_bytes:
            raise InvalidArgumentError(f"a result of {size} bytes", f"report at most {self._most_bytes}")
        self._untold = json

    @property
    def due_ns(self) -> int | None:
        """When there is something to tell; None if everything is told."""
        return None if self._untold is None else self._next_ns

    def take_due(self, now_ns: int) -> str | None:
        """The newest result, if it is not told and enough time has passed since the last."""
        return self.take(now_ns) if self._untold is not None and now_ns >= self._next_ns else None

    def take(self, now_ns: int) -> str | None:
        """The newest result, if it is not told."""
        untold, self._untold = self._untold, None
        if untold is not None:
            self._next_ns = now_ns + TELL_PERIOD_NS
        return untold


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        # JSON has no NaN: a reader in another language would stumble over the whole object.
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
