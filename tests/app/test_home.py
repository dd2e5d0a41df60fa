"""What lies in the home of an installation is its owner's alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

from app.blobs import open_blobs
from app.config import Settings
from app.db import connect, migrate
from app.home import private_file
from app.jobs import engine


def test_nobody_else_can_enter_the_home_or_read_what_is_in_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "lookalike.db").touch(mode=0o644)  # of an installation from before
    settings = Settings(home=home)
    migrate(settings)
    engine.prepare(settings)
    open_blobs(settings).put_bytes("t1/a", b"real data")
    databases = [path for path in home.iterdir() if ".db" in path.name]
    assert {"lookalike.db", "jobs.db"} <= {path.name for path in databases}
    for path in databases:
        assert path.stat().st_mode & 0o077 == 0, path.name
    for folder in (home, home / "blobs"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_connection_does_not_drop_the_locks_of_the_first(sqlite_settings: Settings) -> None:
    """Closing any descriptor of a file drops every lock of the process on it."""
    first = connect(sqlite_settings)
    with first.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (x)")
        private_file(sqlite_settings.home / "lookalike.db")
        connect(sqlite_settings).dispose()
        write = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0.1).execute('BEGIN IMMEDIATE')"
        other = subprocess.run(
            [sys.executable, "-c", write, str(sqlite_settings.home / "lookalike.db")], capture_output=True, check=False
        )
        assert b"database is locked" in other.stderr
    first.dispose()
    with sqlite3.connect(sqlite_settings.home / "lookalike.db") as later:
        assert later.execute("SELECT count(*) FROM mine").fetchone() == (0,)
