"""How one file writes its records: encoding, compression, delimiter, quotes, line ends, header and preamble."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from services.shared.errors import ValidationFailed

COMPRESSIONS = ("none", "gzip", "zstd")
LINE_TERMINATORS = ("\n", "\r\n", "\r", "mixed")
COMMENT_SCOPES = ("leading", "all")


@dataclass(frozen=True)
class Dialect:
    """What the reader must know before the first record; everything here is detected or chosen by the user.

    `skip_records` counts preamble records (blank and comment lines are counted on their own). `comment_scope` is `leading` when
    comment lines were only seen above the header: below it a cell may begin with the same character. `width` is the number of
    fields that most records have, when the head of the file could tell; `unnamed_first` says that the header is one name short because the
    first column (row names) has none.
    """

    encoding: str = "utf-8"
    compression: str = "none"
    delimiter: str = ","
    quotechar: str | None = '"'
    escapechar: str | None = None
    lineterminator: str = "\n"
    header: bool = True
    skip_records: int = 0
    comment: str | None = None
    comment_scope: str = "leading"
    width: int | None = None
    unnamed_first: bool = False

    def __post_init__(self) -> None:
        _check("compression", self.compression, self.compression in COMPRESSIONS)
        _check("delimiter", self.delimiter, bool(self.delimiter) and not set(self.delimiter) & {"\n", "\r", self.quotechar})
        _check("quotechar", self.quotechar, self.quotechar in ('"', "'", None))
        _check("escapechar", self.escapechar, self.escapechar in ("\\", None) and self.escapechar != self.delimiter)
        _check("lineterminator", self.lineterminator, self.lineterminator in LINE_TERMINATORS)
        _check("skip_records", self.skip_records, self.skip_records >= 0)
        _check("comment", self.comment, self.comment is None or bool(self.comment.strip("\r\n")))
        _check("comment_scope", self.comment_scope, self.comment_scope in COMMENT_SCOPES)
        _check("width", self.width, self.width is None or self.width > 0)
        _check("encoding", self.encoding, _is_text_encoding(self.encoding))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def shown(self) -> dict[str, Any]:
        """Return the fields that the contract shows."""
        return {name: getattr(self, name) for name in _SHOWN}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Dialect:
        return Dialect(**{name: document[name] for name in _FIELD_NAMES if name in document})


_SHOWN = ("encoding", "compression", "delimiter", "quotechar", "escapechar", "lineterminator", "header", "skip_records")
_FIELD_NAMES = tuple(field.name for field in fields(Dialect))


@dataclass(frozen=True)
class DialectOverride:
    """The fields of a dialect that a user has chosen; what is not `given` is detected (`None` is a choice for quotes and escapes)."""

    given: Mapping[str, Any]

    @staticmethod
    def from_json(document: Mapping[str, Any] | None) -> DialectOverride:
        """Take the known fields of `document`; an unknown one or an impossible value raises `validation_failed`."""
        given = dict(document or {})
        for name in given:
            if name not in _FIELD_NAMES:
                raise ValidationFailed(f"A dialect has no field {name!r}; it has {', '.join(_FIELD_NAMES)}.")
        if given.get("comment") is not None:
            given.setdefault("comment_scope", "all")
        if _is_text_encoding(given.get("encoding")):
            given["encoding"] = codecs.lookup(given["encoding"]).name.removesuffix("-sig")
        try:
            Dialect(**given)
        except (TypeError, AttributeError) as error:
            raise ValidationFailed(f"The dialect {given!r} holds a value of the wrong kind.") from error
        return DialectOverride(given)

    def to_json(self) -> dict[str, Any]:
        return dict(self.given)

    def get(self, name: str, detected: Any) -> Any:
        """Return the user's choice for the field, else what was detected."""
        return self.given.get(name, detected)

    def has(self, name: str) -> bool:
        return name in self.given


NO_OVERRIDE = DialectOverride({})


def _check(name: str, value: object, fine: bool) -> None:
    if not fine:
        raise ValidationFailed(f"{value!r} is not a {name} this reader knows.")


def _is_text_encoding(name: object) -> bool:
    try:
        return isinstance(name, str) and isinstance("a".encode(name), bytes)
    except (LookupError, UnicodeError):
        return False
