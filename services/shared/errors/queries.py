"""Queries: SQL that means nothing here, runs that fail, results that are gone, and the catalog they name."""

from __future__ import annotations

from services.shared.errors.problem import Problem


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
