"""The scope `real_data`: no role from before has it, and results with real records take it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.auth import create_key
from app.states import ROLE_SCOPES, Role, Scope, scopes_of
from tests.app.routes.test_uploads import is_problem
from tests.app.routes.test_uses import ARCHIVE, asked_of, finished, things
from tests.support.people import add_person, key_of
from tests.support.web import Web


def test_the_right_to_real_data_comes_with_no_role_from_before() -> None:
    assert {role for role, scopes in ROLE_SCOPES.items() if Scope.REAL_DATA in scopes} == {Role.REAL_DATA_READER}
    assert scopes_of([Role.UPLOADER]) == {Scope.READ, Scope.WRITE}


@pytest.mark.parametrize("use", ["adapt", "change"])
def test_a_result_with_real_records_takes_the_scope_real_data(web: Web, tmp_path: Path, use: str) -> None:
    ids, engine, tenant = things(web, tmp_path), web.backend.engine, web.admin.tenant_id
    asked = {
        "adapt": {"use": "adapt", "dataset_id": ..., "like": ...},
        "change": {"use": "change", "release_id": ..., "conditions": {"city": "Oslo"}},
    }[use]
    path = f"/v1/jobs/{finished(web, ids, asked)}/result"
    sender = create_key(engine, tenant, [Scope.READ, Scope.WRITE, Scope.REVIEW, Scope.AUDIT])
    uploader, holder = add_person(web, Role.UPLOADER), add_person(web, Role.REAL_DATA_READER)
    for key in (sender, key_of(web, uploader, Scope.READ, Scope.WRITE, Scope.REAL_DATA)):
        with web.client(key) as client:
            refused = client.get(path)
            assert "the scope real_data" in is_problem(refused, 403)["detail"]
            assert 'scope="real_data"' in refused.headers["www-authenticate"]
            assert client.head(path).status_code == 403
    for key in (create_key(engine, tenant, [Scope.READ, Scope.REAL_DATA]), key_of(web, holder, *Scope)):
        with web.client(key) as client:
            assert client.get(path).content == ARCHIVE
            is_problem(client.post("/v1/uses", json=asked_of(ids, asked)), 403)


def test_nobody_gives_themselves_the_right_to_real_data(web: Web) -> None:
    uploader = key_of(web, add_person(web, Role.UPLOADER), Scope.READ, Scope.WRITE)
    with web.client(uploader) as client:
        is_problem(client.post("/v1/keys", json={"scopes": ["real_data"]}), 403)
