"""The folder of a partition, `key=value` as Hive writes it, and the values that no folder can stand for.

Hive's names (`FileUtils.escapePathName`): the characters that it keeps for itself are `%XX`, NULL has a name of its own, and so the
empty text has none. Names are compared as bytes, so that `007` stays text and `é` stays one of its two spellings.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from services.shared.errors import ContractInvalid

NULL_NAME = "__HIVE_DEFAULT_PARTITION__"
# S3 takes keys of 1,024 bytes and folders names of 255: four keys, the table's prefix and a file's name have to fit.
MAX_FOLDER_BYTES = 200
# https://github.com/apache/hive/blob/master/common/src/java/org/apache/hadoop/hive/common/FileUtils.java
_ESCAPED = re.compile("[\\x00-\\x1f\\x7f\"#%'*/:=?\\\\{\\[\\]^]")

Key = str | int | bool | date | Decimal | None


def folder_name(name: str, value: Key) -> str:
    """Return the folder of a key's value; raise ContractInvalid for one that would not come back as it is."""
    if value is None:
        return f"{name}={NULL_NAME}"
    written = _written(value)
    if written == "":
        raise ContractInvalid(f"{name}: a value is the empty text, which the name of a folder can't tell from NULL; partition by another column.")
    if written == NULL_NAME:
        raise ContractInvalid(f"{name}: the value {NULL_NAME} is what Hive calls the folder of NULL; partition by another column.")
    folder = f"{name}={_ESCAPED.sub(_escape, written)}"
    size = len(folder.encode())
    if size > MAX_FOLDER_BYTES:
        raise ContractInvalid(f"{name}: the folder of {written[:40]!r}… has a name of {size} bytes, more than the {MAX_FOLDER_BYTES} that fit.")
    return folder


def _written(value: str | int | bool | date | Decimal) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
    return str(value)


def _escape(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"
