"""One product for all end-to-end tests that do not hurt it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack import Stack, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product as it is without any setting."""
    with running(tmp_path_factory.mktemp("e2e") / "home") as stack:
        yield stack


@pytest.fixture(scope="module")
def kept(stack: Stack) -> Iterator[str]:
    """An upload and its table `kept`, which every test of the module leaves as they are."""
    lines = "".join(f"{number},n{number},{number}.25,2024-01-{number % 28 + 1:02}\n" for number in range(500))
    upload = stack.upload_bytes(f"id,name,price,day\n{lines}".encode(), "kept.csv")
    assert stack.profile(upload["id"])["state"] == "succeeded"
    assert stack.publish(upload["id"], "kept")["state"] == "succeeded"
    yield str(upload["id"])
    after = stack.http.get("/v1/datasets/kept").json()
    assert (after["version"], after["rows"], after["state"]) == (1, 500, "ready")
    assert stack.rows("SELECT count(*), sum(id) FROM kept") == [["500", str(sum(range(500)))]]
    assert stack.http.get(f"/v1/uploads/{upload['id']}/profile").json()["records"] == 500
    assert stack.wait(stack.http.delete("/v1/datasets/kept").headers["Location"])["state"] == "succeeded"
