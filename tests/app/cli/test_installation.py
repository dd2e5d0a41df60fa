"""What is wrong with an installation is said in a sentence, never in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from app.config import Settings
from app.db import connect, migrate
from tests.app.cli.commands import environment, lookalike


def refused(*arguments: str | Path, **variables: str) -> str:
    done = lookalike(*arguments, env=environment(**variables))
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("lookalike: ")
    return done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOOKALIKE_MAX_ROWS", "-1"),
        ("LOOKALIKE_TRAINING_MINUTES", "nan"),
        ("LOOKALIKE_SLOTS", "0"),
        ("LOOKALIKE_PORT", "x"),
        ("LOOKALIKE_MAX_UPLOAD_BYTES", "0"),
    ],
)
def test_settings_out_of_bounds_are_named(tmp_path: Path, name: str, value: str) -> None:
    assert name in refused("migrate", "--home", tmp_path / "home", **{name: value})
    assert not (tmp_path / "home").exists()


def test_a_setting_that_is_misspelt_is_named_with_what_was_meant(tmp_path: Path) -> None:
    said = refused("migrate", "--home", tmp_path / "home", LOOKALIKE_MAX_ROW="7")
    assert "LOOKALIKE_MAX_ROW (did you mean LOOKALIKE_MAX_ROWS?)" in said


def test_variables_of_the_client_and_of_test_runs_are_no_settings() -> None:
    names = ["LOOKALIKE_URL", "LOOKALIKE_KEY", "LOOKALIKE_REQUIRE_POSTGRES", "LOOKALIKE_HOME", "PATH"]
    assert Settings.unknown_variables(names) == []


def test_a_home_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for home in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        assert "as home" in refused("migrate", "--home", home)


@pytest.mark.parametrize("name", ["lookalike.db", "jobs.db"])
@pytest.mark.parametrize("command", ["migrate", "up"])
def test_a_damaged_database_is_named(tmp_path: Path, name: str, command: str) -> None:
    home = tmp_path / "home"
    migrate(Settings(home=home))
    (home / name).write_bytes(b"no database at all" * 500)
    options = ("--port", "0") if command == "up" else ()
    said = refused(command, *options, "--home", home)
    assert name in said
    assert "restore a backup" in said


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    migrate(settings)
    engine = connect(settings)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert "newer version" in refused("migrate", "--home", settings.home)
