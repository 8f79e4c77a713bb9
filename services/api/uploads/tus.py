"""The words of tus 1.0.0: its headers, read and written."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import format_datetime
from urllib.parse import urlsplit

from services.api.uploads.checksum import ALGORITHMS
from services.api.uploads.filename import clean_filename
from services.api.uploads.record import Announced
from services.shared.errors import BadRequest, ConcatenationInvalid, TusVersionUnsupported, UnsupportedMediaType
from services.shared.records.uploads import PARTIAL, Upload, UploadState
from services.shared.settings import Settings

VERSION = "1.0.0"
MEDIA_TYPE = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration,concatenation"
FINAL = "final;"
_LONGEST_METADATA = 4096
_LENGTH = re.compile(r"[0-9]{1,18}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_UPLOAD_PATH = re.compile(r"(?:.*/)?v1/uploads/(upl_[0-9a-z]{26})/?")

Headers = Mapping[str, str]


def describe(settings: Settings) -> dict[str, str]:
    """Return the headers that say what this server speaks."""
    return {
        "Tus-Resumable": VERSION,
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }


def check_version(headers: Headers) -> None:
    """Raise TusVersionUnsupported unless the client speaks our version."""
    spoken = headers.get("tus-resumable")
    if spoken != VERSION:
        said = "does not say Tus-Resumable" if spoken is None else f"says Tus-Resumable: {spoken[:40]}"
        raise TusVersionUnsupported(f"The request {said}; this server speaks {VERSION}.", headers={"Tus-Version": VERSION})


def check_media_type(headers: Headers) -> None:
    """Raise UnsupportedMediaType unless the body is one of tus."""
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != MEDIA_TYPE:
        raise UnsupportedMediaType(f"The Content-Type is {given[:80]!r}; bytes of an upload come as {MEDIA_TYPE}.")


def announced(headers: Headers, *, upload_id: str) -> Announced:
    """Return what a tus creation announces; a final upload's length is the sum of its partial ones."""
    metadata = headers.get("upload-metadata", "")
    values = parse_metadata(metadata)
    concat = headers.get("upload-concat", "").strip() or None
    if concat not in (None, PARTIAL) and not concat.startswith(FINAL):
        raise BadRequest(f"Upload-Concat is {concat[:80]!r}, neither `partial` nor `final;` and addresses.")
    return Announced(
        id=upload_id,
        filename=clean_filename(values.get("filename", values.get("name", b"")).decode("utf-8", "replace")),
        metadata=metadata,
        size=None if concat and concat != PARTIAL else parse_new_length(headers),
        concat=concat,
        sha256=parse_sha256(values["sha256"].decode("ascii", "replace")) if "sha256" in values else None,
    )


def parse_new_length(headers: Headers) -> int | None:
    """Return `Upload-Length`, or None where `Upload-Defer-Length: 1` puts it off."""
    length, deferred = parse_length(headers, "upload-length"), headers.get("upload-defer-length")
    if deferred is not None and (deferred.strip() != "1" or length is not None):
        raise BadRequest(f"Upload-Defer-Length is {deferred[:40]!r}; it is 1, and stands instead of Upload-Length.")
    if deferred is None and length is None:
        raise BadRequest("The request has neither Upload-Length nor Upload-Defer-Length.")
    return length


def parse_length(headers: Headers, name: str) -> int | None:
    """Return a header that counts bytes, or None; raise BadRequest for what is no such count."""
    given = headers.get(name)
    if given is None:
        return None
    if not _LENGTH.fullmatch(given.strip()):
        raise BadRequest(f"{name.title()} is {given[:40]!r}, not a count of bytes.")
    return int(given)


def parse_metadata(header: str) -> dict[str, bytes]:
    """Return the pairs of `Upload-Metadata`: keys, and values out of their Base64."""
    if len(header) > _LONGEST_METADATA:
        raise BadRequest(f"Upload-Metadata has {len(header)} characters; {_LONGEST_METADATA} are the most.")
    values: dict[str, bytes] = {}
    for pair in filter(None, (pair.strip() for pair in header.split(","))):
        key, _, encoded = pair.partition(" ")
        if key in values:
            raise BadRequest(f"Upload-Metadata has the key {key[:80]!r} twice.")
        try:
            values[key] = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequest(f"The value of {key[:80]!r} in Upload-Metadata is not Base64.") from error
    return values


def parse_sha256(given: str) -> str:
    """Return an announced digest in lower case; raise BadRequest if it can't be one."""
    if not _SHA256.fullmatch(given.strip()):
        raise BadRequest(f"The announced sha256 {given[:80]!r} is not 64 hexadecimal digits.")
    return given.strip().lower()


def parse_final(concat: str) -> list[str]:
    """Return the ids of the partial uploads that `final;` names, by absolute or relative addresses."""
    ids = []
    for address in concat.removeprefix(FINAL).split():
        match = _UPLOAD_PATH.fullmatch(urlsplit(address).path)
        if match is None:
            raise ConcatenationInvalid(f"{address[:200]!r} is not the address of an upload here.")
        ids.append(match[1])
    return ids


def state_headers(upload: Upload) -> dict[str, str]:
    """Return the headers that every tus answer about an upload has."""
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(upload.offset)}
    if upload.state is UploadState.RECEIVING and upload.expires_at is not None:
        headers["Upload-Expires"] = format_datetime(upload.expires_at.astimezone(UTC), usegmt=True)
    return headers


def head_headers(upload: Upload) -> dict[str, str]:
    """Return what HEAD answers: where to go on, and what was announced; never to be cached."""
    headers = {**state_headers(upload), "Cache-Control": "no-store"}
    if upload.size is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.size)
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.concat:
        headers["Upload-Concat"] = upload.concat
    return headers
