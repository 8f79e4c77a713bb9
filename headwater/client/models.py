"""The shapes of the contract's answers and requests, as dictionaries; written by `python -m scripts.client_models`, never by hand."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

Timestamp: TypeAlias = str


UploadId: TypeAlias = str


ProfileId: TypeAlias = str


JobId: TypeAlias = str


DatasetId: TypeAlias = str


QueryId: TypeAlias = str


SavedQueryId: TypeAlias = str


Sha256: TypeAlias = str


TableName: TypeAlias = str


ColumnName: TypeAlias = str


PartitionEntry: TypeAlias = str


ColumnType: TypeAlias = str


Value: TypeAlias = float | str | None


JobState: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]


Phase: TypeAlias = str


Compression: TypeAlias = Literal["none", "gzip", "zstd", "zip", "bzip2", "xlsx"]


LineTerminator: TypeAlias = Literal["\n", "\r\n", "\r", "mixed"]


DatasetFormat: TypeAlias = Literal["parquet", "csv"]


class FieldProblem(TypedDict):
    """One unacceptable value of a request."""

    pointer: str
    detail: str


class Problem(TypedDict):
    """What went wrong, as RFC 9457 has it; a failed job or query carries the same shape."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None
    code: str
    line: NotRequired[int]
    column: NotRequired[int]
    errors: NotRequired[list[FieldProblem]]


class Upload(TypedDict):
    """One file and how much of it is stored."""

    id: UploadId
    filename: str
    size: int | None
    offset: int
    state: Literal["receiving", "complete", "failed", "expired"]
    sha256: Sha256 | None
    created_at: Timestamp
    expires_at: Timestamp | None
    profile_job_id: JobId | None
    profile_id: ProfileId | None
    error: Problem | None


NextCursor: TypeAlias = str | None


class PreviewColumn(TypedDict):
    """A column of the preview."""

    position: int
    source_name: str
    type: ColumnType


class Reject(TypedDict):
    """A record that could not be read, and why."""

    line: int
    byte_offset: int
    code: Literal["too_many_fields", "too_few_fields", "unclosed_quote", "bad_encoding", "bad_quote", "record_too_long", "cast_failed"]
    detail: str
    raw: str


class RejectList(TypedDict):
    """A page of rejects, in the order of the file."""

    items: list[Reject]
    next_cursor: NextCursor


class Dialect(TypedDict):
    """How the bytes of a file become records and cells."""

    encoding: str
    compression: Compression
    delimiter: str
    quotechar: str | None
    escapechar: str | None
    lineterminator: LineTerminator
    header: bool
    skip_records: int


class DialectRequest(TypedDict):
    """The parts of a dialect that are given rather than detected; what is left out is detected."""

    encoding: NotRequired[str | None]
    compression: NotRequired[Compression | None]
    delimiter: NotRequired[str | None]
    quotechar: NotRequired[str | None]
    escapechar: NotRequired[str | None]
    lineterminator: NotRequired[LineTerminator | None]
    header: NotRequired[bool | None]
    skip_records: NotRequired[int | None]


NullValue: TypeAlias = str


class ProfileRequest(TypedDict):
    """The settings of a new profile; what is left out is detected."""

    dialect: NotRequired[DialectRequest | None]
    null_values: NotRequired[list[NullValue] | None]
    header: NotRequired[bool | None]


class ProfileWarning(TypedDict):
    """Something a person should look at before publishing."""

    code: str
    column: NotRequired[ColumnName]
    detail: str


class Quantile(TypedDict):
    """The value below which a share `p` of a column's values lies."""

    p: float
    value: Value


class Histogram(TypedDict):
    """Counts between edges; there is one edge more than there are counts."""

    edges: list[Value]
    counts: list[int]


class TopValue(TypedDict):
    """A frequent value as raw text."""

    value: str
    count: int


class CastFailure(TypedDict):
    """One value that a type would lose."""

    line: int
    value: str


class Cast(TypedDict):
    """What a column would lose under one candidate type."""

    fails: int
    first_failures: list[CastFailure]


class ColumnProfile(TypedDict):
    """One column over every record of the file."""

    position: int
    source_name: str
    name: ColumnName
    type: ColumnType
    nulls: int
    empty: int
    normalised: int
    distinct: int
    distinct_is_exact: bool
    min: Value
    max: Value
    min_length: int | None
    max_length: int | None
    mean: Value
    stddev: Value
    quantiles: list[Quantile]
    histogram: Histogram | None
    top: list[TopValue]
    top_is_exact: bool
    examples: list[str]
    casts: dict[str, Cast]


class Profile(TypedDict):
    """Everything one pass over every record found out; it never changes. `records` and the five other record counts are all there is in the file."""

    id: ProfileId
    upload_id: UploadId
    sha256: Sha256
    bytes: int
    records: int
    header_records: int
    preamble_records: int
    comment_records: int
    blank_records: int
    rejected_records: int
    dialect: Dialect
    warnings: list[ProfileWarning]
    columns: list[ColumnProfile]
    total_columns: int


class DatasetColumnRequest(TypedDict):
    """What a column of the file becomes; what is left out is as profiled."""

    source_name: str
    name: NotRequired[ColumnName | None]
    type: NotRequired[ColumnType | None]
    include: NotRequired[bool]
    comment: NotRequired[str | None]
    format: NotRequired[str | None]


class DatasetRequest(TypedDict):
    """A publish: which file, under which contract, into which table."""

    upload_id: UploadId
    profile_id: NotRequired[ProfileId | None]
    name: TableName
    description: NotRequired[str | None]
    format: NotRequired[Literal["parquet", "csv"] | None]
    mode: NotRequired[Literal["create", "append", "replace"]]
    columns: NotRequired[list[DatasetColumnRequest] | None]
    other_columns: NotRequired[Literal["include", "leave_out"]]
    partition_by: NotRequired[list[PartitionEntry] | None]
    on_reject: NotRequired[Literal["quarantine", "fail"]]
    max_reject_ratio: NotRequired[float | None]
    on_missing_column: NotRequired[Literal["fail", "null"]]
    expected_version: NotRequired[int | None]


class DatasetColumn(TypedDict):
    """A column of a dataset's contract."""

    name: ColumnName
    type: ColumnType
    source_name: str
    comment: str | None


class DatasetCrawler(TypedDict):
    """The crawler that found the current version."""

    name: str
    state: Literal["ready", "running", "stopping"]
    last_crawl: Timestamp | None


class DatasetSource(TypedDict):
    """The file a version was made from."""

    upload_id: UploadId
    profile_id: ProfileId
    filename: str
    sha256: Sha256


class Dataset(TypedDict):
    """A table of ours, as its current version has it; before the first one, what describes a version is null or empty."""

    id: DatasetId
    name: TableName
    database: str
    description: str
    format: DatasetFormat
    state: Literal["creating", "ready", "dropping"]
    version: int | None
    columns: list[DatasetColumn]
    partition_by: list[PartitionEntry]
    rows: int | None
    bytes: int | None
    files: int | None
    location: str | None
    crawler: DatasetCrawler | None
    source: DatasetSource | None
    last_job_id: JobId | None
    created_at: Timestamp
    updated_at: Timestamp


class DatasetList(TypedDict):
    """A page of datasets, newest first."""

    items: list[Dataset]
    next_cursor: NextCursor


class DatasetVersion(TypedDict):
    """One immutable version of a dataset."""

    version: int
    current: bool
    mode: Literal["create", "append", "replace", "restore"]
    restored_from: int | None
    columns: list[DatasetColumn]
    partition_by: list[PartitionEntry]
    rows: int
    bytes: int
    files: int
    location: str
    source: DatasetSource | None
    job_id: JobId
    created_at: Timestamp


class DatasetVersionList(TypedDict):
    """A page of versions, newest first."""

    items: list[DatasetVersion]
    next_cursor: NextCursor


class ReceiptColumn(TypedDict):
    """One column as it was read (`_in`) and as the engine sees it (`_out`)."""

    name: ColumnName
    type: ColumnType
    catalog_type: str
    nulls_in: int
    nulls_out: int
    min_in: Value
    min_out: Value
    max_in: Value
    max_out: Value
    sum_in: Value
    sum_out: Value
    normalised: int
    equal: bool


class CrawlerDifference(TypedDict):
    """Where the crawler and the contract disagreed, and what was done."""

    column: str
    crawled: str | None
    contract: str | None
    action: str


class Receipt(TypedDict):
    """The proof that nothing was lost: `records_in` = the other record counts + `published_rows`, and `rows_before + published_rows =
    catalog_rows`. `sum` is exact for numbers, days or milliseconds for dates, characters for text.
    """

    version: int
    records_in: int
    header_records: int
    preamble_records: int
    comment_records: int
    blank_records: int
    rejected_records: int
    published_rows: int
    rows_before: int
    catalog_rows: int
    balanced: bool
    columns: list[ReceiptColumn]
    crawler_diff: list[CrawlerDifference]
    bytes_scanned: int
    checked_at: Timestamp


class Progress(TypedDict):
    """How far a job is; what is not known is null. It is kept after the end."""

    percent: float | None
    bytes_done: int | None
    bytes_total: int | None
    records_done: int | None
    bytes_per_second: float | None
    eta_seconds: float | None


class JobResource(TypedDict):
    """What a job works on."""

    type: Literal["upload", "dataset", "query"]
    id: UploadId | DatasetId | QueryId


class ProfileResult(TypedDict):
    """What a profile job made."""

    profile_id: ProfileId


class PublishResult(TypedDict):
    """What a publish job made."""

    dataset: TableName
    version: int


class ExportResult(TypedDict):
    """What an export job made; the download of that format is ready."""

    query_id: QueryId
    format: Literal["csv", "parquet", "jsonl", "xlsx"]
    safe: Literal["spreadsheet"] | None
    bytes: int


class DropResult(TypedDict):
    """What a drop job removed."""

    dropped: TableName


class Job(TypedDict):
    """One piece of long work."""

    id: JobId
    kind: Literal["profile", "publish", "export", "drop"]
    state: JobState
    phase: Phase | None
    progress: Progress
    attempt: int
    resource: JobResource
    result: ProfileResult | PublishResult | ExportResult | DropResult | None
    error: Problem | None
    queued_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    heartbeat_at: Timestamp | None
    cancel_requested_at: Timestamp | None


class JobList(TypedDict):
    """A page of jobs, newest first."""

    items: list[Job]
    next_cursor: NextCursor


class CatalogDatabase(TypedDict):
    """A database of the catalog."""

    name: str
    description: str
    created_at: Timestamp | None


class CatalogDatabaseList(TypedDict):
    """A page of databases, by name."""

    items: list[CatalogDatabase]
    next_cursor: NextCursor


class Column(TypedDict):
    """A column of a catalog table."""

    name: str
    type: str
    comment: str | None


class CatalogTable(TypedDict):
    """A table of the catalog, made here or elsewhere."""

    database: str
    name: str
    description: str
    format: str
    location: str | None
    columns: list[Column]
    partition_keys: list[Column]
    rows: int | None
    bytes: int | None
    dataset: str | None
    created_at: Timestamp | None
    updated_at: Timestamp | None


class CatalogTableList(TypedDict):
    """A page of tables, by name."""

    items: list[CatalogTable]
    next_cursor: NextCursor


Parameter: TypeAlias = bool | int | float | str | None


Sql: TypeAlias = str


OptionalDatabaseName: TypeAlias = str | None


class Statistics(TypedDict):
    """What a query cost; what is not known yet is null."""

    queue_ms: int | None
    planning_ms: int | None
    execution_ms: int | None
    bytes_scanned: int | None
    rows: int | None
    cost_usd: float | None
    reused: bool


class ScanLimit(TypedDict):
    """The limit a query was given, and how it holds."""

    max_bytes_scanned: int
    bytes_bound: int | None
    applied: Literal["before_run", "while_running"]


class ResultColumn(TypedDict):
    """A column of a result."""

    name: str
    type: str


class Query(TypedDict):
    """One statement and its life."""

    id: QueryId
    sql: str
    database: str
    state: JobState
    phase: Phase | None
    engine: Literal["athena", "duckdb"]
    engine_execution_id: str | None
    statistics: Statistics
    columns: list[ResultColumn] | None
    scan_limit: ScanLimit | None
    reused_from: QueryId | None
    error: Problem | None
    cancel_requested_at: Timestamp | None
    submitted_at: Timestamp
    finished_at: Timestamp | None


class QueryList(TypedDict):
    """A page of queries, newest first."""

    items: list[Query]
    next_cursor: NextCursor


class ResultPage(TypedDict):
    """Some rows of a result."""

    columns: list[ResultColumn]
    rows: list[list[bool | int | float | str | None]]
    next_cursor: NextCursor
    total_rows: int


class EstimateRequest(TypedDict):
    """A statement to weigh."""

    sql: Sql
    database: NotRequired[OptionalDatabaseName]
    parameters: NotRequired[list[Parameter]]


class Estimate(TypedDict):
    """The most a statement can scan and cost."""

    statement: str
    tables: list[str]
    columns: list[str]
    bytes_bound: int | None
    bound_kind: Literal["exact_scan", "whole_table", "cutoff"]
    cost_bound_usd: float | None


class SavedQueryRequest(TypedDict):
    """A statement to keep under a name."""

    name: str
    description: NotRequired[str | None]
    sql: Sql
    database: NotRequired[OptionalDatabaseName]


class SavedQuery(TypedDict):
    """A statement kept under a name."""

    id: SavedQueryId
    name: str
    description: str
    sql: str
    database: str | None
    created_at: Timestamp
    updated_at: Timestamp


class SavedQueryList(TypedDict):
    """A page of saved queries, newest first."""

    items: list[SavedQuery]
    next_cursor: NextCursor


class Limits(TypedDict):
    """The bounds of a request, from the settings."""

    max_upload_bytes: int
    max_part_bytes: int
    max_concatenated_parts: int
    max_request_bytes: int
    max_record_bytes: int
    max_unpacked_bytes: int
    max_sql_bytes: int
    max_query_parameters: int
    max_page_items: int
    max_preview_rows: int
    max_result_rows: int
    max_table_columns: int
    max_partitions: int
    min_partition_bytes: int
    max_reject_ratio: float
    query_slots: int
    query_timeout_seconds: float


class Retention(TypedDict):
    """How long things are kept."""

    incomplete_uploads_seconds: float
    raw_files_seconds: float
    results_seconds: float
    versions: int
    version_grace_seconds: float
    idempotency_keys_seconds: float


class Features(TypedDict):
    """What works on this installation."""

    estimate: bool
    saved_queries: bool
    metrics: bool
    csv_datasets: bool
    partitioned_datasets: bool
    spreadsheet_safe_downloads: bool


class Formats(TypedDict):
    """The formats that work on this installation."""

    datasets: list[DatasetFormat]
    downloads: list[Literal["csv", "parquet", "jsonl", "xlsx"]]


class Meta(TypedDict):
    """What a client needs to know before it offers anything."""

    version: str
    platform: Literal["local", "aws"]
    engine: Literal["athena", "duckdb"]
    database: str
    limits: Limits
    retention: Retention
    features: Features
    formats: Formats
    compression: list[Compression]


class Health(TypedDict):
    """The process lives."""

    status: Literal["ok"]


class Check(TypedDict):
    """One dependency, asked just now."""

    name: str
    status: Literal["ok", "failed"]
    detail: str


class Readiness(TypedDict):
    """Whether requests can be served."""

    status: Literal["ready", "degraded"]
    checks: list[Check]


class UploadList(TypedDict):
    """A page of uploads, newest first."""

    items: list[Upload]
    next_cursor: NextCursor


class Preview(TypedDict):
    """The first rows of a file as raw text, its dialect and types provisional."""

    dialect: Dialect
    columns: list[PreviewColumn]
    rows: list[list[str | None]]
    complete: bool
    offset: int


class QueryRequest(TypedDict):
    """A statement to run."""

    sql: Sql
    database: NotRequired[OptionalDatabaseName]
    parameters: NotRequired[list[Parameter]]
    reuse_results_minutes: NotRequired[int | None]
    max_bytes_scanned: NotRequired[int | None]
