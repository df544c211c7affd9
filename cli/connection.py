"""The scheduler a verb talks to: which one it is, and the client of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from rtmesh.cli.contexts import check_address, load_contexts
from rtmesh.client import Client
from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError

_NO_SCHEDULER = (
    "start one: meshctl scheduler --listen unix:/tmp/mesh.sock --state mesh; then name it with --scheduler, "
    "$MESHCTL_SCHEDULER, or: meshctl context add NAME ADDRESS"
)


class Session:
    """What a verb that needs a mesh is handed: a client of the chosen scheduler, made when first used.

    Args:
        scheduler: the address that was typed; empty if none was.
        context: the context that was typed; empty if none was.
        timeout_s: the longest wait for an answer; None: the client's own.
    """

    def __init__(self, scheduler: str = "", context: str = "", timeout_s: float | None = None) -> None:
        self._scheduler = scheduler
        self._context = context
        self._timeout_s = timeout_s
        self._client: Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """The address of the scheduler. Raises RtmeshError if none is known."""
        return scheduler_address(self._scheduler, self._context)

    @property
    def client(self) -> Client:
        """The client; every use gives the same one. Raises RtmeshError if no scheduler is known."""
        if self._client is None:
            limit = {} if self._timeout_s is None else {"timeout_s": self._timeout_s}
            self._client = Client(self.address, **limit)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def scheduler_address(
    scheduler: str = "", context: str = "", environment: Mapping[str, str] = os.environ
) -> str:
    """The address that counts: what was typed, else what the environment says, else the current context.

    Raises:
        InvalidArgumentError: it is no address.
        NotFoundError: there is no such context.
        FailedPreconditionError: nothing says where the scheduler is.
    """
    if scheduler:
        return scheduler
    if context:
        return load_contexts().address(context)
    if address := environment.get("MESHCTL_SCHEDULER"):
        return _checked(address, "MESHCTL_SCHEDULER")
    contexts = load_contexts()
    name = environment.get("MESHCTL_CONTEXT") or contexts.current
    if name:
        return contexts.address(name)
    if contexts.addresses:
        known = ", ".join(sorted(contexts.addresses))
        raise FailedPreconditionError(
            "no context is the current one", f"choose one: meshctl context use NAME (known: {known})"
        )
    raise FailedPreconditionError("nothing says where the scheduler is", _NO_SCHEDULER)


def _checked(address: str, variable: str) -> str:
    try:
        check_address(address)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"${variable}: {error.message}", error.remedy) from error
    return address
