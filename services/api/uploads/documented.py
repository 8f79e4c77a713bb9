"""What the API document says of the uploads' headers, bodies and answers, which the handlers read and write by hand."""

from __future__ import annotations

from typing import Any

from services.api.answers import Responses, problems
from services.shared.errors import (
    BadRequest,
    ChecksumMismatch,
    CrossOrigin,
    InsufficientStorage,
    OffsetMismatch,
    TusVersionUnsupported,
    UnsupportedMediaType,
    UploadGone,
    UploadIdle,
    UploadInUse,
    UploadLocked,
    UploadNotFound,
    UploadTooLarge,
    ValidationFailed,
)

_BYTES = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}


def _header(name: str, description: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


_SPOKEN = _header("Tus-Resumable", "The tus version the client speaks.", _TEXT, required=True)
_MAYBE_SPOKEN = _header("Tus-Resumable", "The tus version the client speaks; without it the request is plain HTTP.", _TEXT)
_LENGTH = _header("Upload-Length", "The length of the file in bytes.", _COUNT)
_DEFER = _header("Upload-Defer-Length", "`1`: the length comes with a later PATCH.", {"type": "integer", "minimum": 1, "maximum": 1})
_METADATA = _header(
    "Upload-Metadata",
    "Pairs of a key and a Base64 value: `filename`, `filetype`, `sha256` (in hexadecimal, of the whole file).",
    {**_TEXT, "maxLength": 4096},
)
_CONCAT = _header("Upload-Concat", "`partial`, or `final;` and the addresses of the partial uploads in order.", _TEXT)
_OFFSET = _header("Upload-Offset", "Where the body starts; it must be where the upload stands.", _COUNT, required=True)
_FIRST_OFFSET = _header("Upload-Offset", "With the first bytes of a tus upload: 0.", {**_COUNT, "maximum": 0})
_CHECKSUM = _header("Upload-Checksum", "`sha256`, `sha1` or `md5`, and the Base64 digest of this request's body.", _TEXT)

CREATE: dict[str, Any] = {
    "parameters": [_MAYBE_SPOKEN, _LENGTH, _DEFER, _METADATA, _CONCAT, _FIRST_OFFSET, _CHECKSUM],
    "requestBody": {"required": False, "content": {"application/offset+octet-stream": _BYTES, "*/*": _BYTES}},
}
HEAD: dict[str, Any] = {"parameters": [_SPOKEN]}
PATCH: dict[str, Any] = {
    "parameters": [_SPOKEN, _OFFSET, _LENGTH, _CHECKSUM],
    "requestBody": {"required": True, "content": {"application/offset+octet-stream": _BYTES}},
}
DELETE: dict[str, Any] = {"parameters": [_MAYBE_SPOKEN]}

DESCRIBED: Responses = {204: {"description": "The protocol's facts; no body."}}
_STORING = (
    BadRequest,
    CrossOrigin,
    UploadNotFound,
    UploadIdle,
    OffsetMismatch,
    UploadGone,
    TusVersionUnsupported,
    UploadTooLarge,
    UnsupportedMediaType,
    UploadLocked,
    ChecksumMismatch,
    InsufficientStorage,
)
CREATED: Responses = problems(*_STORING, ValidationFailed)
STANDING: Responses = {200: {"description": "Where to go on; never cached."}, **problems(UploadNotFound, UploadGone, TusVersionUnsupported)}
APPENDED: Responses = problems(*_STORING)
DELETED: Responses = problems(CrossOrigin, UploadNotFound, UploadInUse, UploadGone, TusVersionUnsupported, ValidationFailed)
