"""Profiles: what is in a file."""

from __future__ import annotations

import uuid
from typing import cast

from headwater.client.jobs import Jobs, OnJob
from headwater.client.models import Job, Profile, ProfileRequest
from headwater.client.transport import Transport


class Profiles:
    """The profiles of a server."""

    def __init__(self, transport: Transport, jobs: Jobs) -> None:
        self._transport = transport
        self._jobs = jobs

    def get(self, profile_id: str) -> Profile:
        """Return a profile; profiles never change."""
        return cast(Profile, self._transport.get(f"/v1/profiles/{profile_id}"))

    def wait(self, upload_id: str, *, on_change: OnJob | None = None) -> Profile:
        """Return the newest profile of an upload, once it is there; raise Failed if it can't be made."""
        upload = self._transport.get(f"/v1/uploads/{upload_id}")
        if upload["profile_job_id"] is not None:
            self._jobs.wait(upload["profile_job_id"], on_change=on_change)
        return cast(Profile, self._transport.get(f"/v1/uploads/{upload_id}/profile"))

    def again(self, upload_id: str, request: ProfileRequest) -> Job:
        """Start another profile of an upload with other settings, without a second upload."""
        return cast(Job, self._transport.post(f"/v1/uploads/{upload_id}/profile", body=request, key=uuid.uuid4().hex))
