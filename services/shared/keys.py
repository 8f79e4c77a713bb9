"""Where objects lie: every key of the store is built here, from ids, never from a client's words."""

from __future__ import annotations


def preview_key(workspace: str, job_id: str) -> str:
    """The preview that a profile job makes first: one JSON object."""
    return f"ws/{workspace}/previews/{job_id}.json"


def profile_prefix(workspace: str, profile_id: str) -> str:
    """A finished profile: its head, its columns, its rejects."""
    return f"ws/{workspace}/profiles/{profile_id}/"


def work_prefix(workspace: str, job_id: str) -> str:
    """All working files of a job; freed when the job is over."""
    return f"ws/{workspace}/work/{job_id}/"


def attempt_prefix(workspace: str, job_id: str, attempt: int) -> str:
    """Working files of one attempt: no two attempts write under one name."""
    return f"{work_prefix(workspace, job_id)}a{attempt}/"


def dataset_prefix(workspace: str, dataset_id: str) -> str:
    """All table files of a dataset."""
    return f"ws/{workspace}/tables/{dataset_id}/"


def version_folder(version: int, job_id: str, attempt: int) -> str:
    """The name of one attempt at a version; two jobs may try the same version, one after the other, so the job is in it."""
    return f"v{version}-a{attempt}-{job_id[-8:]}"


def table_prefix(workspace: str, dataset_id: str, folder: str, name: str) -> str:
    """The table files of one `version_folder`; the last folder is the table's name, as the crawler wants it."""
    return f"{dataset_prefix(workspace, dataset_id)}{folder}/{name}/"


def publish_prefix(workspace: str, job_id: str, attempt: int) -> str:
    """What a publish keeps beside the table: the records it left out."""
    return f"ws/{workspace}/publishes/{job_id}/a{attempt}/"


def result_prefix(workspace: str, query_id: str, attempt: int) -> str:
    """The stored result of one attempt at a query."""
    return f"ws/{workspace}/results/{query_id}/a{attempt}/"
