"""Write `docs/settings.md` from the settings themselves: `python -m scripts.settings_doc`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from services.shared.settings import Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
_HEAD = """# Settings

Every setting is an environment variable and has a default that works. They are read once, when a process starts, and `make up` hands
them to all of its processes. Sizes are in bytes, times in seconds.

| variable | default | what it does |
| --- | --- | --- |
"""


def render() -> str:
    """Return the page."""
    return _HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    return f"| `HEADWATER_{name.upper()}` | {_default(name, field)} | {field.description} |\n"


def _default(name: str, field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the machine's cores"
    value: Any = field.default
    if value is None or value == ():
        return "none"
    if name.endswith("_bytes"):
        for unit, size in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if value and value % size == 0:
                return f"`{value}` ({value // size} {unit})"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(render())
