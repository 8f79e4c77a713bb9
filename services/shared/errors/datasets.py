"""Datasets: names, contracts, versions, and publishes that do not come out even."""

from __future__ import annotations

from services.shared.errors.problem import Problem


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
