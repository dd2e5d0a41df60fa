"""Passwords are not guessed, and who tries shuts out nobody else; what a person opened ends with the account."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app import accounts, credentials
from app.config import Settings
from app.db import migrate, transaction
from app.errors import TooBusyError, TooManyGuessesError, UnauthorizedError
from app.guesses import ACCOUNTS_TOGETHER, WINDOW_SECONDS, Guesses, password_of
from app.orm import ApiKeyRow
from app.passwords import Passwords
from app.services.people import change_password, know
from app.states import JobState, Role, Scope
from tests.support.jobs import wait_for
from tests.support.people import CHEAP, PASSWORD, add_person, key_of
from tests.support.rows import add_dataset, add_job
from tests.support.web import Web, serve

WRONG = 4
HERE, THERE = "192.0.2.7", "198.51.100.1"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A service that takes few wrong passwords."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), device="cpu", wrong_keys_per_minute=WRONG)
    migrate(settings)
    with serve(settings) as web:
        yield web


def outcome(web: Web, email: str, password: str, address: str = HERE, device: str = "") -> str:
    try:
        know(replace(web.backend, passwords=CHEAP), address, device, email, password)
    except UnauthorizedError:
        return "wrong"
    except TooManyGuessesError as error:
        return "wait" if 0 < int(error.headers["Retry-After"]) <= WINDOW_SECONDS else "for ever"
    return "in"


def test_a_thousand_wrong_passwords_open_nothing_and_shut_out_nobody_else(strict: Web) -> None:
    ada, grace = add_person(strict, Role.ADMIN), add_person(strict, Role.ADMIN, name="Grace Hopper")
    device = credentials.device_of(strict.backend.engine, ada.email)[1]
    outcomes = [outcome(strict, ada.email, f"wrong number {i}") for i in range(1000)]
    assert outcomes == ["wrong"] * WRONG + ["wait"] * (1000 - WRONG)
    assert outcome(strict, ada.email, PASSWORD) == "wait", "who guesses does not learn which one is right"
    assert outcome(strict, grace.email, PASSWORD) == "in", "a neighbour behind the same proxy"
    assert outcome(strict, ada.email, PASSWORD, THERE) == "in", "the person, from elsewhere"
    assert outcome(strict, ada.email, PASSWORD, HERE, device) == "in", "the person, in a browser that is known"
    assert outcome(strict, ada.email, PASSWORD, HERE, "x" * 64) == "wait"
    others = credentials.device_of(strict.backend.engine, grace.email)[1]
    assert outcome(strict, ada.email, PASSWORD, HERE, others) == "wait", "another person's browser"


def test_one_password_is_not_tried_on_everybody(strict: Web) -> None:
    ada, address = add_person(strict, Role.ADMIN), "203.0.113.9"
    device = credentials.device_of(strict.backend.engine, ada.email)[1]
    outcomes = [outcome(strict, f"nobody{i}@example.org", PASSWORD, address) for i in range(WRONG * ACCOUNTS_TOGETHER)]
    assert set(outcomes) == {"wrong"}
    assert outcome(strict, ada.email, PASSWORD, address) == "wait"
    assert outcome(strict, ada.email, PASSWORD, address, device) == "in"


def test_a_stolen_browser_or_session_guesses_no_better(strict: Web) -> None:
    person = add_person(strict, Role.ADMIN)
    device = credentials.device_of(strict.backend.engine, person.email)[1]
    address = "203.0.113.77"
    outcomes = [outcome(strict, person.email, "wrong", address, device) for _ in range(WRONG + 1)]
    assert outcomes == ["wrong"] * WRONG + ["wait"]
    caller = accounts.caller_of(person)
    for _ in range(WRONG):
        with pytest.raises(UnauthorizedError):
            change_password(strict.backend, caller, person.email, "wrong", "another good password")
    with pytest.raises(TooManyGuessesError):
        change_password(strict.backend, caller, person.email, PASSWORD, "another good password")


def test_of_many_guesses_at_once_none_is_too_many() -> None:
    guesses, taken = Guesses(5), []

    def one() -> None:
        try:
            guesses.take(password_of(HERE, "ada"))
        except TooManyGuessesError:
            return
        taken.append(1)

    threads = [threading.Thread(target=one) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 5


def test_what_a_busy_service_has_not_compared_is_no_wrong_password(strict: Web) -> None:
    person, address = add_person(strict, Role.ADMIN), "203.0.113.5"
    full = replace(strict.backend, passwords=Passwords(room=0))
    for _ in range(WRONG):
        with pytest.raises(TooBusyError):
            know(full, address, "", person.email, PASSWORD)
    assert outcome(strict, person.email, PASSWORD, address) == "in"


def test_right_passwords_do_not_count_and_wrong_ones_are_forgotten() -> None:
    at = 0.0
    guesses, counted = Guesses(2, clock=lambda: at), password_of(HERE, "ada")
    for _ in range(20):
        guesses.take(counted)
        guesses.give_back(counted)
    guesses.take(counted)
    guesses.take(counted)
    with pytest.raises(TooManyGuessesError):
        guesses.take(counted)
    at = WINDOW_SECONDS + 1
    guesses.take(counted)


def test_an_event_stream_ends_with_the_account_of_its_key(web: Web, tmp_path: Path) -> None:
    job = add_job(web, add_dataset(web, tmp_path), JobState.RUNNING)
    person = add_person(web, Role.ANALYST)
    key, lines = key_of(web, person, Scope.READ), []

    def follow() -> None:
        with web.client(key) as client, client.stream("GET", f"/v1/jobs/{job.id}/events") as answer:
            lines.extend(answer.iter_lines())

    def used() -> bool:
        with transaction(web.backend.engine) as session:
            return session.get_one(ApiKeyRow, key.key_id).last_used_at is not None

    following = threading.Thread(target=follow, daemon=True)
    following.start()
    wait_for("the stream is read", used)
    with web.client() as client:
        assert client.patch(f"/v1/people/{person.id}", json={"disabled": True}).json()["state"] == "disabled"
    following.join(20)
    assert not following.is_alive()
    assert any("queued" in line for line in lines)
