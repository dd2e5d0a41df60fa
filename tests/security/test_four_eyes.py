"""Four eyes are those of two people, whatever keys they hold, and the database holds that against any program."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.auth import IssuedKey, create_key
from app.db import transaction
from app.orm import PersonRow, ReleaseRow
from app.states import ReleaseState, Role, Scope
from tests.app.routes.test_uploads import is_problem
from tests.support.people import add_person, key_of
from tests.support.rows import add_release
from tests.support.web import Web

APPROVE = {"action": "approve", "reason": "the limit is met"}
OUT = "UPDATE releases SET state = 'released', decided_by = :by WHERE id = :id"


def execute(web: Web, statement: str, **values: object) -> None:
    with web.backend.engine.begin() as connection:
        connection.execute(text(statement), values)


def refused(web: Web, statement: str, named: dict[str, object] | None = None, **values: object) -> None:
    with pytest.raises(IntegrityError, match="four eyes"):
        execute(web, statement, **(named or {}), **values)


def under_four_eyes(web: Web, tmp_path: Path, sent_by: str) -> ReleaseRow:
    return add_release(web, tmp_path, ReleaseState.IN_REVIEW, four_eyes=True, created_by=sent_by)


def state_of(web: Web, release: ReleaseRow) -> str:
    with transaction(web.backend.engine) as session:
        return session.get_one(ReleaseRow, release.id).state


def people(web: Web) -> tuple[PersonRow, PersonRow]:
    """Two people of the same name: accounts tell them apart."""
    return add_person(web, Role.UPLOADER, Role.REVIEWER), add_person(web, Role.REVIEWER)


def test_by_sql_nobody_approves_what_they_sent_by_whatever_key(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    sender, other = people(web)
    keys = [key_of(web, sender, Scope.WRITE).key_id for _ in range(2)]
    for sent_by in (sender.id, keys[0]):
        release = under_four_eyes(web, tmp_path, sent_by)
        for by in (sender.id, *keys, None, "nobody", web.stranger.key_id):
            refused(web, OUT, by=by, id=release.id)
        assert state_of(web, release) == "in_review"
        execute(web, OUT, by=other.id, id=release.id)
        refused(web, OUT, by=sender.id, id=release.id)
        assert state_of(web, release) == "released"


def test_by_sql_a_key_of_nobodys_account_is_no_second_person(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    account = add_person(web, Role.REVIEWER, name="Ada L")
    held, unnamed = (
        create_key(web.backend.engine, web.admin.tenant_id, [Scope.REVIEW], person=name).key_id
        for name in ("Grace", None)
    )
    for key in (held, unnamed):  # whoever holds it may be Ada
        refused(web, OUT, by=key, id=under_four_eyes(web, tmp_path, account.id).id)
        for by in (account.id, held, unnamed):
            refused(web, OUT, by=by, id=under_four_eyes(web, tmp_path, key).id)


def test_by_sql_nothing_that_four_eyes_rest_on_is_made_anew_in_its_place(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    sender, other = people(web)
    key = key_of(web, sender, Scope.WRITE).key_id
    release, of_key = (under_four_eyes(web, tmp_path, by) for by in (sender.id, key))
    theirs = add_release(web, tmp_path, ReleaseState.REJECTED, created_by=other.id)
    out = {"four_eyes": False, "state": "released"}
    anew = (
        ("jobs", release.job_id, {"created_by": other.id}),
        ("releases", release.id, out),
        ("releases", release.id, {"id": "release_x", **out}),
        ("people", sender.id, {"folded": "x"}),
        ("api_keys", key, {"person_id": other.id}),
        ("api_keys", key, {"person_id": other.id, "secret_sha256": "x"}),
    )
    verbs = ("INSERT", "INSERT OR REPLACE") if web.backend.engine.dialect.name == "sqlite" else ("INSERT",)
    for verb, (table, row_id, changes) in product(verbs, anew):
        refused(web, *made_anew(web, verb, table, row_id, changes))
    if len(verbs) == 2:
        refused(web, "UPDATE OR REPLACE jobs SET id = :id WHERE id = :other", id=of_key.job_id, other=theirs.job_id)
        # the sender goes with another key that takes the secret, and does not come back as somebody else's
        taken = made_anew(web, "INSERT OR REPLACE", "api_keys", key, {"id": "key_x", "person_id": other.id})
        again = made_anew(web, "INSERT", "api_keys", key, {"person_id": other.id, "secret_sha256": "y"})
        execute(web, taken[0], **taken[1])
        refused(web, *again)
        refused(web, OUT, by=other.id, id=of_key.id)
    assert (state_of(web, release), state_of(web, of_key)) == ("in_review", "in_review")


def made_anew(
    web: Web, verb: str, table: str, row_id: str, changes: dict[str, object]
) -> tuple[str, dict[str, object]]:
    """The statement that writes a row again with changes, and its values."""
    with web.backend.engine.connect() as connection:
        row = dict(connection.execute(text(f"SELECT * FROM {table} WHERE id = :id"), {"id": row_id}).one()._mapping)  # noqa: S608
    values = {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in row.items()}
    marks = ", ".join(f":{name}" for name in values)
    return f"{verb} INTO {table} ({', '.join(values)}) VALUES ({marks})", values | changes


def test_by_sql_nothing_changes_that_four_eyes_rest_on(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    sender, other = people(web)
    key = key_of(web, sender, Scope.WRITE).key_id
    release = under_four_eyes(web, tmp_path, key)
    another = add_release(web, tmp_path, ReleaseState.REJECTED)
    for statement in (
        "UPDATE releases SET four_eyes = false WHERE id = :id",
        "UPDATE releases SET four_eyes = false, state = 'released', decided_by = :sender WHERE id = :id",
        "UPDATE releases SET job_id = :job WHERE id = :id",
        "UPDATE jobs SET created_by = :other WHERE id = (SELECT job_id FROM releases WHERE id = :id)",
        "UPDATE jobs SET id = 'job_x' WHERE id = :job",
        "UPDATE releases SET id = 'release_x' WHERE id = :id",
        "UPDATE api_keys SET person_id = :other WHERE id = :key",
        "UPDATE api_keys SET person_id = NULL, folded = 'x' WHERE id = :key",
        "UPDATE people SET folded = 'x' WHERE id = :sender",
        "UPDATE people SET id = 'person_x' WHERE id = :sender",
        "DELETE FROM api_keys WHERE id = :key",
    ):
        named = {"id": release.id, "job": another.job_id, "other": other.id, "sender": sender.id, "key": key}
        refused(web, statement, **{name: value for name, value in named.items() if f":{name}" in statement})
    execute(web, "UPDATE releases SET four_eyes = true WHERE id = :id", id=another.id)
    execute(web, "UPDATE api_keys SET revoked_at = NULL, person = 'X', person_id = person_id WHERE id = :key", key=key)


def test_by_sql_no_other_table_of_the_same_name_stands_in(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    sender, other = people(web)
    release = under_four_eyes(web, tmp_path, sender.id)
    with web.backend.engine.connect() as connection:
        for name in ("jobs", "people", "api_keys"):
            connection.execute(text(f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {name}"))  # noqa: S608
        connection.execute(text("UPDATE jobs SET created_by = :other"), {"other": other.id})
        with pytest.raises(IntegrityError, match="four eyes"):
            connection.execute(text(OUT), {"by": sender.id, "id": release.id})


def test_by_sql_no_release_begins_as_approved_by_its_sender(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    sender, other = people(web)
    for by, verdict in ((sender.id, "PASS"), (None, "REVIEW")):
        release = under_four_eyes(web, tmp_path, sender.id)
        with web.backend.engine.begin() as connection:
            row = dict(
                connection.execute(text("SELECT * FROM releases WHERE id = :id"), {"id": release.id}).one()._mapping
            )
            connection.execute(text("DELETE FROM releases WHERE id = :id"), {"id": release.id})
        row |= {"state": "released", "decided_by": by, "verdict": verdict, "reasons": "[]"}
        insert = f"INSERT INTO releases ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"  # noqa: S608
        refused(web, insert, **row)
        execute(web, insert, **row | {"decided_by": other.id})
        execute(web, "DELETE FROM releases WHERE id = :id", id=release.id)
        execute(web, insert, **row | {"decided_by": None, "verdict": "PASS"})  # by the policy, without a reviewer


def test_a_job_is_of_somebody(web_on_both: Web, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="a job is sent by"):
        under_four_eyes(web_on_both, tmp_path, "person_none")


def decided(web: Web, release: ReleaseRow, key: IssuedKey):
    with web.client(key) as client:
        return client.post(f"/v1/releases/{release.id}/decision", json=APPROVE)


def test_the_service_refuses_the_same_before_the_database_does(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    sender, other = people(web)
    for sent_by in (sender.id, key_of(web, sender, Scope.WRITE).key_id):
        release = under_four_eyes(web, tmp_path, sent_by)
        refusal = decided(web, release, key_of(web, sender, Scope.REVIEW))
        assert is_problem(refusal, 403)["code"] == "four_eyes"
        key = key_of(web, other, Scope.REVIEW)
        answer = decided(web, release, key).json()
        assert (answer["state"], answer["decided_by"]) == ("released", key.key_id)
        assert (answer["decided_by_name"], answer["decided_by_person"]) == (other.name, other.id)


def test_an_administrator_makes_no_key_in_the_name_of_somebody_with_an_account(web: Web) -> None:
    admin, person = add_person(web, Role.ADMIN, name="Grace Hopper"), add_person(web, Role.REVIEWER)
    key = key_of(web, person, Scope.REVIEW)
    with web.client(key_of(web, admin, Scope.ADMIN)) as client:
        for name in ("Ada Lovelace", "ADA lovelace"):
            is_problem(client.post("/v1/keys", json={"scopes": ["review"], "person": name}), 409)
        is_problem(client.post("/v1/keys", json={"scopes": ["review"], "person": "Ada\u200b Lovelace"}), 422)
        is_problem(client.post(f"/v1/keys/{key.key_id}/rotation", json={}), 403)
        own = client.post("/v1/keys", json={"scopes": ["review"], "name": "laptop"}).json()
        assert (own["person"], own["person_id"], own["name"]) == ("Grace Hopper", admin.id, "laptop")
        assert client.delete(f"/v1/keys/{key.key_id}").status_code == 204
