"""A wire to a server: it counts what passes each way, and can be cut or held after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

_CHUNK = 64 * 1024


class Wire:
    """Listens on a loopback port of its own and passes everything on; `up` and `down` count the bytes."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._change = threading.Condition()
        self._hold_up: int | None = None
        self._cuts_up: list[int] = []
        self._cuts_down: list[int] = []
        self.up = 0
        self.down = 0
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Wire:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._end(*self._sockets)

    def hold_up(self, after: int) -> None:
        """Let nothing more through to the server once so many bytes have passed."""
        self._hold_up = after

    def wait_held(self, timeout_s: float) -> None:
        """Wait until that is so."""
        with self._change:
            assert self._change.wait_for(lambda: self._hold_up is not None and self.up >= self._hold_up, timeout_s), f"only {self.up} bytes passed"

    def release(self) -> None:
        """Let everything through again."""
        with self._change:
            self._hold_up = None
            self._change.notify_all()

    def drop(self) -> None:
        """End every connection; what is held is lost."""
        with self._change:
            self._end(*self._sockets)
        self.release()

    def cut_up(self, *after: int) -> None:
        """End every connection each time one of these counts of bytes to the server has passed."""
        self._cuts_up = [self.up + one for one in after]

    def cut_down(self, *after: int) -> None:
        """End every connection each time one of these counts of bytes to the client has passed."""
        self._cuts_down = [self.down + one for one in after]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets |= {client, server}
            for pump in (self._pump_up, self._pump_down):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _pump_up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_CHUNK):
                with self._change:
                    self._change.wait_for(lambda: self._hold_up is None or self.up < self._hold_up)
                    if server not in self._sockets:
                        return
                    self.up += len(data)
                    self._change.notify_all()
                server.sendall(data)
                if self._cuts_up and self.up >= self._cuts_up[0]:
                    self._cuts_up.pop(0)
                    self._end(*self._sockets)
        self._end(client, server)

    def _pump_down(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                client.sendall(data)
                self.down += len(data)
                if self._cuts_down and self.down >= self._cuts_down[0]:
                    self._cuts_down.pop(0)
                    self._end(*self._sockets)
        self._end(client, server)

    def _end(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets -= set(sockets)
