"""Configure and the contract's methods: what is asked of a node between two of its steps."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import NamedTuple

from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from rtmesh.common.errors import UnimplementedError
from rtmesh.graph.contract import CONFIGURE, Contract, MethodSpec
from rtmesh.node.errors import ParametersRefusedError
from rtmesh.node.node import Node
from rtmesh.node.parameters import merged
from rtmesh.node.tracebacks import in_words, trimmed

# google.rpc.Code, which this process writes without gRPC.
OK, UNKNOWN, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 0, 2, 3, 8, 12


class Reply(NamedTuple):
    """The answer to a request: a serialized response, or a google.rpc.Code and its text."""

    code: int
    response: bytes = b""
    message: str = ""


class Calls:
    """Runs a node's methods.

    Args:
        check: called with new parameters before the node sees them; ValueError refuses them.
        changed: called after the node has new parameters.
    """

    def __init__(
        self,
        node: Node,
        contract: Contract,
        check: Callable[[Message], None],
        changed: Callable[[], None],
    ) -> None:
        self._node = node
        self._service = contract.service.full_name
        self._methods = {method.name: method for method in contract.methods}
        self._check = check
        self._changed = changed

    @property
    def has_methods(self) -> bool:
        """Whether there is anything to serve besides Configure."""
        return any(name != CONFIGURE for name in self._methods)

    def request_class(self, method: str) -> type[Message]:
        """The class of a method's request; UnimplementedError if there is no such method."""
        request_class: type[Message] = GetMessageClass(self._spec(method).request)
        return request_class

    def run(self, method: str, request: Message) -> Message:
        """Run a method and return its response; raises what it raises."""
        spec = self._spec(method)
        if method == CONFIGURE:
            return self._configure(request)
        function = getattr(self._node, method, None)
        if function is None:
            name = type(self._node).__name__
            raise UnimplementedError(f"{name} has no method {method}", f"define {method}(self, request)")
        response = function(request)
        expected = spec.response.full_name
        if not isinstance(response, Message) or response.DESCRIPTOR.full_name != expected:
            raise TypeError(f"{method}() returned {type(response).__name__}, not {expected}")
        return response

    def reply(self, method: str, request: bytes) -> Reply:
        """Run a method for someone outside: every exception becomes a code and a text."""
        try:
            message = self.request_class(method).FromString(request)
            return Reply(OK, self.run(method, message).SerializeToString())
        except DecodeError as error:
            return Reply(INVALID_ARGUMENT, message=f"the request of {method} does not parse: {error}")
        except Exception as error:
            return self._refusal(method, error)

    def _configure(self, changes: Message) -> Message:
        node = self._node
        if changes.ListFields():
            candidate = merged(node.parameters, changes)
            try:
                self._check(candidate)
                node.configure(candidate)
            except ValueError as error:
                raise ParametersRefusedError(str(error)) from error
            node.parameters = candidate
            self._changed()
        return merged(node.parameters, type(changes)())

    def _refusal(self, method: str, error: Exception) -> Reply:
        if isinstance(error, ParametersRefusedError):
            return Reply(INVALID_ARGUMENT, message=str(error))
        if isinstance(error, UnimplementedError) and not hasattr(self._node, method):
            return Reply(UNIMPLEMENTED, message=str(error))
        self._node.log.error("%s failed\n%s", method, "".join(traceback.format_exception(trimmed(error))))
        return Reply(UNKNOWN, message=in_words(error))

    def _spec(self, method: str) -> MethodSpec:
        if method not in self._methods:
            listed = ", ".join(self._methods) or "none"
            raise UnimplementedError(f"{self._service} has no method {method}", f"its methods: {listed}")
        return self._methods[method]
