"""What is in uploads, keys and headers is written where it has to be, and nowhere else."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import pytest

from app import log
from tests.support.markers import places_of
from tests.support.web import Web

CELL, NAME, WRONG = "Zyxhamar-cell", "Zyxhamar-column", "Zyxhamar-wrong"
HEADERS = {
    "X-Forwarded-User": "Zyxhamar-user",
    "User-Agent": "Zyxhamar-agent",
    "Referer": "https://example.org/Zyxhamar-referer",
    "Cookie": "session=Zyxhamar-cookie",
    "X-Request-Id": "Zyxhamar not an id",
}

OTHERS = ("httpx2", "httpcore2", "uvicorn.access")
"""Loggers of the test's client, and one that the service does not use."""


def people(cell: str) -> bytes:
    lines = [f"{20 + number % 50},{cell}-{number},{number % 3}" for number in range(80)]
    return "\n".join([f"age,{NAME},group", *lines]).encode()


def test_cells_keys_and_headers_are_not_written_elsewhere(
    web_on_both: Web, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where libraries put theirs, in this process
    caplog.set_level(logging.DEBUG)
    web = web_on_both
    with web.client() as client:
        client.headers.update(HEADERS)
        made = client.post("/v1/datasets", content=people(CELL), params={"name": "people"}).json()
        assert CELL in str(client.get(f"/v1/datasets/{made['id']}").json()["preview"])
        refused = [
            client.post("/v1/datasets", content=people(WRONG) + b'\n"' + WRONG.encode()),
            client.post("/v1/datasets", content=f'[{{"a": "{WRONG}"}}, 7'.encode()),
            client.post("/v1/jobs", json={"dataset_id": made["id"], "policy": WRONG}),
            client.post("/v1/jobs", json={"dataset_id": made["id"], "conditions": {NAME: WRONG}}),
            client.post("/v1/jobs", content=f'{{"dataset_id": "{WRONG}'.encode()),
            client.get(f"/v1/jobs/{WRONG}", params={"q": WRONG}),
            client.get("/v1/jobs", headers={"Authorization": f"Bearer lk_{WRONG}"}),
        ]
    assert [answer.status_code // 100 for answer in refused] == [4] * len(refused)

    secrets = [web.admin.token.split("_", 2)[2], *(value.split("/")[-1] for value in HEADERS.values())]
    found = places_of(web.settings, [CELL, NAME, WRONG, *secrets])
    assert not found.pop(CELL), "cells stand with the data set alone, encrypted"
    names = found.pop(NAME)
    assert names <= {"datasets", "lookalike.db", "lookalike.db-wal"}, "names stand in its schema alone"
    assert {marker for marker, places in found.items() if places} == set()
    assert list(tmp_path.rglob("*")) == []
    lines = [log.JsonLines().format(each) for each in caplog.records if not each.name.startswith(OTHERS)]
    assert any("lookalike.access" in line for line in lines)
    assert [line for line in lines if "Zyxhamar" in line or secrets[0] in line] == []
