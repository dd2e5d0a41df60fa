"""The audit log from the command line: signed, and checked where its database and its files are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.app.cli.commands import lookalike


def test_a_log_is_signed_and_verified_and_a_cut_one_is_not(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    lookalike("key", "--tenant", "clinic", *home)
    copies = tmp_path / "copies"
    copies.mkdir()
    assert lookalike("audit-log", "checkpoint", "--copies", copies, *home).stdout == "1 logs signed\n"
    fine = lookalike("audit-log", "verify", "--copies", copies, *home)
    assert fine.returncode == 0, fine.stderr
    assert "1 logs, 2 events, 2 checkpoints; 0 events came after" in fine.stderr
    with closing(sqlite3.connect(tmp_path / "home" / "lookalike.db")) as database, database:
        database.execute("DROP TRIGGER audit_events_kept")
        database.execute("DELETE FROM audit_events WHERE number = 2")
        database.execute("UPDATE audit_heads SET number = 1, sha256 = (SELECT sha256 FROM audit_events)")
    for stored in (tmp_path / "home" / "blobs" / "audit-log").rglob("*.json"):
        stored.unlink()
    assert lookalike("audit-log", "verify", *home).returncode == 0  # who rules files and database: hence copies
    cut = lookalike("audit-log", "verify", "--copies", copies, *home)
    assert (cut.returncode, "Traceback" in cut.stderr) == (1, False)
    assert "the log had 2 events at the time of a checkpoint, it ends with 1" in cut.stdout
