"""Names of files as clients give them: kept for display only, never a path."""

from __future__ import annotations

import unicodedata

DEFAULT = "upload.csv"
_LONGEST = 255
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_filename(given: str | None) -> str:
    """Return the name without its folders, control, format (bidi) and unassigned characters, in NFC, at most 255 characters."""
    name = unicodedata.normalize("NFC", given or "").replace("\\", "/").rpartition("/")[2]
    seen = "".join(character for character in name if unicodedata.category(character) not in _UNSEEN).strip()
    if seen.strip(".") == "":
        return DEFAULT
    if len(seen) <= _LONGEST:
        return seen
    stem, dot, suffix = seen.rpartition(".")
    return f"{stem[: _LONGEST - len(suffix) - 1]}.{suffix}" if dot and len(suffix) <= 16 else seen[:_LONGEST]
