"""The error tree: every refusal Headwater can give, each with the machine word a client may rely on.

    Problem
    ├── requests: bad_request, validation_failed, not_found, cross_origin, idempotency_conflict, invalid_cursor, unavailable …
    ├── uploads: upload_not_found, offset_mismatch, checksum_mismatch, upload_too_large, insufficient_storage …
    ├── files: empty_file, binary_file, unsupported_compression, decompression_bomb, profile_not_ready …
    ├── datasets: dataset_not_found, dataset_exists, dataset_busy, invalid_name, csv_cannot_carry …
    ├── queries: sql_syntax, statement_not_allowed, table_not_found, unsupported_on_embedded, database_not_found …
    └── jobs: job_not_found, job_not_retryable, worker_lost, internal_error …

A failed request answers with one, and a failed job or query stores the same shape (RFC 9457). This is the one door to all of them: a
problem that a record has stored is found again among the classes that are loaded here.
"""

from services.shared.errors.datasets import *  # noqa: F403
from services.shared.errors.files import *  # noqa: F403
from services.shared.errors.jobs import *  # noqa: F403
from services.shared.errors.problem import *  # noqa: F403
from services.shared.errors.queries import *  # noqa: F403
from services.shared.errors.requests import *  # noqa: F403
from services.shared.errors.uploads import *  # noqa: F403
