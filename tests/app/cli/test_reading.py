"""What is said on the command line of how a text file is read reaches intake, in each command that reads one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.exits import CommandError, Exit
from app.cli.main import app
from app.cli.tables import Given, Wanted, read_tables

SAID = ["--encoding", "latin-1", "--delimiter", ";", "--decimal", ",", "--header-rows", "2", "--skip-footer", "1"]
READ = {"encoding": "latin-1", "delimiter": ";", "decimal": ",", "header_rows": 2, "skip_footer": 1}


class _StopError(Exception):
    """Ends a command before its work begins."""


@pytest.mark.parametrize(
    ("command", "work", "place"),
    [
        (["synthesize", "T", "-o", "OUT", "--key", "lk_a_b"], "app.cli.commands.jobs.synthesize", 2),
        (["fit", "T", "-o", "OUT"], "app.cli.offline.fit_file", 3),
        (
            ["audit", "--train", "T", "--holdout", "T", "--synthetic", "T", "--json", "OUT"],
            "app.cli.audit.audit_files",
            1,
        ),
    ],
)
def test_each_command_that_reads_a_table_takes_the_options(
    command: list[str], work: str, place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a;b\n")
    got: list[Any] = []

    def stop(*arguments: Any) -> None:
        got.append(arguments[place])
        raise _StopError

    monkeypatch.setattr(work, stop)
    places = {"T": str(table), "OUT": str(tmp_path / "out")}
    CliRunner().invoke(app, [*(places.get(word, word) for word in command), *SAID])
    wanted = got[0]
    assert dict(wanted.wanted.reading if command[0] == "audit" else wanted.reading) == READ


def test_the_options_hold_for_the_real_tables_of_an_audit(tmp_path: Path) -> None:
    rows = [f"{i};{town}" for i, town in enumerate(["Orléans", "Troyes"] * 30)]
    for name in ("train", "holdout"):
        lines = ["alter;ort", "years;place", *rows, "gedruckt;am Montag"]
        (tmp_path / name).write_text("\n".join(lines), encoding="latin-1")
    (tmp_path / "synthetic").write_text("alter,ort\n" + "\n".join(row.replace(";", ",") for row in rows))
    given = [Given(name=name, path=tmp_path / name) for name in ("train", "holdout", "synthetic")]
    reading = {"encoding": "latin-1", "header_rows": 2, "skip_footer": 1}
    read = read_tables(given, Wanted(reading=reading), tmp_path, lambda *_: None)
    assert dict(read.rows) == {"train": 60, "holdout": 60, "synthetic": 60}
    assert set(read.frames["train"]["ort"]) == set(read.frames["synthetic"]["ort"]) == {"Orléans", "Troyes"}


def test_points_between_thousands_are_read_alike_in_real_and_synthetic_tables(tmp_path: Path) -> None:
    rows = [f"{i}.{100 + i},{town}" for i, town in enumerate(["Bonn", "Köln"] * 30, 1)]
    given = [Given(name=name, path=tmp_path / name) for name in ("train", "holdout", "synthetic")]
    for each in given:
        each.path.write_text("\n".join(["sum,ort", *rows]))
    read = read_tables(given, Wanted(reading={"decimal": ","}), tmp_path, lambda *_: None)
    assert read.frames["train"]["sum"].tolist() == read.frames["synthetic"]["sum"].tolist()


def test_a_synthetic_table_that_needs_them_is_read_by_the_options_too(tmp_path: Path) -> None:
    content = "a;b\n" + "".join(f"{i};Orléans\n" for i in range(40))
    given = [Given(name=name, path=tmp_path / name) for name in ("train", "holdout", "synthetic")]
    for each in given:
        each.path.write_text(content, encoding="latin-1")
    with pytest.raises(CommandError, match=r"train: .*--encoding") as caught:
        read_tables(given, Wanted(), tmp_path, lambda *_: None)
    assert caught.value.code is Exit.BAD_INPUT
    assert (
        read_tables(given, Wanted(reading={"encoding": "latin-1"}), tmp_path, lambda *_: None).rows["synthetic"] == 40
    )


def test_an_option_that_cannot_be_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n")
    done = CliRunner().invoke(app, ["fit", str(tmp_path / "table.csv"), "-o", str(tmp_path / "m"), "--decimal", "x"])
    assert done.exit_code == Exit.BAD_INPUT
    assert "decimal sign of point or comma" in done.output
