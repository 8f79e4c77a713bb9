"""The error tree: every refusal Headwater can give, each with the machine word a client may rely on.

    Problem
    ├── requests: bad_request, validation_failed, not_found, method_not_allowed, cross_origin, host_not_allowed …
    ├── idempotency and lists: idempotency_conflict, idempotency_in_progress, invalid_cursor
    ├── uploads: upload_not_found, offset_mismatch, checksum_mismatch, upload_too_large, insufficient_storage …
    ├── files: empty_file, binary_file, unsupported_compression, decompression_bomb …
    ├── datasets: dataset_not_found, dataset_exists, dataset_busy, profile_not_ready, invalid_name, csv_cannot_carry …
    ├── queries: sql_syntax, statement_not_allowed, table_not_found, unsupported_on_embedded …
    └── jobs: job_not_found, job_not_retryable, worker_lost, deadline_exceeded, internal_error

A failed request answers with one, and a failed job or query stores the same shape (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

PROBLEM_BASE = "/docs/problems#"


@dataclass(frozen=True)
class FieldError:
    """One thing wrong in a request: a JSON pointer (RFC 6901) and a sentence."""

    pointer: str
    detail: str


class Problem(Exception):
    """What went wrong, in the words of RFC 9457; `line` and `column` (from 1) point into the SQL or the file."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something failed inside Headwater"

    def __init__(
        self,
        detail: str = "",
        *,
        line: int | None = None,
        column: int | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.line = line
        self.column = column
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def to_json(self, *, instance: str | None = None) -> dict[str, Any]:
        """Return the problem document; `instance` is the request's or the job's own path."""
        document: dict[str, Any] = {
            "type": PROBLEM_BASE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        if self.line is not None:
            document["line"] = self.line
        if self.column is not None:
            document["column"] = self.column
        if self.errors:
            document["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in self.errors]
        return document


class BadRequest(Problem):
    code, status, title = "bad_request", 400, "The request can't be understood"


class ValidationFailed(Problem):
    code, status, title = "validation_failed", 422, "Some values of the request are not acceptable"


class NotFound(Problem):
    code, status, title = "not_found", 404, "There is nothing at this address"


class MethodNotAllowed(Problem):
    code, status, title = "method_not_allowed", 405, "This address does not know that method"


class Unauthenticated(Problem):
    code, status, title = "unauthenticated", 401, "The request does not say who sends it"


class CrossOrigin(Problem):
    code, status, title = "cross_origin", 403, "A page of another site may not change anything here"


class HostNotAllowed(Problem):
    code, status, title = "host_not_allowed", 400, "The Host header names a server that this is not"


class RequestTooLarge(Problem):
    code, status, title = "request_too_large", 413, "The request body is larger than this operation takes"


class UnsupportedMediaType(Problem):
    code, status, title = "unsupported_media_type", 415, "The request body is of a kind that is not taken here"


class RangeNotSatisfiable(Problem):
    code, status, title = "range_not_satisfiable", 416, "The file has no such bytes"


class Unavailable(Problem):
    code, status, title = "unavailable", 503, "Something this needs does not answer just now"


class NotReady(Problem):
    code, status, title = "not_ready", 503, "This process can't serve requests just now"


class PreconditionFailed(Problem):
    code, status, title = "precondition_failed", 412, "It is no longer what the request expects"


class IdempotencyConflict(Problem):
    code, status, title = "idempotency_conflict", 409, "This Idempotency-Key was used for another request"


class IdempotencyInProgress(Problem):
    code, status, title = "idempotency_in_progress", 409, "The first request with this Idempotency-Key is still running"


class InvalidCursor(Problem):
    code, status, title = "invalid_cursor", 400, "The cursor does not belong to this list"


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


class DatasetNotFound(Problem):
    code, status, title = "dataset_not_found", 404, "There is no such dataset"


class VersionNotFound(Problem):
    code, status, title = "version_not_found", 404, "The dataset has no such version"


class DatasetExists(Problem):
    code, status, title = "dataset_exists", 409, "A dataset of this name exists"


class DatasetBusy(Problem):
    code, status, title = "dataset_busy", 409, "The dataset is being changed by another job"


class VersionConflict(Problem):
    code, status, title = "version_conflict", 409, "The dataset is at another version than expected"


class InvalidName(Problem):
    code, status, title = "invalid_name", 422, "The name is not one a table or a column can have"


class ContractInvalid(Problem):
    code, status, title = "contract_invalid", 422, "The chosen columns do not fit the profile"


class PartitioningConflict(Problem):
    code, status, title = "partitioning_conflict", 409, "A dataset keeps its partitioning"


class TooManyPartitions(Problem):
    code, status, title = "too_many_partitions", 422, "The partitions would be too many or too small"


class TooManyRejects(Problem):
    code, status, title = "too_many_rejects", 422, "More records were rejected than the policy allows"


class RecordRejected(Problem):
    code, status, title = "record_rejected", 422, "A record can't be published, and the policy is to fail"


class CsvCannotCarry(Problem):
    code, status, title = "csv_cannot_carry", 422, "A CSV table would not give a value back as it is"


class ReceiptUnbalanced(Problem):
    code, status, title = "receipt_unbalanced", 500, "What was published is not what was read; the current version stays"


class CrawlFailed(Problem):
    code, status, title = "crawl_failed", 502, "The crawler did not find the table that was written"


class QueryNotFound(Problem):
    code, status, title = "query_not_found", 404, "There is no such query"


class QueryNotFinished(Problem):
    code, status, title = "query_not_finished", 409, "The query has no result yet"


class QueryFailed(Problem):
    code, status, title = "query_failed", 409, "The query failed and has no result"


class QueryFinished(Problem):
    code, status, title = "query_finished", 409, "The query has already ended"


class ResultExpired(Problem):
    code, status, title = "result_expired", 410, "The result is no longer kept; run the query again"


class SpreadsheetLimit(Problem):
    code, status, title = "spreadsheet_limit", 422, "The result does not fit into a spreadsheet"


class SqlSyntax(Problem):
    code, status, title = "sql_syntax", 422, "The SQL can't be read"


class SqlTooLong(Problem):
    code, status, title = "sql_too_long", 422, "The SQL is longer than this server takes"


class MultipleStatements(Problem):
    code, status, title = "multiple_statements", 422, "A query is one statement"


class StatementNotAllowed(Problem):
    code, status, title = "statement_not_allowed", 403, "Only statements that read may run here"


class UnsupportedOnEmbedded(Problem):
    code, status, title = "unsupported_on_embedded", 422, "The embedded engine has no faithful answer to this SQL"


class UnknownFunction(Problem):
    code, status, title = "unknown_function", 422, "There is no such function"


class TableNotFound(Problem):
    code, status, title = "table_not_found", 422, "There is no such table"


class ColumnNotFound(Problem):
    code, status, title = "column_not_found", 422, "There is no such column"


class ColumnAmbiguous(Problem):
    code, status, title = "column_ambiguous", 422, "More than one table has a column of this name"


class TypeMismatch(Problem):
    code, status, title = "type_mismatch", 422, "The types do not fit"


class SqlInvalid(Problem):
    code, status, title = "sql_invalid", 422, "The SQL is well formed but means nothing"


class ParameterMismatch(Problem):
    code, status, title = "parameter_mismatch", 422, "The parameters do not fit the placeholders"


class QueryDivisionByZero(Problem):
    code, status, title = "division_by_zero", 422, "The query divides by zero"


class QueryInvalidValue(Problem):
    code, status, title = "invalid_value", 422, "A value of the data does not fit what the query does with it"


class QueryOutOfRange(Problem):
    code, status, title = "numeric_out_of_range", 422, "A number of the query is larger than its type"


class QueryOutOfMemory(Problem):
    code, status, title = "query_out_of_memory", 422, "The query needs more memory or disk than it may use"


class QueryCancelled(Problem):
    code, status, title = "query_cancelled", 409, "The query was stopped"


class QueryTimedOut(Problem):
    code, status, title = "query_timed_out", 422, "The query ran longer than allowed"


class ScanLimitExceeded(Problem):
    code, status, title = "scan_limit_exceeded", 422, "The query would scan more than allowed"


class EngineFailed(Problem):
    code, status, title = "engine_failed", 500, "The engine failed at this query"


class SavedQueryNotFound(Problem):
    code, status, title = "saved_query_not_found", 404, "There is no such saved query"


class SavedQueryExists(Problem):
    code, status, title = "saved_query_exists", 409, "Another saved query has this name"


class DatabaseNotFound(Problem):
    code, status, title = "database_not_found", 404, "There is no such database"


class CatalogTableNotFound(Problem):
    code, status, title = "catalog_table_not_found", 404, "The catalog has no such table"


class JobNotFound(Problem):
    code, status, title = "job_not_found", 404, "There is no such job"


class JobNotRetryable(Problem):
    code, status, title = "job_not_retryable", 409, "Only a failed or cancelled job can be tried again"


class JobFinished(Problem):
    code, status, title = "job_finished", 409, "The job has already ended"


class WorkerLost(Problem):
    code, status, title = "worker_lost", 500, "The worker died each time it tried this job"


class InternalError(Problem):
    code, status, title = "internal_error", 500, "Something failed inside Headwater"


class StorageObjectMissing(Problem):
    code, status, title = "object_missing", 500, "A stored object is not where its record says"


class LeaseLost(Exception):
    """Another attempt owns the job now; the holder must stop and change nothing."""


def restored(document: Mapping[str, Any]) -> Problem:
    """Return the problem that a record has stored."""
    kinds = [Problem]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    found = next((kind for kind in kinds if kind.code == document.get("code")), InternalError)
    return found(str(document.get("detail", "")), line=document.get("line"), column=document.get("column"))
