"""A port belongs to a platform from its choice to its end."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.embedded import LOOPBACK, free_port, port_is_free
from core.errors import PortTakenError
from core.supervision import (
    Reservation,
    inherited_socket,
    reserve_address,
    reserve_socket,
    reserve_this_or_another,
)

OPTION = "GINJA_API_PORT"


@pytest.fixture
def reserved() -> Iterator[Reservation]:
    reservation = reserve_this_or_another(reserve_socket, LOOPBACK, free_port(), OPTION)
    yield reservation
    reservation.close()


def connect(port: int) -> None:
    socket.create_connection((LOOPBACK, port), timeout=5).close()


def test_a_free_port_is_outside_the_ephemeral_range():
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1024 < free_port() < first_ephemeral for _ in range(50))


def test_a_reserved_port_is_refused_to_other_programs_and_other_platforms(reserved):
    assert not port_is_free(reserved.port)
    for reserve in (reserve_socket, reserve_address):
        with pytest.raises(PortTakenError, match=r"the platform of process \d+.*set GINJA_API_PORT"):
            reserve(LOOPBACK, reserved.port, OPTION)
        other = reserve_this_or_another(reserve, LOOPBACK, reserved.port, OPTION)
        assert other.port != reserved.port
        other.close()


def test_a_port_of_a_part_that_binds_by_itself_is_refused_to_other_platforms():
    first = reserve_this_or_another(reserve_address, LOOPBACK, free_port(), OPTION)
    assert first.sockets == ()
    with pytest.raises(PortTakenError, match="the platform of process"):
        reserve_socket(LOOPBACK, first.port, OPTION)
    first.close()
    reserve_socket(LOOPBACK, first.port, OPTION).close()


def test_a_part_binds_by_itself_the_port_that_other_programs_are_refused():
    reservation = reserve_this_or_another(reserve_address, LOOPBACK, free_port(), OPTION)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((LOOPBACK, reservation.port))
    for _ in range(2):  # it may also be started again
        with socket.create_server((LOOPBACK, reservation.port)) as server:
            connect(reservation.port)
            server.accept()[0].close()
            with pytest.raises(OSError, match="in use"):
                socket.create_server((LOOPBACK, reservation.port))
        with pytest.raises(ConnectionRefusedError):
            connect(reservation.port)
    reservation.refuse()  # it does not listen: nothing to refuse
    reservation.close()


def test_a_port_in_use_names_the_process_that_has_it():
    with socket.create_server((LOOPBACK, 0)) as taken, pytest.raises(PortTakenError, match=r"used by process \d+, "):
        reserve_socket(LOOPBACK, taken.getsockname()[1], OPTION)


def test_a_client_is_refused_until_the_part_listens_and_while_it_crash_loops(reserved):
    with pytest.raises(ConnectionRefusedError):
        connect(reserved.port)
    (listener,) = reserved.sockets
    listener.listen()
    connect(reserved.port)
    reserved.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(reserved.port)
    assert not port_is_free(reserved.port)
    listener.listen()
    connect(reserved.port)


def test_workers_of_this_user_may_bind_the_port_beside_its_reservation(reserved):
    with socket.socket() as worker:
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind((LOOPBACK, reserved.port))
        worker.listen()
        connect(reserved.port)
        accepted, _ = worker.accept()
        assert accepted.getsockname()[1] == reserved.port
        accepted.close()


def test_a_port_can_be_reserved_again_right_after_its_server_closed_connections():
    port = free_port()
    for _ in range(2):
        reservation = reserve_socket(LOOPBACK, port, OPTION)
        (own,) = reservation.sockets
        listener = inherited_socket(own.fileno())
        listener.listen()
        client = socket.create_connection((LOOPBACK, port))
        accepted, _ = listener.accept()
        accepted.close()  # the server closes first: the connection stays in TIME_WAIT
        assert client.recv(1) == b""
        client.close()
        listener.detach()
        reservation.close()


def test_a_descriptor_that_is_no_socket_is_an_error(tmp_path: Path):
    with (tmp_path / "file").open("w") as file, pytest.raises(OSError, match="socket"):
        inherited_socket(file.fileno())
