"""Keys: they end, are handed on, and cannot be guessed; what they opened is closed with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.auth import create_key
from app.config import Settings
from app.db import migrate, transaction
from app.errors import TooManyGuessesError
from app.guesses import WINDOW_SECONDS, Guesses, network_of
from app.orm import ApiKeyRow, now
from app.states import JobState, ReleaseState, Role, Scope
from tests.app.routes.test_uploads import is_problem
from tests.support.jobs import wait_for
from tests.support.people import add_person, key_of
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web, serve

REASON = {"reason": "the limit is met"}
WRONG = 5


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Web]:
    """A service that takes few wrong keys."""
    settings = Settings(home=tmp_path / "home", device="cpu", wrong_keys_per_minute=WRONG)
    migrate(settings)
    with serve(settings) as web:
        yield web


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_who_guesses_learns_nothing_more_and_locks_nobody_out(strict: Web) -> None:
    with strict.client() as client:
        assert client.get("/v1/jobs").status_code == 200
        for _ in range(WRONG):
            is_problem(client.get("/v1/jobs", headers=bearer(f"{strict.admin.token}x")), 401)
        for guess in (f"{strict.admin.token}x", strict.reader.token):  # the second would be right
            answer = client.get("/v1/jobs", headers=bearer(guess))
            assert is_problem(answer, 429)["code"] == "too_many_guesses"
            assert 0 < int(answer.headers["Retry-After"]) <= WINDOW_SECONDS
        assert client.get("/v1/jobs").status_code == 200, "a key in use goes on"
        assert client.get("/healthz").status_code == 200


def test_guesses_are_counted_by_address_and_forgotten_after_a_while() -> None:
    at = 0.0
    guesses = Guesses(2, clock=lambda: at)
    for address in ("2001:db8::1", "2001:db8::2"):
        guesses.note_wrong(address)
    with pytest.raises(TooManyGuessesError):
        guesses.refuse_if_many("2001:db8::3", "hash")
    guesses.refuse_if_many("2001:db8:1::1", "hash")
    at = WINDOW_SECONDS + 1
    guesses.refuse_if_many("2001:db8::3", "hash")
    assert network_of("192.0.2.1") == "192.0.2.1"


def test_administrators_list_make_rotate_and_revoke_keys_and_nobody_else_does(web_on_both: Web) -> None:
    web = web_on_both
    soon = (now() + timedelta(hours=1)).isoformat()
    with web.client() as client, web.client(web.reviewer) as other:
        wanted = {"scopes": ["read"], "person": "Ada", "expires_at": soon}
        made = client.post("/v1/keys", json=wanted)
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        first = made.json()
        assert client.get("/v1/jobs", headers=bearer(first["token"])).status_code == 200
        rotated = client.post(f"/v1/keys/{first['id']}/rotation", json={"overlap_hours": 1}).json()
        assert (rotated["person"], rotated["scopes"], rotated["expires_at"]) == ("Ada", ["read"], first["expires_at"])
        for token in (first["token"], rotated["token"]):
            assert client.get("/v1/jobs", headers=bearer(token)).status_code == 200
        again = client.post(f"/v1/keys/{rotated['id']}/rotation", json={}).json()
        is_problem(client.get("/v1/jobs", headers=bearer(rotated["token"])), 401)
        assert client.delete(f"/v1/keys/{again['id']}").status_code == 204
        is_problem(client.get("/v1/jobs", headers=bearer(again["token"])), 401)
        is_problem(client.delete(f"/v1/keys/{again['id']}"), 404)
        shown = {each["id"]: each for each in client.get("/v1/keys").json()["items"]}
        assert shown[first["id"]]["last_used_at"] is not None
        assert shown[again["id"]]["revoked_at"] is not None
        assert web.stranger.key_id not in shown
        assert first["token"].split("_", 2)[2] not in client.get("/v1/keys").text
        is_problem(client.post("/v1/keys", json={**wanted, "expires_at": "2020-01-01T00:00:00Z"}), 422)
        is_problem(other.get("/v1/keys"), 403)
        is_problem(other.post("/v1/keys", json=wanted), 403)


def test_a_key_is_rotated_once_and_who_lost_the_new_one_rotates_that(web: Web) -> None:
    with web.client() as client:
        end = (now() + timedelta(days=90)).isoformat()
        first = client.post("/v1/keys", json={"scopes": ["read"], "expires_at": end}).json()
        lost = client.post(f"/v1/keys/{first['id']}/rotation", json={"overlap_hours": 24}).json()
        refused = client.post(f"/v1/keys/{first['id']}/rotation", json={"overlap_hours": 24})
        assert lost["id"] in is_problem(refused, 409)["detail"]
        again = client.post(f"/v1/keys/{lost['id']}/rotation", json={}).json()
        assert again["expires_at"] == first["expires_at"]
        assert client.get("/v1/jobs", headers=bearer(again["token"])).status_code == 200
        is_problem(client.get("/v1/jobs", headers=bearer(lost["token"])), 401)


def test_a_key_that_has_expired_opens_nothing(web: Web) -> None:
    key = create_key(web.backend.engine, web.admin.tenant_id, [Scope.READ], expires_at=now() - timedelta(seconds=1))
    with web.client(key) as client:
        is_problem(client.get("/v1/jobs"), 401)


def test_an_event_stream_ends_when_its_key_is_revoked(web: Web, tmp_path: Path) -> None:
    job = add_job(web, add_dataset(web, tmp_path), JobState.RUNNING)
    key = create_key(web.backend.engine, web.admin.tenant_id, [Scope.READ])
    lines: list[str] = []

    def follow() -> None:
        with web.client(key) as client, client.stream("GET", f"/v1/jobs/{job.id}/events") as answer:
            lines.extend(answer.iter_lines())

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    wait_for("the stream is read", lambda: _used(web, key.key_id))
    with web.client() as client:
        assert client.delete(f"/v1/keys/{key.key_id}").status_code == 204
    following.join(20)
    assert not following.is_alive()
    assert any("queued" in line for line in lines)


def _used(web: Web, key_id: str) -> bool:
    with transaction(web.backend.engine) as session:
        return session.get_one(ApiKeyRow, key_id).last_used_at is not None


def test_a_review_key_reads_what_it_decides_on_and_not_the_data(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    key = create_key(web.backend.engine, web.admin.tenant_id, [Scope.REVIEW])
    with web.client(key) as client:
        for path in ("/v1/releases", f"/v1/releases/{release.id}", f"/v1/reports/{release.report_id}.html"):
            assert client.get(path).status_code == 200, path
        decided = client.post(f"/v1/releases/{release.id}/decision", json={"action": "approve", **REASON})
        assert decided.status_code == 200
        for path in ("/v1/datasets", "/v1/jobs", f"/v1/releases/{release.id}/data"):
            is_problem(client.get(path), 403)


def test_four_eyes_are_those_of_two_persons_whatever_keys_they_hold(web: Web, tmp_path: Path) -> None:
    ada, grace = (add_person(web, Role.ADMIN, name=name) for name in ("Ada L", "Grace"))
    own = key_of(web, ada, Scope.ADMIN)
    sent, same, other = key_of(web, ada, Scope.WRITE), key_of(web, ada, Scope.REVIEW), key_of(web, grace, Scope.REVIEW)
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, four_eyes=True, created_by=sent.key_id)
    path = f"/v1/releases/{release.id}/decision"
    with web.client() as client:
        rotation = f"/v1/keys/{same.key_id}/rotation"
        rotated = client.post(rotation, json={"overlap_hours": 1}, headers=bearer(own.token)).json()["token"]
        for token in (same.token, rotated):
            asked = client.post(path, json={"action": "approve", **REASON}, headers=bearer(token))
            assert is_problem(asked, 403)["code"] == "four_eyes"
        asked = client.post(path, json={"action": "approve", **REASON}, headers=bearer(other.token))
        assert asked.json()["state"] == "released"


def test_a_rotated_key_is_no_second_pair_of_eyes(web: Web, tmp_path: Path) -> None:
    key = create_key(web.backend.engine, web.admin.tenant_id, [Scope.WRITE, Scope.REVIEW])
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, four_eyes=True, created_by=key.key_id)
    with web.client() as client:
        token = client.post(f"/v1/keys/{key.key_id}/rotation", json={}).json()["token"]
        asked = client.post(
            f"/v1/releases/{release.id}/decision", json={"action": "approve", **REASON}, headers=bearer(token)
        )
        assert is_problem(asked, 403)["code"] == "four_eyes"


def test_a_released_table_is_withdrawn_and_then_deleted(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    path = f"/v1/releases/{release.id}"
    with web.client(web.reviewer) as reviewer, web.client() as admin:
        is_problem(admin.delete(path), 409)
        is_problem(reviewer.post(f"{path}/withdrawal", json={}), 422)
        withdrawn = reviewer.post(f"{path}/withdrawal", json=REASON).json()
        assert (withdrawn["state"], withdrawn["withdrawn_by"]) == ("withdrawn", web.reviewer.key_id)
        assert withdrawn["withdrawal_reason"] == REASON["reason"]
        assert is_problem(reviewer.get(f"{path}/data"), 409)["state"] == "withdrawn"
        is_problem(reviewer.post(f"{path}/withdrawal", json=REASON), 409)
        is_problem(reviewer.delete(path), 403)
        assert admin.delete(path).status_code == 204
        for gone in (path, f"{path}/data", f"/v1/reports/{release.report_id}"):
            is_problem(admin.get(gone), 404)
    left = [key for key in web.stored_files() if release.job_id in key]
    assert [Path(key).name for key in left] == ["weights.safetensors"]


def test_what_was_withdrawn_is_still_known_to_later_audits(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW, dataset=dataset)
    out = add_release(web, tmp_path, ReleaseState.RELEASED, dataset=dataset)
    with web.client() as client:
        assert client.post(f"/v1/releases/{out.id}/withdrawal", json=REASON).status_code == 200
        for deleted in (False, True):
            if deleted:
                assert client.delete(f"/v1/releases/{out.id}").status_code == 204
            asked = client.post(f"/v1/releases/{waiting.id}/decision", json={"action": "approve", **REASON})
            assert is_problem(asked, 409)["released_since"] == 1
