"""A taken port is named before anything starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from headwater.errors import CannotStart
from headwater.ports import remembered_port, require_free


def test_a_taken_port_is_named_with_its_setting() -> None:
    """The error says which port, and which setting moves it; exit code 2 says that the caller can."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} on 127\.0\.0\.1 is taken; .* set HEADWATER_API_PORT") as error:
            require_free({"HEADWATER_API_PORT": port})
    assert error.value.exit_code == 2


def test_two_settings_can_not_share_a_port() -> None:
    """Both are named."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(CannotStart, match=rf"HEADWATER_A and HEADWATER_B both name port {port}"):
        require_free({"HEADWATER_A": port, "HEADWATER_B": port})


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    """A restart finds the same port, and another one once someone else has it."""
    memory = tmp_path / "port"
    port = remembered_port(memory)
    assert remembered_port(memory) == port

    with socket.create_server(("127.0.0.1", port)):
        moved = remembered_port(memory)
        assert moved != port
    assert int(memory.read_text()) == moved


@pytest.mark.parametrize("content", ["", "many", "-1", "70000"])
def test_a_spoilt_memory_is_replaced(tmp_path: Path, content: str) -> None:
    """What is no port is forgotten."""
    memory = tmp_path / "port"
    memory.write_text(content)
    assert 0 < remembered_port(memory) < 65536
