"""What a node reports as its result: a JSON object, from Python's and numpy's values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np


def result_json(fields: Mapping[str, object]) -> str:
    """The JSON of a result. TypeError names what JSON cannot hold."""
    return json.dumps({name: _plain(value) for name, value in fields.items()}, allow_nan=False)


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
