"""Uploads a file with tuspy, resuming what an earlier process began; with a limit it kills itself once so many bytes were sent."""

from __future__ import annotations

import os
import signal
import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


def main(endpoint: str, file: str, memory: str, checksum: str, kill_after: str) -> None:
    """Upload and print the address."""
    client = TusClient(endpoint)
    uploader = client.uploader(
        file,
        chunk_size=500_000,
        metadata={"filename": "stock.csv"},
        store_url=True,
        url_storage=FileStorage(memory),
        upload_checksum=checksum == "checksum",
    )
    if uploader.offset:
        print("resumed", file=sys.stderr)
    while uploader.offset < uploader.get_file_size():
        uploader.upload_chunk()
        if int(kill_after) and uploader.offset >= int(kill_after):
            os.kill(os.getpid(), signal.SIGKILL)
    print(uploader.url)


if __name__ == "__main__":
    main(*sys.argv[1:])
