"""Which encoding the first bytes are in: byte order marks, UTF-8, the two great East Asian ones, else Windows-1252."""

from __future__ import annotations

import codecs

from services.worker.csv.magic import WIDE_BOMS

VALID_PER_BAD_SEQUENCE = 4
_UNDEFINED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")


def encoding_of(head: bytes, *, whole: bool) -> str:
    """Return a codec's name; a character cut off at the end of `head` is no fault unless that is the `whole` file."""
    for bom, encoding in WIDE_BOMS.items():
        if head.startswith(bom):
            return encoding
    if head.startswith(codecs.BOM_UTF8) or _decode(head, "utf-8", whole=whole) is not None:
        return "utf-8"
    bad, valid = _utf8_sequences(head)
    if valid >= VALID_PER_BAD_SEQUENCE * bad:
        return "utf-8"
    high = sum(byte >= 0x80 for byte in head)
    japanese = _decode(head, "cp932", whole=whole)
    if japanese is not None and _kana(japanese) * 2 >= 0.2 * high:
        return "cp932"
    chinese = _decode(head, "gb18030", whole=whole)
    if chinese is not None and _hanzi(chinese) * 2 >= 0.6 * high and high > 2:
        return "gb18030"
    return "iso8859-1" if _UNDEFINED_IN_CP1252 & set(head) else "cp1252"


def _decode(head: bytes, encoding: str, *, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError:
        return None


def _utf8_sequences(head: bytes) -> tuple[int, int]:
    """Return how many bad and how many good sequences of high bytes there are."""
    text = head.decode("utf-8", "surrogateescape")
    bad = sum(0xDC80 <= ord(char) <= 0xDCFF for char in text)
    return bad, sum(ord(char) >= 0x80 for char in text) - bad


def _kana(text: str) -> int:
    return sum("\u3040" <= char <= "\u30ff" for char in text)


def _hanzi(text: str) -> int:
    """Count characters of the old GB 2312 set: text in it is made of little else, while Latin letters read as GB are rare ones."""
    return sum(_is_gb2312(char) for char in text if "\u4e00" <= char <= "\u9fff" or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uffef")


def _is_gb2312(char: str) -> bool:
    try:
        return len(char.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False
