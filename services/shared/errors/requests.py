"""Requests that can't be answered as they are: their form, who sends them, their key, their cursor; and what they need being away."""

from __future__ import annotations

from services.shared.errors.problem import Problem


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
