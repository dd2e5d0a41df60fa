"""Croissant metadata: the format's own library reads it, and reads the table by it."""

from __future__ import annotations

import json
from pathlib import Path

import mlcroissant as mlc
import pytest

from app.croissant import Field, File, metadata
from app.orm import now
from app.states import ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_release, table
from tests.support.web import Web

TYPES = {"age": "Integer", "city": "Text", "code": "Integer", "joined": "DateTime", "id": "Text"}


def test_the_formats_own_library_reads_the_table_by_its_metadata(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path / "cache"))
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client(web.reader) as client:
        answer = client.get(f"/v1/releases/{release.id}/croissant")
        assert answer.headers["content-type"] == "application/ld+json"
        described = answer.json()
        for file in described["distribution"]:
            content = client.get(f"/v1/releases/{release.id}/{file['contentUrl']}").content
            (tmp_path / file["contentUrl"]).write_bytes(content)
            assert file["contentSize"] == f"{len(content)} B"
    (tmp_path / "croissant.json").write_bytes(answer.content)
    dataset = mlc.Dataset(jsonld=str(tmp_path / "croissant.json"))
    assert list(dataset.metadata.ctx.issues.errors) == []
    (records,) = dataset.metadata.record_sets
    assert {each.name: str(each.data_types[0]).rpartition("/")[2] for each in records.fields} == TYPES
    assert {file.sha256 for file in dataset.metadata.distribution} == {release.csv_sha256, release.parquet_sha256}
    rows = list(dataset.records("records"))
    assert [row["records/0"] for row in rows] == table()["age"].to_pylist()


@pytest.mark.parametrize("state", [ReleaseState.IN_REVIEW, ReleaseState.BLOCKED, ReleaseState.WITHDRAWN])
def test_what_is_not_released_has_no_metadata(web: Web, tmp_path: Path, state: ReleaseState) -> None:
    release = add_release(web, tmp_path, state)
    with web.client() as client:
        assert is_problem(client.get(f"/v1/releases/{release.id}/croissant"), 409)["code"] == "not_released"
    with web.client(web.stranger) as client:
        is_problem(client.get(f"/v1/releases/{release.id}/croissant"), 404)


def test_hostile_names_of_columns_are_names() -> None:
    hostile = '"}],"@id":"x", ../../etc/passwd \u202e {{7*7}} records/0'
    file = File(name="data.csv", media_type="text/csv", bytes=3, sha256="a" * 64)
    fields = [Field(name=name, data_type="sc:Text") for name in (hostile, "b", "B")]
    made = metadata(name="n", description="d", made=now(), version="1.0.0", files=[file], fields=fields)
    dataset = mlc.Dataset(jsonld=json.loads(json.dumps(made)))
    assert list(dataset.metadata.ctx.issues.errors) == []
    assert [field.name for field in dataset.metadata.record_sets[0].fields] == [hostile, "b", "B"]
