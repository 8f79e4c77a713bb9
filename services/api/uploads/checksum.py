"""The digest of one request's body, as `Upload-Checksum` announces it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

from services.shared.errors import BadRequest, ChecksumMismatch, ChecksumUnsupported

ALGORITHMS = ("sha256", "sha1", "md5")


class Checksum:
    """Digests a body as it arrives and compares at its end."""

    def __init__(self, algorithm: str, expected: bytes) -> None:
        self._algorithm = algorithm
        self._expected = expected
        self._digest = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, pieces: Sequence[bytes]) -> None:
        """Digest the next bytes."""
        for piece in pieces:
            self._digest.update(piece)

    def verify(self) -> None:
        """Raise ChecksumMismatch unless the bytes are those that were announced."""
        found = self._digest.digest()
        if found != self._expected:
            raise ChecksumMismatch(
                f"The body has the {self._algorithm} {base64.b64encode(found).decode()}; "
                f"{base64.b64encode(self._expected).decode()} was announced. None of it was kept."
            )


def parse_checksum(header: str | None) -> Checksum | None:
    """Return the checksum that `Upload-Checksum: <algorithm> <Base64>` announces."""
    if header is None:
        return None
    algorithm, _, encoded = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise ChecksumUnsupported(f"{algorithm[:40]!r} is not one of {', '.join(ALGORITHMS)}.")
    try:
        expected = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"The digest {encoded[:100]!r} of Upload-Checksum is not Base64.") from error
    if len(expected) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise BadRequest(f"The digest of Upload-Checksum has {len(expected)} bytes, which no {algorithm} has.")
    return Checksum(algorithm, expected)
