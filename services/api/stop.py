"""Whether this process was asked to stop: streams that could go on for hours look at it between two pieces of work."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import cast

from fastapi import Request


class Stop:
    """Hears SIGTERM and SIGINT beside the server, which then waits for its requests to end."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """Note the signals from now on; call it inside the running server.

        The event loop hears signals through its wake-up descriptor, which this leaves alone: only the handler that Python
        itself calls, and the loop leaves empty, is replaced.
        """
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._note)
            signal.signal(signal.SIGINT, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


async def get_stop(request: Request) -> Stop:
    """Return this process's."""
    return cast(Stop, request.app.state.stop)
