"""Who loses account, roles or session in the middle of something long gets nothing done by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import accounts, auth
from app.db import transaction
from app.errors import UnauthorizedError
from app.orm import DatasetRow, JobRow, PersonRow
from app.services import datasets
from app.states import Role, Scope
from tests.app.pages.test_dataset_pages import TABLE, upload
from tests.app.pages.test_people_pages import person_in
from tests.support.people import add_person, key_of
from tests.support.web import Web

FILE = {"file": ("people.csv", TABLE)}


def disable(web: Web, person: PersonRow) -> None:
    accounts.set_disabled(web.backend.engine, person.tenant_id, person.id, disabled=True)


def demote(web: Web, person: PersonRow) -> None:
    accounts.set_roles(web.backend.engine, person.tenant_id, person.id, [Role.REVIEWER])


def reset(web: Web, person: PersonRow) -> None:
    accounts.reset(web.backend.engine, person.tenant_id, person.id, invited_by="a test")


@pytest.fixture
def while_read(web: Web, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What is done while the next upload is read."""
    real = datasets.ingest_in_child

    def begin(do: Callable[[Web, PersonRow], None], person: PersonRow) -> None:
        def read(*args: Any, **options: Any) -> Any:
            found = real(*args, **options)
            do(web, person)
            return found

        monkeypatch.setattr(datasets, "ingest_in_child", read)

    return begin


def made(web: Web) -> int:
    with transaction(web.backend.engine) as session:
        return session.query(DatasetRow).count() + session.query(JobRow).count()


@pytest.mark.parametrize(("do", "path"), [(disable, "/v1/synthesize"), (demote, "/v1/datasets")])
def test_an_upload_ends_with_the_account_of_its_key(
    web: Web, while_read: Callable[..., None], do: Callable[[Web, PersonRow], None], path: str
) -> None:
    person = add_person(web, Role.UPLOADER)
    while_read(do, person)
    with web.client(key_of(web, person, Scope.WRITE)) as client:
        assert client.post(path, files=FILE).status_code == 401
    assert (made(web), web.stored_files(), web.scratch_is_empty()) == (0, [], True)


@pytest.mark.parametrize("do", [demote, reset])
def test_an_upload_on_a_page_ends_with_the_session(
    web: Web, while_read: Callable[..., None], do: Callable[[Web, PersonRow], None]
) -> None:
    person = add_person(web, Role.UPLOADER)
    while_read(do, person)
    with person_in(web, person) as client:
        answer = upload(client)
        assert answer.status_code == 401
        assert "choose the file once more" in answer.text
    assert (made(web), web.stored_files(), web.scratch_is_empty()) == (0, [], True)


def test_a_caller_is_valid_as_long_as_nothing_was_taken_away(web: Web) -> None:
    engine, person = web.backend.engine, add_person(web, Role.ANALYST)
    by_key = auth.authenticate(engine, key_of(web, person, Scope.READ).token)
    for caller in (accounts.caller_of(person), by_key, auth.authenticate(engine, web.admin.token)):
        auth.require_valid(engine, caller)
    accounts.set_roles(engine, person.tenant_id, person.id, [Role.ANALYST, Role.UPLOADER])
    auth.require_valid(engine, by_key)
    demote(web, person)
    for caller in (accounts.caller_of(person), by_key):
        with pytest.raises(UnauthorizedError):
            auth.require_valid(engine, caller)
