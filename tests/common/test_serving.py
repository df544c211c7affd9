"""An address that cannot be listened on is refused with its reason, and gRPC prints nothing beside it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest

from rtmesh.common.errors import UnavailableError
from rtmesh.common.serving import SERVER_OPTIONS, add_port


@pytest.fixture
def server() -> Iterator[grpc.Server]:
    made = grpc.server(futures.ThreadPoolExecutor(1), options=SERVER_OPTIONS)
    yield made
    made.stop(None)


def refusal(server: grpc.Server, address: str, capfd: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(UnavailableError) as refused:
        add_port(server, address)
    assert "".join(capfd.readouterr()) == ""  # of the process, not only of Python: gRPC writes there itself
    return str(refused.value)


def test_a_port_that_is_taken_is_said_to_be(server: grpc.Server, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"

        said = refusal(server, address, capfd)

    assert said.startswith(f"cannot listen on {address}: Address already in use: another process may hold it")


def test_an_address_of_another_computer_is_not_said_to_be_taken(
    server: grpc.Server, capfd: pytest.CaptureFixture[str]
) -> None:
    said = refusal(server, "192.0.2.1:7400", capfd)

    assert "Cannot assign requested address: give an address of this computer" in said


def test_a_socket_in_a_folder_that_is_not_there_is_refused(
    server: grpc.Server, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = refusal(server, f"unix:{tmp_path}/absent/s", capfd)

    assert "No such file or directory: make the folder of the socket first" in said


def test_a_port_that_somebody_reserved_and_does_not_listen_on_is_taken_over(server: grpc.Server) -> None:
    """As a relay does with the port that its meshd holds for it."""
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reservation.getsockname()[1]}"

        assert add_port(server, address) == address
