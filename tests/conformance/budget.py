"""How many random programs are run, and from which seeds.

Quick is the default, and always runs the same programs: a failure in one place is a failure everywhere.
RTMESH_CONFORMANCE=deep runs fifty times as many, each time others; a failure prints the blob that repeats it.
"""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

IS_DEEP = os.environ.get("RTMESH_CONFORMANCE") == "deep"
_TIMES = 50

patient = pytest.mark.timeout(7200 if IS_DEEP else 120)

ALL_BUT_EXPLAIN = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


def budget(examples: int, steps: int) -> settings:
    """So many programs of at most so many steps."""
    return settings(
        max_examples=examples * (_TIMES if IS_DEEP else 1),
        stateful_step_count=steps,
        derandomize=not IS_DEEP,
        database=None,
        print_blob=True,
        deadline=None,
        phases=ALL_BUT_EXPLAIN,
        suppress_health_check=list(HealthCheck),
    )


def run_machine(machine: Callable[[], RuleBasedStateMachine], *, examples: int, steps: int) -> None:
    """Run the random programs of a state machine; the shortest that fails is shown."""
    run_state_machine_as_test(machine, settings=budget(examples, steps))
