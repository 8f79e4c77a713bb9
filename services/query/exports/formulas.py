"""Texts that a spreadsheet would take for a formula, made harmless by an apostrophe before them.

A spreadsheet evaluates a cell that begins with `= + - @`, their full-width or small forms, or one of these after blanks or quotes;
a tab, a line break or a NUL at the beginning can hide one. The apostrophe comes first in such a cell. A program that splits a line at
semicolons, tabs or line breaks, whatever the quotes say, begins a cell behind each of them: so does the rule. A cell that is a plain number
is left as it is. Taking away each apostrophe that stands where the rule puts one gives the exact text back.
"""

from __future__ import annotations

import re
from typing import Any

from services.query.exports.texts import patched

_FORMULA = "[=+@＝＋－＠﹦﹢﹣﹫⁼⁺⁻₌₊₋−﬩⩵⩶\\-]"
_BREAK = r"[;\t\r\n]"
_HIDDEN = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
_QUOTES = "\"'`´‘’“”＂＇"
_BLANK = f"[\\x00-\\x20\\x7f-\\xa0{_HIDDEN}{_QUOTES}]"
_BLANK_IN_LINE = f"[\\x00-\\x08\\x0b\\x0c\\x0e-\\x20\\x7f-\\xa0{_HIDDEN}{_QUOTES}]"
_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_FIRST = f"{_BLANK}*(?:{_FORMULA}|[\\t\\r\\n\\x00])"
_INNER = f"{_BLANK_IN_LINE}*{_FORMULA}"
_SUSPECT = f"^{_FIRST}|{_BREAK}{_INNER}"
_BEFORE = re.compile(f"\\A(?={_FIRST})(?!{_NUMBER}\\Z)|(?<={_BREAK})(?={_INNER})")
_PLAIN = ("tinyint", "smallint", "int", "integer", "bigint", "decimal", "boolean")


def defuse(text: str) -> str:
    """Return the text with an apostrophe wherever a formula could begin."""
    return _BEFORE.sub("'", text)


def defuse_column(texts: Any, kind: str) -> Any:
    """Return a column of this Athena type without a cell that a spreadsheet would evaluate."""
    return texts if kind.split("(")[0] in _PLAIN else patched(texts, _SUSPECT, defuse)
