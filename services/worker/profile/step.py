"""One task of a profile job: the preview first, then the profile, following the upload from checkpoint to checkpoint.

A task ends when its slice of time is over or when there is nothing to read: then the job waits for bytes in the records and holds
no worker. A checkpoint names an object with the merged statistics, and the rejects found so far.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Final

import orjson
from sqlalchemy import insert

from services.shared.clock import utc_now
from services.shared.errors import EmptyFile, Problem, ProblemDocument, UploadGone
from services.shared.ids import new_id
from services.shared.jobs.model import Wait
from services.shared.jobs.run import Next, Run
from services.shared.keys import attempt_prefix, preview_key, profile_prefix, work_prefix
from services.shared.records import uploads
from services.shared.records.tables import profiles
from services.shared.records.uploads import Upload, UploadState
from services.worker.csv.preview import preview
from services.worker.deps import Worker
from services.worker.profile.model import head, to_json
from services.worker.profile.provisional import provisional_types
from services.worker.profile.run import HEAD_BYTES, ProfileRun, ProfileSettings
from services.worker.rejects import RejectPieces, join_rejects
