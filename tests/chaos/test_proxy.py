"""The fault proxy does to a connection what each fault says, and nothing when it is healed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets."""

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        accepting.join()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(echo) as proxy:
        yield proxy


def connect(proxy: Proxy, *, timeout_s: float = 10) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout_s)


def receive(connection: socket.socket, count: int) -> bytes:
    """Read so many bytes, or what came before the end."""
    received = b""
    while len(received) < count and (data := connection.recv(65536)):
        received += data
    return received


def test_without_a_fault_it_is_a_wire(proxy: Proxy) -> None:
    """A megabyte arrives as it was sent, and an end is an end."""
    data = bytes(range(256)) * 4096
    with connect(proxy) as connection:
        threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(socket.SHUT_WR)), daemon=True).start()
        assert receive(connection, len(data)) == data
        assert connection.recv(1) == b""


def test_latency_delays_each_answer(proxy: Proxy) -> None:
    """An answer comes so much later, and no later when it is healed."""
    with connect(proxy) as connection:
        proxy.delay(0.3)
        started = time.monotonic()
        connection.sendall(b"ping")
        assert receive(connection, 4) == b"ping"
        assert time.monotonic() - started >= 0.3
        proxy.heal()
        started = time.monotonic()
        connection.sendall(b"ping")
        assert receive(connection, 4) == b"ping"
        assert time.monotonic() - started < 0.3


def test_a_black_hole_answers_nothing_and_gives_back_what_it_swallowed(proxy: Proxy) -> None:
    """Connections old and new are open and silent; healed, what was sent arrives."""
    with connect(proxy, timeout_s=0.3) as old:
        proxy.swallow()
        with connect(proxy, timeout_s=0.3) as new:
            for connection in (old, new):
                connection.sendall(b"ping")
                with pytest.raises(TimeoutError):
                    connection.recv(4)
            proxy.heal()
            for connection in (old, new):
                connection.settimeout(10)
                assert receive(connection, 4) == b"ping"


def test_refused(proxy: Proxy) -> None:
    """What is connected is reset, nothing new is accepted, and healed it listens at the same port."""
    with connect(proxy) as connection:
        connection.sendall(b"ping")
        assert receive(connection, 4) == b"ping"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.heal()
    with connect(proxy) as connection:
        connection.sendall(b"ping")
        assert receive(connection, 4) == b"ping"


def test_reset(proxy: Proxy) -> None:
    """Once: those of now. For good: every one at its first byte."""
    with connect(proxy) as connection:
        connection.sendall(b"ping")
        assert receive(connection, 4) == b"ping"
        assert proxy.reset() == 1
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    proxy.reset(for_good=True)
    with connect(proxy) as connection:
        connection.sendall(b"ping")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_cut_passes_so_many_bytes_and_no_more(proxy: Proxy) -> None:
    """The bytes before the cut may arrive, none behind it, and the connection is reset."""
    proxy.cut_after(10)
    with connect(proxy) as connection:
        connection.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            receive(connection, 11)
    proxy.cut_after(10)
    with connect(proxy) as connection:
        connection.sendall(b"012345678")
        assert receive(connection, 9) == b"012345678"


def test_a_half_open_connection_stays_silent_when_others_are_healed(proxy: Proxy) -> None:
    """Neither side of it hears of the other again; a new one works."""
    with connect(proxy, timeout_s=0.3) as old:
        old.sendall(b"ping")
        assert receive(old, 4) == b"ping"
        assert proxy.forget() == 1
        proxy.heal()
        old.sendall(b"ping")
        with pytest.raises(TimeoutError):
            old.recv(4)
        with connect(proxy) as new:
            new.sendall(b"ping")
            assert receive(new, 4) == b"ping"
