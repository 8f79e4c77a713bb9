"""What the first bytes say a file is: a compression this reads, something that is not text, or nothing special."""

from __future__ import annotations

from services.shared.errors import BinaryFile, UnsupportedCompression

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
WIDE_BOMS = {b"\xff\xfe\x00\x00": "utf-32-le", b"\x00\x00\xfe\xff": "utf-32-be", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
MAX_NUL_SHARE = 0.01
MAX_CONTROL_SHARE = 0.01
_FEW_CONTROLS = 64
_FEW_KINDS = 4  # a file may be separated by control characters, and by several
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\v\f\r"})

_UNSUPPORTED_COMPRESSIONS = {
    b"PK\x03\x04": "a zip archive (or an Excel workbook)",
    b"PK\x05\x06": "an empty zip archive",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x1f\x9d": "compress",
}
_BINARIES = {
    b"%PDF-": "a PDF document",
    b"\x7fELF": "an ELF program",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel or Office document",
    b"ARROW1\x00\x00": "an Arrow file",
    b"Obj\x01": "an Avro file",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"MZ\x90\x00": "a Windows program",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
}


def compression_of(head: bytes) -> str:
    """Return `none`, `gzip` or `zstd`; any other known compression is refused by its name."""
    if head.startswith(GZIP):
        return "gzip"
    if head.startswith(ZSTD):
        return "zstd"
    for magic, name in _UNSUPPORTED_COMPRESSIONS.items():
        if head.startswith(magic):
            raise UnsupportedCompression(f"The file is {name}; plain, gzip and zstd files are read.")
    return "none"


def refuse_binary(head: bytes) -> None:
    """Raise `binary_file` for what is known not to be text, or has NUL bytes or control characters as no text has."""
    for magic, name in _BINARIES.items():
        if head.startswith(magic):
            raise BinaryFile(f"The file is {name}, not text.")
    if head.startswith(tuple(WIDE_BOMS)):
        return
    nuls = head.count(0)
    if nuls > MAX_NUL_SHARE * len(head) and nuls > 1:
        raise BinaryFile(f"{nuls} of the first {len(head)} bytes are NUL; the file is not text, or it is UTF-16 without a byte order mark.")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > max(_FEW_CONTROLS, MAX_CONTROL_SHARE * len(head)) and sum(bytes([control]) in head for control in _CONTROLS) > _FEW_KINDS:
        raise BinaryFile(f"{controls} of the first {len(head)} bytes are control characters of many kinds; the file is not text.")
