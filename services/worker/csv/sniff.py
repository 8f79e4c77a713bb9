"""Finding the dialect of a file from its first bytes; every part of the answer can be overridden."""

from __future__ import annotations

import io
from dataclasses import replace

from services.shared.errors import EmptyFile
from services.worker.csv.decode import DecodeLimits, decoded
from services.worker.csv.dialect import NO_OVERRIDE, Dialect, DialectOverride
from services.worker.csv.encodings import encoding_of
from services.worker.csv.fields import Cells, Fields
from services.worker.csv.head import BOM, is_one_off
from services.worker.csv.header import has_header
from services.worker.csv.lines import CR, CRLF, LF
from services.worker.csv.magic import compression_of, refuse_binary
from services.worker.csv.shapes import Trial, try_dialect

SAMPLE_BYTES = 64 << 10
MAX_UNPACKED_BYTES = 4 << 20
MAX_PREAMBLE_RECORDS = 50
_USUAL = (",", "\t", ";", "|")
_DELIMITERS = {",": 1.0, "\t": 1.0, ";": 1.0, "|": 1.0, ":": 0.45, " ": 0.45}
_REGULAR = 0.95
_FEW_BROKEN = 0.02
_FEW_RECORDS = 5
_COMMENT = "#"
_HINT = b"sep="


def sniff(head: bytes, *, whole: bool, override: DialectOverride = NO_OVERRIDE) -> Dialect:
    """Return the dialect of the file that begins with `head`; refuse by name what is empty or not text."""
    if not head:
        if not whole:
            return Dialect(**override.given)
        raise EmptyFile("The file has no bytes.")
    dialect = Dialect(compression=override.get("compression", None) or compression_of(head))
    if dialect.compression == "none":
        unpacked = head
    else:
        unpacked, whole = _unpack(head, dialect, whole=whole)
    _refuse_binary(unpacked, override)
    dialect = replace(dialect, encoding=override.get("encoding", None) or encoding_of(unpacked, whole=whole))
    text = _decode(unpacked, Dialect(encoding=dialect.encoding), whole=whole)
    text = text.removeprefix(BOM)
    if whole and not text.strip():
        raise EmptyFile("The file holds nothing but blank lines." if text else "The file holds no text.")
    sample = text[:SAMPLE_BYTES]
    best, comments, hinted = _try_all(sample, dialect, override, whole=whole and len(sample) == len(text))
    if len(best.records) < _FEW_RECORDS and len(sample) < len(text):
        best, comments, hinted = _try_all(text, dialect, override, whole=whole)
    return _lay_out(best, comments, override, hinted=hinted)


def _refuse_binary(head: bytes, override: DialectOverride) -> None:
    """Refuse what is not text; a chosen encoding of two or four bytes explains its NUL bytes."""
    if not str(override.get("encoding", "")).lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32")):
        refuse_binary(head)


def _unpack(head: bytes, dialect: Dialect, *, whole: bool) -> tuple[bytes, bool]:
    """Return the beginning of what is packed, and whether it is the whole file; a bomb is not unpacked any further."""
    pieces: list[bytes] = []
    length = 0
    for piece in decoded(io.BytesIO(head), dialect, available=len(head), final=whole, limits=DecodeLimits()):
        pieces.append(piece)
        length += len(piece)
        if length >= MAX_UNPACKED_BYTES:
            return b"".join(pieces), False
    return b"".join(pieces), whole


def _decode(head: bytes, dialect: Dialect, *, whole: bool) -> bytes:
    return b"".join(decoded(io.BytesIO(head), dialect, available=len(head), final=whole, limits=DecodeLimits()))


def _try_all(sample: bytes, dialect: Dialect, override: DialectOverride, *, whole: bool) -> tuple[Trial, list[bytes], bool]:
    """Return the best trial below the leading comments, those comments, and whether a line names the delimiter."""
    chosen = override.get("lineterminator", None)
    dialect = replace(dialect, lineterminator=chosen or _line_terminator(sample))
    comments, body = _leading_comments(sample, override)
    if not body.strip():
        comments, body = [], sample
    hint = _hinted_delimiter(body)
    tried: list[Trial] = []
    for tier in _tiers(body, dialect, override, hint):
        tried.extend(try_dialect(each, body, whole=whole) for each in tier)
        best = max(tried, key=lambda trial: _rank(trial, hint))
        if best.width > 1 and best.consistency >= _REGULAR and best.broken <= _FEW_BROKEN * len(best.records):
            break
    if chosen is None and CR in body.replace(CRLF, b"") and dialect.lineterminator not in ("\r", "mixed"):
        mixed = try_dialect(replace(best.dialect, lineterminator="mixed"), body, whole=whole)
        best = max(best, mixed, key=lambda trial: trial.score)
    return best, comments, hint is not None


def _line_terminator(sample: bytes) -> str:
    both = sample.count(CRLF)
    feeds, returns = sample.count(LF) - both, sample.count(CR) - both
    if sample.endswith(CR) and returns == 1:
        returns = 0
    if returns and not feeds and not both:
        return "\r"
    if both and not feeds:
        return "\r\n"
    return "mixed" if both and feeds > 0.05 * both and both > 0.05 * feeds else "\r\n" if both > feeds else "\n"


def _leading_comments(sample: bytes, override: DialectOverride) -> tuple[list[bytes], bytes]:
    """Return the lines above the first record that look like comments, and the rest."""
    prefix = str(override.get("comment", _COMMENT) or "").encode()
    found = []
    while prefix and sample.startswith(prefix):
        line, end, rest = sample.partition(LF) if LF in sample else sample.partition(CR)
        if not end:
            break
        found.append(line.rstrip(CR))
        sample = rest
    return found, sample


def _hinted_delimiter(body: bytes) -> str | None:
    """Return the delimiter that a first line `sep=;` announces."""
    line = body[:12].splitlines()[0] if body else b""
    return chr(line[4]) if line.lower().startswith(_HINT) and len(line) == len(_HINT) + 1 else None


def _tiers(body: bytes, dialect: Dialect, override: DialectOverride, hint: str | None) -> list[list[Dialect]]:
    """Return the dialects to try, the usual ones first; later tiers are for files that those do not read regularly."""
    if override.has("delimiter"):
        delimiters = [[override.get("delimiter", ",")]]
    elif hint is not None:
        delimiters = [[hint]]
    else:
        usual = [each for each in _USUAL if each.encode() in body] or [","]
        spaced = [f"{each} " for each in usual if f'{each} "'.encode() in body]
        delimiters = [usual, [*usual, *spaced, *(each for each in _DELIMITERS if each not in _USUAL and each.encode() in body)]]
    tiers = []
    for unusual in (False, True):
        for each in delimiters:
            tiers.append([found for delimiter in each for found in _with_quotes(body, dialect, delimiter, override, unusual=unusual)])
    return tiers


def _with_quotes(body: bytes, dialect: Dialect, delimiter: str, override: DialectOverride, *, unusual: bool) -> list[Dialect]:
    quotes: list[str | None] = ['"']
    if override.has("quotechar"):
        quotes = [override.get("quotechar", None)]
    else:
        if _encloses(b"'", delimiter.encode(), body):
            quotes.append("'")
        if unusual:
            quotes.append(None)
    found: list[Dialect] = []
    for quote in quotes:
        escapes: list[str | None] = [None]
        if override.has("escapechar"):
            escapes = [override.get("escapechar", None)]
        elif any(b"\\" + char.encode() in body for char in (quote, delimiter) if char):
            escapes = [None, "\\"]
        found.extend(replace(dialect, delimiter=delimiter, quotechar=quote, escapechar=escape) for escape in escapes if quote != delimiter)
    return found


def _encloses(quote: bytes, delimiter: bytes, body: bytes) -> bool:
    """Whether some field begins with the quote, and some field ends with it."""
    opens = body.startswith(quote) or delimiter + quote in body or LF + quote in body or CR + quote in body
    return opens and (quote + delimiter in body or quote + LF in body or quote + CR in body or body.endswith(quote))


def _rank(trial: Trial, hint: str | None) -> tuple[float, float, float]:
    """Prefer what reads regularly without broken records, then the usual delimiter, then double quotes and no escape."""
    dialect = trial.dialect
    score = trial.score * _DELIMITERS.get(dialect.delimiter, 1.0 if hint is None else 1.5)
    if trial.width == 1:
        score = 0.05 * trial.consistency
    score *= 1 - trial.broken / (len(trial.records) or 1)
    match dialect.quotechar:
        case None:
            score *= 0.5
        case "'":
            score *= 1.0 if _really_quoted(trial) else 0.3
    score *= 0.97 if dialect.escapechar else 1.0
    return score, trial.consistency, trial.width


def _really_quoted(trial: Trial) -> bool:
    """Whether single quotes enclose more fields than they stand in the middle of."""
    delimiter = trial.dialect.delimiter
    plain = sum(1 for record in trial.records for cell in record.cells if cell and b"'" in cell)
    grammar_width = sum(len(record.cells) for record in trial.records)
    return grammar_width > 0 and plain * 4 < grammar_width and delimiter != "'"


def _lay_out(best: Trial, comments: list[bytes], override: DialectOverride, *, hinted: bool) -> Dialect:
    """Find preamble, header and width below the comments."""
    dialect = best.dialect
    records = best.records
    skip = override.get("skip_records", None)
    if skip is None:
        skip = _preamble(best, hinted=hinted)
    rows = [record.cells for record in records[skip:]]
    header = override.get("header", None)
    if header is None:
        header = bool(rows) and has_header(rows[0], rows[1:])
    width = best.width if len(rows) > 1 else None
    if header and rows and (width is None or not is_one_off(rows[0], width)):
        width = None
    unnamed_first = bool(header and width == len(rows[0]) + 1 and any(cells[-1] is not None for cells in rows[1:] if len(cells) == width))
    comment = override.get("comment", _COMMENT if comments else None)
    if comments and not override.has("comment") and _is_header(comments[-1], best, rows):
        header, above = override.get("header", True), comments[:-1]
        comment = "##" if above and all(line.startswith(b"##") for line in above) else None
        skip = 0 if comment else len(above)
    return replace(
        dialect,
        header=header,
        skip_records=skip,
        comment=comment,
        comment_scope=override.get("comment_scope", "leading"),
        width=override.get("width", width),
        unnamed_first=override.get("unnamed_first", unnamed_first),
    )


def _is_header(line: bytes, best: Trial, rows: list[Cells]) -> bool:
    """Whether a line that looks like a comment names the columns instead (`#id,name`)."""
    cells = Fields(best.dialect).lenient_cells(line)
    return len(cells) == best.width > 1 and not line.startswith(b"##") and not (rows and has_header(rows[0], rows[1:]))


def _preamble(best: Trial, *, hinted: bool) -> int:
    """Return how many records come before the first one that could be a header."""
    if hinted:
        return 1
    if best.width == 1:
        return 0
    for position, record in enumerate(best.records[:MAX_PREAMBLE_RECORDS]):
        filled = sum(cell is not None for cell in record.cells)
        if len(record.cells) == best.width and (filled > 1 or best.width == 2):
            return position
        one_off = abs(len(record.cells) - best.width) == 1
        if one_off and best.width > 2 and filled * 2 > best.width:
            return position
    return 0
