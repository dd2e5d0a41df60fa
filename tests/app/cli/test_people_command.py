"""People from the command line, where the database is: how the first one comes to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from app.accounts import find
from app.cli.main import app
from app.config import Settings
from app.credentials import know, use_code
from app.db import connect
from tests.app.test_openid_settings import GOOD
from tests.support.people import CHEAP, PASSWORD


def lookalike(*arguments: object) -> Result:
    """The outcome of the command in this process, which spares the time of starting it."""
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_the_first_administrator_is_added_listed_disabled_and_reset(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    who = ("Ada Lovelace", "ada@example.org")
    made = lookalike("people", "add", *who, "--role", "admin", "--role", "reviewer", *home)
    assert made.exit_code == 0, made.stderr
    (code,) = made.stdout.split()
    assert "/set-password" in made.stderr
    engine = connect(Settings(home=tmp_path / "home"))
    use_code(engine, CHEAP, code, PASSWORD)
    assert know(engine, CHEAP, "ada@example.org", PASSWORD).person_id.startswith("person_")
    engine.dispose()
    (line,) = lookalike("people", "list", *home).stdout.splitlines()
    assert all(word in line for word in ("person_", "default", *who, "admin,reviewer", "active", "never signed in"))
    assert lookalike("people", "disable", "ADA@example.org", *home).stdout == "disabled\n"
    assert "disabled" in lookalike("people", "list", *home).stdout
    assert lookalike("people", "enable", line.split()[0], *home).stdout == "enabled\n"
    assert lookalike("people", "roles", who[1], "--role", "auditor", *home).stdout == "auditor\n"
    again = lookalike("people", "reset", who[1], *home)
    assert again.stdout not in ("", made.stdout)
    assert "invited" in lookalike("people", "list", *home).stdout


def test_an_account_is_linked_to_a_subject_at_the_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = ("--home", tmp_path / "home")
    lookalike("people", "add", "Ada Lovelace", "ada@example.org", "--role", "admin", *home)
    without = lookalike("people", "link", "ada@example.org", "sub-17", *home)
    assert (without.exit_code, "set LOOKALIKE_OIDC_ISSUER" in without.stderr) == (1, True)
    for name, value in GOOD.items():
        monkeypatch.setenv(f"LOOKALIKE_{name.upper()}", value)
    assert lookalike("people", "link", "ada@example.org", "sub-17", *home).stdout == "linked\n"
    engine = connect(Settings(home=tmp_path / "home"))
    person = find(engine, "ada@example.org")
    engine.dispose()
    assert (person.issuer, person.subject, person.code_sha256) == (GOOD["oidc_issuer"], "sub-17", None)
    refused = lookalike("people", "reset", "ada@example.org", *home)
    assert (refused.exit_code, "reset it at the provider" in refused.stderr) == (1, True)
    lookalike("people", "add", "Grace Hopper", "grace@example.org", "--role", "admin", *home)
    assert lookalike("people", "link", "grace@example.org", "sub-17", *home).exit_code == 1


def test_what_cannot_be_a_person_is_one_sentence(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    assert lookalike("people", "add", "Ada", "ada@example.org", "--role", "admin", *home).exit_code == 0
    for name, email in (
        ("Ada\u202e", "b@example.org"),
        ("Ada", "no"),
        ("Eve", "ADA@example.org"),
        ("A D A", "b@example.org"),
    ):
        refused = lookalike("people", "add", name, email, "--role", "admin", *home)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "Traceback" not in refused.stderr
        assert refused.stderr.count("\n") == 1
    for name in ("Ada\u200b Lovelace", "ADA", ""):
        assert lookalike("key", "--person", name, *home).exit_code == 2
    assert lookalike("people", "reset", "nobody@example.org", *home).exit_code == 1
    assert lookalike("people", "add", "Ada", "c@example.org", "--role", "owner", *home).exit_code == 2
