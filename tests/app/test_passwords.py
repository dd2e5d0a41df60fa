"""Passwords are kept as argon2id, compared with the same work whoever asks, and never many at once."""

from __future__ import annotations

import threading

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from app.errors import TooBusyError
from app.passwords import Passwords, require_good
from tests.support.people import CHEAP, PASSWORD


def test_a_hash_is_argon2id_with_the_parameters_of_rfc_9106_and_a_salt_of_its_own() -> None:
    passwords = Passwords()
    kept = passwords.hashed(PASSWORD)
    found = extract_parameters(kept)
    assert (found.type, found.time_cost, found.memory_cost, found.salt_len) == (Type.ID, 3, 64 * 1024, 16)
    assert len(kept) <= 200, "it has room in its column"
    assert passwords.fits(kept, PASSWORD)
    assert not passwords.fits(kept, PASSWORD + "x")
    assert CHEAP.hashed(PASSWORD) != CHEAP.hashed(PASSWORD)


def test_where_there_is_no_account_the_same_work_is_done_and_nothing_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = []
    real = PasswordHasher.verify

    def counted(self: PasswordHasher, kept: str, password: bytes) -> bool:
        worked.append(extract_parameters(kept))
        return real(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    passwords = Passwords()
    assert not passwords.fits(None, "")
    assert not passwords.fits(passwords.hashed(PASSWORD), "another one, and wrong")
    assert worked[0] == worked[1], "the same variant, memory, passes, lanes and lengths"


def test_a_hash_that_is_none_fits_nothing() -> None:
    assert not CHEAP.fits("$argon2id$v=19$m=8,t=1,p=1$x", PASSWORD)
    assert not CHEAP.fits("", PASSWORD)


def test_one_password_is_the_same_on_any_keyboard() -> None:
    assert CHEAP.fits(CHEAP.hashed("schöne blaue Reiher am Morgen"), "scho\u0308ne blaue Reiher am Morgen")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "short one",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "x1y2z3" * 50,
        "I am Ada Lovelace!",
        "ada@example.org 1",
    ],
)
def test_a_bad_password_is_refused_and_not_quoted(bad: str) -> None:
    with pytest.raises(ValueError, match="expected a password") as refused:
        require_good(bad, "ada@example.org", "Ada Lovelace")
    assert not bad or bad not in str(refused.value)
    require_good(PASSWORD, "ada@example.org", "Ada Lovelace")


@pytest.mark.parametrize("name", ["Eve", "Li", "A"])
def test_a_short_name_within_other_words_is_no_reason_to_refuse(name: str) -> None:
    require_good("eleven clever lilies at noon", "x@example.org", name)


def test_who_finds_too_many_before_them_is_told_to_come_again() -> None:
    began, go_on = threading.Event(), threading.Event()

    class Slow(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's own
            began.set()
            return go_on.wait(30)

    passwords = Passwords(Slow(), places=1, room=1)
    first = threading.Thread(target=passwords.fits, args=(None, PASSWORD))
    first.start()
    assert began.wait(30)
    with pytest.raises(TooBusyError) as refused:
        passwords.fits(None, PASSWORD)
    assert int(refused.value.headers["Retry-After"]) > 0
    go_on.set()
    first.join()
    assert not passwords.fits(None, PASSWORD)
