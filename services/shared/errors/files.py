"""Files: what can't be read as a CSV, and profiles that are not there."""

from __future__ import annotations

from services.shared.errors.problem import Problem


class EmptyFile(Problem):
    code, status, title = "empty_file", 422, "The file is empty"


class BinaryFile(Problem):
    code, status, title = "binary_file", 415, "The file is not text"


class UnsupportedCompression(Problem):
    code, status, title = "unsupported_compression", 415, "This compression is not supported"


class CorruptCompression(Problem):
    code, status, title = "corrupt_compression", 422, "The compressed data is damaged or cut short"


class DecompressionBomb(Problem):
    code, status, title = "decompression_bomb", 422, "The file unpacks to far more than a CSV would"


class ProfileNotFound(Problem):
    code, status, title = "profile_not_found", 404, "There is no such profile"


class ProfileNotReady(Problem):
    code, status, title = "profile_not_ready", 409, "The profile is not finished"


class ProfileFailed(Problem):
    code, status, title = "profile_failed", 409, "The file could not be profiled"


class RejectsNotFound(Problem):
    code, status, title = "rejects_not_found", 404, "This job keeps no rejects"
