"""A stored result as JSON Lines: an object a row, its values written by their column's type, as in a page of the result."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import pyarrow.compute as pc

from services.query.exports.names import unique_names
from services.query.exports.texts import Report, StoredResult, join, joined_bytes, patched, read_texts

_TO_ESCAPE = r'["\\\x00-\x1f]'
_NO_NUMBER = "^(NaN|-?Infinity)$"


def write_jsonl(result: StoredResult, target: BinaryIO, *, report: Report) -> None:
    """Write one object a line; `bigint` and `decimal` are strings, NULL is null, nested columns stay the text they are stored as."""
    columns = result.meta.columns
    keys = [_quoted(name) + ":" for name in unique_names([column.name for column in columns])]
    openings = ["{" + keys[0], *("," + key for key in keys[1:])]
    rows = 0
    for texts in read_texts(result):
        parts: list[Any] = []
        for opening, text, column in zip(openings, texts, columns, strict=True):
            parts += [opening, _values(text, column.type)]
        lines = join([*parts, "}\n"], null="null")
        target.write(joined_bytes(lines))
        rows += len(lines)
        report(rows)


def _values(texts: Any, kind: str) -> Any:
    match kind.split("(")[0].split("<")[0]:
        case "boolean" | "tinyint" | "smallint" | "int" | "integer":
            return texts
        case "double" | "float" | "real":
            return patched(texts, _NO_NUMBER, _quoted)
        case "timestamp":
            return join(['"', pc.replace_substring(texts, " ", "T", max_replacements=1), '"'])
        case "timestamp with time zone":
            return join(['"', pc.replace_substring(pc.replace_substring(texts, " UTC", "Z"), " ", "T", max_replacements=1), '"'])
        case _:
            return patched(texts, _TO_ESCAPE, _quoted, base=join(['"', texts, '"']))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
