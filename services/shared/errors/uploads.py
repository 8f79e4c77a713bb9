"""Uploads: what may not be sent, and what is not as it was announced."""

from __future__ import annotations

from services.shared.errors.problem import Problem


class UploadNotFound(Problem):
    code, status, title = "upload_not_found", 404, "There is no such upload"


class UploadGone(Problem):
    code, status, title = "upload_gone", 410, "The upload has expired or was deleted"


class UploadInUse(Problem):
    code, status, title = "upload_in_use", 409, "A dataset version still refers to this upload"


class UploadNotReceiving(Problem):
    code, status, title = "upload_not_receiving", 409, "The upload takes no more bytes"


class UploadIdle(Problem):
    code, status, title = "upload_idle", 408, "The connection sent nothing for too long"


class UploadIncomplete(Problem):
    code, status, title = "upload_incomplete", 409, "The connection ended before the whole file had arrived"


class UploadLocked(Problem):
    code, status, title = "upload_locked", 423, "Another request is writing to this upload"


class UploadIsFinal(Problem):
    code, status, title = "upload_is_final", 403, "An upload joined from others takes no bytes of its own"


class UploadTooLarge(Problem):
    code, status, title = "upload_too_large", 413, "The upload is larger than allowed"


class OffsetMismatch(Problem):
    code, status, title = "offset_mismatch", 409, "The offset is not where the upload stands"


class PartConflict(Problem):
    code, status, title = "part_conflict", 409, "Other bytes are already stored at this offset"


class ConcatenationInvalid(Problem):
    code, status, title = "concatenation_invalid", 400, "These uploads can't be joined"


class ChecksumMismatch(Problem):
    code, status, title = "checksum_mismatch", 460, "The bytes do not have the announced checksum"


class ChecksumUnsupported(Problem):
    code, status, title = "checksum_unsupported", 400, "The checksum's algorithm is not one this server knows"


class TusVersionUnsupported(Problem):
    code, status, title = "tus_version_unsupported", 412, "This server speaks tus 1.0.0"


class InsufficientStorage(Problem):
    code, status, title = "insufficient_storage", 507, "The disk has not enough room for this"
